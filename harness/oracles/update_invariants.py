"""More invariants of updates (FW) and of automations (R5) that a feed can show.

What it cannot: which models and hardware a package is for (FW3), windows and states that forbid an
update (FW8), its throttle (FW10), which command reached whom when (R2) and parameters (R4).
"""

from __future__ import annotations

from collections import deque
from typing import Any

from harness.events import FeedSeen
from harness.oracles.brief import Brief
from harness.oracles.invariants import Invariant, cycle_of, place_of

HOUR_MS = 3_600_000
RUNS_PER_H_MAX = 3
"""The domain's estimate for automations that cause themselves (R5)."""
REFUSED = ("failed", "rolled_back", "timed_out", "skipped", "updated")
ENDS = tuple(f"firmware.{one}" for one in (*REFUSED, "requeued"))


def version_of(text: object) -> tuple[int, ...]:
    """A version as numbers that compare; empty if it is none."""
    parts = str(text).split(".")
    return tuple(map(int, parts)) if all(part.isdigit() for part in parts) else ()


class RefusedImage(Invariant):
    """Checksum/signature mismatch → never UPDATING.

    What is seen of it: an update that was told to have failed does not go on.
    """

    ident = "FW1"
    families = ("firmware",)

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._over: dict[str, str] = {}

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        if event.kind == "firmware.initiated":
            self._over.pop(event.subject, None)
        elif event.kind == "firmware.updating" and event.subject in self._over:
            return f"{event.subject} is updating after {self._over[event.subject]}"
        elif event.kind in ENDS:
            self._over[event.subject] = event.kind
        return None


class ExplicitDowngrade(Invariant):
    """Downgrade only if explicit."""

    ident = "FW5"
    families = ("device", "command")

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._runs: dict[str, object] = {}

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        data = event.data
        if event.kind == "device.born":
            self._runs[event.subject] = data.get("firmware")
        elif event.kind == "command.requested" and data.get("name") == "update_firmware":
            thing, args = str(data.get("thing")), data.get("args") or {}
            wanted, runs = version_of(args.get("version")), version_of(self._runs.get(thing))
            if wanted and wanted < runs and not args.get("downgrade"):
                return f"{thing} runs {self._runs[thing]} and is asked for {args['version']}"
        return None


class OldOrNew(Invariant):
    """Power/network cut at any byte → boots old or new image, never none."""

    ident = "FW6"
    families = ("firmware", "device")

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._images: dict[str, tuple[str, str]] = {}

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        data = event.data
        if event.kind == "firmware.initiated":
            self._images[str(data.get("thing"))] = str(data.get("was")), str(data.get("version"))
        elif event.kind == "device.born" and event.subject in self._images:
            boots = str(data.get("firmware"))
            if boots not in self._images[event.subject]:
                old, new = self._images[event.subject]
                return f"{event.subject} boots {boots}, which is neither {old} nor {new}"
        elif event.kind in ENDS:
            self._images.pop(str(data.get("thing")), None)
        return None


class PlannedByContract(Invariant):
    """Update downtime counts as PLANNED only if the contract says so.

    Where a contract does not, a thing has no more planned time than windows of planned work were
    used; agreed windows that were told before a period was closed count.
    """

    ident = "FW9"
    families = ("firmware", "planned_work", "outcome")

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._used_ms: dict[str, int] = {}
        self._updated: set[str] = set()

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        data = event.data
        if event.kind == "firmware.updated":
            self._updated.add(str(data.get("thing")))
        elif event.kind.startswith("planned_work."):
            begin, end = data.get("used_from_ms"), data.get("used_to_ms")
            if begin is not None and end is not None:
                thing = str(data.get("thing"))
                self._used_ms[thing] = self._used_ms.get(thing, 0) + int(end) - int(begin)
        elif event.kind == "outcome.period_closed":
            return self._closed(event)
        return None

    def _closed(self, event: FeedSeen) -> str | None:
        if str(event.data.get("contract")) in self.brief.planned_updates:
            return None
        things: dict[str, Any] = event.data.get("things") or {}
        for thing in sorted(self._updated & things.keys()):
            planned_ms, used_ms = things[thing].get("planned_ms", 0), self._used_ms.get(thing, 0)
            if planned_ms > used_ms:
                said = f"{event.subject}: {thing} has {planned_ms} ms of planned time"
                return f"{said} and was updated; windows took {used_ms} ms"
        return None


class WearSurvives(Invariant):
    """Counters, wear and calibration survive.

    What is seen of it: no condition begins a new life after an update without a part.
    """

    ident = "FW11"
    families = ("firmware", "part", "condition")

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._cycles: dict[tuple[str, str], int] = {}
        self._updated: set[str] = set()

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        if event.kind == "firmware.updated":
            self._updated.add(str(event.data.get("thing")))
            return None
        place, cycle = place_of(event), cycle_of(event)
        if event.kind == "part.fitted":
            self._cycles.pop(place, None)
        elif event.kind == "condition.evaluated" and cycle is not None:
            before = self._cycles.setdefault(place, cycle)
            if cycle != before and place[0] in self._updated:
                return f"{place[0]}/{place[1]} went from cycle {before} to {cycle} by an update"
            self._cycles[place] = cycle
        return None


class HealthJudged(Invariant):
    """Health check after update compares event rate to control group.

    What is seen of it: a rollout that is judged unhealthy asks no other device.
    """

    ident = "FW12"
    families = ("firmware",)

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._unhealthy: set[str] = set()

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        rollout = str(event.data.get("rollout"))
        if event.kind == "firmware.health_judged" and event.data.get("verdict") == "UNHEALTHY":
            self._unhealthy.add(rollout)
        elif event.kind == "firmware.rollout_resumed":
            self._unhealthy.discard(rollout)
        elif event.kind == "firmware.initiated" and rollout in self._unhealthy:
            return f"{event.subject} is asked, and {rollout} was judged unhealthy"
        return None


class NoLoop(Invariant):
    """No automation loop (command → metric → same automation) beyond N (E: 3/h)."""

    ident = "R5"
    families = ("automation",)

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._ran_ms: dict[str, deque[int]] = {}

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        if event.kind != "automation.ran":
            return None
        ran = self._ran_ms.setdefault(event.subject, deque())
        ran.append(event.at_ms)
        while ran[0] <= event.at_ms - HOUR_MS:
            ran.popleft()
        if len(ran) > RUNS_PER_H_MAX:
            return f"{event.subject} ran {len(ran)} times within an hour"
        return None
