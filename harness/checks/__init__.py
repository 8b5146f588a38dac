"""Checks, one file each: what must hold always, and what must come true eventually."""
