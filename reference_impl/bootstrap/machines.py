"""What remote control asks of machines, answered by those contexts that know it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reference_impl.ingestion.adapters.repository import IngestionRows
from reference_impl.kernel.ports import Reduced, Take, TelemetryView
from reference_impl.kernel.store import Connection
from reference_impl.registry.adapters.repository import RegistryRows
from reference_impl.remote.ports import Born
from reference_impl.remote.service import Remote

HARDWARE = "hardware_revision"
"""The property of a thing that names its hardware revision."""
EVERY_S = "reports_every_s"
SILENT_MS = 30 * 60_000
"""A machine of whose model nobody said how often it reports is offline after so long."""
REPORTS_MISSED = 3


class KnownMachines:
    """Implements the port ``Machines`` of remote."""

    def __init__(
        self,
        *,
        directory: RegistryRows,
        raw: IngestionRows,
        telemetry: TelemetryView,
        alerts: Callable[[Connection, str], Sequence[dict[str, Any]]],
    ) -> None:
        self._directory, self._raw = directory, raw
        self._telemetry, self._alerts = telemetry, alerts

    def hardware(self, conn: Connection, thing: str) -> str:
        """See Machines."""
        row = self._directory.get(conn, "thing", thing)
        return "" if row is None else str(row["properties"].get(HARDWARE, ""))

    def born(self, conn: Connection, thing: str, *, to_ms: int) -> Born | None:
        """See Machines."""
        row = self._raw.birth_of(conn, thing, to_ms=to_ms)
        if row is None:
            return None
        return Born(row["boot"], row["at_ms"], row["firmware"], row["lost_ms"])

    def online(self, conn: Connection, thing: str, *, at_ms: int) -> bool:
        """See Machines."""
        ref = self._directory.thing(conn, thing)
        born = self.born(conn, thing, to_ms=at_ms)
        if ref is None or born is None:
            return False
        every_s = self._directory.constants(conn, ref.model).get(EVERY_S)
        silent_ms = SILENT_MS if every_s is None else round(REPORTS_MISSED * every_s * 1000)
        kinds = [Reduced(s, Take.LAST, silent_ms) for s in self._directory.signals(conn, ref.model)]
        heard_ms = born.at_ms
        if kinds:
            windows = self._telemetry.windowed([thing], kinds[:1], ends_ms=[at_ms])
            heard_ms = max(int(windows.reported_ms()[0, 0]), heard_ms)
        lost_ms = -1 if born.lost_ms is None or born.lost_ms > at_ms else born.lost_ms
        return heard_ms >= max(at_ms - silent_ms, lost_ms)

    def alerts_ms(
        self, conn: Connection, thing: str, *, after_ms: int, to_ms: int
    ) -> Sequence[int]:
        """See Machines."""
        raised = (int(row["raised_ms"]) for row in self._alerts(conn, thing))
        return [at_ms for at_ms in raised if after_ms < at_ms <= to_ms]


class KnownControls:
    """Implements the port ``Controls`` of insight."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    def settings(self, conn: Connection, model: str) -> Mapping[str, Mapping[str, Any]]:
        """See Controls."""
        found: Mapping[str, Mapping[str, Any]] = self._remote.obeys(conn, model).get("settings", {})
        return found

    def reported(self, conn: Connection, thing: str, name: str) -> float | None:
        """See Controls."""
        return self._remote.parameters.reported(conn, thing, name)
