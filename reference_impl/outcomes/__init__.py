"""Contracts, measured periods and credits."""
