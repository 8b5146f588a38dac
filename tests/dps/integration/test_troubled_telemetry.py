"""Late, duplicate, out-of-order and missing telemetry never makes a second need (O1, O2).

Hypothesis draws a short recorded stream of a thing that runs hot again and again, and what the way
to the service does to each message. Whatever that is, there is at most one recommendation and one
order for the one need.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

_spec = importlib.util.spec_from_file_location(
    "crash_walk", Path(__file__).with_name("test_crash_walk.py")
)
_walk = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_walk)

COLD_C, HOT_C = 20.0, 90.0
STEPS = 8
FATES = st.fixed_dictionaries(
    {
        "late": st.sampled_from([0, 0, 0, 1, 2, 5]),
        "copies": st.sampled_from([1, 1, 2, 3]),
        "lost": st.sampled_from([False, False, False, True]),
        "place": st.integers(0, 9),
    }
)
"""What happens to a message: steps of delay, copies, whether it is lost, its place in its step."""
STREAM = st.lists(st.booleans(), min_size=STEPS, max_size=STEPS)


PLAIN = {"late": 0, "copies": 1, "lost": False, "place": 0}
DAY_STEPS = 24


class Lab:
    """One DPS for all examples: each has things and a day of its own."""

    def __init__(self, kit):
        self.kit, self.loop = kit, asyncio.new_event_loop()
        self._open = kit.open_rig()
        self.rig = self.do(self._open.__aenter__())
        self.things, self.day, self.cursor = 0, 0, "0"
        self.do(_walk.install(self._call, kit, None))

    def do(self, what):
        return self.loop.run_until_complete(what)

    def close(self):
        self.do(self._open.__aexit__(None, None, None))
        self.loop.close()

    async def _call(self, method, path, body=None, key=None):
        answer = await self.rig.client.request(method, path, json=body)
        assert answer.status_code == 200, answer.text

    def live(self, *streams):
        """A thing for each stream of ``(hot, fates)``; gives what the feed says of each."""
        return self.do(self._live(streams))

    async def _live(self, streams):
        self.day += 1
        base_ms = self.kit.START_MS + self.day * DAY_STEPS * self.kit.HOUR_MS
        names, arrivals = [], {}
        for hot, fates in streams:
            self.things += 1
            names.append(f"mix-x{self.things}")
            body = {"model": "mixer-1", "site": "site-01"}
            await self._call("PUT", f"/v1/things/{names[-1]}", body)
            await self.rig.send("site-01", self.kit.birth(names[-1], at_ms=base_ms))
            for step, place, message in self._messages(names[-1], base_ms, hot, fates):
                arrivals.setdefault(step, []).append((place, message))
        for step in range(1, STEPS + 1):
            for _, message in sorted(arrivals.get(step, ()), key=lambda one: one[0]):
                await self.rig.send("site-01", message)
            await self.rig.clock(base_ms + step * self.kit.HOUR_MS)
        page = await self.rig.get(f"/v1/feed?after={self.cursor}&limit=10000")
        self.cursor = page["cursor"]
        return [[e for e in page["events"] if name in json.dumps(e)] for name in names], names

    def _messages(self, name, base_ms, hot, fates):
        for step, (is_hot, fate) in enumerate(zip(hot, fates, strict=True), 1):
            at_ms = base_ms + step * self.kit.HOUR_MS
            message = self.kit.reading(name, step, at_ms, temp_c=HOT_C if is_hot else COLD_C)
            for _ in range(0 if fate["lost"] else fate["copies"]):
                yield min(step + fate["late"], STEPS), (fate["place"], step), message


@pytest.fixture(scope="module")
def lab(kit):
    one = Lab(kit)
    yield one
    one.close()


@pytest.mark.feature("O1", "O2", "A1")
@given(hot=STREAM, fates=st.lists(FATES, min_size=STEPS, max_size=STEPS))
def test_whatever_the_way_does_to_a_stream_one_need_is_one_recommendation_and_one_order(
    lab, hot, fates
):
    (feed,), _ = lab.live((hot, fates))
    told = Counter(event["type"] for event in feed)
    heard = any(h and not f["lost"] for h, f in zip(hot, fates, strict=True))
    assert told["order.placed"] <= told["recommendation.issued"] <= int(heard)
    open_now = 0
    for event in feed:
        open_now += (event["type"] == "alert.raised") - (event["type"] == "alert.cleared")
        assert open_now in (0, 1)


@pytest.mark.feature("O2", "A8")
@settings(max_examples=12)
@given(hot=STREAM, copies=st.lists(st.sampled_from([1, 2, 3]), min_size=STEPS, max_size=STEPS))
def test_copies_change_nothing_at_all(lab, hot, copies):
    """Not one event more, less or different: beside it lives a thing that got each once."""
    feeds, names = lab.live((hot, [PLAIN] * STEPS), (hot, [{**PLAIN, "copies": n} for n in copies]))
    plain, troubled = (
        [{**json.loads(json.dumps(e).replace(name, "x")), "id": ""} for e in feed]
        for feed, name in zip(feeds, names, strict=True)
    )
    assert troubled == plain


@pytest.mark.feature("O2")
def test_the_stream_without_trouble_does_make_the_need(kit):
    """Else the properties above would hold of a service that never orders."""
    lab = Lab(kit)
    try:
        (feed,), _ = lab.live(([False, True, False, True, True, False, True, False],
                               [PLAIN] * STEPS))  # fmt: skip
    finally:
        lab.close()
    told = Counter(event["type"] for event in feed)
    assert (told["recommendation.issued"], told["order.placed"]) == (1, 1)
    assert told["alert.raised"] >= 2
