"""A customer's export is what the API shows of that customer, row by row, and nothing else."""

from __future__ import annotations

import csv
import io
import json

import pytest

from reference_impl.integration.exporting import SECTIONS, TELEMETRY, key_of
from reference_impl.kernel.access import NOBODY, Group
from reference_impl.kernel.http.guard import permission_of
from reference_impl.kernel.http.routes import routes_of

DAY = 86_400_000
NOT_OF_A_CUSTOMER = {
    "/v1/info", "/v1/health", "/v1/me", "/v1/feed", "/v1/audit", "/v1/models", "/v1/parts",
    "/v1/part-categories", "/v1/stock", "/v1/refused-advice", "/v1/breakers", "/v1/rule-packs",
    "/v1/contract-tiers", "/v1/algorithms", "/v1/recomputations", "/v1/rules/supervision",
    "/v1/contacts", "/v1/notices", "/v1/automations", "/v1/service-levels", "/v1/technicians",
    "/v1/plans", "/v1/settlements", "/v1/firmware/packages", "/v1/firmware/rollouts",
    "/v1/remote-fixes", "/v1/organisations", "/v1/partners", "/v1/suppliers", "/v1/invoicing",
    "/v1/roles", "/v1/users", "/v1/api-keys", "/v1/agreements", "/v1/leads", "/v1/recipients",
    "/v1/tenants", "/v1/flags", "/v1/webhooks", "/v1/webhook-deliveries", "/v1/connectors",
    "/v1/ingestion/stored", "/v1/ingestion/dead-letters", "/v1/advice-plans", "/v1/collections",
    "/v1/collection-plans", "/v1/collection-routes", "/v1/planning/settings",
    "/v1/planning/places", "/v1/planning/shifts", "/v1/planning/days", "/v1/planning/load",
}  # fmt: skip
"""The product's, the provider's, or what somebody set up."""
SEEN_ELSEWHERE = {
    "/v1/invoice-export", "/v1/compliance", "/v1/compliance/kpis", "/v1/remote-attempts/figures",
    "/v1/conditions/history", "/v1/views/portal/overview", "/v1/views/control-room/overview",
    "/v1/views/machines", "/v1/views/customers", "/v1/views/actions",
}  # fmt: skip
"""Made of what the export has."""


@pytest.fixture(scope="module")
def desk(desks):
    """Two customers of whom each has something of every kind that can be made by calls."""
    one = desks.Desk()
    start = desks.START
    one.put("/v1/plans/basic", {"title": "Basic", "price_eur": 30.0, "features": ["charts"]})
    for customer, thing in (("alpha", "gen-1"), ("beta", "gen-3")):
        terms = {"visit_eur": 12.0}
        one.price(f"p-{customer}", customer=customer, model="transaction", terms=terms)
        contract = {
            "customer": customer, "things": [thing], "fee_eur": 100.0, "target": 0.9,
            "step": 0.01, "credit_pct_per_step": 1.0, "cap_pct": 10.0, "up_when": "hours >= 0.0",
            "start_ms": start,
        }  # fmt: skip
        one.put(f"/v1/contracts/c-{customer}", contract)
        one.put(f"/v1/policies/{customer}", {"mode": "off"})
        one.put(f"/v1/customers/{customer}/consents/monetisation", {"granted": True})
    one.send("gen-1", *[(start + n * 3_600_000, {"hours": float(n)}) for n in range(60)])
    one.send("gen-3", (start + 3_600_000, {"hours": 7.0}))
    one.until(start + DAY)
    for customer, thing in (("alpha", "gen-1"), ("beta", "gen-3")):
        one.post("/v1/subscriptions", customer=customer, plan="basic", thing=thing)
        order = one.post(f"/v1/things/{thing}/work-orders", title="It hums")["id"]
        note = {"text": "the customer is slow", "internal": True}
        one.post(f"/v1/work-orders/{order}/notes", **note)
        one.post(f"/v1/work-orders/{order}/notes", text="we come")
        one.post(f"/v1/things/{thing}/tickets", title="Help", text="")
        one.post(f"/v1/things/{thing}/commands", name="stop")
        one.visit(f"wo-{customer}", thing=thing)
    one.until(start + 40 * DAY)
    yield one
    one.close()


def exported(desk, customer, section, limit=7):
    """A section, page by page."""
    rows, after = [], ""
    while True:
        path = f"/v1/customers/{customer}/export/{section}?limit={limit}&after={after}"
        page = desk.get(path)
        rows += page["items"]
        if page["next"] is None:
            return rows
        after = page["next"]


def as_alpha(desks):
    return desks.Principal(
        user="ann", group=Group.CUSTOMER, party="alpha", permissions=None,
        customers=frozenset({"alpha"}), things={"gen-1": 0, "gen-2": 0},
        parties=frozenset({"customer:alpha"}),
    )  # fmt: skip


def listed(desk, path):
    rows, after = [], ""
    while True:
        sign = "&" if "?" in path else "?"
        answer = desk.get(f"{path}{sign}after={after}" if after else path)
        if isinstance(answer, list):
            return answer
        rows += answer["items"]
        if not answer.get("next"):
            return rows
        after = answer["next"]


@pytest.mark.feature("CC13")
def test_an_export_is_row_by_row_what_the_api_shows_the_customer(desk, desks):
    filled = set()
    for section in SECTIONS:
        rows = exported(desk, "alpha", section.name)
        filled |= {section.name} if rows else set()
        if section.name == TELEMETRY:
            continue
        with desk.acting_as(as_alpha(desks)):
            shown = []
            for thing in ["gen-1", "gen-2"] if section.of_things else [""]:
                path = section.path.format(thing=thing)
                if section.name == "firmware":
                    shown.append(desk.get(path))
                elif section.of_things:
                    shown += [{"thing": thing, **row} for row in listed(desk, path)]
                else:
                    shown += [row for ask in section.asks for row in listed(
                        desk, path + "".join(f"?{name}={said}" for name, said in ask.items())
                    )]  # fmt: skip
            if section.detail:
                shown = [
                    {**row, **desk.get(section.detail.format(
                        **{name: row[field] for name, field in section.fields.items()}))}
                    for row in shown
                ]  # fmt: skip
        shown.sort(key=lambda row, of=section: key_of(of, row))
        assert rows == shown, section.name
    assert filled >= {
        "customer", "sites", "things", TELEMETRY, "tickets", "work_orders", "commands",
        "contracts", "periods", "pricings", "invoices", "charges", "subscriptions", "policies",
        "consents", "firmware",
    }  # fmt: skip
    whole = json.dumps([exported(desk, "alpha", one.name) for one in SECTIONS])
    for strange in ("beta", "gen-3", "slow"):
        assert strange not in whole, "neither what is another's nor what is not for the customer"


@pytest.mark.feature("CC13")
def test_every_list_of_the_api_is_in_the_export_or_is_nobodys(desk):
    lists = {
        route.path for route in routes_of(desk.dps.app.router)
        if "GET" in route.methods and "{" not in route.path and permission_of(route)
    }  # fmt: skip
    sections = {one.path for one in SECTIONS}
    assert lists - sections - SEEN_ELSEWHERE == NOT_OF_A_CUSTOMER - {"/v1/info", "/v1/health"}
    assert {path for path in sections if "{" not in path} <= lists


@pytest.mark.feature("CC13")
def test_readings_are_exported_with_what_they_may_be_used_for(desk):
    rows = {row["signal"]: row for row in exported(desk, "alpha", TELEMETRY, limit=2)
            if row["thing"] == "gen-1"}  # fmt: skip
    assert rows["hours"]["values"] == [float(n) for n in range(60)]
    assert (rows["hours"]["unit"], rows["hours"]["purposes"]) == ("h", ["service"])
    text = desk.get(f"/v1/customers/alpha/export/{TELEMETRY}?form=csv&limit=1000")["text"]
    lines = list(csv.DictReader(io.StringIO(text)))
    read = [float(line["value"]) for line in lines if line["signal"] == "hours"]
    assert read == rows["hours"]["values"]
    assert json.loads(lines[0]["purposes"]) == ["service"]


def test_a_section_as_csv_says_what_it_says_as_json(desk):
    text = desk.get("/v1/customers/alpha/export/invoices?form=csv&limit=1000")["text"]
    (line,) = csv.DictReader(io.StringIO(text))
    (row,) = exported(desk, "alpha", "invoices")
    assert float(line["total_eur"]) == row["total_eur"] == 12.0
    assert json.loads(line["lines"]) == row["lines"]
    assert line["number"] == row["number"]


def test_who_may_read_less_exports_less_and_strangers_nothing(desk, desks):
    some = frozenset({"export:read", "things:read", "invoices:read"})
    clerk = desks.Principal(
        user="c", group=Group.CUSTOMER, party="alpha", permissions=some,
        customers=frozenset({"alpha"}), things={"gen-1": 0},
    )  # fmt: skip
    with desk.acting_as(clerk):
        index = desk.get("/v1/customers/alpha/export")
        assert index["sections"] == [
            "things", TELEMETRY, "firmware", "pricings", "billables", "invoices",
        ]  # fmt: skip
        desk.get("/v1/customers/alpha/export/tickets", status=403)
        desk.get("/v1/customers/beta/export", status=404)
        desk.get("/v1/customers/alpha/export/secrets", status=404)
    with desk.acting_as(NOBODY):
        desk.get("/v1/customers/alpha/export", status=403)
    desk.get("/v1/customers/nobody/export", status=404)
