"""What a generator process is told: a file between :mod:`loadtests.run` and the locustfile."""

from __future__ import annotations

import msgspec

from loadtests.plan import Plan


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds of a run; seconds and milliseconds of wall time."""

    start_ms: int
    """Wall time of the start: ``at_ms`` of births, and in seconds the ``boot`` of all devices."""
    every_s: float = 1.0
    """Seconds between two messages of a device, where no plan says it."""
    window: int = 100
    """Unacknowledged messages per device (AWS IoT Core and rumqttd: 100); more are held back."""
    connect_s: float = 10.0
    """A device that has no CONNACK by then gives up, and is counted."""
    drain_s: float = 10.0
    """How long after the schedule's end what is overdue may still be sent and acknowledged."""
    late_ms: float = 500.0
    """Sent later than this after it was due counts as late."""

    @property
    def boot(self) -> int:
        """Boot number of all devices: unique as long as no two runs start in one second."""
        return self.start_ms // 1000


class Job(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One generator process: what it sends, and where it writes its report."""

    plan: Plan
    settings: Settings
    tape: str | None
    report: str
