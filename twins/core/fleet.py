"""One fleet: a product's physics, its wear, its sensors and its devices' side of the wire."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twins.core.device import Ack, DeviceSide, Status
from twins.core.errors import InvalidFault, named
from twins.core.manifest import resolve_fault
from twins.core.pending import PendingTable, Row
from twins.core.sensors import Sensors
from twins.core.truth import TruthLedger
from twins.core.twin import Action, Build, Columns, CountsUses, Manifest, OwnWear, ProductTwin
from twins.core.wear import HOUR_MS, Wearing, WearLaw

RANK = 1
"""Within a millisecond, devices come before people."""


class Report(NamedTuple):
    """One report of every device of a fleet: ``values`` has shape ``(n, signals)``."""

    fleet: Fleet
    at_ms: int
    seqs: list[int]
    values: NDArray[np.float64]


class Breakdown(NamedTuple):
    """A component reached its end and took its device with it."""

    at_ms: int
    device: str
    component: str
    position: str
    life: int


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
        booted: Callable[[str], None],
    ) -> None:
        self.manifest, self.build, self.twin = manifest, build, twin
        self._pending, self._ledger, self._hear, self._broke = pending, ledger, hear, broke
        self._booted = booted
        self.signal_names = tuple(manifest.signals)
        self.index = {device: index for index, device in enumerate(build.devices)}
        self.side = DeviceSide(
            devices=len(build.devices),
            channels=len(manifest.signals),
            report_every_ms=build.report_every_ms,
        )
        self._sensors = Sensors(manifest.signals, build.devices, build.streams)
        drawn = {name: law for name, law in twin.laws.items() if isinstance(law, WearLaw)}
        self._own: dict[str, OwnWear] = {
            name: law for name, law in twin.laws.items() if not isinstance(law, WearLaw)
        }
        self._own_lives = {name: [1] * len(build.devices) for name in self._own}
        self._drawn = tuple(name for name in manifest.components if name in drawn)
        self._wear = {
            (index, component): Wearing(
                drawn[component], build.streams, device=device, component=component
            )
            for index, device in enumerate(build.devices)
            for component in self._drawn
        }
        self._due_uses = {
            component: np.full(len(build.devices), np.inf)
            for component, law in drawn.items()
            if law.per_use
        }
        assert not self._due_uses or isinstance(twin, CountsUses)
        self._growing: list[tuple[int, str]] = []
        self._reports = 0
        self._now_ms = build.start_ms
        self._report_kind, self._wear_kind = f"{key}.report", f"{key}.wear"
        self._boot_kind = f"{key}.boot"
        pending.serve(self._boot_kind, rank=RANK, handler=self._on_boot)
        pending.serve(self._report_kind, rank=RANK, handler=self._on_report)
        pending.serve(self._wear_kind, rank=RANK, handler=self._on_wear)

    def start(self) -> None:
        """Begin: first lives, first report one interval from now."""
        now_ms = self.build.start_ms
        for key, wearing in self._wear.items():
            wearing.renew(self._clock_ms(key))
            self._await_change(key)
        self._await_report(now_ms)

    def site_of(self, device: int) -> str:
        """The site a device stands on."""
        return self.build.sites[device // self.build.devices_per_site]

    def inject(
        self, now_ms: int, fault: str, device: str, params: Mapping[str, float | str]
    ) -> None:
        """Let a fault begin now.

        Raises:
            InvalidFault: If fault or parameter do not exist, a value is out of range, or the
                fault makes no sense any more.
        """
        spec = self.manifest.faults.get(fault)
        if spec is None:
            there_are = named(self.manifest.faults)
            raise InvalidFault(
                [f"{self.manifest.id} has no fault {fault!r}; there are: {there_are}"]
            )
        values, _, problems = resolve_fault(f"fault {fault}", params, spec, self.manifest.signals)
        if problems:
            raise InvalidFault(problems)
        self._to(now_ms)
        self.twin.inject(fault, self.index[device], values, self)

    def force(self, device: int, component: str, *, onset_ms: int, pf_ms: int) -> None:
        """Let damage begin ``onset_ms`` from now (see :class:`twins.core.twin.Wear`)."""
        wearing = self._wear[device, component]
        if wearing.phase == "failed":
            raise InvalidFault(
                [f"the {component} of {wearing.device} has failed already; fit a new one first"]
            )
        wearing.force(self._clock_ms((device, component)), onset_ms=onset_ms, pf_ms=pf_ms)
        self._await_change((device, component))

    def fit(self, now_ms: int, device: str, *, position: str, part: str) -> str:
        """Put a new part in place; returns its serial number, a function of place and life."""
        index = self.index[device]
        self._to(now_ms)
        serial = ""
        for component, spec in self.manifest.components.items():
            if spec.position == position:
                damage = self.damage(now_ms, index)[component]
                life = self._renew(index, component)
                self.twin.maintain(index, "replace", component)
                serial = f"{part}-{device}-{life}"
                self._ledger.tell(
                    now_ms, "part.fitted", device, position=position, component=component,
                    part=part, serial=serial, life=life, damage_removed=damage,
                )  # fmt: skip
        if all(
            self._wear[index, name].phase != "failed"
            for name in self._drawn
            if self.manifest.components[name].stops_device
        ):
            self.twin.set_able(index, able=True)
            self._ledger.up(now_ms, device)
        return serial

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
            refusal = self.twin.command(index, name, args)
            status, detail = ("done", "") if refusal is None else ("refused", refusal)
            paused = not self.twin.in_service(index)
            for component in self._drawn:
                key = (index, component)
                self._wear[key].pause(self._clock_ms(key), paused=paused)
                self._await_change(key)
        return self.side.acknowledge(
            index, at_ms=now_ms, command_id=command_id, status=status, detail=detail
        )

    def cut_power(self, now_ms: int, device: int, *, for_ms: int) -> None:
        """The device's electronics go off now and start again ``for_ms`` later, with a new boot.

        Its physics goes on. A second cut before the start puts the start off, never forward.
        """
        name = self.build.devices[device]
        back_ms = now_ms + for_ms
        if self.side.off[device]:
            back_ms = max(back_ms, self._pending.due_ms(self._boot_kind, name) or 0)
        self.side.off[device] = True
        self._pending.cancel(self._boot_kind, name)
        self._pending.add(back_ms, self._boot_kind, name)

    def damage(self, now_ms: int, device: int) -> dict[str, float]:
        """True damage of every component of a device: 0 as new, 1 at its end."""
        return {
            name: self._own[name].damage(device)
            if name in self._own
            else self._wear[device, name].damage(
                self._clock_ms((device, name)) if name in self._due_uses else now_ms
            )
            for name in self.manifest.components
        }

    def damage_columns(self) -> dict[str, Columns]:
        """True damage of every device by component, columns ``(n,)``: 0 as new, 1 at its end."""
        rows = [self.damage(self._now_ms, index) for index in range(len(self.build.devices))]
        return {name: np.array([row[name] for row in rows]) for name in self.manifest.components}

    def maintain(self, now_ms: int, device: str, *, action: Action, component: str) -> None:
        """Work on a component without a new part in a stated position.

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
        if action == "replace":
            self._renew(index, component)
        self.twin.maintain(index, action, component)

    def dump(self) -> dict[str, Any]:
        """Everything that changes, as plain data and columns (pending rows are kept elsewhere)."""
        return {
            "twin": self.twin.dump(),
            "side": self.side.dump(),
            "sensors": self._sensors.dump(),
            "wear": [wearing.dump() for wearing in self._wear.values()],
            "own_lives": self._own_lives,
            "growing": [list(key) for key in self._growing],
            "reports": self._reports,
            "now_ms": self._now_ms,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        self.twin.load(state["twin"])
        self.side.load(state["side"])
        self._sensors.load(state["sensors"])
        for wearing, saved in zip(self._wear.values(), state["wear"], strict=True):
            wearing.load(saved)
        self._own_lives = {name: list(lives) for name, lives in state["own_lives"].items()}
        self._growing = [(index, component) for index, component in state["growing"]]
        self._reports, self._now_ms = state["reports"], state["now_ms"]
        for key in self._wear:
            self._await_use(key)

    def _renew(self, index: int, component: str) -> int:
        """Begin the next life of a component; returns its number."""
        if component in self._own:
            lives = self._own_lives[component]
            lives[index] += 1
            self._own[component].renew(index, lives[index])
            return lives[index]
        wearing = self._wear[index, component]
        wearing.renew(self._clock_ms((index, component)))
        self._refresh(index, component)
        self._await_change((index, component))
        return wearing.number

    def _to(self, now_ms: int) -> None:
        self.twin.advance(now_ms)
        self._now_ms = now_ms

    def _await_report(self, now_ms: int) -> None:
        self._pending.add(now_ms + self.build.report_every_ms, self._report_kind, "")

    def _on_report(self, row: Row) -> None:
        now_ms = row.due_ms
        self._to(now_ms)
        for component, due in self._due_uses.items():
            for index in np.flatnonzero(self._uses(component) >= due).tolist():
                self._wear_by_use(index, component)
        for index, component in self._growing:
            self._refresh(index, component)
        values = self._sensors.read(self.twin.measure(), self._reports)
        self._reports += 1
        self._hear(Report(self, now_ms, self.side.report(now_ms, values), values))
        self._await_report(now_ms)

    def _refresh(self, index: int, component: str) -> None:
        wearing = self._wear[index, component]
        damage = wearing.damage(self._clock_ms((index, component)))
        self.twin.set_wear(index, component, damage=damage, rise=wearing.life.rise_at(damage))

    def _await_change(self, key: tuple[int, str]) -> None:
        wearing = self._wear[key]
        subject = f"{wearing.device}/{wearing.component}"
        self._pending.cancel(self._wear_kind, subject)
        growing = wearing.phase == "growing"
        if growing and key not in self._growing:
            self._growing = sorted([*self._growing, key])
        elif not growing and key in self._growing:
            self._growing.remove(key)
        self._await_use(key)
        due_ms = wearing.next_change_ms()
        if due_ms is not None and key[1] not in self._due_uses:
            args = {"device": key[0], "component": key[1]}
            self._pending.add(max(due_ms, self._now_ms), self._wear_kind, subject, args)

    def _uses(self, component: str) -> NDArray[np.float64]:
        assert isinstance(self.twin, CountsUses)
        return self.twin.uses(component)

    def _clock_ms(self, key: tuple[int, str]) -> int:
        """What a component wears by: time, or its uses (one counts as an hour)."""
        index, component = key
        if component not in self._due_uses:
            return self._now_ms
        return round(float(self._uses(component)[index]) * HOUR_MS)

    def _await_use(self, key: tuple[int, str]) -> None:
        """Note after how many uses a component changes; seen to when the device reports."""
        index, component = key
        if component in self._due_uses:
            due_ms = self._wear[key].next_change_ms()
            self._due_uses[component][index] = np.inf if due_ms is None else due_ms / HOUR_MS

    def _on_boot(self, row: Row) -> None:
        self.side.reboot(self.index[row.subject], row.due_ms)
        self._booted(row.subject)

    def _on_wear(self, row: Row) -> None:
        self._to(row.due_ms)
        self._change(row.args["device"], row.args["component"], clock_ms=row.due_ms)

    def _wear_by_use(self, index: int, component: str) -> None:
        """Change phase as often as the uses up to this report ask for."""
        while self._uses(component)[index] >= self._due_uses[component][index]:
            due_ms = self._wear[index, component].next_change_ms()
            assert due_ms is not None
            self._change(index, component, clock_ms=due_ms)

    def _change(self, index: int, component: str, *, clock_ms: int) -> None:
        now_ms, wearing = self._now_ms, self._wear[index, component]
        phase = wearing.change(clock_ms)
        told = {"component": component, "life": wearing.number}
        if phase == "growing":
            self._ledger.tell(now_ms, "damage.onset", wearing.device, **told)
        else:
            self._ledger.tell(now_ms, "component.failed", wearing.device, **told)
            self._refresh(index, component)
            spec = self.manifest.components[component]
            if spec.stops_device:
                self.twin.set_able(index, able=False)
                self._ledger.down(now_ms, wearing.device, component=component)
            self._broke(Breakdown(now_ms, wearing.device, component, spec.position, wearing.number))
        self._await_change((index, component))
