"""Conditions of a timeline: CEL, as in rule packs, over truth, signals and events.

What a condition reads is written as a call, ``truth(<device>).<component>.damage``. CEL would take
the hyphens of a device's name for minus signs, so every such call is replaced by a variable of the
same length before CEL sees the text: columns in its messages stay right.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from harness.scenario.cel_library import library

if TYPE_CHECKING:
    import cel


ELAPSED = "elapsed_h"
"""Hours since the start of the run: the one variable that is no call."""
READS: Mapping[str, str] = {
    "truth": "truth(DEVICE).COMPONENT.damage, .remaining_h, or truth(DEVICE).VALUE",
    "signal": "signal(DEVICE).SIGNAL",
    "events": "events(KIND) or events(KIND, DEVICE or SITE)",
    "truths": "truths(KIND) or truths(KIND, DEVICE)",
}
"""What a condition can read, by the word that it begins with."""
_READS = f"reads {'; '.join(READS.values())}; {ELAPSED}"
WEAR = ("damage", "remaining_h")
"""What is true of a component."""
FEED_KINDS = (
    "device.born", "device.lost", "condition.evaluated", "alert.raised", "alert.cleared",
    "recommendation.issued", "recommendation.approved", "recommendation.discarded",
    "recommendation.fulfilled", "recommendation.held", "recommendation.served",
    "recommendation.snoozed", "recommendation.withdrawn", "compliance.classed",
    "breaker.tripped", "breaker.released", "breaker.discarded",
    *(
        f"{kind}.{step}"
        for kind in ("order", "replenishment")
        for step in (
            "placed", "confirmed", "offered", "accepted", "rejected", "backordered",
            "shipped_in_part", "delivered_in_part", "shipped", "lost", "reshipped", "delivered",
            "return_requested", "return_refused", "replacement_shipped", "replaced", "returned",
            "cancelled",
        )
    ),
    "work_order.requested",
    "work_order.planned", "work_order.departed", "work_order.arrived", "work_order.completed",
    "work_order.verified", "work_order.closed", "work_order.reopened", "work_order.cancelled",
    *(
        f"work_order.{step}"
        for step in (
            "triaged", "remote_begun", "remote_failed", "moved", "put_back", "dispatched",
            "accepted", "begun", "held", "resumed", "attached", "prioritised", "noted",
        )
    ),
    *(
        f"sla.{step}"
        for step in ("started", "changed", "paused", "resumed", "stopped", "breached")
    ),
    *(
        f"planned_work.{step}"
        for step in ("proposed", "agreed", "done", "missed", "rescheduled")
    ),
    "plan.made", "visit.confirmed", "visit.moved",
    "part.fitted", "command.requested", "command.progressed", "command.confirmed",
    "command.failed", "outcome.period_closed", "message.dead",
    *(
        f"outcome.{what}"
        for what in (
            "period_disputed", "period_adjusted", "period_final", "period_invoiced",
            "period_corrected", "at_risk",
        )
    ),
    *(
        f"contract.{what}"
        for what in (
            "offered", "revised", "signed", "baselining", "baseline_extended", "activated",
            "suspended", "resumed", "amended", "transferred", "thing_swapped", "replacement_due",
            "expired", "terminated", "renewed",
        )
    ),
    "diagnosis.made", "action.raised", "action.escalated", "action.closed",
    *(
        f"advice.{step}"
        for step in (
            "given", "accepted", "declined", "lapsed", "applied", "failed", "kept", "reverted",
            "asked", "run", "measured",
        )
    ),
    "design.reviewed", "pricing.agreed", "pricing.ended", "payout.made", "settlement.stated",
    "citizen_report.opened",
    *(f"ticket.{what}" for what in ("opened", "started", "held", "resumed", "closed", "rejected")),
    "consent.given", "consent.withdrawn", "grant.given", "grant.revoked",
    *(f"secondary_use.{what}" for what in ("opened", "withheld", "looked", "ordered", "ended")),
    *(f"charge.{what}" for what in ("asked", "settled", "refunded", "voided")),
    *(
        f"subscription.{step}"
        for step in (
            "begun", "payment_asked", "activated", "renewed", "change_asked", "changed",
            "suspended", "cancelled", "kept", "ended",
        )
    ),
    *(f"feature.{what}" for what in ("ordered", "unlocked", "revoked")),
    *(f"rental.{what}" for what in ("reserved", "taken", "given_back", "lapsed")),
    *(f"planned_work.{what}" for what in ("proposed", "agreed", "done", "missed", "rescheduled")),
    *(f"invoice.{what}" for what in ("drafted", "issued", "paid", "cancelled", "credited")),
    "exclusion.asked", "exclusion.approved", "exclusion.refused",
    "command.failed", "command.acknowledged", "command.timed_out", "command.retried",
    "remote.begun", "remote.resolved", "remote.failed",
    *(
        f"firmware.{step}"
        for step in (
            "initiated", "downloading", "downloaded", "verified", "updating", "requeued", "updated",
            "failed", "rolled_back", "timed_out", "skipped", "rollout_submitted",
            "rollout_readied", "rollout_approved", "rollout_rejected", "rollout_starting",
            "rollout_started", "rollout_paused", "rollout_resumed", "rollout_finished",
            "rollout_stopped", "rollout_deleted", "group_started", "health_judged",
        )
    ),
    "outcome.period_closed", "message.dead",
)  # fmt: skip
"""Kinds of the DPS's feed (docs/reference/dps-contract.md; a test compares)."""
TRUTH_KINDS = (
    "buffer.overflowed", "clock.right", "clock.wrong", "component.failed", "component.maintained",
    "container.cleaned", "cost.booked", "damage.onset", "device.down", "device.hung",
    "device.restart", "device.up", "fault.begun", "firmware.failed", "firmware.rolled_back",
    "firmware.updated", "interlock.cleared",
    "interlock.tripped", "link.down", "link.up", "order.late", "order.mislaid", "order.partial",
    "order.price_changed", "order.quantity_changed", "order.wrong_part", "parcel.delayed",
    "parcel.incomplete", "parcel.lost", "parcel.redelivered", "parcel.replaced",
    "part.fitted", "part.ordered_elsewhere", "power.back", "power.cut", "report.forgotten",
    "sensor.faulty", "sensor.mended", "stock.taken", "tour.begun", "tour.ended",
    "trip.begun", "trip.ended", "upkeep.done", "visit.in_vain", "work.hard", "work.in_vain",
)  # fmt: skip
"""Kinds of truth that a condition may count (docs/reference/scenario.md)."""
PROBES = (0.0, 1.0e9, -1.0e9)
PROBED_TOGETHER_MAX = 4
LENGTH_MAX = 2_000
"""Characters of a condition."""
_CALL = re.compile(
    rf"\b({'|'.join(READS)})\s*\(([^()]*)\)((?:\.[A-Za-z_][A-Za-z0-9_]*)*)", re.ASCII
)
_SYNTAX = re.compile(r"<input>:(\d+):(\d+): (?:Syntax error: )?(.*)")


def compile_cel(source: str) -> cel.Program:
    """Compile an expression.

    Raises:
        ValueError: If it is not CEL.
    """
    program: cel.Program = library().compile(source)
    return program


class Ref(NamedTuple):
    """One thing that a condition reads."""

    word: str
    """A key of :data:`READS`."""
    about: str
    """The device (or site); empty for all."""
    kind: str
    """Component, value, signal, or kind of event."""
    part: str = ""
    """``damage`` or ``remaining_h`` of a component."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that can be asked."""

    source: str
    program: cel.Program
    names: Mapping[str, Ref]
    """What each variable of the program stands for."""

    def holds(self, values: Mapping[Ref, float], elapsed_h: float) -> bool:
        """Whether it holds; a condition that needs what is not known yet does not."""
        told = {name: values[ref] for name, ref in self.names.items() if ref in values}
        try:
            answer = self.program.execute({**told, ELAPSED: elapsed_h})
        except (TypeError, ValueError, RuntimeError):
            return False
        return answer is True


class Read(NamedTuple):
    """A condition that was read, or what is wrong with it."""

    condition: Condition | None
    problems: tuple[str, ...]


@cache
def read_condition(source: str) -> Read:
    """Read a condition; names of devices and signals are looked at by the caller."""
    if len(source) > LENGTH_MAX:
        return Read(None, (f"a condition of more than {LENGTH_MAX} characters",))
    names: dict[str, Ref] = {}
    problems: list[str] = []

    def replaced(match: re.Match[str]) -> str:
        ref = _ref(match)
        if isinstance(ref, str):
            problems.append(ref)
            ref = Ref("elapsed", "", "")
        name = f"v{len(names)}".ljust(len(match[0]), "_")
        names[name] = ref
        return name

    text = _CALL.sub(replaced, source)
    if problems:
        return Read(None, tuple(problems))
    try:
        program = compile_cel(text)
    except ValueError as error:
        return Read(None, (_syntax(source, str(error)),))
    wrong = _misread(source, program, names)
    return Read(None if wrong else Condition(source, program, names), wrong)


def _misread(source: str, program: cel.Program, names: Collection[str]) -> tuple[str, ...]:
    """What is wrong with what a program reads and gives."""
    reads = sorted(set(program.variables()))
    if not reads:
        return (f"{source!r} reads nothing, so it never changes; a condition {_READS}",)
    strange = [name for name in reads if name not in names and name != ELAPSED]
    if strange:
        return tuple(_strange(name) for name in strange)
    wrong = _probed(program, reads)
    return (f"{source!r} is no condition: {wrong}",) if wrong else ()


def _strange(name: str) -> str:
    return f"{name!r} is nothing that a condition can read; it {_READS}"


def _ref(match: re.Match[str]) -> Ref | str:
    word, inside, behind = match[1], match[2], match[3]
    args = [arg.strip().strip("'\"") for arg in inside.split(",")]
    path = [part for part in behind.split(".") if part]
    wrong = f"{match[0]!r} is incomplete; write {READS[word]}"
    if not all(args):
        return wrong
    if word in ("events", "truths"):
        if len(args) > 2 or path:
            return wrong
        return Ref(word, args[1] if len(args) > 1 else "", args[0])
    if len(args) != 1 or not path or len(path) > (2 if word == "truth" else 1):
        return wrong
    if len(path) > 1 and path[1] not in WEAR:
        return f"{match[0]!r}: unknown {path[1]!r} of a component; allowed: {', '.join(WEAR)}"
    return Ref(word, args[0], path[0], path[1] if len(path) > 1 else "")


def _syntax(source: str, text: str) -> str:
    found = _SYNTAX.search(text)
    if found is None:
        return f"{source!r} is not CEL: {text}"
    line, column, reason = found.groups()
    return f"{source!r} is not CEL, line {line} column {column}: {reason}"


def _probed(program: cel.Program, names: list[str]) -> str:
    together = len(names) <= PROBED_TOGETHER_MAX
    rows = itertools.product(PROBES, repeat=len(names)) if together else (
        (probe,) * len(names) for probe in PROBES
    )  # fmt: skip
    for row in rows:
        try:
            answer = program.execute(dict(zip(names, row, strict=True)))
        except (TypeError, ValueError, RuntimeError) as error:
            return f"{error} (all values here are floats: write 2.0, not 2, in sums)"
        if not isinstance(answer, bool):
            return f"it gives {answer!r}, not true or false"
    return ""
