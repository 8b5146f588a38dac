"""More invariants of updates (FW) that a feed can show to whoever knows what is rolled out.

What it cannot: which readings forbade an update (FW8).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from harness.events import FeedSeen
from harness.oracles.brief import Brief
from harness.oracles.invariants import Invariant, cycle_of, place_of

MINUTE_MS = 60_000
AT_ONCE = 100
"""Updates a minute, and under way at once, where a rollout says nothing else (FW10: the domain's
default)."""
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
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
        if event.kind == "part.fitted" and cycle is not None:
            self._cycles[place] = cycle
        elif event.kind == "condition.evaluated" and cycle is not None:
            before = self._cycles.get(place, 1 if place[0] in self._updated else cycle)
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


class _OfRollouts(Invariant):
    """What knows the rollouts that were begun; is told of each device that is asked."""

    families = ("firmware",)

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        rollout = self.brief.rollouts.get(str(event.data.get("rollout")))
        if event.kind != "firmware.initiated" or rollout is None:
            return None
        return self.asked(event, rollout)

    def asked(self, event: FeedSeen, rollout: Mapping[str, Any]) -> str | None:
        """What is wrong with asking a device, if anything is."""
        del event, rollout
        return None


class FitsOnly(_OfRollouts):
    """Incompatible model/hardware revision never targeted."""

    ident = "FW3"

    def asked(self, event: FeedSeen, rollout: Mapping[str, Any]) -> str | None:
        """See _OfRollouts."""
        thing = str(event.data["thing"])
        package = self.brief.packages.get(str(rollout["package"]), {})
        model, hardware = self.brief.models.get(thing), self.brief.hardware.get(thing, "")
        if model is not None and model not in package.get("models", (model,)):
            return f"{event.subject} is a {model}, and {rollout['package']} is for others"
        wanted = package.get("hardware") or (hardware,)
        if hardware not in wanted:
            has = f"hardware {hardware!r}"
            return f"{event.subject} has {has}, and {rollout['package']} is for {', '.join(wanted)}"
        return None


class InsideWindow(_OfRollouts):
    """No update in forbidden states and inside maintenance window.

    What is seen of it: no device is asked outside the window of its rollout.
    """

    ident = "FW8"

    def asked(self, event: FeedSeen, rollout: Mapping[str, Any]) -> str | None:
        """See _OfRollouts."""
        window = rollout.get("window")
        site = self.brief.devices.get(str(event.data["thing"]), "")
        zone = self.brief.zones.get(site, "UTC")
        if window is None or in_window(window, event.at_ms, zone):
            return None
        there = datetime.fromtimestamp(event.at_ms / 1000, ZoneInfo(zone))
        return f"{event.subject} is asked at {there:%a %H:%M}, and may be at {window['hours']}"


def in_window(window: Mapping[str, Any], at_ms: int, zone: str) -> bool:
    """Whether an instant lies in a window: ``hours`` as 22:00-05:00, ``days`` it begins on."""
    there = datetime.fromtimestamp(at_ms / 1000, ZoneInfo(zone))
    begin, end = (int(text[:2]) * 60 + int(text[3:]) for text in window["hours"].split("-"))
    days = window.get("days", DAYS)
    minute = there.hour * 60 + there.minute
    today = DAYS[there.weekday()] in days
    before = DAYS[(there - timedelta(days=1)).weekday()] in days
    if begin < end:
        return today and begin <= minute < end
    return (today and minute >= begin) or (before and minute < end)


class Throttled(_OfRollouts):
    """Throughput respects throttle (ThingsBoard default ≈ 100 devices/min; Servitly 2 parallel
    external calls).
    """  # noqa: D205 - the domain's sentence

    ident = "FW10"

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._under_way: dict[str, set[str]] = {}
        self._asked_ms: dict[str, deque[int]] = {}

    def feed(self, event: FeedSeen) -> str | None:
        """See Invariant."""
        if event.kind in ENDS:
            self._under_way.get(str(event.data.get("rollout")), set()).discard(event.subject)
        return super().feed(event)

    def asked(self, event: FeedSeen, rollout: Mapping[str, Any]) -> str | None:
        """See _OfRollouts."""
        name = str(event.data["rollout"])
        flying = self._under_way.setdefault(name, set())
        asked = self._asked_ms.setdefault(name, deque())
        flying.add(event.subject)
        asked.append(event.at_ms)
        while asked[0] <= event.at_ms - MINUTE_MS:
            asked.popleft()
        if len(flying) > rollout.get("in_flight", AT_ONCE):
            return f"{event.subject} is asked as number {len(flying)} that is under way"
        if len(asked) > rollout.get("per_minute", AT_ONCE):
            return f"{event.subject} is asked as number {len(asked)} within a minute"
        return None
