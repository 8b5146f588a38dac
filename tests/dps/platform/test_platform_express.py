"""The calls of every step have a short way past FastAPI; nobody can tell from the answers."""

import asyncio

import pytest
from fastapi.routing import APIRoute

from reference_impl.kernel.access import NOBODY

THINGS = {"mix-1": "site-01"}


@pytest.fixture
def long_ways(monkeypatch):
    """The paths of the calls that FastAPI handles."""
    handled, handle = [], APIRoute.handle

    async def counted(route, scope, receive, send):
        handled.append(scope["path"])
        await handle(route, scope, receive, send)

    monkeypatch.setattr(APIRoute, "handle", counted)
    return handled


def bodies(start_ms):
    """Bodies of clock calls, and whether each is one that the short way takes."""
    return [
        ({"now_ms": start_ms + 5, "delivered": {}, "wait_s": 0}, True),
        ({"now_ms": start_ms + 6}, True),
        ({"now_ms": start_ms}, True),  # in the past: 409
        ({"now_ms": start_ms + 7, "delivered": {"site-01": 3}, "wait_s": 0.0}, True),  # short: 409
        ({"now_ms": str(start_ms + 7)}, False),
        ({"now_ms": -1, "delivered": {"site-01": -1}, "wait_s": 601}, False),
        ({"now_ms": start_ms + 8, "more": 1}, False),
        ([], False),
    ]


def test_clock_and_feed_are_answered_alike_the_short_and_the_long_way(kit, long_ways):
    async def answers(query):
        found = []
        async with kit.open_rig(things=THINGS) as rig:
            await rig.send("site-01", kit.birth("mix-1"))
            await rig.stored()
            long_ways.clear()
            for body, short in bodies(kit.START_MS):
                said = await rig.client.post(f"/v1/clock{query}", json=body)
                found.append((said.status_code, sorted(said.headers.items()), said.content))
                assert (long_ways == []) == (short and not query), body
                long_ways.clear()
            both = [["after=1&limit=1", "limit=2"], ["limit=1&after=1", "limit=2&x=1"]]
            for asked in both[bool(query)]:
                said = await rig.client.get(f"/v1/feed?{asked}")
                found.append((said.status_code, sorted(said.headers.items()), said.content))
            assert long_ways == (["/v1/feed"] * 2 if query else [])
        return found

    short, long = asyncio.run(answers("")), asyncio.run(answers("?long"))
    assert short == long
    assert {status for status, _, _ in short} == {200, 409, 422}


def test_who_may_not_move_the_clock_is_told_so_and_the_clock_stays(kit):
    async def story():
        async with kit.open_rig(things=THINGS) as rig:
            await rig.clock(kit.START_MS)
            with kit.acting_as(rig, NOBODY):
                refused = await rig.client.post("/v1/clock", json={"now_ms": kit.START_MS + 1})
                assert refused.status_code == 403
                assert (await rig.client.get("/v1/feed?limit=9")).status_code == 403
            assert rig.dps.now_ms() == kit.START_MS

    asyncio.run(story())
