"""Scenarios: what happens, and what must be true. Models, units, the YAML loader and its errors."""
