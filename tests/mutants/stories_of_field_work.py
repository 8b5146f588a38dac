"""Timelines of field work: limits that are promised, technicians who are planned."""

from __future__ import annotations

from typing import Any

from harness.scenario.entries import Setup

WORN, WELL = "pump-01-1", "pump-01-2"


def calls(*made: tuple[str, dict[str, Any]], at: str = "0h") -> Setup:
    listed = [
        {"method": path.rpartition(" ")[0] or "PUT", "path": path.rpartition(" ")[2], "body": body}
        for path, body in made
    ]
    return Setup.model_validate({"at": at, "service": {"calls": listed}})


ORDER = f"/v1/work-orders/wo-{WORN}-machine-1"
GOLD = {
    "time_zone": "Europe/Rome", "pause_reasons": ["customer_access"],
    "hours": {day: [["06:00", "20:00"]] for day in ("wed", "thu", "fri")},
    "priorities": {"P1": {"restore": 600}, "P3": {"restore": 1200}},
    "covers": {"things": [WORN]},
}  # fmt: skip
BY = {"by": "desk"}


def steps(at: str, *taken: tuple[str, dict[str, Any]]) -> Setup:
    listed = [{"method": "POST", "path": f"{ORDER}/{step}", "body": BY | m} for step, m in taken]
    return Setup.model_validate({"at": at, "service": {"calls": listed}})


VISIT = (("plan", {"start_ms": 0, "crew": "c"}), ("depart", {}), ("arrive", {}), ("begin", {}))
REPORT = {"method": "POST", "path": f"/v1/things/{WORN}/work-orders",
          "body": {**BY, "title": "It hums", "priority": "P3"}}  # fmt: skip
LIMITS = (
    calls(("/v1/service-levels/gold", GOLD)),
    Setup.model_validate({"at": "1h", "service": {"calls": [REPORT]}}),
    steps("1h", *VISIT, ("hold", {"reason": "customer_access"})),
    steps("3h", ("resume", {}), ("hold", {"reason": "provider_part"})),
    steps("5h", ("resume", {})),
    steps("6h", ("priority", {"priority": "P1"})),
)
DAY = {"latitude_deg": 52.5, "longitude_deg": 13.4}
DAYS = {day: [["08:00", "17:00"]] for day in ("wed", "thu", "fri")}
CHECKED = {"title": "Check", "from_ms": 1_769_680_800_000, "to_ms": 1_769_691_600_000}


def posts(at: str, *made: tuple[str, dict[str, Any]]) -> Setup:
    listed = [{"method": "POST", "path": f"/v1/{path}", "body": BY | more} for path, more in made]
    return Setup.model_validate({"at": at, "service": {"calls": listed}})


PLANNED = (
    calls(
        ("/v1/technicians/ann", {"name": "Ann", "skills": ["pumps"]}),
        ("/v1/planning/places/station-01", DAY),
        ("/v1/planning/shifts/ann", {**DAY, "hours": DAYS}),
        ("/v1/planning/settings", {"enabled": True, "urgent": ["P1"]}),
    ),
    posts("0h", (f"things/{WELL}/planned-work", CHECKED)),
    posts("0h", ("planned-work/upk-pump-01-2-8d3560a22e509eb7/agree", {})),
    posts("1h", *((f"things/{name}/work-orders", {"title": "It hums", "priority": "P1"})
                  for name in (WORN, WELL))),
    posts("32h", (f"work-orders/wo-{WELL}-upkeep-1/depart", {})),
    posts("33h", (f"work-orders/wo-{WELL}-upkeep-1/arrive", {})),
    posts("38h", (f"work-orders/wo-{WELL}-upkeep-1/complete", {})),
)  # fmt: skip
