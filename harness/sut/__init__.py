"""The system under test: one port, the reference DPS behind it, or any DPS at a URL."""
