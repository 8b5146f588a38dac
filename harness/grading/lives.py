"""Lives of components, and the failures and troubles that they mean; from the truth alone.

A life begins as new (or repaired) and ends with a failure, with work on the component, or with
the run. A **true failure** is a life that failed, or that would have failed before the run's end
had nobody worked on the component: then its time is what the last truth before the work foresaw.
Lives, loads and outages do not depend on what a DPS decides (architecture, 3), so that two arms of
an experiment know a failure by the same key.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.events import TruthHappened
from harness.grading.record import Foresight, Record

HOUR_MS = 3_600_000
BESIDE = ("sensor_", "modem_", "power_", "clock_")
"""Faults of what measures and sends, by the beginning of their names: the machine is well."""
ENDS = frozenset({"part.fitted", "component.maintained"})
MENDED_BELOW = 0.05
"""Work that leaves less damage than that ends a life; less work is upkeep."""


@dataclass(slots=True, kw_only=True)
class Life:
    """One life of a component. Times are simulated ms; None: it has not happened."""

    device: str
    component: str
    number: int
    onset_ms: int | None = None
    failed_ms: int | None = None
    ended_ms: int | None = None
    """When a part was fitted, or the damage was removed."""
    foreseen_ms: int | None = None
    """When it would have failed, seen last before it ended."""
    sudden: bool = False

    @property
    def key(self) -> tuple[str, str, int]:
        """The same in every arm."""
        return self.device, self.component, self.number

    def damaged_at(self, at_ms: int) -> bool:
        """Whether damage had begun (or it had failed) and nobody had worked on it yet."""
        begins = [ms for ms in (self.onset_ms, self.failed_ms) if ms is not None]
        return bool(begins) and min(begins) <= at_ms and not self._over(at_ms)

    def _over(self, at_ms: int) -> bool:
        return self.ended_ms is not None and self.ended_ms < at_ms

    def due_ms(self, until_ms: int) -> int | None:
        """When it failed, or would have by ``until_ms``; None if it would not."""
        if self.failed_ms is not None:
            return self.failed_ms
        if self.ended_ms is None or self.foreseen_ms is None or self.foreseen_ms > until_ms:
            return None
        return self.foreseen_ms


def lives(record: Record) -> list[Life]:
    """Every life that the truth tells of, oldest first; one that never wore is not told."""
    found: dict[tuple[str, str, int], Life] = {}
    current: dict[tuple[str, str], int] = {}
    for truth in record.truths:
        component = truth.data.get("component")
        if not isinstance(component, str):
            continue
        place = (truth.subject, component)
        if truth.kind in ("damage.onset", "component.failed"):
            number = int(truth.data.get("life", current.get(place, 1)))
            current[place] = number
            life = found.setdefault((*place, number), Life(
                device=truth.subject, component=component, number=number,
            ))  # fmt: skip
            if truth.kind == "damage.onset":
                life.onset_ms = truth.at_ms
            else:
                life.failed_ms, life.sudden = truth.at_ms, bool(truth.data.get("sudden"))
        elif truth.kind in ENDS:
            number = current.get(place, 1)
            if truth.kind == "part.fitted":
                number = int(truth.data.get("life", number + 1)) - 1
                current[place] = number + 1
            open_life = found.get((*place, number))
            if open_life is not None and open_life.ended_ms is None and _ends(truth, record):
                open_life.ended_ms = truth.at_ms
                open_life.foreseen_ms = _foreseen(record.samples.get(place, ()), truth.at_ms)
    return list(found.values())


def _ends(truth: TruthHappened, record: Record) -> bool:
    if truth.kind == "part.fitted":
        return True
    place = (truth.subject, str(truth.data["component"]))
    before = before_or_at(record.samples.get(place, ()), truth.at_ms)
    left = (before.damage if before else 0.0) - float(truth.data.get("damage_removed") or 0.0)
    return float(truth.data.get("damage_removed") or 0.0) > 0.0 and left < MENDED_BELOW


def before_or_at(samples: Sequence[Foresight], at_ms: int) -> Foresight | None:
    """The last sample that is not later than ``at_ms``."""
    place = bisect_right(samples, at_ms, key=lambda sample: sample.at_ms)
    return samples[place - 1] if place else None


def _foreseen(samples: Sequence[Foresight], at_ms: int) -> int | None:
    seen = before_or_at(samples, at_ms - 1)
    if seen is None or seen.remaining_h is None:
        return None
    return max(at_ms, seen.at_ms + round(seen.remaining_h * HOUR_MS))


@dataclass(frozen=True, slots=True)
class Trouble:
    """A fault that is no component's wear: from when until when it stood."""

    device: str
    fault: str
    from_ms: int
    to_ms: int


def troubles(record: Record, end_ms: int) -> list[Trouble]:
    """Faults of machines: each stands for as long as it says, else until the next visit."""
    visits: dict[str, list[int]] = {}
    for truth in record.truths:
        if truth.kind in ENDS:
            visits.setdefault(truth.subject, []).append(truth.at_ms)
    found = []
    for truth in record.truths:
        fault = str(truth.data.get("fault", ""))
        if truth.kind != "fault.begun" or fault.startswith(BESIDE):
            continue
        lasting_h = _params(truth).get("lasting")
        later = [at_ms for at_ms in visits.get(truth.subject, ()) if at_ms > truth.at_ms]
        to_ms = min(later, default=end_ms)
        if isinstance(lasting_h, int | float):
            to_ms = truth.at_ms + round(float(lasting_h) * HOUR_MS)
        found.append(Trouble(truth.subject, fault, truth.at_ms, to_ms))
    return found


def _params(truth: TruthHappened) -> Mapping[str, object]:
    params = truth.data.get("params")
    return params if isinstance(params, Mapping) else {}


def downtime_h(truths: Iterable[TruthHappened], end_ms: int) -> dict[str, float]:
    """Hours that each device stood still; one that never did is left out."""
    since: dict[str, int] = {}
    hours: dict[str, float] = {}
    for truth in truths:
        if truth.kind == "device.down":
            since.setdefault(truth.subject, truth.at_ms)
        elif truth.kind == "device.up" and truth.subject in since:
            down_ms = truth.at_ms - since.pop(truth.subject)
            hours[truth.subject] = hours.get(truth.subject, 0.0) + down_ms / HOUR_MS
    for device, from_ms in since.items():
        hours[device] = hours.get(device, 0.0) + (end_ms - from_ms) / HOUR_MS
    return hours
