"""The HTTP side: one error shape, all problems at once, kept answers, feed, snapshot."""

from __future__ import annotations

import asyncio

THINGS = {"mix-1": "site-01", "mix-2": "site-02"}


def test_every_operation_documents_the_one_error_body_for_every_refusal(kit):
    async def story():
        async with kit.open_rig() as rig:
            document = await rig.get("/openapi.json")
            operations = [
                (path, verb, operation)
                for path, verbs in document["paths"].items()
                for verb, operation in verbs.items()
            ]
            assert len(operations) > 15
            for path, verb, operation in operations:
                assert operation.get("description") or operation.get("summary"), (path, verb)
                for status in ("400", "404", "409", "422"):
                    schema = operation["responses"][status]["content"]["application/json"]["schema"]
                    name = schema["$ref"].rsplit("/", 1)[1]
                    body = document["components"]["schemas"][name]
                    assert "error" in body["required"], (path, verb, status)

    asyncio.run(story())


def test_a_refused_body_lists_every_problem_with_its_place_and_what_is_allowed(kit):
    async def story():
        async with kit.open_rig() as rig:
            body = {
                "product": "mixer",
                "colour": "red",
                "signals": {
                    "Temp": {"unit": "°C", "min": 0, "max": 1},
                    "temp_c": {"unit": "°C", "min": 9.0, "max": 1.0},
                    "speed_rpm": {"unit": "rpm", "min": "low", "max": 1},
                },
                "parts": [{"part": "seal", "position": "shaft", "quantity": 0}],
                "conditions": [
                    {"id": "w", "position": "p", "algorithm": "a", "every_s": 60, "params": {}},
                    {"id": "w", "position": "p", "algorithm": "a", "every_s": 0},
                ],
            }
            refused = (await rig.put("/v1/models/mixer-1", body, 422))["error"]
            assert refused["code"] == "invalid"
            found = {p["where"]: (p["what"], p["allowed"]) for p in refused["problems"]}
            assert found["signals.temp_c.min"] == ("9", "less than max, 1")
            assert found["conditions[1].id"] == ("'w' stands twice", "each once")
            assert set(found) == {
                "colour",
                "signals.Temp.[key]",
                "signals.temp_c.min",
                "signals.speed_rpm.min",
                "parts[0].quantity",
                "conditions[1].every_s",
                "conditions[1].params",
                "conditions[1].id",
            }
            assert found["colour"][1] == "only the keys that the API document names"

    asyncio.run(story())


def test_references_to_what_is_not_installed_are_all_named(kit):
    async def story():
        async with kit.open_rig() as rig:
            refused = await rig.put("/v1/things/mix-9", {"model": "m", "site": "s"}, 422)
            assert [p["where"] for p in refused["error"]["problems"]] == ["model", "site"]
            site = {"customer": "nobody", "name": "x", "time_zone": "Mars/Base"}
            refused = await rig.put("/v1/sites/s", site, 422)
            assert [p["where"] for p in refused["error"]["problems"]] == ["customer", "time_zone"]

    asyncio.run(story())


def test_refusals_have_one_shape_whatever_went_wrong(kit):
    async def story():
        async with kit.open_rig(things=THINGS) as rig:
            answer = await rig.client.post("/v1/clock", content=b"{nonsense")
            assert (answer.status_code, answer.json()["error"]["code"]) == (400, "malformed")
            unknown = await rig.get("/v1/things/mix-9", 404)
            assert unknown["error"]["title"] == "there is no thing 'mix-9'"
            nowhere = await rig.get("/v1/nowhere", 404)
            assert nowhere["error"]["code"] == "unknown"
            wrong = await rig.get("/v1/things/mix-1/telemetry?signal=wet", 422)
            assert wrong["error"]["problems"][0]["allowed"] == "speed_rpm, temp_c"
            path = await rig.post("/v1/snapshot", {"path": "/no/such/folder/x"}, 422)
            assert path["error"]["problems"][0]["where"] == "path"

    asyncio.run(story())


def test_installing_twice_changes_nothing_and_a_thing_shows_what_is_known_of_it(kit):
    async def story():
        async with kit.open_rig(things=THINGS) as rig:
            await rig.install(THINGS)
            await rig.send("site-01", kit.birth("mix-1"), kit.reading("mix-1", 1, kit.START_MS))
            await rig.clock(kit.START_MS)
            thing = await rig.get("/v1/things/mix-1")
            assert (thing["customer"], thing["born"]["firmware"]) == ("acme", "1.0")
            assert thing["latest"] == {"at_ms": kit.START_MS, "signals": {"temp_c": 21.0}}
            assert [t["id"] for t in (await rig.get("/v1/things"))["items"]] == ["mix-1", "mix-2"]
            info = await rig.get("/v1/info")
            assert (info["level"], info["clock"], info["ready"]) == ("L2", "driven", True)

    asyncio.run(story())


COMMAND = {"by": "ada", "name": "stop", "args": {"hard": True}, "expires_s": 60}


def test_the_same_key_gets_the_same_answer_though_time_has_moved_also_after_a_restart(
    kit, new_store
):
    url = new_store()
    path, key = "/v1/things/mix-1/commands", {"Idempotency-Key": "k1"}

    async def story():
        async with kit.open_rig(url, things=THINGS) as rig:
            await rig.clock(kit.START_MS)
            first = await rig.post(path, COMMAND, **key)
            await rig.clock(kit.START_MS + 1)
            assert await rig.post(path, COMMAND, **key) == first
            assert await rig.post(path, COMMAND) != first
        async with kit.open_rig(url) as again:
            assert await again.post(path, COMMAND, **key) == first
            assert len((await again.get("/v1/commands"))["items"]) == 2
            other = await again.post(path, {**COMMAND, "name": "go"}, 409, **key)
            assert other["error"]["code"] == "idempotency_key_reused"

    asyncio.run(story())


def test_a_refused_step_keeps_no_answer_and_none_of_its_writes(kit):
    async def story():
        async with kit.open_rig() as rig:
            path, key = "/v1/things/mix-1/commands", {"Idempotency-Key": "k1"}
            await rig.post(path, COMMAND, 404, **key)
            await rig.install(THINGS)
            accepted = await rig.post(path, COMMAND, **key)
            assert accepted["state"] == "REQUESTED"

    asyncio.run(story())


def test_the_feed_is_read_page_by_page_in_order_and_its_ids_follow_from_content(kit):
    async def read(rig, limit):
        events, cursor = [], "0"
        while True:
            page = await rig.get(f"/v1/feed?after={cursor}&limit={limit}")
            if not page["events"]:
                assert page["cursor"] == cursor
                return events
            assert len(page["events"]) <= limit
            events, cursor = events + page["events"], page["cursor"]

    async def story():
        ids = []
        for order in (1, -1):
            async with kit.open_rig(things=THINGS) as rig:
                for thing, site in list(THINGS.items())[::order]:
                    await rig.send(site, kit.birth(thing))
                answer = await rig.clock(kit.START_MS)
                whole, paged = await read(rig, 1000), await read(rig, 1)
                assert whole == paged
                assert answer["feed_cursor"] == str(len(whole))
                assert {e["specversion"] for e in whole} == {"1.0"}
                assert whole[0]["time"] == "2026-01-01T00:00:00.000Z"
                ids.append(sorted(e["id"] for e in whole))
        assert ids[0] == ids[1]
        assert len(set(ids[0])) == 2

    asyncio.run(story())


def test_a_dps_restored_from_a_snapshot_goes_on_as_the_one_that_was_copied(
    kit, new_store, tmp_path
):
    path, url, other = tmp_path / "copy", new_store(), new_store()

    async def story():
        async with kit.open_rig(url, things=THINGS) as rig:
            await rig.send("site-01", kit.birth("mix-1"), kit.reading("mix-1", 1, kit.START_MS))
            answer = await rig.clock(kit.START_MS)
            for _ in range(2):  # a second one takes the place of the first
                written = await rig.post("/v1/snapshot", {"path": str(path)})
                assert written["bytes"] > 10_000
            await rig.send("site-01", kit.reading("mix-1", 2, kit.START_MS + 1))
            later = await rig.clock(kit.START_MS + 1)
            delivered = rig.delivered
        async with kit.open_rig(other, restore_from=path) as copy:
            assert await copy.clock(kit.START_MS, delivered=delivered) == answer
            await copy.send("site-01", kit.reading("mix-1", 2, kit.START_MS + 1))
            assert await copy.clock(kit.START_MS + 1, delivered=delivered) == later
            series = await copy.get("/v1/things/mix-1/telemetry?signal=temp_c")
            assert series["values"] == [21.0, 22.0]

    asyncio.run(story())
