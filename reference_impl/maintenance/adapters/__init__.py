"""How maintenance keeps what it knows."""
