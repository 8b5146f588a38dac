"""How the ecosystem keeps what it knows."""
