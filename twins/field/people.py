"""All the people around the fleets, and the ground they stand on."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twins.core.ageing import Breakdown
from twins.core.manifest import Param, Part, resolve
from twins.core.pending import PendingTable, Row
from twins.core.ports import Fact, Intent
from twins.core.spec import FieldSpec
from twins.core.streams import Streams
from twins.core.truth import TruthLedger
from twins.core.yard import Yard
from twins.field import carrier, crew, customer, money, stock, supplier, trucks, upkeep
from twins.field.caretaker import Caretaker
from twins.field.habits import apply_habits
from twins.field.persons import Directory, Person
from twins.field.places import COUNTRIES
from twins.field.planned_routes import PlannedRoutes
from twins.field.ports import HANDS_RANK, RANK, SOONEST_MS, Actor, Handlers
from twins.field.surroundings import Surroundings

ACTORS: Mapping[str, Mapping[str, Param]] = {
    customer.NAME: customer.PARAMS,
    supplier.NAME: supplier.PARAMS,
    carrier.NAME: carrier.PARAMS,
    crew.NAME: crew.PARAMS,
    stock.NAME: stock.PARAMS,
    trucks.NAME: trucks.PARAMS,
    upkeep.NAME: upkeep.PARAMS,
    money.NAME: money.PARAMS,
}
"""Whose parameters a description may set, by the name of the key."""
AWAY: Mapping[str, tuple[str, ...]] = {
    customer.NAME: customer.STEPS,
    supplier.NAME: supplier.STEPS,
    carrier.NAME: carrier.STEPS,
    crew.NAME: ("crew.plan", "crew.depart", "crew.report", "crew.trip"),
}
"""What people do not do while they are away; what a crew has set out for it brings to its end."""
MEDIAN_SHARE = math.sqrt(0.5)
"""Distance of the median site of a disc, as a share of its radius."""


def resolve_field(spec: FieldSpec) -> tuple[dict[str, dict[str, float]], list[str]]:
    """Every actor's parameters by actor, and a problem per mistake in them."""
    given, problems = apply_habits(spec.habits, {name: getattr(spec, name) for name in ACTORS})
    values: dict[str, dict[str, float]] = {}
    for name, params in ACTORS.items():
        values[name], found = resolve(f"field.{name}", given[name], params)
        problems += found
    shift = values[crew.NAME]
    if shift["shift_start_h"] >= shift["shift_end_h"]:
        problems.append("field.crew: shift_start_h must be before shift_end_h")
    return values, problems


class People:
    """Builds the actors of a world, hands them facts, collects what they intend."""

    def __init__(
        self,
        params: Mapping[str, dict[str, float]],
        *,
        service: bool,
        streams: Streams,
        surroundings: Surroundings,
        parts: Mapping[str, Part],
        pending: PendingTable,
        ledger: TruthLedger,
        yard: Yard,
    ) -> None:
        self.streams, self.parts, self.calendar = streams, parts, surroundings.calendar
        self._pending, self._ledger, self._yard = pending, ledger, yard
        self._surroundings = surroundings
        self._intents: list[Intent] = []
        self._params = params
        self._away: dict[str, int] = {}
        """Until when who does nothing new."""
        self._points: dict[str, NDArray[np.float64]] = {}
        self.directory = Directory(
            streams,
            locale=COUNTRIES[surroundings.where.country].locale,
            habits=params[customer.NAME],
        )
        self.goods = stock.Goods(self, params[stock.NAME])
        self._supplier = supplier.Supplier(self, params[supplier.NAME])
        self._trucks, self._routes = self._on_the_road()
        self._meters = money.Meters(
            params[money.NAME],
            pending=pending,
            ledger=ledger,
            read=lambda: yard.totals(money.OF_SITE),
            devices=lambda: len(yard.devices()),
        )
        self._actors: dict[str, Actor] = {}
        self._caretaker: Caretaker | None = None
        self._upkeep = upkeep.Upkeep(
            self, params[upkeep.NAME], maintain=yard.maintain, devices=yard.ages_ms,
            parts=yard.parts,
        )  # fmt: skip
        hands = [self.goods.handlers, self._trucks.handlers, self._upkeep.handlers]
        hands.append(self._routes.hands)
        owners: list[Handlers] = [self._routes.handlers]
        if service:
            self._actors = {
                customer.NAME: customer.Customer(self, params[customer.NAME]),
                supplier.NAME: self._supplier,
                carrier.NAME: carrier.Carrier(
                    self, params[carrier.NAME], road=params[supplier.NAME]
                ),
                crew.NAME: crew.Crew(self, params[crew.NAME]),
            }
            owners += [actor.handlers for actor in self._actors.values()]
        else:
            self._caretaker = Caretaker(
                self, customer=params[customer.NAME], crew=params[crew.NAME]
            )
            owners.append(self._caretaker.handlers)
        for rank, group in ((RANK, owners), (HANDS_RANK, hands)):
            for kind, handler in (row for handlers in group for row in handlers.items()):
                pending.serve(kind, rank=rank, handler=self._unless_away(kind, handler))

    def _on_the_road(self) -> tuple[trucks.Trucks, PlannedRoutes]:
        """Trucks on fixed rounds, and those that drive what a service plans."""
        on_rounds = trucks.Trucks(
            self,
            self._params[trucks.NAME],
            containers=self._yard.containers,
            empty=self._yard.empty,
            point=self._container_at,
        )
        as_planned = PlannedRoutes(
            self,
            self._params[trucks.NAME],
            empty=self._yard.empty,
            clean=self._yard.maintain,
            divert=self._yard.divert,
            point=lambda device: self._container_at(device) if self._yard.has(device) else None,
        )
        return on_rounds, as_planned

    def start(self) -> None:
        """Begin: trucks, planned visits and the first bill are waited for."""
        self._trucks.start(self._pending.now_ms)
        self._meters.start(self._pending.now_ms)
        self._upkeep.start(self._pending.now_ms)

    def observe(self, fact: Fact) -> None:
        """Tell every actor; without a service nobody hears."""
        for actor in self._actors.values():
            actor.observe(fact)
        if self._actors:
            self._routes.observe(fact)

    def broke(self, breakdown: Breakdown) -> None:
        """A device broke; without a service somebody will notice in the end."""
        if self._caretaker is not None:
            self._caretaker.broke(
                breakdown.at_ms,
                breakdown.device,
                position=breakdown.position,
                life=breakdown.life,
            )

    def change(self, who: str, params: Mapping[str, float]) -> tuple[dict[str, float], list[str]]:
        """Let ``who`` (a key of :data:`ACTORS`) have other parameters from now on.

        Returns:
            What these were before, and a problem per mistake (then nothing has changed).
        """
        there = self._params[who]
        values, problems = resolve(f"field.{who}", {**there, **params}, ACTORS[who])
        if problems:
            return {}, problems
        before = {name: there[name] for name in params}
        there.update(values)
        return before, []

    def send_away(self, who: str, until_ms: int) -> None:
        """Nobody of ``who`` (:data:`AWAY`) begins anything before ``until_ms``."""
        self._away[who] = max(until_ms, self._away.get(who, 0))

    def _unless_away(self, kind: str, handler: Callable[[Row], None]) -> Callable[[Row], None]:
        """What ``who`` begins waits until they are back; a visit under way is ended."""
        who = kind.partition(".")[0]
        if who not in AWAY or kind not in AWAY[who]:
            return handler

        def handle(row: Row) -> None:
            back_ms = self._away.get(who, 0)
            if row.due_ms >= back_ms:
                handler(row)
            elif kind == "crew.depart":
                self._crew().put_off(row, back_ms)
            else:
                self._pending.add(back_ms, kind, row.subject, row.args)

        return handle

    def _crew(self) -> crew.Crew:
        found = self._actors[crew.NAME]
        assert isinstance(found, crew.Crew)
        return found

    def take(self) -> list[Intent]:
        """Hand out the intents since the last time, by (at_ms, actor, verb, subject)."""
        intents, self._intents = self._intents, []
        return sorted(intents, key=lambda it: (it.at_ms, it.actor, it.verb, it.subject))

    def running_eur(self) -> dict[str, float]:
        """What the meters show since the last bill, by line."""
        return self._meters.running_eur()

    def dump(self) -> dict[str, Any]:
        """What every actor remembers. Only between two runs, when all intents are handed out."""
        assert not self._intents
        actors = {name: actor.dump() for name, actor in self._actors.items()}
        return {
            "actors": actors, "goods": self.goods.dump(), "meters": self._meters.dump(),
            "params": self._params, "away": self._away, "trucks": self._trucks.dump(),
            "routes": self._routes.dump(), "upkeep": self._upkeep.dump(),
        }  # fmt: skip

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        for name, actor in self._actors.items():
            actor.load(state["actors"][name])
        self.goods.load(state["goods"])
        self._meters.load(state["meters"])
        self._trucks.load(state["trucks"])
        self._routes.load(state["routes"])
        self._upkeep.load(state["upkeep"])
        for who, params in state["params"].items():
            self._params[who].update(params)
        self._away = dict(state["away"])

    # The ground that actors stand on (twins.field.ports.Ground).

    def later(self, due_ms: int, kind: str, subject: str, args: Mapping[str, Any]) -> None:
        """Put a row down."""
        self._pending.add(due_ms, kind, subject, args)

    def forget(self, kind: str, subject: str) -> None:
        """Strike rows out."""
        self._pending.cancel(kind, subject)

    def soonest(self, at_ms: int) -> int:
        """``at_ms``, or a moment from now if that has passed."""
        return max(at_ms, self._pending.now_ms + SOONEST_MS)

    def intend(
        self, at_ms: int, actor: str, verb: str, subject: str, *, again: int = 1, **data: object
    ) -> None:
        """Note what an actor does; the id is a function of who, what and to what."""
        again_id = f"#{again}" if again > 1 else ""
        self._intents.append(
            Intent(
                intent_id=f"{actor}:{verb}:{subject}{again_id}",
                at_ms=at_ms,
                actor=actor,
                verb=verb,
                subject=subject,
                data=data,
            )
        )

    def tell(self, at_ms: int, kind: str, subject: str, **data: object) -> None:
        """Note a truth."""
        self._ledger.tell(at_ms, kind, subject, **data)

    def book(self, at_ms: int, *, what: str, eur: float, subject: str) -> None:
        """Spend money."""
        if eur:
            self._ledger.book(at_ms, what=what, eur=eur, subject=subject)

    def claim(self, at_ms: int, order: str, sku: str) -> int:
        """Ask the supplier for the right part."""
        return self._supplier.claim(at_ms, order, self.parts[sku])

    def person(self, role: str, of: str) -> Person:
        """The person who has ``role`` for ``of``."""
        return self.directory.person(role, of)

    def far_km(self, device: str) -> float:
        """How far a device's site lies from the depot, as the crow flies."""
        return float(np.hypot(*self._point(device)))

    def far_share(self, device: str) -> float:
        """The same as a share of the distance of the median site."""
        radius_km = self._surroundings.where.weather["radius_km"]
        return self.far_km(device) / (radius_km * MEDIAN_SHARE)

    def fits(self, device: str, position: str) -> bool:
        """Whether there is such a device with a component at that position."""
        return self._yard.fits(device, position)

    def knows(self, device: str) -> bool:
        """Whether there is such a device."""
        return self._yard.knows(device)

    def stands(self, device: str) -> bool:
        """Whether a device is down now."""
        return self._ledger.is_down(device)

    def fit(
        self, at_ms: int, device: str, *, position: str, part: str
    ) -> tuple[str, dict[str, float]]:
        """Put a new part into a device."""
        self._upkeep.fitted(at_ms, device, position)
        return self._yard.fit(at_ms, device, position, part)

    def readings(self, device: str) -> dict[str, float]:
        """What a technician measures at a device now."""
        return self._yard.readings(device)

    def _container_at(self, device: str) -> NDArray[np.float64]:
        """Where a truck drives to: its site, or the very place if crews look for that."""
        params = self._params[trucks.NAME]
        if params["planned"] + params["each_place"] >= 1.0:
            place = self._yard.place_km(device)
            if place is not None:
                return np.array(place)
        return self._point(device)

    def _point(self, device: str) -> NDArray[np.float64]:
        if device not in self._points:
            site = self._yard.site(device)
            self._points[device] = self._surroundings.points((site,))[0]
        return self._points[device]
