"""What the ecosystem asks of others; bootstrap hands it the answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import sqlalchemy as sa

from reference_impl.kernel.rows import Rows
from reference_impl.kernel.store import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class EcosystemRows:
    """The tables of this context."""

    uses: Rows
    looks: Rows


class Opened(Protocol):
    """Asks the register of rights."""

    def __call__(
        self, conn: sa.Connection, *, recipient: str, thing: str, signal: str, purpose: str
    ) -> int:
        """From when on (ms) a Data Recipient may read a signal of a thing for a purpose.

        Raises:
            DpsError: If it may not now; the message says why.
        """
        ...


class Work(Protocol):
    """Asks maintenance for planned work."""

    def __call__(
        self, uow: UnitOfWork, thing: str, *, title: str, span_ms: tuple[int, int], agreed: bool,
        by: str, at_ms: int,
    ) -> str:  # fmt: skip
        """Propose work on a thing in a window; ``agreed`` if its customer did so beforehand.

        Returns:
            The id of the planned work.
        """
        ...
