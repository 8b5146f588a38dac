"""How a scenario is run: everything that is not part of the story."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from harness.scenario.schema import Fault
from harness.world.control import Control

if TYPE_CHECKING:
    from harness.engine.backfill import Backfill

PACED_SPEED = 3600.0
"""Simulated seconds per second where nobody says otherwise: an hour a second."""
LIVE_SPEED = 100_000.0


class Save(NamedTuple):
    """A snapshot that is wanted: simulated time since the start, and its name."""

    at_ms: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What a branch changes when it goes on from a snapshot, all at once.

    Attributes:
        rules: Packs that take the places of those installed for the same models.
        prices_eur: New prices by sku, at the supplier and in the DPS's catalogue.
        policy: Keys of the scenario's ``service.policy`` with new values.
        faults: What breaks.
    """

    rules: Sequence[Path] = ()
    prices_eur: Mapping[str, float] = field(default_factory=dict)
    policy: Mapping[str, Any] = field(default_factory=dict)
    faults: Sequence[Fault] = ()

    def __bool__(self) -> bool:
        return bool(self.rules or self.prices_eur or self.policy or self.faults)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """Defaults are those of ``twinrig run``.

    Attributes:
        link: ``mqtt`` through a broker, or ``memory`` in this process.
        broker: ``embedded``, ``rumqttd``, ``amqtt``, ``mosquitto`` or a URL.
        broker_port: Port of an embedded broker; a free one if not given.
        store: Of the reference DPS: ``memory`` (memory link only), ``file``, or the URL of an empty
            database (``postgresql+psycopg://...``); fitting if None.
        sut: URL of another DPS; it has to use the broker that the run names. ``none``: one that
            only speaks MQTT (level L0).
        webhooks: Port on which such a DPS may tell what it decides; 0 for a free one.
        clients: One connection per site, or one client per device.
        mode: Takes the place of the scenario's mode.
        speed: Simulated seconds per second, for ``paced`` and ``live``.
        runs_dir: Where the folder of this run is made.
        rules: A rule pack that takes the place of the scenario's.
        control: The hand on a paced run.
        web: The reference DPS serves its pages too (as a process of its own).
        wait_s: How long the DPS may take to store what was delivered, per step.
        snapshot_at_ms: Simulated time since the start at which the run is saved, at rest.
        snapshot_dir: Where to.
        saves: Snapshots into the run's own folder, each at the first rest from its time on.
        resume_from: A folder that a run was saved to; this run goes on from there.
        changes: What is other from then on.
        prices_eur: Prices that were changed before; a snapshot of a world has none.
        backfill: History in virtual time, before a ``live`` run goes live.
        replay: Takes the place of the command that does the same again.
        accounts: Whether the DPS is asked why it decided what it did, when the run is over.
        notice: Told what a person has to know before the run begins (address of the broker).
    """

    link: Literal["memory", "mqtt"] = "mqtt"
    broker: str = "embedded"
    broker_port: int | None = None
    store: str | None = None
    sut: str | None = None
    webhooks: int | None = None
    clients: Literal["site", "per-device"] = "site"
    mode: Literal["virtual", "paced", "live"] | None = None
    speed: float | None = None
    runs_dir: Path = Path("runs")
    rules: Path | None = None
    control: Control | None = None
    web: bool = False
    wait_s: float = 10.0
    snapshot_at_ms: int | None = None
    snapshot_dir: Path | None = None
    saves: tuple[Save, ...] = ()
    resume_from: Path | None = None
    changes: Changes | None = None
    prices_eur: Mapping[str, float] = field(default_factory=dict)
    backfill: Backfill | None = None
    replay: str = ""
    accounts: bool = False
    notice: Callable[[str], None] | None = None
