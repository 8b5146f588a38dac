"""Every scenario file, run against a DPS with a bug that its checks must see, is red for it.

A scenario that would pass whatever the service does proves nothing.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from harness.engine.runner import load_all
from harness.scenario.entries import Setup
from harness.scenario.schema import Scenario

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(
    path for path in (ROOT / "scenarios").glob("*/*.yaml") if path.parent.name != "broken"
)
QUICK = {"pumps/imbalance", "ventilation/smoke"}
"""One each of those that run for about a second; the others wait for the night."""
OF_PLANS = {
    "gives_what_is_not_paid": "SU1",
    "stops_the_machine_of_who_does_not_pay": "SU5",
    "knows_no_flat_plan": "SU6",
    "forgets_what_was_before": "SU7",
    "withholds_safety_alerts": "SU8",
}
"""Bugs of a DPS that sells plans, and the invariant of each: one file is about them all."""


def name_of(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def files() -> list[object]:
    return [
        pytest.param(
            path, id=name_of(path), marks=[] if name_of(path) in QUICK else pytest.mark.deep
        )
        for path in FILES
    ]


def counterpart(scenario: Scenario) -> tuple[str, str]:
    """A bug of the DPS, and the check of this scenario that must be red for it."""
    refs = (*scenario.always, *scenario.eventually, *scenario.checks)
    names = {ref.check for ref in refs}
    wanted = [r for r in refs if r.check == "alert_raised" and r.args.get("times", 1)]
    if wanted:
        return "raises_no_alerts", "alert_raised"
    bought = any(isinstance(e, Setup) and "/v1/carts" in str(e) for e in scenario.timeline)
    for name in ("order_delivered", "part_fitted"):
        if any(ref.check == name and ref.args.get("times", 1) for ref in refs):
            return ("forgets_deliveries" if bought else "never_advises"), name
    if "secondary_use_lawful" in names:
        return "asks_for_no_consent", "secondary_use_lawful"
    if "nothing_lost" in names and any("/payments" in str(e) for e in scenario.timeline):
        # A wrong invoice would refuse the payment that the scenario makes, and end the run.
        return "forgets_to_store_a_message", "nothing_lost"
    if "invoices_equal_oracle" in names:
        return "asks_for_a_cent_more", "invoices_equal_oracle"
    if "no_orders" in names and scenario.service.rules:
        return "orders_for_no_reason", "no_orders"
    if "nothing_lost" in names:
        return "forgets_to_store_a_message", "nothing_lost"
    if any("alert.raised" in ref.args["comes"] for ref in refs if ref.args.get("at_least")):
        return "raises_no_alerts", "within"
    counted = any(ref.check == "exactly" and ref.args["exactly"] for ref in refs)
    assert counted, f"{scenario.title}: no bug is known that this would see"
    return "never_advises", "exactly"


@pytest.mark.sampled(4)
@pytest.mark.timeout(300)
@pytest.mark.parametrize("path", files())
def test_a_scenario_is_red_when_the_dps_has_the_bug_that_it_is_about(path: Path, play) -> None:
    """Of a file with a matrix one variant, in turn: the first of one file, the next of the next."""
    variants = load_all(path)
    story = variants[FILES.index(path) % len(variants)].scenario
    bug, check = counterpart(story)
    result = play(story, bug)

    assert result.exit_code == 1, (bug, result.verdict, result.error)
    assert check in {failed.check for failed in result.failed_checks}, bug


@pytest.mark.deep
@pytest.mark.parametrize(("bug", "number"), OF_PLANS.items())
def test_a_plan_that_is_not_paid_for_is_red_for_each_bug_of_selling_it(
    bug: str, number: str, play
) -> None:
    result = play(ROOT / "scenarios/digital_services/plan-not-paid.yaml", bug)
    (red,) = (failed for failed in result.failed_checks if failed.check == "invariants")

    assert result.exit_code == 1
    assert f"{number}: " in red.seen


@pytest.mark.deep
def test_the_flagship_is_red_for_the_missing_order_when_the_order_point_is_removed(
    tmp_path: Path, play
) -> None:
    pack = ROOT / "twins/products/pump/rules/standard.yaml"
    body = YAML(typ="safe", pure=True).load(pack.read_text("utf-8"))
    body["rules"] = [rule for rule in body["rules"] if rule["id"] != "bearing-order-point"]
    YAML().dump(body, tmp_path / "without.yaml")
    flagship = ROOT / "scenarios/pumps/bearing-wears-out.yaml"
    result = play(flagship, rules=tmp_path / "without.yaml")

    red = {failed.check: failed for failed in result.failed_checks}
    assert result.exit_code == 1
    assert {"order_delivered", "part_fitted"} <= red.keys()
    assert "none for pump-01-1" in "\n".join(red["order_delivered"].causes)
