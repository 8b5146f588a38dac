"""All the people around the fleets, and the ground they stand on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twins.core.ageing import Breakdown
from twins.core.manifest import Part, resolve
from twins.core.pending import PendingTable
from twins.core.ports import Fact, Intent
from twins.core.spec import FieldSpec
from twins.core.streams import Streams
from twins.core.truth import TruthLedger
from twins.field import crew, customer, supplier
from twins.field.caretaker import Caretaker
from twins.field.ports import RANK, SOONEST_MS, Actor

Fit = Callable[[int, str, str, str], tuple[str, dict[str, float]]]
"""(at_ms, device, position, part) to (serial number, readings)."""


def resolve_field(spec: FieldSpec) -> tuple[dict[str, dict[str, float]], list[str]]:
    """Every actor's parameters by actor, and a problem per mistake in them."""
    values: dict[str, dict[str, float]] = {}
    problems: list[str] = []
    for name, given, params in (
        (customer.NAME, spec.customer, customer.PARAMS),
        (supplier.NAME, spec.supplier, supplier.PARAMS),
        (crew.NAME, spec.crew, crew.PARAMS),
    ):
        values[name], found = resolve(f"field.{name}", given, params)
        problems += found
    shift = values[crew.NAME]
    if shift["shift_start_h"] >= shift["shift_end_h"]:
        problems.append("field.crew: shift_start_h must be before shift_end_h")
    return values, problems


class People:
    """Builds the actors of a world, hands them facts, collects what they intend."""

    def __init__(
        self,
        params: Mapping[str, Mapping[str, float]],
        *,
        service: bool,
        streams: Streams,
        parts: Mapping[str, Part],
        pending: PendingTable,
        ledger: TruthLedger,
        clock: Callable[[], int],
        fits: Callable[[str, str], bool],
        fit: Fit,
    ) -> None:
        self.streams, self.parts = streams, parts
        self._pending, self._ledger, self._clock = pending, ledger, clock
        self._fits, self._fit = fits, fit
        self._intents: list[Intent] = []
        self._actors: dict[str, Actor] = {}
        self._caretaker: Caretaker | None = None
        if service:
            self._actors = {
                customer.NAME: customer.Customer(self, params[customer.NAME]),
                supplier.NAME: supplier.Supplier(self, params[supplier.NAME]),
                crew.NAME: crew.Crew(self, params[crew.NAME]),
            }
        else:
            self._caretaker = Caretaker(
                self, customer=params[customer.NAME], crew=params[crew.NAME]
            )
        owners = [actor.handlers for actor in self._actors.values()]
        if self._caretaker is not None:
            owners.append(self._caretaker.handlers)
        for kind, handler in (row for handlers in owners for row in handlers.items()):
            pending.serve(kind, rank=RANK, handler=handler)

    def observe(self, fact: Fact) -> None:
        """Tell every actor; without a service nobody hears."""
        for actor in self._actors.values():
            actor.observe(fact)

    def broke(self, breakdown: Breakdown) -> None:
        """A device broke; without a service somebody will notice in the end."""
        if self._caretaker is not None:
            self._caretaker.broke(
                breakdown.at_ms,
                breakdown.device,
                position=breakdown.position,
                life=breakdown.life,
            )

    def take(self) -> list[Intent]:
        """Hand out the intents since the last time, by (at_ms, actor, verb, subject)."""
        intents, self._intents = self._intents, []
        return sorted(intents, key=lambda it: (it.at_ms, it.actor, it.verb, it.subject))

    def dump(self) -> dict[str, Any]:
        """What every actor remembers. Only between two runs, when all intents are handed out."""
        assert not self._intents
        return {name: actor.dump() for name, actor in self._actors.items()}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        for name, actor in self._actors.items():
            actor.load(state[name])

    # The ground that actors stand on (twins.field.ports.Ground).

    def later(self, due_ms: int, kind: str, subject: str, args: Mapping[str, Any]) -> None:
        """Put a row down."""
        self._pending.add(due_ms, kind, subject, args)

    def forget(self, kind: str, subject: str) -> None:
        """Strike rows out."""
        self._pending.cancel(kind, subject)

    def soonest(self, at_ms: int) -> int:
        """``at_ms``, or a moment from now if that has passed."""
        return max(at_ms, self._clock() + SOONEST_MS)

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

    def book(self, at_ms: int, *, what: str, eur: float, subject: str) -> None:
        """Spend money."""
        self._ledger.book(at_ms, what=what, eur=eur, subject=subject)

    def fits(self, device: str, position: str) -> bool:
        """Whether there is such a device with a component at that position."""
        return self._fits(device, position)

    def fit(
        self, at_ms: int, device: str, *, position: str, part: str
    ) -> tuple[str, dict[str, float]]:
        """Put a new part into a device."""
        return self._fit(at_ms, device, position, part)
