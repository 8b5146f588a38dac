"""The rows of remote control."""

from __future__ import annotations

from reference_impl.kernel.rows import Rows
from reference_impl.remote.adapters.tables import commands


def rows() -> Rows:
    """The commands."""
    return Rows(commands)
