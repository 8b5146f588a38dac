"""Updates of firmware: stages, what is refused, and no power cut that leaves a device dead."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twins.core.firmware import RECORD_BYTES, TRIES, Flash, Image, version_key
from twins.core.update import LINK_BYTES_S, REBOOT_MS, SELF_TEST_MS

HOUR = 3_600_000
SIZE = 100_000
"""Size of the mill's image 1.1.0."""


@pytest.fixture
def mill(mills: Any) -> Any:
    return mills().start()


def stages(mill: Any) -> list[str]:
    return [json.loads(ack.detail)["stage"] for ack in mill.acks]


def last(mill: Any) -> tuple[str, dict[str, Any]]:
    return mill.acks[-1].status, json.loads(mill.acks[-1].detail)


def test_an_update_is_downloaded_verified_applied_started_tested_and_kept(mill: Any) -> None:
    accepted = mill.tell("update_firmware", version="1.1.0")
    assert accepted.status == "running"
    assert json.loads(accepted.detail) == {"percent": 0, "stage": "downloading", "version": "1.1.0"}
    mill.run(HOUR)
    downloads = [ack for ack in mill.acks if "downloading" in ack.detail]
    assert [json.loads(ack.detail)["percent"] for ack in downloads] == [16, 33, 49, 66, 82, 98]
    assert stages(mill)[len(downloads) :] == [
        "downloaded", "verified", "updating", "testing", "updated",
    ]  # fmt: skip
    assert {ack.command_id for ack in mill.acks} == {accepted.command_id}
    assert last(mill) == ("done", {"stage": "updated", "version": "1.1.0"})
    assert mill.version() == "1.1.0"
    assert mill.version(1) == "1.0.0"
    [(born_ms, device, boot)] = mill.born
    assert (device, boot) == ("mill-1", 2)
    assert [(ack.boot, ack.seq) for ack in mill.acks[-2:]] == [(2, 1), (2, 2)]
    assert mill.acks[-1].at_ms == born_ms + SELF_TEST_MS
    [truth] = [t for t in mill.truths if t.kind.startswith("firmware")]
    assert (truth.kind, truth.data) == (
        "firmware.updated", {"was": "1.0.0", "asked": "1.1.0", "runs": "1.1.0"},
    )  # fmt: skip


@pytest.mark.parametrize("link", sorted(LINK_BYTES_S))
def test_a_download_takes_as_long_as_the_link_needs(mills: Any, link: str) -> None:
    mill = mills(link).start()
    mill.tell("update_firmware", version="1.1.0")
    mill.run(HOUR)
    done = [ack.at_ms for ack in mill.acks if "downloaded" in ack.detail]
    seconds = (done[0] - mill.now_ms + HOUR) / 1000
    assert seconds == pytest.approx(SIZE / LINK_BYTES_S[link], abs=0.01)


@pytest.mark.feature("FW3")
@pytest.mark.parametrize(
    ("args", "problems"),
    [
        ({"version": "9.9.9"}, ["there is no image '9.9.9'; there are: 0.9.0, 1.1.0, 1.2.0"]),
        ({"version": "1.0.0"}, ["there is no image"]),
        ({"version": "0.9.0"}, ["version 0.9.0 is older than 1.0.0; say downgrade = true"]),
        (
            {"version": "1.5.0"},
            [
                "is for 'mill-8', not 'mill-9'",
                "needs hardware 3, this is 2",
                "is not signed by the vendor",
            ],
        ),
    ],
)
def test_an_image_that_does_not_fit_is_refused_with_every_reason(
    mill: Any, args: dict[str, Any], problems: list[str]
) -> None:
    ack = mill.tell("update_firmware", **args)
    assert ack.status == "refused"
    assert all(problem in ack.detail for problem in problems)
    assert mill.fleet.obedience.updates.dump() == {"flash": [], "running": []}


@pytest.mark.feature("FW4", "FW5")
def test_a_downgrade_must_be_asked_for_and_a_second_update_waits_its_turn(mill: Any) -> None:
    assert mill.tell("update_firmware", version="0.9.0", downgrade=True).status == "running"
    busy = mill.tell("update_firmware", version="1.1.0")
    assert busy.detail == "an update to 0.9.0 is under way"
    mill.run(HOUR)
    assert mill.version() == "0.9.0"
    again = mill.tell("update_firmware", version="0.9.0", downgrade=True)
    assert again.detail == "version 0.9.0 runs already"


@pytest.mark.feature("CC8", "FW1")
@pytest.mark.parametrize(("version", "sha256"), [("1.4.0", ""), ("1.1.0", "0" * 64)])
def test_bytes_that_are_not_those_of_the_digest_are_never_started(
    mill: Any, version: str, sha256: str
) -> None:
    mill.tell("update_firmware", version=version, sha256=sha256)
    mill.run(HOUR)
    status, said = last(mill)
    assert (status, said["stage"], said["version"]) == ("refused", "failed", "1.0.0")
    assert "the digest of the image is" in said["why"]
    assert mill.born == []
    assert "updating" not in stages(mill)


def test_the_digest_is_that_of_the_bytes() -> None:
    image = Image(product="mill", version="1.1.0", size_bytes=SIZE, for_model="m")
    content = hashlib.shake_256(b"mill/1.1.0").digest(SIZE)
    assert image.sha256 == image.served_sha256() == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(("version", "boots"), [("1.2.0", [2, 3]), ("1.3.0", [2])])
def test_a_bad_build_ends_with_the_old_one_and_with_its_boots_told(
    mill: Any, version: str, boots: list[int]
) -> None:
    mill.tell("update_firmware", version=version)
    mill.run(HOUR)
    status, said = last(mill)
    assert (status, said["stage"], said["version"]) == ("refused", "rolled_back", "1.0.0")
    assert mill.version() == "1.0.0"
    assert [boot for _, _, boot in mill.born] == boots
    if version == "1.3.0":  # never comes up; the watchdog tries three times
        started_ms = next(ack.at_ms for ack in mill.acks if "updating" in ack.detail)
        assert mill.born[0][0] - started_ms == 2_000 + (TRIES + 1) * REBOOT_MS
    assert mill.tell("update_firmware", version="1.1.0").status == "running"
    mill.run(HOUR)
    assert mill.version() == "1.1.0"


def test_an_outage_in_the_download_costs_the_part_under_way_and_no_more(mills: Any) -> None:
    mill = mills("mesh").start()
    mill.tell("update_firmware", version="1.1.0")
    mill.run(25_000)  # three parts of 8.2 s
    before = stages(mill).count("downloading")
    mill.away(for_ms=HOUR)
    mill.run(HOUR - 1)
    assert stages(mill).count("downloading") == before == 3
    mill.run(HOUR)
    assert stages(mill).count("downloading") == 6
    assert mill.version() == "1.1.0"


def test_a_link_that_stays_down_for_a_day_ends_the_update(mills: Any) -> None:
    mill = mills("mesh").start()
    mill.tell("update_firmware", version="1.1.0")
    mill.away(for_ms=26 * HOUR)
    mill.run(25 * HOUR)
    assert mill.acks == []  # it has nobody to say it to
    mill.run(HOUR)
    assert last(mill) == (
        "refused",
        {"stage": "failed", "version": "1.0.0", "why": "the link was down for a day"},
    )


@pytest.mark.feature("FW8")
def test_a_device_starts_anew_only_when_it_is_safe(mill: Any) -> None:
    mill.tell("update_firmware", version="1.1.0")
    mill.twin.busy[0] = True
    mill.run(3 * HOUR)
    assert stages(mill)[-1] == "waiting"
    assert stages(mill).count("waiting") == 1
    assert mill.born == []
    mill.twin.busy[0] = False
    mill.run(HOUR)
    assert mill.version() == "1.1.0"

    mill.tell("update_firmware", version="0.9.0", downgrade=True)
    mill.twin.busy[0] = True
    mill.run(25 * HOUR)
    assert last(mill)[1]["why"] == "busy held for a day"


def test_a_command_may_need_the_new_firmware(mill: Any) -> None:
    assert "needs firmware 1.1.0" in mill.tell("turbo", speed=20).detail
    mill.tell("update_firmware", version="1.1.0")
    mill.run(HOUR)
    assert "needs firmware" not in mill.tell("turbo", speed=20).detail


@given(cut_ms=st.integers(0, 100_000))
def test_a_power_cut_at_any_moment_of_an_update_only_makes_it_longer(
    mills: Any, cut_ms: int
) -> None:
    mill = mills("mesh").start()
    mill.tell("update_firmware", version="1.1.0")
    mill.run(cut_ms)
    mill.cut(20_000)
    mill.run(20_000)
    assert mill.version() in {"1.0.0", "1.1.0"}
    mill.run(HOUR)
    assert mill.version() == "1.1.0"
    assert last(mill) == ("done", {"stage": "updated", "version": "1.1.0"})
    assert mill.fleet.wire.reachable(mill.now_ms, 0)


@pytest.mark.parametrize("at_s", [10, 50, 52.9, 53.0, 60, 90, 140])
def test_an_update_goes_on_from_a_snapshot_as_if_nothing_had_been(mills: Any, at_s: float) -> None:
    mill = mills("mesh").start()
    mill.tell("update_firmware", version="1.2.0")
    mill.run(at_s * 1000)
    other, so_far = mill.again(), len(mill.acks)
    for each in (mill, other):
        each.run(HOUR)
    assert other.acks == mill.acks[so_far:]
    assert other.reports == [report for report in mill.reports if report[0] > other.now_ms - HOUR]
    assert other.fleet.obedience.dump()["updates"] == mill.fleet.obedience.dump()["updates"]


class Cut(Exception):  # noqa: N818
    """The power went off."""


class Power:
    """Lets a number of bytes be written, then goes off."""

    def __init__(self, bytes_left: int) -> None:
        self.bytes_left = bytes_left

    def record(self, write: Any) -> None:
        """Write a boot record through ``write(cut_at)``, cut if the power does not last."""
        cut_at = self.bytes_left if self.bytes_left < RECORD_BYTES else None
        self.bytes_left -= RECORD_BYTES
        write(cut_at)
        if cut_at is not None:
            raise Cut


IMAGES = {
    "2.0.0": Image(product="p", version="2.0.0", size_bytes=100, for_model="m"),
    "3.0.0": Image(product="p", version="3.0.0", size_bytes=100, for_model="m"),
}


def attempt(flash: Flash, image: Image | None, power: Power, *, starts: bool, works: bool) -> None:
    """What a device does after a start, by the byte; without ``image`` it only settles."""
    while not boot(flash, power, starts=starts or flash.record().slot == flash.running):
        pass
    if flash.record().trial:
        step = flash.confirm() if works else flash.go_back()
        power.record(lambda cut_at: flash.write(step, cut_at))
        return
    if image is None or flash.version() == image.version:
        return
    if flash.other().version != image.version:
        flash.erase_for(image)
    slot = flash.other()
    fits = min(power.bytes_left, slot.size_bytes - slot.written)
    slot.written, power.bytes_left = slot.written + fits, power.bytes_left - fits
    if not slot.whole:
        raise Cut
    power.record(lambda cut_at: flash.write(flash.activate(), cut_at))


def boot(flash: Flash, power: Power, *, starts: bool) -> bool:
    ran: list[bool] = []
    record = flash.record()
    if not record.trial:
        return flash.boot(starts=starts)
    power.record(lambda cut_at: ran.append(flash.boot(starts=starts, cut_at=cut_at)))
    return ran[0]


@pytest.mark.feature("FW6")
@given(
    cuts=st.lists(st.integers(0, 250), max_size=12),
    starts=st.booleans(),
    works=st.booleans(),
    version=st.sampled_from(sorted(IMAGES)),
)
def test_after_a_cut_at_any_byte_the_old_or_the_new_image_starts(
    cuts: list[int], starts: bool, works: bool, version: str
) -> None:
    flash, image = Flash("1.0.0", 100), IMAGES[version]
    for bytes_left in [*cuts, 10_000]:
        power = Power(bytes_left)
        try:
            for _ in range(3):
                attempt(flash, image, power, starts=starts, works=works)
        except Cut:
            pass
        flash = Flash.restored(flash.dump())
        chosen = flash.slots[flash.record().slot]
        assert chosen.whole
        assert chosen.version in {"1.0.0", version}
        if not flash.record().trial:
            assert chosen.version == "1.0.0" or (starts and works)
    for _ in range(2):
        attempt(flash, None, Power(10_000), starts=starts, works=works)
    assert flash.version() == (version if starts and works else "1.0.0")


def test_a_record_cut_after_any_byte_leaves_the_one_before() -> None:
    for cut_at in range(RECORD_BYTES):
        flash = Flash("1.0.0", 10)
        flash.erase_for(IMAGES["2.0.0"])
        flash.other().written = 100
        before = flash.record()
        flash.write(flash.activate(), cut_at=cut_at)
        assert flash.record() == before
        flash.write(flash.activate())
        assert flash.boot(starts=True)
        assert flash.version() == "2.0.0"


def test_versions_compare_as_numbers() -> None:
    assert version_key("1.10.0") > version_key("1.9.9")  # type: ignore[operator]
    assert [version_key(bad) for bad in ("1.2", "1.02.3", "v1.2.3", "1.2.3-rc", "")] == [None] * 5
