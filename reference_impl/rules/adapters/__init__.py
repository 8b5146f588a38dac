"""How rules keeps what it knows."""
