"""Check 54: a seed is a world. Same seed, same bytes; another seed, other failures, same habits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from twins.core.realism import Check, Figure, Histories, History, Wanted
from twins.history import checklist
from twins.history.recorder import fingerprint, record
from twins.products import catalog

STATISTICS = range(39, 45)
"""Numbers of the list whose statistics another seed must not change."""
FAILURES = ("damage.onset", "component.failed", "fault.begun")


class Reseeded:
    """The same worlds on other seeds."""

    def __init__(self, histories: Histories, *, by: int) -> None:
        self._histories, self._by = histories, by

    def get(self, wanted: Wanted) -> History:
        """What was asked for, with another seed."""
        return self._histories.get(replace(wanted, seed=wanted.seed + self._by))


def failures(history: History) -> Mapping[str, list[tuple[int, str]]]:
    """What went wrong with each device of a history, those without any left out: time and kind.

    Natural faults begin with a report, so two seeds share some of them by chance; a device's whole
    record they do not.
    """
    found: dict[str, list[tuple[int, str]]] = {}
    for event in history.events:
        if event.kind in FAILURES and event.subject in history.devices:
            found.setdefault(event.subject, []).append((event.at_ms, event.kind))
    return found


def measure(histories: Histories) -> Sequence[Figure]:
    """Worlds of every product twice on one seed and once on another; 39 to 44 on another seed."""
    figures = []
    for product in (product.id for product in catalog().values() if not product.host):
        wanted = Wanted(
            product=product, sites=25, devices_per_site=2, days=60, report_every_s=7200,
            random_faults=1.0,
        )  # fmt: skip
        first, again = histories.get(wanted), record(wanted)
        other = histories.get(replace(wanted, seed=wanted.seed + 1))
        same = fingerprint(first) == fingerprint(again)
        ours, theirs = failures(first), failures(other)
        alike = sum(ours[device] == theirs.get(device) for device in ours)
        figures += [
            Figure(name=f"{product}: same seed, same bytes", value=float(same), low=1.0, high=1.0),
            Figure(
                name=f"{product}: devices whose failures are the same with another seed",
                value=alike / len(ours) if ours else 1.0, low=0.0, high=0.0,
            ),
        ]  # fmt: skip
    others = [owned for owned in checklist.collect() if owned.check.number in STATISTICS]
    passing = [checklist.judge(owned, Reseeded(histories, by=1)).ok for owned in others]
    share = sum(passing) / len(STATISTICS)
    name = f"checks {STATISTICS[0]}-{STATISTICS[-1]} that pass with another seed"
    return [*figures, Figure(name=name, value=share, low=1.0, high=1.0)]


CHECKS = (
    Check(
        number=54,
        title=checklist.listed()[54].title,
        expected=checklist.listed()[54].expected,
        source=checklist.listed()[54].real,
        measure=measure,
        deep=True,
    ),
)
