"""The wire as others read it: documents, malformed payloads, topic filters."""

from __future__ import annotations

import json
from typing import get_args

import pytest

from broker.link.filters import matches, overlap
from broker.link.memory import MemoryBus
from broker.wire import codec, topics
from broker.wire import messages as m
from broker.wire.schema import FOLDER, documents, write

UP = "twinrig/v1/up/site-a/dev-1/telemetry"
GOOD = b'{"type":"telemetry.v1","device":"dev-1","boot":1,"seq":1,"at_ms":0,"signals":{"x_m":1.5}}'


def test_the_documents_in_the_package_are_those_of_the_types():
    kept = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")}
    assert kept == documents(), "run: python -m broker.wire.schema"


def test_writing_puts_every_document_into_the_folder(tmp_path):
    paths = write(tmp_path / "new")
    assert {p.name: p.read_text(encoding="utf-8") for p in paths} == documents()


def test_every_message_has_a_schema_and_a_place_in_asyncapi():
    made = {name: json.loads(text) for name, text in documents().items()}
    asyncapi = made.pop("asyncapi.json")
    classes = {cls.__name__ for cls in (*get_args(m.Uplink), *get_args(m.Downlink))}
    assert {next(iter(doc["$defs"])) for doc in made.values()} <= classes | {"Signal", "Sample"}
    assert len(made) == len(classes)
    assert set(asyncapi["components"]["messages"]) == classes
    carried = {name for channel in asyncapi["channels"].values() for name in channel["messages"]}
    assert carried == classes
    assert asyncapi["channels"]["up_batch"]["address"] == "twinrig/v1/up/{site}/{device}/batch"
    assert asyncapi["operations"]["down_command"]["action"] == "send"
    text = json.dumps(asyncapi)
    for reference in {part.split('"')[0] for part in text.split('"$ref": "#/')[1:]}:
        node = asyncapi
        for key in reference.split("/"):
            node = node[key]


@pytest.mark.parametrize(
    ("topic", "payload", "text"),
    [
        (UP, b"{", f"{UP}: Input data was truncated"),
        (UP, b"\xff", f"{UP}: JSON is malformed: invalid character (byte 0)"),
        (
            UP,
            GOOD.replace(b'"seq":1', b'"seq":0'),
            f"{UP}: Expected `int` >= 1 - at `$.seq`",
        ),
        (
            UP,
            GOOD.replace(b"1.5", b"null"),
            f"{UP}: Expected `float`, got `null` - at `$.signals[...]`",
        ),
        (
            UP,
            GOOD.replace(b"telemetry.v1", b"telemetry.v9"),
            f"{UP}: Invalid value 'telemetry.v9' - at `$.type`",
        ),
        (
            UP,
            GOOD.replace(b"dev-1", b"dev-2"),
            f"{UP}: payload is of device 'dev-2', topic of 'dev-1'",
        ),
        (
            UP.replace("dev-1", "Dev_1"),
            GOOD.replace(b"dev-1", b"Dev_1"),
            (
                "twinrig/v1/up/site-a/Dev_1/telemetry: 'Dev_1' is no id of a device; "
                "expected ^[a-z0-9][a-z0-9-]{1,62}$"
            ),
        ),
        (
            "sensors/1",
            GOOD,
            "sensors/1: not an uplink topic; expected twinrig/v1/up/<site>/<device>/<kind>",
        ),
    ],
)
def test_a_malformed_message_is_told_with_topic_place_and_what_is_allowed(topic, payload, text):
    with pytest.raises(codec.MalformedMessage) as refused:
        codec.decode_uplink(topic, payload)
    assert str(refused.value) == text


@pytest.mark.parametrize(
    ("topic_filter", "topic", "expected"),
    [
        (topics.UP_ALL, UP, True),
        (topics.up_of_site("site-a"), UP, True),
        (topics.up_of_site("site-b"), UP, False),
        ("twinrig/v1/+/site-a/dev-1/telemetry", UP, True),
        ("twinrig/v1/+/site-a/dev-1", UP, False),
        ("twinrig/v1/up/site-a/dev-1/telemetry/more", UP, False),
        (UP + "/#", UP, True),
    ],
)
def test_filters_match_as_the_standard_says(topic_filter, topic, expected):
    assert matches(topic_filter, topic) is expected
    assert overlap(topic, topic_filter) is expected


def test_services_on_one_bus_may_not_share_a_filter(run, new_handler):
    async def story() -> None:
        bus = MemoryBus()
        first, second = bus.service_link("one"), bus.service_link("two")
        await first.open([topics.up_of_site("site-a")], new_handler())
        with pytest.raises(ValueError, match=r"service 'two' may not share filters: .* of service"):
            await second.open([topics.UP_ALL], new_handler())
        await second.open([topics.up_of_site("site-b")], new_handler())
        await first.close()
        await second.close()

    run(story())


def test_a_service_with_the_same_id_takes_over_and_gets_what_was_in_hand(run, new_handler):
    async def story() -> None:
        import asyncio

        from broker.link.port import LinkLost, Packet

        bus, stuck, fresh = MemoryBus(), new_handler(gate=asyncio.Event()), new_handler()
        old, new, devices = bus.service_link(), bus.service_link(), bus.device_link()
        await old.open([topics.UP_ALL], stuck)
        await devices.open(["site-a"], lambda _: None)
        await devices.publish([Packet(UP, GOOD)])
        await stuck.entered.wait()
        await new.open([topics.UP_ALL], fresh)
        await fresh.has({GOOD})
        with pytest.raises(LinkLost, match="another service link took over"):
            await old.ended()
        assert stuck.packets == []
        await new.close()

    run(story())
