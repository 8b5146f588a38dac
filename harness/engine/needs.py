"""What checks and scenarios need of a DPS, and what follows where it offers less."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.engine.options import RunOptions
from harness.errors import InvalidRun
from harness.scenario.conditions import FEED_KINDS
from harness.scenario.entries import DpsFault
from harness.scenario.schema import CheckRef, Scenario
from harness.scenario.units import parse_duration, show_duration
from harness.sut.levels import Need, Reach, said
from harness.sut.port import Call

NEEDS: Mapping[str, frozenset[Need]] = {
    "availability_at_least": frozenset(),
    "nothing_lost": frozenset({Need.STORED}),
    "no_dead_letters": frozenset({Need.STORED}),
    "delivery_exactly": frozenset({Need.STORED}),
    "order_delivered": frozenset({Need.FEED, Need.ACTS}),
    "part_fitted": frozenset({Need.FEED, Need.ACTS}),
    "outcome_equals_oracle": frozenset({Need.FEED, Need.INSTALLS}),
}
"""Checks that need other things than the feed. ``()``: truth and wire show it."""
ASKING = frozenset(
    {"always", "never", "within", "until", "exactly", "sometimes", "eventually", "score"}
)
"""Checks whose expression says what they need."""
ON_THE_WIRE = "command.requested"
"""The one kind of event that the wire shows too: devices hear it."""
_OF_WIRE = frozenset({"cost_eur", "downtime_h", "messages", "commands"})
OF_THE_STORE = ("stored", "lost", "unexpected", "dead_letters")
"""Counts of the ledger that mean nothing where the DPS does not say what it holds."""
HICCUP_S = 1.0
"""Wall time by which a message may come late on a busy machine."""


def needs_of(ref: CheckRef) -> frozenset[Need]:
    """What a check needs of the DPS to be judged."""
    if ref.check in NEEDS:
        return NEEDS[ref.check]
    if ref.check == "budget" and ref.args.get("budget") in _OF_WIRE:
        return frozenset()
    if ref.check in ASKING:
        text = str(dict(ref.args))
        asked = [kind for kind in FEED_KINDS if kind in text and kind != ON_THE_WIRE]
        return frozenset({Need.FEED}) if asked else frozenset()
    return frozenset({Need.FEED})


def run_needs(scenario: Scenario) -> frozenset[Need]:
    """What a scenario needs of the DPS to be run at all."""
    kills = any(isinstance(entry, DpsFault) for entry in scenario.timeline)
    return frozenset({Need.OURS} if kills else ())


def judged(
    refs: Sequence[tuple[str, CheckRef]], reach: Reach
) -> tuple[list[tuple[str, CheckRef]], list[str]]:
    """The checks that can be judged, and a note about each other one.

    Raises:
        InvalidRun: If nothing can be judged: a run would mean nothing.
    """
    left, notes = [], []
    for phase, ref in refs:
        lacking = reach.lacks(needs_of(ref))
        if lacking:
            notes.append(f"not judged: {ref.check} needs {said(lacking)}")
        else:
            left.append((phase, ref))
    if refs and not left:
        raise InvalidRun("nothing could be judged of this DPS; " + "; ".join(notes))
    return left, notes


def refuse_by_level(
    reach: Reach, options: RunOptions, *, speed: float, calls: Sequence[Call]
) -> None:
    """Refuse what only a DPS that follows the clock can be asked for.

    Raises:
        InvalidRun: With all reasons.
    """
    if Need.CLOCK in reach.offers:
        return
    reasons = []
    if options.snapshot_at_ms is not None or options.resume_from is not None:
        reasons.append("a run can be saved and taken up only in lock-step (level L2)")
    if options.mode in ("virtual", "paced"):
        reasons.append(f"--mode {options.mode} is lock-step, and the DPS follows no clock: live")
    if reach.level != "L2":  # a DPS at L2 that runs live goes by event time, as it promised
        reasons += _on_arrival(speed, calls)
    if reasons:
        raise InvalidRun("; ".join(reasons))


def _on_arrival(speed: float, calls: Sequence[Call]) -> Iterator[str]:
    """Rules whose outcome would depend on the moment in which a message arrives."""
    late_ms = HICCUP_S * speed * 1000
    for call in calls:
        if call.path != "/v1/rule-packs":
            continue
        for rule, stale_ms in _stale_after(call.body):
            if stale_ms < late_ms:
                yield (
                    f"rule {rule} takes a value for stale after {show_duration(stale_ms)}; at "
                    f"speed {speed:g} a message that is {HICCUP_S:g} s late by wall time is "
                    f"{show_duration(round(late_ms))} late, so that its outcome depends on "
                    f"arrival: use --speed {stale_ms / 1000 / HICCUP_S:g} or less, or offer the "
                    "clock (L2)"
                )


def _stale_after(pack: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    usual = pack.get("stale_after")
    for rule in pack.get("rules", ()):
        stale = rule.get("stale_after", usual)
        if stale is not None:
            yield f"{pack.get('pack')}/{rule.get('id')}", parse_duration(stale)
