"""The drivers: virtual (lock-step), paced (the same, held back), live (wall clock, compressed)."""
