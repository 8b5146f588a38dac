"""Stories of what is told to design, and of plans that are sold; who catches their bugs.

``STORIES`` and ``CAUGHT`` as in test_each_check_catches_a_bug_of_the_dps.py, which takes them in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stories_of_field_work import calls

from harness.scenario import build as b
from harness.scenario.entries import Setup

C = b.check
Tale = Callable[..., b.Scenario]
WORN, WELL = "pump-01-1", "pump-01-2"
WEARS = b.fault("seal_leak", WORN, at="0h", onset="0h", pf_interval="30h")
BY = {"by": "desk"}
MODEL = "/v1/models/pump-duplex-7k5"


def posts(at: str, *made: tuple[str, dict[str, Any]]) -> Setup:
    listed = [{"method": "POST", "path": f"/v1/{path}", "body": body} for path, body in made]
    return Setup.model_validate({"at": at, "service": {"calls": listed}})


REVIEWED = posts("95h", (f"{MODEL.removeprefix('/v1/')}/reliability/reviews", BY))
"""By then the seal was replaced."""

SOLD, TRIED = f"sub-{WORN}-basic-1", f"sub-{WELL}-sample-1"


def begins(plan: str, thing: str) -> tuple[str, dict[str, Any]]:
    return "subscriptions", BY | {"customer": "customer-01", "plan": plan, "thing": thing}


def pays(number: int) -> tuple[str, dict[str, Any]]:
    """The payment provider says that a charge of what was sold is settled."""
    body = {"payment": f"pay-{number}", "step": "settle"}
    return f"charges/chg-{SOLD}-{number}/payments", body


def looks(at: str, *paths: str) -> Setup:
    listed = [{"method": "GET", "path": f"/v1/{path}"} for path in paths]
    return Setup.model_validate({"at": at, "service": {"calls": listed}})


SEEN = (f"things/{WORN}/features", f"things/{WELL}/features", f"subscriptions/{SOLD}")
UNPAID = (
    calls(
        ("/v1/plans/basic", {"title": "Basic", "price_eur": 30.0, "features": ["charts"]}),
        ("/v1/plans/hard", {"title": "Hard", "price_eur": 50.0, "features": ["api"],
                            "safety_alerts": "with_plan"}),
        ("/v1/plans/all", {"title": "All", "price_eur": 0.0, "features": ["map"],
                           "kind": "addon", "activation": "flat"}),
    ),
    posts("1h", begins("basic", WORN), begins("hard", WELL),
          ("subscriptions", BY | {"customer": "customer-01", "plan": "all"})),
    posts("2h", pays(1)),
    looks("3h", *SEEN),
    looks("36d", *SEEN),
    posts("37d", pays(2)),
    looks("38d", *SEEN),
)  # fmt: skip
"""The first period is paid and the second is not: it is suspended after a week of grace, on day 35,
until it is paid on day 37. The other one's plan is never paid; a free one is of both."""
SALES = (
    calls(
        ("/v1/plans/basic", {"title": "Basic", "price_eur": 30.0, "features": ["charts"]}),
        ("/v1/plans/pro", {"title": "Pro", "price_eur": 90.0, "features": ["charts", "api"]}),
        (
            "/v1/plans/sample",
            {"title": "Sample", "price_eur": 20.0, "trial_days": 14, "features": ["charts"]},
        ),
    ),
    posts("1h", begins("basic", WORN), begins("sample", WELL)),
    posts("2h", pays(1)),
    posts("3h", pays(1), (f"subscriptions/{TRIED}/cancel", BY)),
    posts("4h", (f"subscriptions/{SOLD}/change", BY | {"plan": "pro"}), begins("sample", WELL)),
    posts("6h", pays(2)),
    posts("29d", pays(3)),
)
"""A payment is told twice, a plan goes up, a trial is asked for again, and a period is renewed."""
STORIES: dict[str, Callable[[Tale], b.Scenario]] = {
    "design is told": lambda tale: tale(
        timeline=(WEARS, REVIEWED), checks=(C("design_equals_truth"),)
    ),
    "plans are sold": lambda tale: tale(
        run=b.run("2026-01-31T00:00:00Z", "61d", sync="12h"),
        fleets=(b.fleet("pump", sites=1, devices_per_site=2, report_every="6h"),),
        timeline=SALES,
        checks=(C("invariants"),),
    ),
    "plans are not paid": lambda tale: tale(
        run=b.run("2026-01-31T00:00:00Z", "39d", sync="12h"),
        fleets=(b.fleet("pump", sites=1, devices_per_site=2, report_every="6h"),),
        timeline=UNPAID,
        checks=(C("invariants"),),
    ),
}
CAUGHT: dict[str, tuple[str, str]] = {
    "tells_design_of_one_end_too_many": ("design is told", "design_equals_truth"),
    "subscribes_twice": ("plans are sold", "SU2"),
    "upgrades_before_it_is_paid": ("plans are sold", "SU3"),
    "takes_a_payment_twice": ("plans are sold", "SU4"),
    "forgets_on_which_day_it_began": ("plans are sold", "SU9"),
    "gives_a_second_trial": ("plans are sold", "SU10"),
    "gives_what_is_not_paid": ("plans are not paid", "SU1"),
    "stops_the_machine_of_who_does_not_pay": ("plans are not paid", "SU5"),
    "knows_no_flat_plan": ("plans are not paid", "SU6"),
    "forgets_what_was_before": ("plans are not paid", "SU7"),
    "withholds_safety_alerts": ("plans are not paid", "SU8"),
}
