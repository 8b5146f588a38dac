"""Which needs were really due, by the truth; against what the service advised.

A life of a component is the time from one part to the next. It was due if it really failed, or was
worn for longer than the patience; it was no need if its damage never came above idle.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.events import FeedSeen, TruthHappened, TruthSampled
from harness.oracles.log import Log, Row

DUE = 0.95
"""A part that is worn that much is due, whatever the rules say."""
IDLE = 0.02
"""Nobody needs a new part for less damage than that."""
PATIENCE_MS = 7 * 86_400_000
"""So long a worn part may run until the service has to have advised a new one."""


@dataclass(slots=True)
class Life:
    """One part in its place, from being fitted to being replaced."""

    device: str
    component: str
    number: int = 1
    worst: float = 0.0
    due_ms: int | None = None
    failed_ms: int | None = None
    end_ms: int | None = None

    @property
    def key(self) -> str:
        """As the service's need keys are written."""
        return f"{self.device}/{self.component}/{self.number}"


def needs(log: Log) -> Iterator[Row]:
    """One row per life that somebody can advise about: due or not, advised or not."""
    advised: dict[str, list[FeedSeen]] = {}
    for event in log.of("recommendation"):
        if event.kind == "recommendation.issued":
            advised.setdefault(str(event.data.get("need_key")), []).append(event)
    served = _served(log)
    for life in lives(log):
        events = advised.get(life.key, [])
        due_ms = life.failed_ms or life.due_ms
        judged = due_ms is not None and due_ms + PATIENCE_MS <= (life.end_ms or log.until_ms)
        if judged and (life.device, life.component) in served:
            assert due_ms is not None
            yield Row(
                key=life.key,
                expected=f"advised: damage {100 * life.worst:.0f} %",
                seen="advised" if events else "nobody was told",
                at_ms=due_ms + PATIENCE_MS,
                agrees=bool(events),
                event=events[0] if events else None,
                device=life.device,
            )
        elif life.worst < IDLE and life.failed_ms is None:
            yield Row(
                key=life.key,
                expected=f"no advice: damage {100 * life.worst:.1f} %",
                seen=f"{len(events)} times advised" if events else "none",
                at_ms=events[0].at_ms if events else log.until_ms,
                agrees=not events,
                event=events[0] if events else None,
                device=life.device,
            )


def lives(log: Log) -> list[Life]:
    """Every life of every component that truth was sampled of."""
    found: list[Life] = []
    current: dict[tuple[str, str], Life] = {}
    told: list[TruthHappened | TruthSampled] = [*log.truths, *log.samples]
    for event in sorted(told, key=lambda one: one.at_ms):
        if isinstance(event, TruthSampled):
            place = (event.device, event.component)
        else:
            place = (event.subject, str(event.data.get("component") or ""))
        if not place[1]:
            continue
        life = current.get(place)
        if life is None:
            life = current[place] = Life(*place)
            found.append(life)
        if isinstance(event, TruthSampled):
            life.worst = max(life.worst, event.damage)
            if event.damage >= DUE and life.due_ms is None:
                life.due_ms = event.at_ms
        elif event.kind == "component.failed":
            life.failed_ms, life.worst = life.failed_ms or event.at_ms, 1.0
        elif event.kind == "part.fitted":
            life.end_ms = event.at_ms
            current[place] = Life(*place, life.number + 1)
            found.append(current[place])
    return found


def _served(log: Log) -> set[tuple[str, str]]:
    """Device and position that some installed rule can advise about."""
    brief = log.brief
    advised = {
        (str(reaction["recommend"].get("part")), str(reaction["recommend"].get("position")))
        for rule in brief.rules.values()
        for reaction in rule.get("then", ())
        if isinstance(reaction, dict) and isinstance(reaction.get("recommend"), dict)
    }
    return {
        (device, position)
        for device, parts in brief.fits.items()
        for part, position in parts & advised
    }
