"""State kept in memory that never runs ahead of the store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import sqlalchemy as sa

from reference_impl.kernel.store import UnitOfWork

K = TypeVar("K")
V = TypeVar("V")


class Cached(Generic[K, V]):
    """A table's rows as a dict: read once, then changed together with the table.

    Each unit of work gets its own copy, which becomes the truth when it commits and is forgotten
    when it rolls back. Values must be immutable; who changes the dict also writes the row.
    """

    def __init__(self, load: Callable[[sa.Connection], dict[K, V]]) -> None:
        self._load = load
        self._truth: dict[K, V] | None = None
        self._open: tuple[UnitOfWork, dict[K, V]] | None = None

    def of(self, uow: UnitOfWork) -> dict[K, V]:
        """The rows as this unit of work sees them; change them only beside the table."""
        if self._open is not None and self._open[0] is uow:
            return self._open[1]
        copy = self._load(uow.conn) if self._truth is None else dict(self._truth)
        self._open = (uow, copy)
        uow.after_commit(lambda: self._promote(uow, copy))
        return copy

    def _promote(self, uow: UnitOfWork, copy: dict[K, V]) -> None:
        self._truth = copy
        if self._open is not None and self._open[0] is uow:
            self._open = None
