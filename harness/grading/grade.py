"""A run judged rule by rule against the truth: what each caught, missed, and cried for nothing.

The words, as documents and reports use them:

- A **firing** is an alert raised or a part recommended; both at once by one rule count once.
- A failure (:mod:`harness.grading.lives`) is **caught** by a rule that watches its position and
  fired on its device while the damage stood, before the failure; the **lead time** is from the
  first such firing to the failure. If it happened without that, the rule **missed** it; so it did
  if it fired in the other arm of a comparison at a time when here the damage still stood.
- A **false alarm** is a firing while nothing that the rule watches was damaged, no fault stood at
  its site, and nothing flowed over there (seen in whole sampling intervals of the truth).
- An order is **early** while less than :data:`EARLY_BELOW` of the life is gone, **late** if the
  component fails before the part is in, and a **duplicate** if one for the same place is open.
- A need is **fixed first time** if the first crew that came for it finished the work and nobody had
  to come again; needs that nobody came for, or whose only visit is not over, are not counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from harness.events import FeedSeen
from harness.grading.lives import (
    HOUR_MS,
    Life,
    Trouble,
    before_or_at,
    downtime_h,
    lives,
    troubles,
)
from harness.grading.record import Record
from harness.grading.watch import Watch

YEAR_MS = 31_557_600_000
"""A Julian year."""
MINUTE_MS = 60_000
EARLY_BELOW = 0.05
"""True damage below which an order is early."""
LOST = frozenset({"order.rejected", "order.cancelled"})


class Thing(NamedTuple):
    """A device: where it is and of which model."""

    site: str
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What has to be known beside the events to judge them."""

    things: Mapping[str, Thing]
    positions: Mapping[str, Mapping[str, str]]
    """Position by component, by model."""
    watches: Mapping[str, Watch]
    """By ``model/rule``."""
    alarm_eur: float = 0.0
    """What it costs that somebody looks at the firing of an alarm."""


class Failure(NamedTuple):
    """A true failure; ``happened`` is false if work prevented it, at ``ended_ms``."""

    device: str
    component: str
    life: int
    due_ms: int
    happened: bool
    ended_ms: int | None = None


@dataclass(slots=True)
class RuleGrade:
    """What one rule did in one run. Failures are keyed (device, component, life)."""

    firings: int = 0
    caught: dict[tuple[str, str, int], float] = field(default_factory=dict)
    """Lead time in hours by failure."""
    silent: list[tuple[str, str, int]] = field(default_factory=list)
    """Failures that it watches and did not fire for; whether it had the time, see compare."""
    false_alarms: int = 0
    orders: int = 0
    early: int = 0
    late: int = 0
    duplicate: int = 0
    thing_years: float = 0.0


@dataclass(slots=True, kw_only=True)
class RunGrade:
    """What one run came to."""

    rules: dict[str, RuleGrade]
    """By ``model/rule``; rules of the pack that never fired are there too."""
    whole: RuleGrade
    """All rules together: a failure is caught if any rule caught it."""
    failures: dict[tuple[str, str, int], Failure]
    downtime_h: float
    overflow_h: float
    cost_eur: float
    """The whole bill, credits of the contract, and what looking at alarms costs."""
    orders: int
    work_orders: int
    visits: int = 0
    """Arrivals of a crew."""
    first_time_fix: float | None = None
    """Share of needs that were fixed first time; None if none was visited."""
    failed_checks: tuple[str, ...] = ()
    trace_hash: str = ""


class _Firing(NamedTuple):
    at_ms: int
    thing: str
    rule: str


def grade(record: Record, scope: Scope) -> RunGrade:
    """Judge a finished run.

    Args:
        record: Its events.
        scope: Devices, components and rules.

    Raises:
        ValueError: If the run has no result.
    """
    if record.result is None:
        raise ValueError("a run is judged when it is over; this one has no result")
    judge = _Judge(record, scope)
    return judge.grade()


class _Judge:
    def __init__(self, record: Record, scope: Scope) -> None:
        self.record, self.scope, self.end_ms = record, scope, record.end_ms
        start_ms = record.started.start_ms if record.started else record.end_ms
        self.years = (self.end_ms - start_ms) / YEAR_MS
        self.lives = lives(record)
        self.troubles = troubles(record, self.end_ms)
        self.firings = _firings(record.feed)
        self.failures = self._failures()
        self.rules = {key: self._blank(watch) for key, watch in scope.watches.items()}
        self.whole = RuleGrade(thing_years=self.years * len(scope.things))

    def _blank(self, watch: Watch) -> RuleGrade:
        things = sum(thing.model == watch.model for thing in self.scope.things.values())
        return RuleGrade(thing_years=self.years * things)

    def _failures(self) -> dict[tuple[str, str, int], Failure]:
        found = {}
        for life in self.lives:
            due_ms = life.due_ms(self.end_ms)
            if due_ms is not None and life.device in self.scope.things:
                happened = life.failed_ms is not None
                found[life.key] = Failure(*life.key, due_ms, happened, life.ended_ms)
        return found

    def grade(self) -> RunGrade:
        for firing in self.firings:
            self._fired(firing)
        for key, watch in self.scope.watches.items():
            self._catches(self.rules[key], watch)
        for failure in self.failures:
            leads = [rule.caught[failure] for rule in self.rules.values() if failure in rule.caught]
            if leads:
                self.whole.caught[failure] = max(leads)
            else:
                self.whole.silent.append(failure)
        self._orders()
        record, result = self.record, self.record.result
        assert result is not None
        credit = sum(
            float(e.data.get("credit_eur") or 0.0)
            for e in record.feed if e.kind == "outcome.period_closed"
        )  # fmt: skip
        return RunGrade(
            rules=self.rules, whole=self.whole, failures=self.failures,
            downtime_h=sum(downtime_h(record.truths, self.end_ms).values()),
            overflow_h=self._overflow_h(),
            cost_eur=float(result.costs_eur.get("total", 0.0)) + credit + self._attention_eur(),
            orders=result.orders, work_orders=result.work_orders, trace_hash=result.trace_hash,
            visits=sum(e.kind == "work_order.arrived" for e in record.feed),
            first_time_fix=_first_time_fix(record.feed),
            failed_checks=tuple(check.title for check in result.failed_checks),
        )  # fmt: skip

    def _overflow_h(self) -> float:
        """Hours, in whole sampling intervals; a site's counts once for all its devices."""
        spans = set()
        for device, of_site, from_ms, to_ms in self.record.overflows:
            thing = self.scope.things.get(device)
            spans.add((thing.site if of_site and thing else device, from_ms, to_ms))
        return sum(to_ms - from_ms for _, from_ms, to_ms in spans) / HOUR_MS

    def _attention_eur(self) -> float:
        watched = self.scope.watches.items()
        alarms = {key for key, watch in watched if watch.alarm}
        return self.scope.alarm_eur * sum(
            rule.firings for key, rule in self.rules.items() if key in alarms
        )

    def _fired(self, firing: _Firing) -> None:
        thing = self.scope.things.get(firing.thing)
        if thing is None:
            return
        key = f"{thing.model}/{firing.rule}"
        rule = self.rules.setdefault(key, RuleGrade(thing_years=self.whole.thing_years))
        watch = self.scope.watches.get(key)
        for counted in (rule, self.whole):
            counted.firings += 1
            if watch is not None and watch.alarm and not self._justified(firing, thing, watch):
                counted.false_alarms += 1

    def _justified(self, firing: _Firing, thing: Thing, watch: Watch) -> bool:
        for life in self.lives:
            if life.device == firing.thing and life.damaged_at(firing.at_ms):
                position = self.scope.positions[thing.model].get(life.component, "")
                if position in watch.positions:
                    return True
        if any(self._stands(trouble, firing.at_ms, thing.site) for trouble in self.troubles):
            return True
        return any(
            from_ms <= firing.at_ms <= to_ms and (device == firing.thing or of_site)
            and self.scope.things[device].site == thing.site
            for device, of_site, from_ms, to_ms in self.record.overflows
            if device in self.scope.things
        )  # fmt: skip

    def _stands(self, trouble: Trouble, at_ms: int, site: str) -> bool:
        where = self.scope.things.get(trouble.device)
        if where is None or where.site != site:
            return False
        return trouble.from_ms <= at_ms <= trouble.to_ms

    def _catches(self, rule: RuleGrade, watch: Watch) -> None:
        for key, failure in self.failures.items():
            thing = self.scope.things[failure.device]
            position = self.scope.positions[thing.model].get(failure.component, "")
            if not watch.covers(thing.model, position):
                continue
            first_ms = self._first(watch, key, failure.due_ms)
            if first_ms is None:
                rule.silent.append(key)
            else:
                # What is foreseen differs by a millisecond from what happens: whole minutes.
                rule.caught[key] = round((failure.due_ms - first_ms) / MINUTE_MS) / 60

    def _first(self, watch: Watch, key: tuple[str, str, int], due_ms: int) -> int | None:
        life = next(one for one in self.lives if one.key == key)
        begin_ms = life.onset_ms if life.onset_ms is not None else life.failed_ms
        assert begin_ms is not None, "a failure has an onset, or came without one"
        times = [
            firing.at_ms for firing in self.firings
            if firing.rule == watch.rule and firing.thing == life.device
            and begin_ms <= firing.at_ms < due_ms
        ]  # fmt: skip
        return min(times, default=None)

    def _orders(self) -> None:
        rule_of: dict[str, str] = {}
        open_at: dict[tuple[str, str], set[str]] = {}
        for event in self.record.feed:
            need = str(event.data.get("need_key", ""))
            if event.kind == "recommendation.issued":
                rule_of[need] = str(event.data.get("rule", ""))
            elif event.kind == "part.fitted":
                open_at.pop((event.subject, str(event.data.get("position"))), None)
            elif event.kind in LOST:
                open_at.get(_place(need), set()).discard(event.subject)
            elif event.kind == "order.placed":
                standing = open_at.setdefault(_place(need), set())
                self._order(event, need, rule_of.get(need, ""), twice=bool(standing))
                standing.add(event.subject)

    def _order(self, event: FeedSeen, need: str, rule: str, *, twice: bool) -> None:
        device, position = _place(need)
        thing = self.scope.things.get(device)
        if thing is None:
            return
        here = [c for c, place in self.scope.positions[thing.model].items() if place == position]
        early = self._damage(device, here, event.at_ms) < EARLY_BELOW
        late = any(
            life.device == device and life.component in here and life.failed_ms is not None
            and (life.ended_ms is None or life.ended_ms > event.at_ms)
            for life in self.lives if _begun_by(life, event.at_ms)
        )  # fmt: skip
        ruled = self.rules.get(f"{thing.model}/{rule}")
        for counted in (self.whole, *((ruled,) if ruled is not None else ())):
            counted.orders += 1
            counted.early += early and not late
            counted.late += late
            counted.duplicate += twice

    def _damage(self, device: str, components: Sequence[str], at_ms: int) -> float:
        seen = [before_or_at(self.record.samples.get((device, c), ()), at_ms) for c in components]
        return max((sample.damage for sample in seen if sample is not None), default=0.0)


def _first_time_fix(feed: Sequence[FeedSeen]) -> float | None:
    visits: dict[str, list[str]] = {}
    done: dict[str, bool] = {}
    for event in feed:
        need = str(event.data.get("need_key", ""))
        if event.kind == "work_order.arrived":
            visits.setdefault(need, []).append(event.subject)
        elif event.kind in ("work_order.completed", "work_order.cancelled"):
            done[event.subject] = event.kind == "work_order.completed"
        elif event.kind == "work_order.reopened":
            done[event.subject] = False
    judged = [
        len(came) == 1 and done[came[0]] for came in visits.values() if came[0] in done
    ]  # fmt: skip
    return sum(judged) / len(judged) if judged else None


def _begun_by(life: Life, at_ms: int) -> bool:
    begins = [ms for ms in (life.onset_ms, life.failed_ms) if ms is not None]
    return min(begins) <= at_ms


def _place(need: str) -> tuple[str, str]:
    """Thing and position of a need key ``thing/position/cycle``."""
    thing, _, rest = need.partition("/")
    return thing, rest.rpartition("/")[0]


def _firings(feed: Sequence[FeedSeen]) -> list[_Firing]:
    found = {
        _Firing(e.at_ms, str(e.data.get("thing", "")), str(e.data.get("rule", "")))
        for e in feed if e.kind in ("alert.raised", "recommendation.issued")
    }  # fmt: skip
    return sorted(found)
