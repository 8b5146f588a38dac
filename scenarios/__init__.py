"""Scenarios as data, and as Python twins of the data."""
