"""What a fleet teaches about its design: how parts end, how long they live (FS15)."""
