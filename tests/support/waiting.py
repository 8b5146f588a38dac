"""How long a test waits for what must happen."""

GUARD_S = 90.0
"""Seconds. Only a test that fails waits this long: a machine may stand still for half a minute."""
