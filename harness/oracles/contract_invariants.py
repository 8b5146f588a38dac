"""Invariants K that a feed shows to whoever knows the contracts of the scenario's calls.

Terms are those of the call, of its tier and of the amendments that the feed told of. A contract is
left out whose terms the harness does not know for sure: agreed on twice, or amended by somebody
else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, ClassVar

from harness.events import FeedSeen
from harness.oracles.brief import Amendment, Brief
from harness.oracles.invariants import Invariant
from harness.oracles.outcome_invariants import COMPUTED
from harness.oracles.outcomes import Period, month_from

FIGURES = ("availability", "fee_eur", "credit_eur", "bonus_eur", "gain_eur", "shortfall_eur")
SHORT_MS = ("down_ms", "unknown_ms")
ENDED = ("contract.terminated", "contract.expired", "contract.renewed")
ROUNDED = 1e-8
"""The feed tells shares with nine digits."""
FOREVER = 2**62
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def lasted_ms(times: Mapping[str, Any], *without: str) -> int:
    """All the time of a thing or a period, without some of its classes, ms."""
    classes = ("up_ms", "degraded_ms", "down_ms", "planned_ms", "excluded_ms", "unknown_ms")
    return sum(int(times.get(name, 0)) for name in classes if name not in without)


def exact(number: object) -> Fraction:
    """The decimal number that was written."""
    return Fraction(str(number))


class FrozenFigures(Invariant):
    """Frozen inputs reproduce the KPI bit-for-bit.

    What is seen of it: what becomes final is, to the last digit, what was closed or adjusted last,
    whatever was reported since.
    """

    ident = "K5"
    families = ("outcome",)

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._told: dict[str, dict[str, Any]] = {}

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        if event.kind in COMPUTED:
            self._told[event.subject] = {
                name: event.data[name] for name in FIGURES if name in event.data
            }
        known = self._told.get(event.subject)
        if event.kind != "outcome.period_final" or known is None:
            return None
        wrong = [
            f"{name} {event.data[name]}, and was {known.get(name, 0.0)}"
            for name in FIGURES
            if name in event.data and event.data[name] != known.get(name, 0.0)
        ]
        return f"{event.subject} is final with {'; '.join(wrong)}" if wrong else None


class _OfContracts(Invariant):
    """Follows periods of contracts whose terms are known."""

    families: ClassVar[tuple[str, ...]] = ("outcome", "contract", "data")

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._unknown: set[str] = set()
        self._amended: dict[str, list[Amendment]] = {}
        self._begins_ms: dict[str, int] = {}
        self._ends_ms: dict[str, int] = {}
        self._stands: dict[str, dict[str, str]] = {}
        """By contract: the thing that stands in a place instead of the one it is named after."""

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        if event.kind == "contract.amended":
            self._amend(event)
        elif event.kind == "contract.thing_swapped":
            stands = self._stands.setdefault(event.subject, {})
            stands[str(event.data["place"])] = str(event.data["thing"])
        elif event.kind in ENDED:
            self._ends_ms[event.subject] = event.at_ms
        self.told(event)
        name = str(event.data.get("contract"))
        first = self.brief.contracts.get(name)
        if event.kind != "outcome.period_closed" or first is None or name in self._unknown:
            return None
        begin_ms = self._begins_ms.get(name, int(first["start_ms"]))
        terms = {**first}
        for later in self._amended.get(name, ()):
            terms |= later.terms if later.from_ms <= begin_ms else {}
        grouped = [thing for group in terms.get("groups", ()) for thing in group["things"]]
        units = len(terms.get("groups", ())) + len(set(terms["things"]) - set(grouped))
        period = Period(begin_ms, begin_ms + int(event.data["total_ms"]) // max(1, units))
        self._begins_ms[name] = period.to_ms
        wrong = self.closed(event, terms, period)
        return None if wrong is None else f"{event.subject}: {wrong}"

    def _amend(self, event: FeedSeen) -> None:
        """Take note of other terms; who pays is none of them. The feed names them, no more."""
        names = {*event.data["changes"]} - {"customer"}
        said = [
            one
            for one in self.brief.amendments.get(event.subject, ())
            if one.terms.keys() == names and one.from_ms == event.data.get("from_ms")
        ]
        if len(said) == 1:
            self._amended.setdefault(event.subject, []).append(said[0])
        elif names:
            self._unknown.add(event.subject)

    def told(self, event: FeedSeen) -> None:
        """Take note of what is told beside periods; overridden where it matters."""

    def closed(self, event: FeedSeen, terms: Mapping[str, Any], period: Period) -> str | None:
        """What is wrong with a period that was closed, if anything is."""
        del event, terms, period
        return None


class SilenceCosts(_OfContracts):
    """Provider cannot raise KPI by sending less data (delete random points → KPI must not rise).

    What is seen of it: time that nobody reported on lowers the figure as time that was down does.
    Where failures are forgiven that are mended in time, a figure is not computed again.
    """

    ident = "K7"

    def closed(self, event: FeedSeen, terms: Mapping[str, Any], period: Period) -> str | None:
        """See _OfContracts."""
        del period
        told = event.data
        counted_ms = lasted_ms(told, "planned_ms", "excluded_ms")
        if terms.get("rectify_s") or not counted_ms:
            return None
        weight = exact(terms.get("degraded_weight", 0.5))
        missed = Fraction(sum(int(told.get(name, 0)) for name in SHORT_MS))
        missed += weight * int(told.get("degraded_ms", 0))
        most = float(1 - missed / counted_ms)
        if float(told["availability"]) <= most + ROUNDED:
            return None
        silent_ms = int(told.get("unknown_ms", 0))
        return f"availability {told['availability']} with {silent_ms} ms unknown, not {most:.9f}"


class FeeOfPart(_OfContracts):
    """Mid-period start/stop prorates.

    A period lasts to the end of its month or of its contract, and its fee is its share of that
    month, without the time in which the contract was suspended.
    """

    ident = "K9"

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._paused: dict[str, list[tuple[int, int]]] = {}

    def told(self, event: FeedSeen) -> None:
        """See _OfContracts."""
        pauses = self._paused.setdefault(event.subject, [])
        if event.kind == "contract.suspended":
            pauses.append((event.at_ms, FOREVER))
        elif event.kind in (*ENDED, "contract.resumed") and pauses and pauses[-1][1] == FOREVER:
            pauses[-1] = (pauses[-1][0], event.at_ms)

    def closed(self, event: FeedSeen, terms: Mapping[str, Any], period: Period) -> str | None:
        """See _OfContracts."""
        name = str(event.data["contract"])
        end_ms = self._ends_ms.get(name, terms.get("end_ms")) or FOREVER
        until_ms = min(month_from(period.from_ms).to_ms, int(end_ms))
        if period.to_ms != until_ms:
            return f"lasts {period.to_ms - period.from_ms} ms, not {until_ms - period.from_ms} ms"
        paused_ms = sum(
            max(0, min(end, period.to_ms) - max(begin, period.from_ms))
            for begin, end in self._paused.get(name, ())
        )
        share = Fraction(period.to_ms - period.from_ms - paused_ms, period.month_ms)
        fee_eur = float(Fraction(int(exact(terms["fee_eur"]) * share * 100 + Fraction(1, 2)), 100))
        if float(event.data["fee_eur"]) == fee_eur:
            return None
        return f"a fee of {event.data['fee_eur']} EUR for {float(share):.4f} of a month"


class GroupIsKOfN(_OfContracts):
    """Redundancy: outcome of a site or room uses k-of-n.

    How long each thing was up bounds how long k of them can have been up together.
    """

    ident = "K10"

    def closed(self, event: FeedSeen, terms: Mapping[str, Any], period: Period) -> str | None:
        """See _OfContracts."""
        things, groups = event.data.get("things", {}), event.data.get("groups", {})
        whole_ms = period.to_ms - period.from_ms
        for group in terms.get("groups", ()):
            if not (group["id"] in groups and things.keys() >= set(group["things"])):
                return f"nothing is told of {group['id']} and its {len(group['things'])} things"
            ups_ms = sorted(int(things[name]["up_ms"]) for name in group["things"])
            low, high = up_together(ups_ms, int(group["k"]), whole_ms)
            up_ms = int(groups[group["id"]]["up_ms"])
            if not low <= up_ms <= high:
                said = f"{group['id']} was up for {up_ms} ms"
                return f"{said}; {group['k']} of its {len(ups_ms)}: {low} to {high} ms"
        return None


def up_together(ups_ms: Sequence[int], k: int, whole_ms: int) -> tuple[int, int]:
    """The least and the longest time in which ``k`` things can have been up together, ms.

    Args:
        ups_ms: How long each was up, shortest first.
        k: How many are needed.
        whole_ms: The time in all.
    """
    n = len(ups_ms)
    spare = sum(ups_ms) - (k - 1) * whole_ms
    low = -(-max(0, spare) // (n - k + 1))
    # whoever is left out of a count of k leaves at least k - 1 of the others
    high = min(sum(ups_ms[: n - left]) // (k - left) for left in range(k))
    return low, min(high, whole_ms)


class PlaceKeepsFigure(_OfContracts):
    """Thing swap keeps the position's KPI.

    A period tells of the places that were agreed on, each for its whole length, whoever stood in
    them.
    """

    ident = "K11"

    def closed(self, event: FeedSeen, terms: Mapping[str, Any], period: Period) -> str | None:
        """See _OfContracts."""
        told, places = event.data.get("things", {}), set(terms["things"])
        if told.keys() != places:
            return f"tells of {', '.join(sorted(told))}, not of {', '.join(sorted(places))}"
        for place in sorted(places):
            if lasted_ms(told[place]) != period.to_ms - period.from_ms:
                return f"{place} lasts {lasted_ms(told[place])} ms"
        return None


class DoubtIsUnknown(_OfContracts):
    """Sensor-drift interval is UNKNOWN, not UP.

    While a signal of a contract's clauses is flagged, nothing that a thing says counts: no time of
    that is up, degraded or down.
    """

    ident = "K12"

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._doubts: dict[tuple[str, str], dict[str, list[tuple[int, int]]]] = {}
        """By thing and signal, and by the flag that says so."""

    def told(self, event: FeedSeen) -> None:
        """See _OfContracts."""
        if not event.kind.startswith("data."):
            return
        place = (event.subject, str(event.data["signal"]))
        doubts = self._doubts.setdefault(place, {}).setdefault(str(event.data.get("flag")), [])
        if event.kind == "data.flagged":
            doubts.append((int(event.data.get("since_ms", event.at_ms)), FOREVER))
        elif event.kind == "data.cleared":
            doubts[:] = [(since, min(until, event.at_ms)) for since, until in doubts]

    def closed(self, event: FeedSeen, terms: Mapping[str, Any], period: Period) -> str | None:
        """See _OfContracts."""
        swapped = self._stands.get(str(event.data["contract"]), {})
        clauses = (terms.get(name) or "" for name in ("up_when", "degraded_when", "counts_when"))
        signals = {word for clause in clauses for word in _WORD.findall(clause)}
        for thing, times in sorted(event.data.get("things", {}).items()):
            doubted_ms = sum(end - begin for begin, end in self._spans(thing, signals, period))
            said_ms = lasted_ms(times, "unknown_ms", "planned_ms", "excluded_ms")
            if thing not in swapped and said_ms > period.to_ms - period.from_ms - doubted_ms:
                return f"{thing} was up or down for {said_ms} ms, and {doubted_ms} ms are doubted"
        return None

    def _spans(self, thing: str, signals: set[str], period: Period) -> Iterator[tuple[int, int]]:
        """When any of the signals was doubted within the period; spans that do not overlap."""
        flags = [self._doubts.get((thing, name), {}) for name in signals]
        found = sorted(span for flag in flags for spans in flag.values() for span in spans)
        reached_ms = period.from_ms
        for since_ms, until_ms in found:
            begin_ms, end_ms = max(since_ms, reached_ms), min(until_ms, period.to_ms)
            if begin_ms < end_ms:
                yield begin_ms, end_ms
                reached_ms = end_ms
