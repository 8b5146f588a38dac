"""Timelines of what is told to design, and of plans that are sold."""

from __future__ import annotations

from typing import Any

from stories_of_field_work import calls

from harness.scenario.entries import Setup

WORN, WELL = "pump-01-1", "pump-01-2"
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
