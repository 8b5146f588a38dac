"""Work orders: requested by delivery, verified by telemetry, reopened when it is not well."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reference_impl.kernel.errors import IllegalStep, Unknown
from reference_impl.maintenance.domain import Step, healthy
from reference_impl.published import OrderChanged, ReplacementAdvised

M, H = 60_000, 3_600_000
WO = "wo-pump-01-bearing-1"


def delivered(rig: Any, at_ms: int = 0) -> None:
    data = {
        "need_key": "pump-01/bearing/1",
        "thing": "pump-01",
        "site": "station-01",
        "part": "bearing-set",
        "state": "DELIVERED",
    }
    event = OrderChanged(at_ms=at_ms, kind="order.delivered", subject="ord-1", data=data)
    rig.do(lambda uow: uow.publish(event))


def walk(rig: Any, *steps: str, at_ms: int) -> None:
    for step in steps:
        rig.do(rig.maintenance.step, WO, Step(step), by="crew-1", at_ms=at_ms)


def complete(rig: Any, at_ms: int, serial: str = "sn-1") -> None:
    rig.now_ms = at_ms
    rig.do(
        rig.maintenance.complete,
        WO,
        by="crew-1",
        serial=serial,
        readings={"vibration_mm_s": 1.1},
        at_ms=at_ms,
    )


def vibration(rig: Any, level: float, *, from_ms: int, to_ms: int) -> None:
    at_ms = np.arange(from_ms, to_ms, 10 * M)
    rig.telemetry.add("pump-01", "vibration_mm_s", at_ms, np.full(at_ms.size, level))


def test_a_delivery_makes_one_work_order_that_closes_when_the_machine_is_well(rig: Any) -> None:
    rig.install("pump-01")
    delivered(rig)
    delivered(rig, at_ms=5)
    walk(rig, "plan", "depart", "arrive", at_ms=10 * H)
    complete(rig, 11 * H)
    vibration(rig, 1.1, from_ms=11 * H + 10 * M, to_ms=13 * H)
    rig.advance(13 * H)

    told = [(e.kind, e.at_ms // H, e.data["by"]) for e in rig.feed if "work_order." in e.kind]
    assert told == [
        ("work_order.requested", 0, "service"),
        ("work_order.planned", 10, "crew-1"),
        ("work_order.departed", 10, "crew-1"),
        ("work_order.arrived", 10, "crew-1"),
        ("work_order.completed", 11, "crew-1"),
        ("work_order.verified", 13, "telemetry"),
        ("work_order.closed", 13, "service"),
    ]
    fitted = next(e for e in rig.feed if e.kind == "part.fitted")
    assert (fitted.subject, fitted.at_ms) == ("pump-01", 11 * H)
    assert fitted.data == {
        "position": "bearing",
        "part": "bearing-set",
        "serial": "sn-1",
        "cycle": 2,
        "work_order": WO,
    }
    assert len(rig.rows(rig.maintenance, "register")) == 1


def test_bad_telemetry_reopens_the_work_order_and_the_second_visit_can_close_it(rig: Any) -> None:
    """W4. A visit that brings no other part fits none; one that does starts another cycle."""
    rig.install("pump-01")
    delivered(rig)
    walk(rig, "plan", "depart", "arrive", at_ms=0)
    complete(rig, 1 * H)
    vibration(rig, 5.0, from_ms=1 * H + 10 * M, to_ms=9 * H)
    rig.advance(3 * H)

    assert rig.kinds("work_order.")[-1] == "work_order.reopened"
    row = rig.rows(rig.maintenance, "work_orders")[0]
    assert (row["state"], row["reason"]) == (
        "REOPENED",
        "level 5 since completion, healthy below 3",
    )

    walk(rig, "plan", "depart", "arrive", at_ms=8 * H)
    complete(rig, 9 * H)  # adjusted, no new part
    vibration(rig, 5.0, from_ms=9 * H + 10 * M, to_ms=20 * H)
    rig.advance(11 * H)
    walk(rig, "plan", "depart", "arrive", at_ms=19 * H)
    complete(rig, 20 * H, serial="sn-2")
    vibration(rig, 1.1, from_ms=20 * H + 10 * M, to_ms=22 * H)
    rig.advance(22 * H)

    assert rig.kinds("work_order.")[-2:] == ["work_order.verified", "work_order.closed"]
    cycles = [e.data["cycle"] for e in rig.feed if e.kind == "part.fitted"]
    assert cycles == [2, 3]


def test_without_telemetry_it_waits_for_another_window(rig: Any) -> None:
    rig.install("pump-01")
    delivered(rig)
    walk(rig, "plan", "depart", "arrive", at_ms=0)
    complete(rig, 1 * H)
    rig.advance(4 * H)
    assert rig.rows(rig.maintenance, "work_orders")[0]["state"] == "COMPLETED"

    vibration(rig, 1.1, from_ms=4 * H, to_ms=5 * H)
    rig.advance(5 * H)
    assert rig.rows(rig.maintenance, "work_orders")[0]["state"] == "CLOSED"


def test_a_visit_that_was_called_off_is_requested_again_after_a_day_and_only_once(rig: Any) -> None:
    """The part lies there: its need would stay DELIVERED without a visit."""
    rig.install("pump-01")
    delivered(rig)
    rig.do(rig.maintenance.step, WO, Step.CANCEL, by="crew-1", at_ms=H, reason="no access")
    delivered(rig, at_ms=2 * H)
    rig.advance(25 * H - 1)
    assert rig.kinds("work_order.") == ["work_order.requested", "work_order.cancelled"]
    rig.advance(25 * H)

    again = rig.feed[-1]
    assert (again.kind, again.subject, again.at_ms) == (
        "work_order.requested",
        f"{WO}-2",
        25 * H,
    )
    first = next(e for e in rig.feed if e.kind == "work_order.requested")
    assert again.data == first.data
    rig.do(rig.maintenance.step, f"{WO}-2", Step.CANCEL, by="crew-1", at_ms=26 * H, reason="no")
    rig.advance(100 * H)
    assert rig.kinds("work_order.requested") == ["work_order.requested"] * 2


def test_no_second_visit_is_requested_once_a_part_was_fitted(rig: Any) -> None:
    rig.install("pump-01")
    delivered(rig)
    walk(rig, "plan", "depart", "arrive", at_ms=0)
    complete(rig, 1 * H)
    vibration(rig, 5.0, from_ms=1 * H + 10 * M, to_ms=3 * H)
    rig.advance(3 * H)
    assert rig.kinds("work_order.")[-1] == "work_order.reopened"
    rig.do(rig.maintenance.step, WO, Step.CANCEL, by="crew-1", at_ms=4 * H, reason="scrapped")
    rig.advance(60 * H)
    assert rig.kinds("work_order.requested") == ["work_order.requested"]


def broke_down(rig: Any, at_ms: int, *, at_once: bool = True) -> None:
    advice = ReplacementAdvised(
        at_ms=at_ms,
        seen_from_ms=at_ms - 2 * H,
        thing="pump-01",
        part="bearing-set",
        position="bearing",
        quantity=1,
        rule="pump-broken",
        pack="p",
        pack_version="1.0.0",
        why="it stands",
        values={},
        at_once=at_once,
    )
    rig.do(rig.maintenance.on_advice, advice)


def test_a_breakdown_sends_a_crew_at_once_and_again_when_the_part_is_there(rig: Any) -> None:
    """W1: one at a time, one breakdown visit per need; the delivery asks for the second."""
    rig.install("pump-01")
    broke_down(rig, 0, at_once=False)
    assert rig.kinds("work_order.") == []
    broke_down(rig, 0)
    broke_down(rig, H)
    assert rig.feed[-1].data["kind"] == "breakdown"
    walk(rig, "plan", "depart", "arrive", at_ms=2 * H)
    rig.do(rig.maintenance.step, WO, Step.CANCEL, by="crew-1", at_ms=3 * H, reason="no part")
    broke_down(rig, 4 * H)
    rig.advance(48 * H)
    assert rig.kinds("work_order.requested") == ["work_order.requested"]

    delivered(rig, at_ms=50 * H)
    assert rig.feed[-1].subject == f"{WO}-2"
    for step in ("plan", "depart", "arrive"):
        rig.do(rig.maintenance.step, f"{WO}-2", Step(step), by="crew-1", at_ms=51 * H)
    done = {"by": "crew-1", "serial": "sn-1", "readings": {}, "at_ms": 52 * H}
    rig.do(rig.maintenance.complete, f"{WO}-2", **done)
    rows = rig.rows(rig.maintenance, "work_orders")
    found = {row["id"]: (row["kind"], row["first_time_fix"]) for row in rows}
    assert found == {WO: ("breakdown", False), f"{WO}-2": ("planned", False)}
    broke_down(rig, 53 * H)
    assert rig.kinds("work_order.requested") == ["work_order.requested"] * 2, "old readings"


def test_a_part_that_comes_before_the_crew_is_fitted_at_the_first_visit(rig: Any) -> None:
    rig.install("pump-01")
    broke_down(rig, 0)
    delivered(rig, at_ms=H)
    walk(rig, "plan", "depart", "arrive", at_ms=2 * H)
    complete(rig, 3 * H)
    [row] = rig.rows(rig.maintenance, "work_orders")
    assert (row["order"], row["first_time_fix"]) == ("ord-1", True)
    assert rig.kinds("work_order.requested") == ["work_order.requested"]


def test_healthy_is_below_half_of_the_limit_and_silence_is_no_answer() -> None:
    assert healthy(2.99, 6.0) is True
    assert healthy(3.0, 6.0) is False
    assert healthy(float("nan"), 6.0) is None


def test_an_illegal_or_unknown_step_is_refused_and_changes_nothing(rig: Any) -> None:
    rig.install("pump-01")
    delivered(rig)
    with pytest.raises(IllegalStep, match=f"{WO} is REQUESTED: complete refused"):
        complete(rig, 1)
    with pytest.raises(Unknown, match="there is no work order 'wo-x'"):
        rig.do(rig.maintenance.step, "wo-x", Step.PLAN, by="crew-1", at_ms=1)
    assert rig.kinds("work_order.") == ["work_order.requested"]
    assert rig.rows(rig.maintenance, "register") == []
