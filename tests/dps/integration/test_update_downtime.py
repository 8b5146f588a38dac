"""Downtime of an update of firmware is planned only if the contract says so (FW9)."""

from __future__ import annotations

import pytest

from reference_impl.published import FirmwareChanged


def update(desk, thing, from_ms, to_ms, ends="updated"):
    """What remote control tells of an update that stops a thing."""
    for at_ms, step in ((from_ms, "updating"), (to_ms, ends)):
        data = {"thing": thing, "rollout": "r-1", "group": 1, "version": "2", "was": "1",
                "state": step.upper(), "attempt": 1, "why": ""}  # fmt: skip
        desk.tell(FirmwareChanged(at_ms=at_ms, kind=f"firmware.{step}", subject=f"r-1/{thing}",
                                  data=data))  # fmt: skip


@pytest.mark.feature("FW9", "K1")
def test_the_downtime_of_an_update_is_planned_only_if_the_contract_says_so_and_it_worked(clockwork):
    h, start = clockwork.H, clockwork.START
    desk = clockwork.Desk()
    try:
        says = {"c-yes": ("mix-1", True), "c-no": ("mix-2", False), "c-failed": ("mix-3", True)}
        for name, (thing, planned) in says.items():
            desk.sign(name, things=[thing], updates_are_planned=planned)
        begin, end = start + 100 * h, start + 103 * h
        for thing in ("mix-1", "mix-2", "mix-3"):
            desk.month(thing, down=[(begin, end)])
        desk.until(end)
        update(desk, "mix-1", begin, end)
        update(desk, "mix-2", begin, end)
        update(desk, "mix-3", begin, end, ends="rolled_back")
        desk.until(clockwork.ms(2026, 2, 4))
        # the last good report vouches for an hour, half of which lies in the downtime
        told = {e["data"]["contract"]: e["data"] for e in desk.feed("outcome.period_closed")}
        assert {name: (one.get("planned_ms", 0), one["down_ms"]) for name, one in told.items()} == {
            "c-yes": (3 * h, 0), "c-no": (0, 2.5 * h), "c-failed": (0, 2.5 * h),
        }  # fmt: skip
        shown = desk.get("/v1/outcomes/c-yes/2026-01")["intervals"]["mix-1"]
        (planned,) = [one for one in shown if one["class"] == "PLANNED"]
        assert (planned["from_ms"], planned["to_ms"]) == (begin, end)
        assert "firmware:r-1/mix-1" in str(planned), "its evidence is the update"
    finally:
        desk.close()
