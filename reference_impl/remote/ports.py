"""What remote control needs from its adapters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypedDict

from reference_impl.kernel.ports import Directory, TelemetryView
from reference_impl.kernel.rows import Rows
from reference_impl.kernel.schedule import Scheduler
from reference_impl.kernel.store import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteRows:
    """The tables of this context."""

    commands: Rows
    obeyed: Rows
    parameters: Rows
    parameter_changes: Rows
    firmware_packages: Rows
    rollouts: Rows
    rollout_devices: Rows
    rollout_health: Rows
    remote_fixes: Rows
    remote_attempts: Rows


class RemotePorts(TypedDict):
    """What every service of this context is given."""

    rows: RemoteRows
    scheduler: Scheduler
    directory: Directory
    telemetry: TelemetryView


class Born(NamedTuple):
    """What a device said of itself when it started; ``lost_ms``: since when it is gone."""

    boot: int
    at_ms: int
    firmware: str
    lost_ms: int | None


class Machines(Protocol):
    """What other contexts know of machines."""

    def hardware(self, conn: Connection, thing: str) -> str:
        """The hardware revision, empty if nobody said (property ``hardware_revision``)."""
        ...

    def born(self, conn: Connection, thing: str, *, to_ms: int) -> Born | None:
        """The newest start of a device at or before a time."""
        ...

    def online(self, conn: Connection, thing: str, *, at_ms: int) -> bool:
        """Whether a device was heard lately, and not lost since."""
        ...

    def alerts_ms(
        self, conn: Connection, thing: str, *, after_ms: int, to_ms: int
    ) -> Sequence[int]:
        """When alerts of a thing were raised in ``(after_ms, to_ms]``."""
        ...
