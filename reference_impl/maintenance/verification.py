"""How long telemetry has to look well after a visit, by model and position (domain 3.4).

What is normal again after half an hour in one machine takes a day in another. Who says nothing gets
two hours. A position that is not named has the window of the whole machine.
"""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from reference_impl.kernel.errors import Problem, Unknown
from reference_impl.kernel.ports import Directory
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import UnitOfWork
from reference_impl.maintenance import domain as d
from reference_impl.maintenance.ports import MaintenanceRows

VERIFY_AFTER_MS = 2 * 3_600_000
"""The window where nobody says another: that of a ventilation unit in domain 3.4."""
MINUTE_MS = 60_000


class Verification:
    """Windows of models."""

    def __init__(self, *, rows: MaintenanceRows, directory: Directory) -> None:
        self._rows, self._directory = rows, directory

    def put(self, uow: UnitOfWork, model: str, minutes: Mapping[str, int]) -> Row:
        """Set the windows of a model, by position; ``machine`` is that of all others.

        Raises:
            Unknown: If there is no such model.
        """
        if not self._directory.signals(uow.conn, model):
            what = [Problem(where="model", what=model)]
            raise Unknown(f"there is no model {model!r}", what)
        row = {"model": model, "minutes": dict(minutes)}
        self._rows.verification.put(uow, row)
        return row

    def get(self, conn: sa.Connection, model: str) -> Row:
        """The windows of a model; none are named if nobody has."""
        row = self._rows.verification.get(conn, model)
        return {"model": model, "minutes": {}} if row is None else row

    def window_ms(self, conn: sa.Connection, thing: str, position: str) -> int | None:
        """How long telemetry has to look well after work on a position; None: nobody says."""
        ref = self._directory.thing(conn, thing)
        if ref is None:
            return None
        minutes = self.get(conn, ref.model)["minutes"]
        found = minutes.get(position, minutes.get(d.WHOLE))
        return None if found is None else int(found) * MINUTE_MS
