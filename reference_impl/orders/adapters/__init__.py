"""How orders keeps what it knows."""
