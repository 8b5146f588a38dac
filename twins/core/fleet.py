"""One fleet: a product's physics, its wear, its sensors and its devices' side of the wire."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twins.core.ageing import Ageing, Breakdown
from twins.core.clocks import Stamps
from twins.core.common_faults import LINK_FAULTS, SENSOR_FAULTS, faults_of
from twins.core.connectivity import Connectivity
from twins.core.device import Ack, Status
from twins.core.errors import InvalidFault, named
from twins.core.links import Reaches
from twins.core.manifest import resolve_fault
from twins.core.mishaps import Mishaps
from twins.core.obedience import Obedience
from twins.core.pending import PendingTable, Row
from twins.core.sending import Sending
from twins.core.sensing import Sensing
from twins.core.sensor_faults import table
from twins.core.truth import TruthLedger
from twins.core.twin import (
    Action,
    Build,
    Columns,
    Diverts,
    Empties,
    Manifest,
    MeasuresInParts,
    ProductTwin,
)

RANK = 1
"""Within a millisecond, devices come before people."""


class Report(NamedTuple):
    """One report of every device of a fleet: ``values`` has shape ``(n, signals)``."""

    fleet: Fleet
    at_ms: int
    seqs: NDArray[np.int32]
    """Running numbers; good until the next report."""
    values: NDArray[np.float64]
    """What will be known of this moment; a device that is silent or not heard has NaN only."""
    stamps: Stamps
    """What the devices' clocks say."""
    leave: NDArray[np.bool_] | None
    """Whose report leaves its device now, shape ``(n,)``; all if ``None``."""
    lost: NDArray[np.int64]
    """Whose report leaves and is lost on the air."""


class Fleet:
    """Devices of one product, stepped together; one pending row per report interval."""

    def __init__(
        self,
        *,
        key: str,
        manifest: Manifest,
        build: Build,
        twin: ProductTwin,
        pending: PendingTable,
        ledger: TruthLedger,
        hear: Callable[[Report], None],
        broke: Callable[[Breakdown], None],
        send: Callable[[Fleet, Sending], None],
        remembers: bool = True,
    ) -> None:
        self.manifest, self.build, self.twin = manifest, build, twin
        self._pending, self._ledger, self._hear = pending, ledger, hear
        self.signal_names = tuple(manifest.signals)
        self.index = {device: index for index, device in enumerate(build.devices)}
        self.faults = faults_of(manifest)
        """Every fault that can be injected: the product's own and the common ones."""
        self.wire = Connectivity(
            key=key,
            build=build,
            signals=manifest.signals,
            pending=pending,
            ledger=ledger,
            send=lambda sending: send(self, sending),
            reaches=twin if isinstance(twin, Reaches) else None,
            random=build.random_faults,
            remembers=remembers,
        )
        self.side = self.wire.side
        self._sensing = Sensing(
            key=key, manifest=manifest, build=build, pending=pending, ledger=ledger
        )
        self._by_itself = {
            name: {key: param.default for key, param in SENSOR_FAULTS[name].params.items()}
            for name in SENSOR_FAULTS.keys() - manifest.faults.keys()
        }
        """Parameters of natural sensor faults, which have none that are drawn."""
        self._ageing = Ageing(
            kind=f"{key}.wear",
            rank=RANK,
            manifest=manifest,
            build=build,
            twin=twin,
            pending=pending,
            ledger=ledger,
            to=self._to,
            broke=broke,
        )
        self._mishaps = Mishaps(
            kind=f"{key}.fault",
            rank=RANK,
            faults=self.faults,
            build=build,
            pending=pending,
            begin=self._mishap,
            at_reports=self.faults.keys() - LINK_FAULTS.keys(),
        )
        self._parted = twin if isinstance(twin, MeasuresInParts) else None
        self._reports = 0
        self._now_ms = build.start_ms
        self._report_kind = f"{key}.report"
        self.obedience = Obedience(
            key=key, rank=RANK, manifest=manifest, build=build, twin=twin, pending=pending,
            ledger=ledger, wire=self.wire,
        )  # fmt: skip
        self.wire.board = self.obedience.updates
        pending.serve(self._report_kind, rank=RANK, handler=self._on_report)

    def start(self) -> None:
        """Begin: first lives, first report one interval from now."""
        next_ms = self.build.start_ms + self.build.report_every_ms
        self._ageing.start(next_ms)
        self._mishaps.start(next_ms)
        self._await_report(next_ms)
        self.wire.start()

    def site_of(self, device: int) -> str:
        """The site a device stands on."""
        return self.build.sites[device // self.build.devices_per_site]

    def inject(
        self, now_ms: int, fault: str, device: str, params: Mapping[str, float | str]
    ) -> None:
        """Let a fault begin now.

        Raises:
            InvalidFault: If fault or parameter do not exist, a value is out of range, the fleet
                lacks what the fault needs, or it makes no sense any more.
        """
        if fault not in self.faults:
            there_are = named(self.faults)
            raise InvalidFault(
                [f"{self.manifest.id} has no fault {fault!r}; there are: {there_are}"]
            )
        self._begin(now_ms, fault, self.index[device], params, cause="injected")

    def adjust(self, now_ms: int, device: str, signal: str | None = None) -> None:
        """Somebody calibrated the sensors of a device (or one of them) and set its clock."""
        index = self.index[device]
        self._sensing.adjust(now_ms, index, signal)
        if signal is None:
            self.wire.adjust(now_ms, index)

    def force(self, device: int, component: str, *, onset_ms: int, pf_ms: int) -> None:
        """Let damage begin ``onset_ms`` from now (see :class:`twins.core.twin.Wear`)."""
        self._ageing.force(device, component, onset_ms=onset_ms, pf_ms=pf_ms)

    def fit(self, now_ms: int, device: str, *, position: str, part: str) -> str:
        """Put a new part in place; returns its serial number, a function of place and life.

        Of a part whose wear nobody simulates a life has no number but the moment of fitting.
        """
        index = self.index[device]
        self._to(now_ms)
        serial = f"{part}-{device}-{now_ms}" if position in self.manifest.places else ""
        if serial:
            self._ledger.tell(
                now_ms, "part.fitted", device, position=position, component=position, part=part,
                serial=serial, life=0, damage_removed=0.0,
            )  # fmt: skip
        for component, spec in self.manifest.components.items():
            if spec.position == position:
                damage = self._ageing.damage(index)[component]
                lasts = spare.life_factor if (spare := self.manifest.parts.get(part)) else 1.0
                life = self._ageing.renew(index, component, lasts=lasts)
                self.twin.maintain(index, "replace", component)
                serial = f"{part}-{device}-{life}"
                self._ledger.tell(
                    now_ms, "part.fitted", device, position=position, component=component,
                    part=part, serial=serial, life=life, damage_removed=damage,
                )  # fmt: skip
        self._visit_ends(now_ms, index)
        return serial

    def fill_pct(self, now_ms: int) -> dict[str, float]:
        """True filling in % by device; empty if its devices do not fill up."""
        if not isinstance(self.twin, Empties):
            return {}
        self._to(now_ms)
        return dict(zip(self.index, self.twin.truth()["fill_pct"].tolist(), strict=True))

    def empty(self, now_ms: int, device: str) -> float:
        """Take everything out of a device of a twin that :class:`Empties`; returns litres."""
        assert isinstance(self.twin, Empties)
        self._to(now_ms)
        return self.twin.empty(self.index[device])

    def divert(self, now_ms: int, device: str, other: str, share: float) -> None:
        """Let people take a share of what is meant for a device to another; not all twins can."""
        if isinstance(self.twin, Diverts):
            self._to(now_ms)
            self.twin.divert(self.index[device], self.index[other], share)

    def maintain(
        self, now_ms: int, device: str, *, action: Action, component: str, last: bool = True
    ) -> None:
        """Work on a component; what that makes of its age is told as ``component.maintained``.

        ``last``: with this the visit ends (and may leave a fault of its own behind).

        Raises:
            InvalidFault: If there is no such component.
        """
        if component not in self.manifest.components:
            there_are = named(self.manifest.components)
            raise InvalidFault(
                [f"{self.manifest.id} has no component {component!r}; there are: {there_are}"]
            )
        index = self.index[device]
        self._to(now_ms)
        damage = self._ageing.damage(index)[component]
        age = self._ageing.maintain(index, action, component)
        if action == "adjust":
            self.adjust(now_ms, device)
        self.twin.maintain(index, action, component)
        removed = damage - self._ageing.damage(index)[component]
        self._ledger.tell(
            now_ms, "component.maintained", device, component=component, action=action,
            damage_removed=removed, **age,
        )  # fmt: skip
        if last:
            self._visit_ends(now_ms, index)

    def obey(
        self,
        now_ms: int,
        device: str,
        *,
        command_id: str,
        name: str,
        args: Mapping[str, Any],
        expires_ms: int,
    ) -> Ack | None:
        """Obey a command, once per id and not after it expired; ``None`` if obeyed before."""
        index = self.index[device]
        if not self.side.take(index, command_id):
            return None
        status: Status = "expired"
        detail = f"expired at {expires_ms}, arrived at {now_ms}"
        if now_ms <= expires_ms:
            self._to(now_ms)
            status, detail = self.obedience.obey(now_ms, index, command_id, name, args)
            self._ageing.serve(index, service=self.twin.in_service(index))
        return self.wire.acknowledge(now_ms, index, command_id, status, detail)

    def cut_power(self, now_ms: int, device: int, *, for_ms: int) -> None:
        """The device's electronics go off now and start again ``for_ms`` later, with a new boot.

        Its physics goes on. A second cut before the start puts the start off, never forward.
        """
        self.wire.cut_power(now_ms, device, for_ms=for_ms)

    def damage(self, now_ms: int, device: int) -> dict[str, float]:
        """True damage of every component of a device: 0 as new, 1 at its end."""
        columns = self.damage_columns(now_ms)
        return {name: float(column[device]) for name, column in columns.items()}

    def damage_columns(self, now_ms: int | None = None) -> dict[str, Columns]:
        """True damage of every device by component, columns ``(n,)``: 0 as new, 1 at its end.

        At ``now_ms``, or where the physics stands.
        """
        return self._ageing.damage_columns(self._now_ms if now_ms is None else now_ms)

    def remaining_columns(self, now_ms: int | None = None) -> dict[str, Columns]:
        """True remaining life of every device by component, columns ``(n,)``.

        Hours in service (or uses) until failure at nominal stress if nobody interferes; NaN where
        the physics makes the damage and cannot foresee its end.
        """
        return self._ageing.remaining_columns(self._now_ms if now_ms is None else now_ms)

    def dump(self) -> dict[str, Any]:
        """Everything that changes, as plain data and columns (pending rows are kept elsewhere)."""
        return {
            "twin": self.twin.dump(),
            "wire": self.wire.dump(),
            "sensing": self._sensing.dump(),
            "obedience": self.obedience.dump(),
            "ageing": self._ageing.dump(),
            "mishaps": self._mishaps.dump(),
            "reports": self._reports,
            "now_ms": self._now_ms,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        self.twin.load(state["twin"])
        self.wire.load(state["wire"])
        self._sensing.load(state["sensing"])
        self.obedience.load(state["obedience"])
        self._ageing.load(state["ageing"])
        self._mishaps.load(state["mishaps"])
        self._reports, self._now_ms = state["reports"], state["now_ms"]

    def _begin(
        self, now_ms: int, fault: str, index: int, params: Mapping[str, float | str], **why: str
    ) -> None:
        spec = self.faults[fault]
        values, signals, problems = resolve_fault(
            f"fault {fault}", params, spec, self.manifest.signals
        )
        problems += [
            f"fault {fault} needs {name} = {value:g}; here it is {self.build.params[name]:g}"
            for name, value in spec.needs.items()
            if self.build.params[name] != value
        ]
        if problems:
            raise InvalidFault(problems)
        if fault in self.manifest.faults:
            self._to(now_ms)
            self.twin.inject(fault, index, values, self)
        elif fault in SENSOR_FAULTS:
            self._sensing.faults.inject(now_ms, fault, index, values, signals)
        else:
            self.wire.inject(now_ms, fault, index, values)
        self._ledger.tell(
            now_ms, "fault.begun", self.build.devices[index],
            fault=fault, params=values | signals, **why,
        )  # fmt: skip

    def _mishap(
        self, now_ms: int, index: int, fault: str, cause: str, params: Mapping[str, float]
    ) -> None:
        # What makes no sense any more (its component has failed) did not happen.
        with contextlib.suppress(InvalidFault):
            self._begin(now_ms, fault, index, params, cause=cause)

    def _befall(self, now_ms: int) -> None:
        """Natural faults that came since the last report begin."""
        arrivals = []
        for device, fault, params in self._mishaps.report():
            if fault in self._by_itself:
                arrivals.append((device, fault))
                self._ledger.tell(
                    now_ms, "fault.begun", self.build.devices[device],
                    fault=fault, params=self._by_itself[fault], cause="random",
                )  # fmt: skip
            else:
                self._mishap(now_ms, device, fault, "random", params)
        if arrivals:
            self._sensing.faults.arrive(now_ms, arrivals, table(self._by_itself))

    def _visit_ends(self, now_ms: int, index: int) -> None:
        if self._ageing.able(index):
            self.twin.set_able(index, able=True)
            self._ledger.up(now_ms, self.build.devices[index])
        self._ageing.serve(index, service=self.twin.in_service(index))
        self._mishaps.visited(now_ms, index)

    def _to(self, now_ms: int) -> None:
        self.twin.advance(now_ms)
        self._now_ms = now_ms
        self._ageing.moved(now_ms)

    def _await_report(self, due_ms: int) -> None:
        self._pending.add(due_ms, self._report_kind, "")

    def _on_report(self, row: Row) -> None:
        now_ms, number = row.due_ms, self._reports
        next_ms = now_ms + self.build.report_every_ms
        self._to(now_ms)
        self._ageing.show()
        self._befall(now_ms)
        truth = self.twin.measure() if self._parted is None else self._parted.parts()
        readings = self._sensing.read(truth, number, now_ms, self.side.room())
        said = self.wire.say(now_ms, readings, number)
        self._hear(Report(self, now_ms, said.seqs, said.values, said.stamps, said.leave, said.lost))
        self.wire.after(now_ms, said, number)
        self._reports += 1
        self.obedience.interlocks.watch(now_ms)
        self._ageing.look_ahead(next_ms)
        self._mishaps.look_ahead(next_ms)
        self._await_report(next_ms)
