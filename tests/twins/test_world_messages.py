"""What the world says and hears: order, commands, resends, rebirths, authors' mistakes."""

import pytest

from broker.wire.codec import decode_uplink, encode
from broker.wire.messages import (
    Birth,
    Command,
    CommandAck,
    RebirthRequest,
    ResendRequest,
    Telemetry,
    TelemetryBatch,
)
from broker.wire.topics import uplink
from twins.core.errors import InvalidFault, InvalidWorld, TwinError
from twins.core.spec import FieldSpec, FleetSpec, WorldSpec
from twins.products import catalog
from twins.world import World

HOUR = 3_600_000
DAY = 24 * HOUR
START = 1_767_571_200_000
SPEC = WorldSpec(start_ms=START, fleets=(FleetSpec(product="pump", sites=2),))


@pytest.fixture
def world() -> World:
    world = World(SPEC, seed=7)
    world.start()
    world.run_until(START + 3 * HOUR)
    return world


def command(name: str, command_id: str = "c1", device: str = "pump-01-1", **more: int) -> Command:
    expires = more.get("expires_ms", START + DAY)
    return Command(
        command_id=command_id, device=device, name=name, issued_ms=START, expires_ms=expires
    )


def ack_of(world: World, asked: Command) -> CommandAck:
    [(site, ack)] = world.obey("station-01", asked)
    assert site == "station-01"
    assert isinstance(ack, CommandAck)
    return ack


def test_a_world_begins_with_one_birth_per_device_that_says_what_it_measures() -> None:
    world = World(SPEC, seed=7)
    births = world.start().messages
    assert [birth.device for _, birth in births] == sorted(world.devices)
    assert dict(world.sites) == {
        "station-01": ("pump-01-1", "pump-01-2"),
        "station-02": ("pump-02-1", "pump-02-2"),
    }
    for site, birth in births:
        assert isinstance(birth, Birth)
        assert (birth.boot, birth.seq, birth.at_ms) == (1, 0, START)
        assert set(birth.signals) == set(catalog()["pump"].signals)
        assert decode_uplink(uplink(site, birth), encode(birth)) == (site, birth)


def test_telemetry_is_sorted_numbered_without_gaps_and_within_its_ranges() -> None:
    world = World(SPEC, seed=7)
    world.start()
    messages = [message for _, message in world.run_until(START + DAY).messages]
    keys = [(m.at_ms, m.device, m.boot, m.seq) for m in messages]
    assert keys == sorted(keys)
    for device in world.devices:
        mine = [m for m in messages if m.device == device]
        assert [m.seq for m in mine] == list(range(1, 145))
        assert [m.at_ms for m in mine] == [START + at * 600_000 for at in range(1, 145)]
    specs = catalog()["pump"].signals
    for message in messages:
        assert isinstance(message, Telemetry)
        for name, value in message.signals.items():
            assert specs[name].min <= value <= specs[name].max
            assert value == round(value * specs[name].steps_per_unit) / specs[name].steps_per_unit


def test_vibration_and_current_are_absent_when_a_device_did_not_run(world: World) -> None:
    messages = [message for _, message in world.run_until(START + DAY).messages]
    idle = [m for m in messages if m.signals["power_kw"] == 0.0]
    busy = [m for m in messages if m.signals["power_kw"] > 0.0]
    assert idle
    assert busy
    assert not any({"vibration_mm_s", "current_a"} & set(m.signals) for m in idle)
    assert all({"vibration_mm_s", "current_a"} <= set(m.signals) for m in busy)


def test_a_command_is_obeyed_and_acknowledged_once_per_id(world: World) -> None:
    assert ack_of(world, command("stop")).status == "done"
    assert world.obey("station-01", command("stop")) == []
    messages = world.run_until(START + DAY).messages
    hours = [m.signals["run_hours_h"] for _, m in messages if m.device == "pump-01-1"]
    assert hours[0] == hours[-1]
    assert ack_of(world, command("start", "c2")).status == "done"
    messages = world.run_until(START + 2 * DAY).messages
    assert [m.signals["run_hours_h"] for _, m in messages if m.device == "pump-01-1"][-1] > hours[0]


def test_an_acknowledgement_takes_the_next_number_of_its_device(world: World) -> None:
    assert ack_of(world, command("reset_starts")).seq == 19
    messages = world.run_until(START + 4 * HOUR).messages
    assert next(m for _, m in messages if m.device == "pump-01-1").seq == 20
    assert next(m for _, m in messages if m.device == "pump-01-2").seq == 19


@pytest.mark.parametrize(
    ("asked", "status", "detail"),
    [
        (command("stop", expires_ms=START + HOUR), "expired", "expired at"),
        (command("dance"), "refused", "unknown command 'dance'; there are: get_settings, reboot"),
    ],
)
def test_a_command_that_cannot_be_obeyed_is_answered_with_the_reason(
    world: World, asked: Command, status: str, detail: str
) -> None:
    ack = ack_of(world, asked)
    assert ack.status == status
    assert detail in ack.detail


def test_nobody_answers_for_a_device_that_is_not_there(world: World) -> None:
    assert world.obey("station-01", command("stop", device="pump-02-1")) == []
    assert world.obey("station-99", RebirthRequest(command_id="r")) == []


def test_a_rebirth_request_is_answered_by_the_same_birth_again() -> None:
    world = World(SPEC, seed=7)
    births = world.start().messages
    world.run_until(START + HOUR)
    of_all = world.obey("station-01", RebirthRequest(command_id="r1"))
    assert of_all == [sent for sent in births if sent[0] == "station-01"]
    one = world.obey("station-01", RebirthRequest(command_id="r2", device="pump-01-2"))
    assert one == of_all[1:]


def test_a_resend_gives_back_exactly_what_was_sent() -> None:
    world = World(SPEC, seed=7)
    birth = world.start().messages[0]
    sent = [m for _, m in world.run_until(START + 3 * HOUR).messages if m.device == "pump-01-1"]
    ack = ack_of(world, command("stop"))
    sent += [m for _, m in world.run_until(START + 5 * HOUR).messages if m.device == "pump-01-1"]
    ask = ResendRequest(command_id="r", device="pump-01-1", boot=1, from_seq=0, to_seq=25)
    first, (_, batch), last = world.obey("station-01", ask)
    assert (first, last) == (birth, ("station-01", ack))
    assert isinstance(batch, TelemetryBatch)
    assert [(s.seq, s.at_ms, s.signals) for s in batch.samples] == [
        (m.seq, m.at_ms, m.signals) for m in sent if m.seq <= 25
    ]
    other_boot = ResendRequest(command_id="r", device="pump-01-1", boot=2, from_seq=1, to_seq=9)
    assert world.obey("station-01", other_boot) == []


def test_the_ring_buffer_of_a_wired_device_keeps_three_days_and_batches_stay_small() -> None:
    fleet = FleetSpec(product="pump", report_every_ms=5 * 60_000)
    world = World(WorldSpec(start_ms=START, fleets=(fleet,)), seed=7)
    world.start()
    world.run_until(START + 5 * DAY)
    ask = ResendRequest(command_id="r", device="pump-01-1", boot=1, from_seq=1, to_seq=10_000)
    batches = [message for _, message in world.obey("station-01", ask)]
    seqs = [sample.seq for batch in batches for sample in batch.samples]
    assert seqs == list(range(2 * 288 + 1, 5 * 288 + 1))
    assert len(batches) == 2
    assert max(len(encode(batch)) for batch in batches) < 2**18


def test_all_mistakes_of_a_description_are_told_at_once() -> None:
    spec = WorldSpec(
        start_ms=START,
        fleets=(
            FleetSpec(product="pmup"),
            FleetSpec(product="pump", sites=0, params={"inflow_ls": 3.0, "well_area_m2": -1.0}),
        ),
        field=FieldSpec(crew={"visit_euro": 1.0}, customer={"ignore_p": 2.0}),
    )
    with pytest.raises(InvalidWorld) as caught:
        World(spec, seed=1)
    assert isinstance(caught.value, TwinError)
    text = "\n".join(caught.value.problems)
    assert len(caught.value.problems) == 6
    products = ", ".join(sorted(catalog()))
    assert f"fleets[0]: unknown product 'pmup'; there are: {products}" in text
    assert "unknown parameter 'inflow_ls' (did you mean 'inflow_l_s'?)" in text
    assert "well_area_m2 = -1.0 m2 is outside 2.0 to 5000.0" in text
    assert "fleets[1]: sites must be 1 to 100000, not 0" in text
    assert "field.crew: unknown parameter 'visit_euro' (did you mean 'visit_eur'?)" in text
    assert "field.customer: ignore_p = 2.0 1 is outside 0.0 to 1.0" in text


@pytest.mark.parametrize(
    ("fault", "device", "params", "text"),
    [
        ("rust", "pump-01-1", {}, "pump has no fault 'rust'; there are: bearing_wear"),
        ("bearing_wear", "pump-9", {}, "there is no device 'pump-9'; there are: pump-01-1"),
        ("bearing_wear", "pump-01-1", {"pf": 1.0}, "unknown parameter 'pf'"),
        ("bearing_wear", "pump-01-1", {"onset": -1.0}, "onset = -1.0 h is outside 0.0"),
    ],
)
def test_a_fault_that_cannot_be_injected_names_what_exists(
    world: World, fault: str, device: str, params: dict[str, float], text: str
) -> None:
    with pytest.raises(InvalidFault, match=text.replace("[", r"\[")):
        world.inject(fault, device, params)


def test_a_part_that_has_failed_cannot_begin_to_wear(world: World) -> None:
    world.inject("bearing_wear", "pump-01-1", {"onset": 0.0, "pf_interval": 1.0})
    world.run_until(START + DAY)
    with pytest.raises(InvalidFault, match="has failed already; fit a new one first"):
        world.inject("bearing_wear", "pump-01-1", {})
    assert ack_of(world, command("start")).detail == "the pump is broken and cannot start"
