"""Several providers on one platform: who sees what, what flows with consent, and who gets what."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.oracles import settlement as oracle
from reference_impl.ecosystem import domain as d
from reference_impl.outcomes.money import rating

USE = {
    "by": "clean", "recipient": "clean-data", "owner": "alpha", "things": ["gen-1"],
    "signal": "hours", "take": "max", "over_h": 96.0, "above": 5.0, "every_h": 24.0,
    "thing": "gen-3", "title": "Sweep", "within_h": 48.0,
}  # fmt: skip
CONSENT = "/v1/customers/alpha/consents/secondary-use"
GRANT = "/v1/grants/clean-data/alpha"


@pytest.fixture
def city(desk):
    for name in ("air", "clean", "water"):
        desk.put(f"/v1/organisations/{name}", {"name": name, "parent": "main"})
    desk.put("/v1/customers/alpha", {"name": "Alpha", "organisation": "air"})
    desk.put("/v1/customers/beta", {"name": "Beta", "organisation": "clean"})
    desk.put("/v1/recipients/clean-data", {"name": "Clean", "organisation": "clean"})
    purposes = {"purposes": ["service", "secondary-use"]}
    desk.put("/v1/models/gen/metadata/hours", purposes)
    return desk


def looks(desk):
    return desk.items("/v1/secondary-uses/crowd/looks")


def state(desk):
    (row,) = desk.items("/v1/secondary-uses")
    return row["state"], row["why"]


@pytest.mark.feature("ST8", "CC26")
def test_data_steer_work_of_another_provider_from_the_consent_to_its_withdrawal(city, money):
    """Nothing of before the consent, nothing of after the withdrawal, whatever comes later."""

    def day(number):
        return round(money.START + number * money.DAY)

    city.put("/v1/secondary-uses/crowd", USE)
    city.send("gen-1", (day(0.5), {"hours": 9.0}))
    city.until(day(2.2))
    assert state(city) == ("WITHHELD", "there is no thing 'gen-1'")
    city.put(GRANT, {"things": []})
    assert state(city) == ("WITHHELD", "alpha has not consented to 'secondary-use'")
    city.until(day(2.5))
    city.put(CONSENT, {"granted": True})
    assert (state(city), looks(city)) == (("OPEN", ""), []), "at once, and nothing was read"
    city.send("gen-1", (day(2.6), {"hours": 3.0}))
    city.until(day(3.0))
    (first,) = looks(city)
    assert (first["values"], first["ordered"]) == ({"gen-1": 3.0}, ""), "the 9 lies before it"
    assert first["spans"] == {"gen-1": [day(2.5), day(3.0)]}
    city.send("gen-1", (day(3.5), {"hours": 9.0}))
    city.until(day(4.0))
    ordered = looks(city)[1]["ordered"]
    (work,) = city.items("/v1/planned-work")
    assert (work["id"], work["thing"], work["state"]) == (ordered, "gen-3", "PROPOSED")
    city.until(day(4.2))
    city.put(CONSENT, {"granted": False})
    assert state(city)[0] == "WITHHELD", "at that moment"
    city.send("gen-1", (day(4.5), {"hours": 9.0}))
    city.until(day(6.1))
    assert len(looks(city)) == 2
    city.put(CONSENT, {"granted": True})
    city.until(day(7.0))
    assert (looks(city)[2]["values"], looks(city)[2]["readings"]) == ({"gen-1": None}, 0)
    assert city.ask("DELETE", GRANT).status_code == 204
    city.until(day(9.0))
    assert len(looks(city)) == 3, "nor without the grant"


@pytest.mark.feature("ST8", "CC26")
def test_the_owner_and_the_reader_see_what_was_read_and_nobody_else(city, money):
    city.put("/v1/secondary-uses/crowd", USE)
    read, write = "secondary-uses:read", "secondary-uses:write"
    clean = ["organisation:clean", "recipient:clean-data"]
    owner = money.caller(money.Group.CUSTOMER, read, customers=["alpha"])
    reader = money.caller(money.Group.ORGANISATION, read, write, customers=["beta"], parties=clean)
    stranger = money.caller(money.Group.ORGANISATION, read, write, parties=["organisation:water"])
    path = "/v1/secondary-uses/crowd"
    for who in (owner, reader):
        with city.acting_as(who):
            assert [row["id"] for row in city.items("/v1/secondary-uses")] == ["crowd"]
            city.get(f"{path}/looks")
    with city.acting_as(stranger):
        assert city.items("/v1/secondary-uses") == []
        city.get(f"{path}/looks", 404)
        city.done("PUT", path, USE, 404)
        city.done("DELETE", path, status=404)
    city.done("DELETE", path)
    city.done("PUT", path, USE, 422)
    assert state(city)[0] == "ENDED"


@pytest.mark.feature("ST8", "PM6")
def test_each_party_is_told_its_part_of_a_month_and_sees_no_other_partys_account(city, money):
    city.price("a", provider="air", model="transaction", shares={"air": 90.0, "platform": 10.0})
    city.price("b", customer="beta", provider="clean", model="ecosystem",
               shares={"clean": 66.6, "air": 22.3, "platform": 11.1})  # fmt: skip
    city.until(money.START + money.DAY)
    city.deliver("ord-1", unit_price_eur=33.33)
    city.deliver("ord-2", thing="gen-3", unit_price_eur=0.05)
    city.sent(2026, 1)
    told = {event["data"]["party"]: event["data"] for event in city.feed("settlement.stated")}
    assert {party: one["invoiced_eur"] for party, one in told.items()} == {
        "air": 60.01, "clean": 0.07, "platform": 6.68,
    }  # fmt: skip
    assert {one["of_eur"] for one in told.values()} == {66.76}, "all of it is shared out"
    who = money.caller(money.Group.ORGANISATION, "settlements:read", parties=["organisation:air"])
    with city.acting_as(who):
        assert [one["party"] for one in city.items("/v1/settlements")] == ["air"]
        for other in ("clean", "platform", "main"):
            city.get(f"/v1/settlements/{other}", 404)
    city.sent(2026, 2)
    assert len(city.feed("settlement.stated")) == len(told), "a month without invoices is silent"


@given(
    amount=st.decimals(-10_000, 10_000, places=2),
    cuts=st.lists(st.integers(1, 99_999), min_size=1, max_size=5, unique=True),
)
def test_a_split_leaves_nothing_and_is_the_same_in_whole_cents(amount, cuts):
    """Two ways to reckon, decimals and integers, come to the same cents."""
    ends = [0, *sorted(cuts), 100_000]
    pcts = [(high - low) / 1000 for low, high in pairwise(ends)]
    said = {f"p{number}": pct for number, pct in enumerate(pcts)}
    shares = {party: rating.Decimal(str(pct)) for party, pct in said.items()}
    parts = rating.split(amount, shares)
    assert sum(parts.values()) == amount
    assert parts == oracle.parted(amount, oracle.shares_of({"shares": said}))


def test_the_states_of_a_secondary_use_and_what_calls_for_work():
    assert {(a, s): b for a, row in d.USES.items() for s, b in row.items()} == {
        (d.Use.WITHHELD, d.Step.OPEN): d.Use.OPEN,
        (d.Use.WITHHELD, d.Step.END): d.Use.ENDED,
        (d.Use.OPEN, d.Step.WITHHOLD): d.Use.WITHHELD,
        (d.Use.OPEN, d.Step.END): d.Use.ENDED,
    }
    assert d.span(100, 50, 70) == (70, 100)
    assert d.span(100, 50, 10) == (51, 100)
    assert not d.calls_for_work({"a": None, "b": 5.0}, 5.0)
    assert d.calls_for_work({"a": None, "b": 5.001}, 5.0)
