"""How outcomes keeps what it knows."""
