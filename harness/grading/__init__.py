"""Grading: what a run came to, judged by the truth; rule packs compared on paired worlds."""
