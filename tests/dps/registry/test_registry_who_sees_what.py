"""Authorisation as a property: random trees, users and objects, over every GET of the document.

Every row that is written bears a marker, and says whose it is. Whatever an answer holds, no marker
may be in it that the oracle below, which knows the trees only, does not allow to this caller; and a
list shows all markers of its kind that it does allow.
"""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from reference_impl.kernel.http.guard import permission_of
from reference_impl.kernel.http.routes import routes_of

MARK = re.compile(r"mk-[a-z_]+-\d+-")
# Path -> what its list shows all of (kinds of markers), or how one object is asked for.
ALL = {
    "/v1/feed": ("feed_doc", "feed_thing"),
    "/v1/customers": ("customers",),
    "/v1/sites": ("sites",),
    "/v1/things": ("things",),
    "/v1/conditions": ("condition_states",),
    "/v1/data-flags": ("data_flags",),
    "/v1/policies": ("policies",),
    "/v1/recommendations": ("recommendations",),
    "/v1/refused-advice": ("refused_advice",),
    "/v1/needs": ("needs",),
    "/v1/orders": ("orders",),
    "/v1/alerts": ("alerts",),
    "/v1/actions": ("actions",),
    "/v1/work-orders": ("work_orders",),
    "/v1/register": ("maintenance_register",),
    "/v1/tickets": ("tickets",),
    "/v1/sla": ("sla_incidents",),
    "/v1/planned-work": ("planned_work",),
    "/v1/service-levels": ("service_levels",),
    "/v1/technicians": ("technicians",),
    "/v1/collections": ("collections",),
    "/v1/collection-plans": ("collection_plans",),
    "/v1/collection-routes": ("collection_routes",),
    "/v1/collection-stops": ("collection_stops",),
    "/v1/citizen-reports": ("citizen_reports",),
    "/v1/contracts": ("contracts",),
    "/v1/outcomes": ("outcomes",),
    "/v1/exclusions": ("contract_exclusions",),
    "/v1/pricings": ("pricings",),
    "/v1/billables": ("billables",),
    "/v1/invoices": ("invoices",),
    "/v1/subscriptions": ("subscriptions",),
    "/v1/charges": ("charges",),
    "/v1/commands": ("commands",),
    "/v1/remote-attempts": ("remote_attempts",),
    "/v1/advice": ("advices",),
    "/v1/organisations": ("organisations",),
    "/v1/partners": ("partners",),
    "/v1/suppliers": ("suppliers",),
    "/v1/invoicing": ("invoicing_profiles",),
    "/v1/users": ("users",),
    "/v1/api-keys": ("api_keys",),
    "/v1/audit": ("audit_log",),
    "/v1/consents": ("consents",),
    "/v1/leads": ("leads",),
    "/v1/entitlements": ("entitlements",),
    "/v1/grants": ("data_grants",),
    "/v1/secondary-uses": ("secondary_uses",),
}
ONE_OF_A_THING = {
    "/v1/things/{name}": "",
    "/v1/things/{thing}/telemetry": "?signal=temp_c",
    "/v1/things/{thing}/telemetry/undated": "",
    "/v1/things/{thing}/export": "",
    "/v1/things/{thing}/commands": "",
    "/v1/things/{thing}/parameters": "",
    "/v1/things/{thing}/firmware": "",
    "/v1/things/{thing}/data": "?signals=temp_c&from_ms=0&to_ms=9000",
    "/v1/things/{thing}/aggregates": "?signal=temp_c&from_ms=0&to_ms=9000",
    "/v1/things/{thing}/comparison": "?signal=temp_c&at_ms=9000",
    "/v1/things/{thing}/benchmark": "?signal=temp_c&from_ms=0&to_ms=9000",
    "/v1/things/{thing}/sessions": "?from_ms=0&to_ms=9000",
    "/v1/things/{thing}/wear": "",
    "/v1/things/{thing}/forecasts": "",
    "/v1/things/{thing}/diagnosis": "",
}
"""One thing that the caller does not see: 404, as if there were none; else anything but that."""
SAYS_NOTHING_OF_A_STRANGER = {
    "/v1/things/{thing}/features", "/v1/things/{thing}/unlocks", "/v1/things/{thing}/rentals",
    "/v1/things/{thing}/parameters/{name}/history", "/v1/remote-attempts/figures",
    "/v1/conditions/history", "/v1/things/{thing}/shop", "/v1/conditions/{name}/comparison",
}  # fmt: skip
"""Asked of every thing; only what is in the answer counts."""
ONE = {
    "/v1/alerts/{alert_id}": "alerts",
    "/v1/tickets/{ticket}": "tickets",
    "/v1/work-orders/{wo_id}": "work_orders",
    "/v1/work-orders/{wo_id}/visit": "work_orders",
    "/v1/sla/{incident}": "sla_incidents",
    "/v1/service-levels/{level}": "service_levels",
    "/v1/collections/{collection}": "collections",
    "/v1/collection-routes/{route}": "collection_routes",
    "/v1/contracts/{contract_id}": "contracts",
    "/v1/contracts/{contract_id}/margin": "contracts",
    "/v1/outcomes/{contract_id}/{period}": "outcomes",
    "/v1/outcomes/{contract_id}/{period}/inputs": "outcomes",
    "/v1/outcomes/{contract_id}/{period}/recomputed": "outcomes",
    "/v1/invoices/{invoice}": "invoices",
    "/v1/explain/{ident}": "recommendations",
    "/v1/recommendations/{rec_id}": "recommendations",
    "/v1/orders/{order_id}": "orders",
    "/v1/advice/{advice_id}": "advices",
    "/v1/secondary-uses/{use}/looks": "secondary_uses",
}
"""One object by its id: 404 unless the caller sees it."""
WHOLE = {
    "/v1/compliance", "/v1/compliance/kpis", "/v1/carts/{customer}", "/v1/stock",
    "/v1/views/actions", "/v1/views/control-room/overview", "/v1/views/customers",
    "/v1/views/machines", "/v1/views/portal/overview",
    "/v1/pricings/{pricing}/usage", "/v1/invoice-export",
    "/v1/settlements", "/v1/settlements/{party}", "/v1/subscriptions/{subscription}",
    "/v1/partners/{partner}/tools", "/v1/collections/{collection}/summary",
    "/v1/planning/places", "/v1/planning/shifts",
    "/v1/planning/days", "/v1/planning/load",
    "/v1/customers/{customer}/export", "/v1/customers/{customer}/export/{section}",
    "/v1/models/{model}/reliability",
}  # fmt: skip
"""Put together from several kinds of rows: no marker of somebody else's may be in it."""
OF_NOBODY = {
    "/v1/info", "/v1/health", "/v1/me", "/v1/roles", "/v1/models", "/v1/models/{name}",
    "/v1/planning/settings", "/v1/models/{model}/verification",
    "/v1/models/{model}/metadata", "/v1/algorithms", "/v1/conditions/{name}/revisions",
    "/v1/recomputations", "/v1/parts", "/v1/rule-packs", "/v1/plans", "/v1/agreements",
    "/v1/recipients", "/v1/tenants", "/v1/flags", "/v1/ingestion/stored",
    "/v1/ingestion/dead-letters", "/v1/breakers", "/v1/part-categories",
    "/v1/firmware/packages", "/v1/firmware/rollouts", "/v1/firmware/rollouts/{ident}",
    "/v1/firmware/rollouts/{ident}/devices", "/v1/firmware/rollouts/{ident}/health",
    "/v1/contract-tiers", "/v1/remote-fixes", "/v1/rules/supervision", "/v1/automations",
    "/v1/automations/{name}/runs", "/v1/advice-plans", "/v1/advice-plans/{ident}",
}  # fmt: skip
"""Asked too: what they answer is the product's or the tenant's, so no marker may be in it."""
OF_ONE_S_OWN = {
    "/v1/webhooks", "/v1/webhooks/{webhook}", "/v1/webhook-deliveries", "/v1/notices",
    "/v1/contacts", "/v1/connectors", "/v1/connectors/{connector}/jobs",
}  # fmt: skip
"""What a user made or was sent, held by the tests of those contexts; no marker here either."""


@st.composite
def estates(draw):
    """Trees of parties, things with or without an owner who bought them second-hand, and users."""

    def some(n, high):
        return [draw(st.integers(0, high)) for _ in range(n)]

    n_orgs, n_partners, n_customers, n_things = (
        draw(st.integers(2, 6)), draw(st.integers(1, 4)),
        draw(st.integers(2, 5)), draw(st.integers(2, 7)),
    )  # fmt: skip
    above = [None] + [draw(st.none() | st.integers(0, n - 1)) for n in range(1, n_orgs)]
    partner_above = [None] + [draw(st.none() | st.integers(0, n - 1)) for n in range(1, n_partners)]
    return {
        "orgs": {f"o{n}": "" if up is None else f"o{up}" for n, up in enumerate(above)},
        "partners": {
            f"p{n}": (f"o{org}", "" if up is None else f"p{up}")
            for n, (org, up) in enumerate(
                zip(some(n_partners, n_orgs - 1), partner_above, strict=True)
            )
        },
        "customers": {
            f"c{n}": (
                f"o{org}",
                sorted(draw(st.sets(st.sampled_from([f"p{i}" for i in range(n_partners)])))),
            )
            for n, org in enumerate(some(n_customers, n_orgs - 1))
        },
        # owner (None: nobody's), organisation that sold it, whether it was another's before
        "things": {
            f"t{n}": (None if owner == n_customers else f"c{owner}", f"o{org}", draw(st.booleans()))
            for n, (owner, org) in enumerate(
                zip(some(n_things, n_customers), some(n_things, n_orgs - 1), strict=True)
            )
        },
        "recipients": {f"r{n}": f"o{org}" for n, org in enumerate(some(2, n_orgs - 1))},
        # recipient and customer -> whether all things are opened, else the first one
        "grants": draw(
            st.dictionaries(
                st.tuples(
                    st.sampled_from(["r0", "r1"]),
                    st.sampled_from([f"c{n}" for n in range(n_customers)]),
                ),
                st.booleans(),
                max_size=3,
            )
        ),
    }


class Estate:
    """One DPS for all examples, which is cleared before each."""

    def __init__(self, office, names):
        self.office, self.names, self.dps, self.desk = office, names, office.dps, office.desk
        self.paths = paths(self)

    def furnish(self, estate):
        """Write the estate, an hour after the last one (calls are limited by the minute).

        Gives whose the markers are, and the keys.
        """
        self.desk.wall.now_s += 3600.0
        with self.office.clear().dps.store.begin() as uow:
            seeds = self.names.plant(uow.conn, estate)
            keys = self.names.callers_of(seeds, estate)
        return seeds.rules, keys

    def get(self, key, path, **headers):
        return self.office.runner.run(self.desk.call(key, "GET", path, **headers))


@pytest.fixture(scope="module")
def open_office(one_office, names):
    return Estate(one_office, names)


def paths(office):
    return {
        path
        for path, verbs in office.dps.app.openapi()["paths"].items()
        if "get" in verbs and path.startswith("/v1/")
    }


def filled(path, thing):
    return re.sub(r"\{(name|thing|model)\}", thing, path)


def check(office, estate, who, key, rules, **headers):
    """Everything that one caller is answered, against the oracle."""
    oracle = office.names.Oracle(estate)
    allowed = {mark for mark, rule in rules.items() if oracle.sees(who, rule)}

    def ask(path):
        status, body = office.get(key, path, **headers)
        found = set(MARK.findall(json.dumps(body)))
        if status == 404:
            found -= set(MARK.findall(path))  # it names what was asked for
        assert found <= allowed, (who, path, "sees what is not for him", found - allowed)
        return status, found

    for path, kinds in ALL.items():
        if path not in office.paths:
            continue  # its context is not served
        status, found = ask(path)
        wanted = {mark for mark in allowed if mark.split("-")[1] in kinds}
        assert status == 200, (who, path, status)
        assert found >= wanted, (who, path, "does not see", wanted - found)
    _check_objects(office, estate, who, rules, ask)


def _check_objects(office, estate, who, rules, ask):
    oracle = office.names.Oracle(estate)
    for thing in estate["things"]:
        may = oracle.thing_at(who, thing, 9_000)
        for path, query in ONE_OF_A_THING.items():
            status, _ = ask(filled(path, thing) + query)
            assert (status != 404) == may or (may and nobodys(estate, thing)), (
                who,
                path,
                thing,
                status,
            )
        for path in SAYS_NOTHING_OF_A_STRANGER:
            ask(filled(path, thing) + f"?thing={thing}&condition=c&model=m&revision=1")
    for path, kind in ONE.items():
        for mark, rule in rules.items():
            if mark.split("-")[1] == kind:
                status, _ = ask(
                    re.sub(r"\{\w+\}", mark, path, count=1).replace("{period}", "2026-01")
                )
                assert (status != 404) <= oracle.sees(who, rule), (who, path, rule, status)
    for path in OF_NOBODY | OF_ONE_S_OWN | WHOLE:
        if path in office.paths:
            ask(filled(path, "m").replace("{webhook}", "w").replace("{customer}", "c0"))


def nobodys(estate, thing):
    """A thing without an owner says nothing: its data are not there, though it is."""
    return estate["things"][thing][0] is None


def somebody(office, data):
    estate = data.draw(estates())
    rules, keys = office.furnish(estate)
    who = data.draw(st.sampled_from(sorted(keys)))
    check(office, estate, who, keys[who], rules)


@pytest.mark.feature("CC10", "CC11", "DS6")
@settings(max_examples=5, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(data=st.data())
def test_everybody_sees_exactly_what_the_trees_say_on_every_endpoint(open_office, data):
    somebody(open_office, data)


@pytest.mark.deep
@pytest.mark.timeout(900)
@pytest.mark.feature("CC10", "CC11", "DS6")
@settings(max_examples=400, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_everybody_sees_exactly_that_in_many_estates(open_office, data):
    somebody(open_office, data)


@pytest.mark.feature("CC10")
def test_the_operator_of_a_tenant_sees_that_tenant(open_office):
    estate = {
        "orgs": {"o0": "", "o1": "o0", "o2": ""},
        "partners": {"p0": ("o1", "")},
        "customers": {"c0": ("o1", ["p0"]), "c1": ("o2", [])},
        "things": {"t0": ("c0", "o1", True), "t1": ("c1", "o2", False), "t2": (None, "o2", False)},
        "recipients": {"r0": "o2", "r1": "o0"},
        "grants": {("r0", "c1"): True},
    }
    rules, _ = open_office.furnish(estate)
    key = open_office.names.OPERATOR_KEY

    check(open_office, estate, ("operator", "o2"), key, rules, x_tenant="o2")
    assert open_office.get(key, "/v1/things", x_tenant="o1")[0] == 403
    assert open_office.get(key, "/v1/things", x_tenant="elsewhere")[0] == 403


@pytest.mark.feature("CC10")
def test_every_read_of_the_api_is_held_to_the_oracle(open_office):
    listed = {
        *ALL,
        *ONE_OF_A_THING,
        *SAYS_NOTHING_OF_A_STRANGER,
        *ONE,
        *OF_NOBODY,
        *OF_ONE_S_OWN,
        *WHOLE,
    }

    assert paths(open_office) - listed == set(), "say in this file whose it is"


def test_every_route_asks_for_a_permission_or_is_open_to_everybody(open_office):
    silent = {
        route.path for route in routes_of(open_office.dps.app.router) if not permission_of(route)
    }

    assert silent == {"/v1/info", "/v1/health", "/v1/login", "/v1/callbacks"}
