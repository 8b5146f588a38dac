"""How insight keeps what it knows."""
