"""Wear of a whole fleet: who is due when, what is told about it, what maintenance makes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from twins.core.errors import InvalidFault
from twins.core.pending import PendingTable, Row
from twins.core.streams import keys
from twins.core.truth import TruthLedger
from twins.core.twin import (
    Action,
    Build,
    Columns,
    CountsUses,
    Foresees,
    Manifest,
    OwnWear,
    ProductTwin,
    Stresses,
    TakesWear,
    WearsAsColumn,
)
from twins.core.wear import HOUR_MS, WearLaw
from twins.core.worn import FAILED, GROWING, GUARD_MS, Worn


class Breakdown(NamedTuple):
    """A component reached its end and took its device with it."""

    at_ms: int
    device: str
    component: str
    position: str
    life: int


class Ageing:
    """Every component of every device of a fleet.

    Only what is due before the next report has a pending row; all the rest is columns, however
    large the fleet. A component that wears by use changes when its device reports.
    """

    def __init__(
        self,
        *,
        kind: str,
        rank: int,
        manifest: Manifest,
        build: Build,
        twin: ProductTwin,
        pending: PendingTable,
        ledger: TruthLedger,
        to: Callable[[int], None],
        broke: Callable[[Breakdown], None],
    ) -> None:
        self._manifest, self._build, self._twin = manifest, build, twin
        self._pending, self._ledger, self._kind = pending, ledger, kind
        self._to, self._broke = to, broke
        self._own: dict[str, OwnWear] = {
            name: law for name, law in twin.laws.items() if not isinstance(law, WearLaw)
        }
        self._own_lives = {name: np.ones(len(build.devices), dtype=np.int64) for name in self._own}
        self._worn = {
            name: Worn(law, name, build.devices, build.streams)
            for name in manifest.components
            if isinstance(law := twin.laws[name], WearLaw)
        }
        self._by_use = [name for name, worn in self._worn.items() if worn.law.per_use]
        self._counts = twin if isinstance(twin, CountsUses) else None
        assert not self._by_use or self._counts is not None
        # Asked once: looking a protocol up costs more than a small fleet's damage.
        self._stresses = twin if isinstance(twin, Stresses) else None
        self._takes = twin if isinstance(twin, TakesWear) else None
        self._as_columns = {
            name: own for name, own in self._own.items() if isinstance(own, WearsAsColumn)
        }
        self._things = keys(build.devices)
        self._now_ms = self._horizon_ms = build.start_ms
        pending.serve(kind, rank=rank, handler=self._on_due)

    def start(self, next_report_ms: int) -> None:
        """Begin: first lives."""
        self._horizon_ms = next_report_ms
        for name, worn in self._worn.items():
            aged = self._build.ages_ms and not worn.law.per_use
            worn.begin(self._clock(name), np.array(self._build.ages_ms) if aged else 0.0)
            self._put_down(name, after=-1.0)

    def moved(self, now_ms: int) -> None:
        """The physics has been brought up to ``now_ms``."""
        self._now_ms = now_ms

    def show(self) -> None:
        """A report interval ends: uses are counted, and damage shown to the physics."""
        for name in self._by_use:
            self._change_by_use(name)
        for name, worn in self._worn.items():
            if worn.growing.count:
                self._show(name, worn)

    def look_ahead(self, next_report_ms: int) -> None:
        """An interval begins: how hard it wears, and rows for what is due before it ends."""
        before = float(self._horizon_ms - self._build.start_ms)
        interval_ms = next_report_ms - self._horizon_ms
        self._horizon_ms = next_report_ms
        hour = int(before) // HOUR_MS
        asked = self._stresses if hour != int(before - interval_ms) // HOUR_MS else None
        for name, worn in self._worn.items():
            if asked is not None:
                after = -1.0 if worn.law.per_use else before
                worn.strain(asked.stress(name), self._clock(name), after=after)
            self._put_down(name, after=before)

    def force(self, device: int, component: str, *, onset_ms: int, pf_ms: int) -> None:
        """Let damage begin ``onset_ms`` from now (see :class:`twins.core.twin.Wear`)."""
        worn = self._worn[component]
        if worn.phase[device] == FAILED:
            name = self._build.devices[device]
            raise InvalidFault(
                [f"the {component} of {name} has failed already; fit a new one first"]
            )
        was = float(worn.due_clock[device])
        clock = self._clock_of(component, device)
        worn.force(device, clock, onset_ms=onset_ms, pf_ms=pf_ms)
        self._put_again(component, device, was)

    def serve(self, device: int, *, service: bool) -> None:
        """A device takes part in the work from now on, or stands still."""
        for component, worn in self._worn.items():
            was = float(worn.due_clock[device])
            if worn.serve(device, self._clock_of(component, device), service=service):
                self._put_again(component, device, was)

    def renew(
        self, device: int, component: str, *, age_ms: float = 0.0, lasts: float | None = None
    ) -> int:
        """Begin the next life of a component; returns its number.

        ``lasts``: by how much later the damage of a revised part begins (drawn lives only).
        """
        if component in self._own:
            lives = self._own_lives[component]
            lives[device] += 1
            self._own[component].renew(device, int(lives[device]))
            return int(lives[device])
        worn = self._worn[component]
        was = float(worn.due_clock[device])
        life = worn.renew(device, self._clock_of(component, device), age_ms=age_ms, lasts=lasts)
        self._twin.set_wear(device, component, damage=0.0, rise=0.0)
        self._put_again(component, device, was)
        return life

    def maintain(self, device: int, action: Action, component: str) -> dict[str, float]:
        """Virtual age after work on a component (Kijima: new age = q x old age).

        ``replace`` is q = 0, ``overhaul`` uniform in the law's ``overhaul_q``; ``minimal`` is
        q = 1: what has failed runs again, as old as it was. The others do not touch wear.

        Returns:
            ``q``, ``age_before_h``, ``age_after_h`` and ``life``; nothing where wear stayed.
        """
        worn = self._worn.get(component)
        if worn is None:
            if action == "replace":
                return {"q": 0.0, "life": float(self.renew(device, component))}
            return {}
        failed = worn.phase[device] == FAILED
        if action not in ("replace", "overhaul") and not (action == "minimal" and failed):
            return {}
        low, high = {"replace": (0.0, 0.0), "overhaul": worn.law.overhaul_q}.get(action, (1.0, 1.0))
        draw = self._build.streams.uniforms(
            f"wear/overhaul/{component}", self._things[device : device + 1], worn.number[device]
        )
        q = low + (high - low) * float(draw[0])
        age_ms = worn.age_ms(device, self._clock_of(component, device))
        life = self.renew(device, component, age_ms=q * age_ms)
        before_h = age_ms / HOUR_MS
        return {"q": q, "age_before_h": before_h, "age_after_h": q * before_h, "life": float(life)}

    def able(self, device: int) -> bool:
        """Whether no component has failed that stops its device."""
        return all(
            worn.phase[device] != FAILED
            for name, worn in self._worn.items()
            if self._manifest.components[name].stops_device
        )

    def damage_columns(self, now_ms: int) -> dict[str, Columns]:
        """True damage by component, columns ``(n,)``: 0 as new, 1 at its end."""
        return {
            name: self._worn[name].damage(self._clock(name, now_ms))
            if name in self._worn
            else self._own_damage(name)
            for name in self._manifest.components
        }

    def remaining_columns(self, now_ms: int) -> dict[str, Columns]:
        """Hours in service (or uses) until failure if nobody interferes, at stress 1.

        NaN for a component whose own wear cannot foresee its end.
        """
        n = len(self._build.devices)
        columns = {}
        for name in self._manifest.components:
            if name in self._worn:
                columns[name] = self._worn[name].remaining_h(self._clock(name, now_ms))
            else:
                own = self._own[name]
                columns[name] = (
                    own.remaining_h() if isinstance(own, Foresees) else np.full(n, np.nan)
                )
        return columns

    def damage(self, device: int) -> dict[str, float]:
        """True damage of every component of a device where the physics stands."""
        return {
            name: self._own[name].damage(device)
            if name in self._own
            else float(self._worn[name].damage(self._clock(name))[device])
            for name in self._manifest.components
        }

    def dump(self) -> dict[str, Any]:
        """Everything that changes (pending rows are kept elsewhere)."""
        return {
            "worn": {name: worn.dump() for name, worn in self._worn.items()},
            "own_lives": self._own_lives,
            "now_ms": self._now_ms,
            "horizon_ms": self._horizon_ms,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        for name, worn in self._worn.items():
            worn.load(state["worn"][name])
        self._own_lives = dict(state["own_lives"])
        self._now_ms, self._horizon_ms = state["now_ms"], state["horizon_ms"]

    def _own_damage(self, name: str) -> Columns:
        if name in self._as_columns:
            return self._as_columns[name].damages()
        own = self._own[name]
        return np.array([own.damage(device) for device in range(len(self._build.devices))])

    def _clock(self, component: str, now_ms: int | None = None) -> Columns | float:
        """What components wear by: ms since the start, or their uses (one counts as an hour)."""
        if component in self._by_use:
            assert self._counts is not None
            return self._counts.uses(component) * float(HOUR_MS)
        return float((self._now_ms if now_ms is None else now_ms) - self._build.start_ms)

    def _clock_of(self, component: str, device: int) -> float:
        clock = self._clock(component)
        return clock if isinstance(clock, float) else float(clock[device])

    def _put_down(self, component: str, *, after: float) -> None:
        """Rows for everything that is due later than ``after`` and by the next report."""
        worn = self._worn[component]
        if worn.law.per_use:
            return
        by = float(self._horizon_ms - self._build.start_ms)
        if worn.soonest > by:
            return
        for device in np.flatnonzero((worn.due_clock > after) & (worn.due_clock <= by)).tolist():
            self._row(component, device)

    def _put_again(self, component: str, device: int, was: float) -> None:
        """Instead of the row for when a component ``was`` due, one for when it is."""
        worn = self._worn[component]
        by = float(self._horizon_ms - self._build.start_ms)
        if worn.law.per_use:
            return
        if was <= by:
            self._pending.cancel(self._kind, self._subject(component, device))
        if worn.due_clock[device] <= by:
            self._row(component, device)

    def _subject(self, component: str, device: int) -> str:
        return f"{self._build.devices[device]}/{component}"

    def _row(self, component: str, device: int) -> None:
        due = float(self._worn[component].due_clock[device])
        due_ms = self._build.start_ms + int(np.ceil(due - GUARD_MS))
        args = {"device": device, "component": component}
        self._pending.add(
            max(due_ms, self._now_ms), self._kind, self._subject(component, device), args
        )

    def _on_due(self, row: Row) -> None:
        self._to(row.due_ms)
        component, device = row.args["component"], row.args["device"]
        self._change(component, device, float(row.due_ms - self._build.start_ms))
        by = float(self._horizon_ms - self._build.start_ms)
        if self._worn[component].due_clock[device] <= by:
            self._row(component, device)

    def _change_by_use(self, component: str) -> None:
        """Change phase as often as the uses up to this report ask for."""
        assert self._counts is not None
        worn, uses = self._worn[component], self._counts.uses(component)
        if not worn.used_up(np.asarray(uses, dtype=np.float64)):
            return
        clock = uses * float(HOUR_MS)
        while (due := np.flatnonzero(worn.due_clock <= clock)).size:
            for device in due.tolist():
                self._change(component, device, float(worn.due_clock[device]))

    def _show(self, component: str, worn: Worn) -> None:
        damage, rise = worn.grown(self._clock(component))
        members = worn.growing.members
        if self._takes is not None:
            self._takes.take_wear(component, members, damage=damage, rise=rise)
            return
        for device, u, up in zip(members.tolist(), damage.tolist(), rise.tolist(), strict=True):
            self._twin.set_wear(device, component, damage=u, rise=up)

    def _change(self, component: str, device: int, clock: float) -> None:
        now_ms, worn, name = self._now_ms, self._worn[component], self._build.devices[device]
        sudden = worn.phase[device] != GROWING
        phase = worn.change(device, clock)
        life = int(worn.number[device])
        told = {"component": component, "life": life}
        if phase == GROWING:
            self._ledger.tell(now_ms, "damage.onset", name, **told)
            return
        self._ledger.tell(now_ms, "component.failed", name, **told, sudden=bool(sudden))
        rise = worn.full_rise(device)
        self._twin.set_wear(device, component, damage=1.0, rise=rise)
        spec = self._manifest.components[component]
        if spec.stops_device:
            self._twin.set_able(device, able=False)
            self._ledger.down(now_ms, name, component=component)
            self.serve(device, service=self._twin.in_service(device))
        self._broke(Breakdown(now_ms, name, component, spec.position, life))
