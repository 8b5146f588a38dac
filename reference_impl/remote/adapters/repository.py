"""The tables of remote control, as the service takes them."""

from __future__ import annotations

from dataclasses import fields

from reference_impl.kernel.rows import Rows
from reference_impl.remote.adapters import tables
from reference_impl.remote.ports import RemoteRows


def rows() -> RemoteRows:
    """All tables of this context."""
    names = [field.name for field in fields(RemoteRows)]
    return RemoteRows(**{name: Rows(getattr(tables, name)) for name in names})
