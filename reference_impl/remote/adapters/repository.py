"""The tables of remote control, as the service takes them."""

from __future__ import annotations

from reference_impl.kernel.rows import Rows
from reference_impl.remote.adapters import tables
from reference_impl.remote.ports import RemoteRows


def rows() -> RemoteRows:
    """All tables of this context."""
    return RemoteRows(commands=Rows(tables.commands), obeyed=Rows(tables.obeyed))
