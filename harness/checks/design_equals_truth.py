"""What the DPS says of how parts end equals the truth; a revised one really lives longer (FS15).

Each ``design.reviewed`` must name the places in the order of how often parts were truly fitted
there up to then, with as many ends and the same share. The lives of parts are computed from the
truth too, first ones from the beginning of the run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from harness.checks.base import Args, Brief, Check, Decision, Ending
from harness.events import Event, FeedSeen, RunStarted, TruthHappened

HOUR_MS = 3_600_000
SHARE_DIGITS = 4


class DesignArgs(Args):
    """``at_least``: so many reviews; ``longer``: a position whose newest part must live longer."""

    at_least: int = Field(default=1, ge=1)
    longer: str = ""


class DesignEqualsTruth(Check):
    """Compares the Pareto of every review with the parts that were truly fitted."""

    name = "design_equals_truth"
    title = "The field's Pareto is the true one"
    Arguments = DesignArgs
    hears = (RunStarted, TruthHappened, FeedSeen)

    def __init__(self, args: Any, brief: Brief) -> None:  # noqa: ANN401 - see Check
        super().__init__(args, brief)
        self._start_ms = 0
        self._fitted: dict[tuple[str, str], dict[int, str]] = {}
        """By device and position: which part was fitted when. Modes that share a part are one."""
        self._reviews = 0
        self._newest: dict[str, Mapping[str, Any]] = {}
        """Modes of the newest review by position."""

    def on_event(self, event: Event) -> None:
        """See Check."""
        if isinstance(event, RunStarted):
            self._start_ms = event.start_ms
        elif isinstance(event, TruthHappened) and event.kind == "part.fitted":
            place = (event.subject, str(event.data["position"]))
            self._fitted.setdefault(place, {})[event.at_ms] = str(event.data["part"])
        elif isinstance(event, FeedSeen) and event.kind == "design.reviewed":
            self._reviews += 1
            self._newest = {mode["position"]: mode for mode in event.data["modes"]}
            said = [
                (mode["position"], mode["ends"], mode["share"])
                for mode in event.data["modes"] if mode["ends"]
            ]  # fmt: skip
            true = self._pareto(event.at_ms)
            if said != true:
                self.violate(event.at_ms, _listed(true), _listed(said), event)

    def _pareto(self, at_ms: int) -> list[tuple[str, int, float]]:
        counts: dict[str, int] = {}
        for (_, position), fits in self._fitted.items():
            many = sum(when <= at_ms for when in fits)
            if many:
                counts[position] = counts.get(position, 0) + many
        total = sum(counts.values())
        ordered = sorted(counts, key=lambda position: (-counts[position], position))
        return [(name, counts[name], round(counts[name] / total, SHARE_DIGITS)) for name in ordered]

    def lives_h(self, position: str, end_ms: int) -> dict[str, list[tuple[float, bool]]]:
        """True lives in hours by part, and whether each is over.

        What stood there at the beginning is of the part that was fitted first anywhere.
        """
        mine = {place: fits for place, fits in self._fitted.items() if place[1] == position}
        first = min(((when, part) for fits in mine.values() for when, part in fits.items()))[1]
        found: dict[str, list[tuple[float, bool]]] = {first: []}
        for fits in mine.values():
            begin_ms, part = self._start_ms, first
            for when, fitted in sorted(fits.items()):
                found.setdefault(part, []).append(((when - begin_ms) / HOUR_MS, True))
                begin_ms, part = when, fitted
            found.setdefault(part, []).append(((end_ms - begin_ms) / HOUR_MS, False))
        return found

    def decide(self, ending: Ending) -> Decision:
        """See Check."""
        position, seen = self.args.longer, f"{self._reviews} reviews"
        if self._reviews < self.args.at_least:
            self.violate(ending.at_ms, f"{self.args.at_least} reviews or more", seen)
        if position and self.violation is None:
            seen = self._longer(position, ending.at_ms)
        decision = super().decide(ending)
        if decision.passed:
            decision.seen = seen
        return decision

    def _longer(self, position: str, end_ms: int) -> str:
        """Compare the first part with the last, by hours of service per end; say both."""
        steps = self._newest.get(position, {}).get("steps", ())
        if not any(name == position for _, name in self._fitted) or not steps:
            self.violate(end_ms, f"a revised part at {position}", "none was compared")
            return ""
        lives = self.lives_h(position, end_ms)
        told, means = [], []
        for part, spans in lives.items():
            ends = sum(over for _, over in spans)
            means.append(sum(hours for hours, _ in spans) / max(ends, 1))
            told.append(f"{part} {means[-1]:,.0f} h an end ({ends} of {len(spans)} ended)")
        step = steps[-1]
        told.append(f"the DPS says {step['life_ratio']} times, at least {step['low']}")
        if not (len(means) > 1 and means[-1] > means[0] and step["low"] > 1.0):
            self.violate(end_ms, f"the newest part at {position} lives longer", "; ".join(told))
        return "; ".join(told)


def _listed(pareto: list[tuple[str, int, float]]) -> str:
    return ", ".join(f"{name} {ends} ({share:.2%})" for name, ends, share in pareto) or "no ends"
