"""Oracles: what must be true, computed again from truth, wire and contract data alone."""
