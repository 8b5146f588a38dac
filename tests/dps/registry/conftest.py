"""A DPS with a key, and callers of it: what a request with somebody's key answers."""

from __future__ import annotations

import asyncio
import json
from itertools import count
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher

from broker.link.memory import MemoryBus
from harness.sut.callers import AsgiCaller
from reference_impl.bootstrap import Settings, build
from reference_impl.kernel.store import metadata
from reference_impl.registry.roles import PERMISSIONS
from reference_impl.registry.secrets import kept_secret

OPERATOR_KEY = "operator-key-of-these-tests-0123456789"
SECRET = "secret-of-{}-0123456789-0123456789"
MODEL = {
    "product": "mixer",
    "signals": {
        "speed_rpm": {"unit": "rpm", "min": 0.0, "max": 3000.0},
        "temp_c": {"unit": "°C", "min": -20.0, "max": 150.0},
    },
}


OLD_MS, SOLD_MS, NEW_MS = 1_000, 5_000, 9_000
OF_THING, OF_CUSTOMER = "thing", "customer"
EVERYTHING = ["digital-services", "smart-parts", "field-services", "advanced-services"]
LISTS = {
    "partners", "parts", "conditions", "metrics", "sessions", "diagnosis", "quality", "things",
    "points", "kits", "lines", "alerts", "faults", "skills", "reserved", "used", "pauses",
    "remedies", "notify", "intervals", "initiatives", "purposes", "permissions",
}  # fmt: skip
"""JSON columns that hold lists."""


class Wall:
    """A clock of the real world that tests move."""

    def __init__(self):
        self.now_s = 1000.0

    def __call__(self):
        return self.now_s


class Desk:
    """Calls the API of one DPS as somebody; gives status and decoded body."""

    def __init__(self, dps, wall):
        self.dps, self.wall, self.headers = dps, wall, {}

    async def call(self, key, method, path, body=None, **headers):
        lines = {name.replace("_", "-"): value for name, value in headers.items()}
        if key is not None:
            lines["authorization"] = f"Bearer {key}"
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            lines["content-type"] = "application/json"
        answer = await AsgiCaller(self.dps.app).call(method, path, data, lines)
        return answer.status, json.loads(answer.body) if answer.body else None

    async def operator(self, method, path, body=None, status=200, **headers):
        got, answer = await self.call(OPERATOR_KEY, method, path, body, **headers)
        assert got == status, answer
        return answer

    async def key(self, name, role, party, **more):
        """Make an API key, and give its secret."""
        secret = SECRET.format(name)
        body = {"role": role, "party": party, "secret": secret, **more}
        await self.operator("PUT", f"/v1/api-keys/{name}", body)
        return secret

    async def estate(self):
        """Two branches with a partner, three customers, a site and a thing each."""
        put = self.operator
        await put("PUT", "/v1/models/mixer-1", MODEL)
        for branch in ("north", "south"):
            body = {"name": branch, "parent": "main"}
            await put("PUT", f"/v1/organisations/{branch}", body)
        await put("PUT", "/v1/partners/dealer", {"name": "Dealer", "organisation": "north"})
        for customer, organisation, partners in (
            ("acme", "north", ["dealer"]), ("bell", "north", []), ("cole", "south", []),
        ):  # fmt: skip
            body = {"name": customer, "organisation": organisation, "partners": partners}
            await put("PUT", f"/v1/customers/{customer}", body)
            site = {"customer": customer, "name": "Works", "time_zone": "Europe/Rome"}
            await put("PUT", f"/v1/sites/{customer}-1", site)
            thing = {"model": "mixer-1", "site": f"{customer}-1", "serial": f"sn-{customer}"}
            await put("PUT", f"/v1/things/mix-{customer}", {**thing, "organisation": organisation})

    async def clock(self, now_ms, delivered=None):
        body = {"now_ms": now_ms, "delivered": delivered or {}}
        await self.operator("POST", "/v1/clock", body)


class Oracle:
    """Who sees what, walking up the trees from the object (the DPS walks down from the user)."""

    def __init__(self, estate):
        self.e = estate

    def up(self, parents, name):
        while name:
            yield name
            name = parents[name]

    def org_below(self, org, party):
        return party in self.up(self.e["orgs"], org)

    def partner_below(self, partner, party):
        parents = {name: up for name, (_, up) in self.e["partners"].items()}
        return party in self.up(parents, partner)

    def customer(self, who, customer):
        group, party = who
        org, partners = self.e["customers"][customer]
        if group in ("organisation", "operator"):
            return self.org_below(org, party)
        if group == "partner":
            return any(self.partner_below(partner, party) for partner in partners)
        return group == "customer" and party == customer

    def thing_at(self, who, thing, at_ms):
        group, party = who
        owner, org, second_hand = self.e["things"][thing]
        if owner is None:
            return group in ("organisation", "operator") and self.org_below(org, party)
        since_ms = SOLD_MS if second_hand else 0
        if group == "recipient":
            whole = self.e["grants"].get((party, owner))
            opened = whole is not None and (whole or thing == self.first_of(owner))
            return opened and at_ms >= since_ms
        serves = group in ("organisation", "operator")
        return self.customer(who, owner) and (serves or at_ms >= since_ms)

    def first_of(self, customer):
        return next((t for t, (o, _, _) in self.e["things"].items() if o == customer), None)

    def party(self, who, kind, name):
        group, party = who
        serves = group in ("organisation", "operator")
        if (kind, name) == (group, party):
            return True
        if kind == "organisation":
            return serves and self.org_below(name, party)
        if kind == "partner":
            mine = group == "partner" and self.partner_below(name, party)
            return mine or (serves and self.org_below(self.e["partners"][name][0], party))
        if kind == "customer":
            return self.customer(who, name)
        return serves and self.org_below(self.e["recipients"][name], party)

    def sees(self, who, rule):
        kind, *rest = rule
        if kind == OF_THING:
            return self.thing_at(who, *rest)
        if kind == OF_CUSTOMER:
            return self.customer(who, *rest)
        if kind == "order":  # between a customer and the main organisation: M1 of 3.1
            return who[0] != "partner" and self.customer(who, *rest)
        if kind == "grant":
            recipient, customer = rest
            return who == ("recipient", recipient) or self.customer(who, customer)
        return self.party(who, *rest)


class Seeds:
    """Writes rows with markers straight into the tables, and remembers whose they are."""

    def __init__(self, conn):
        self.conn, self.rules, self.numbers = conn, {}, count()

    def add(self, table, rule, field, *, of=None, **values):
        """A row of ``table`` whose ``field`` bears a marker of kind ``of``; gives the marker."""
        mark = f"mk-{of or table}-{next(self.numbers)}-"
        self.rules[mark] = rule
        self.row(table, **values, **{field: mark})
        return mark

    def row(self, table, **values):
        columns = metadata.tables[table].columns
        row = {c.name: _filler(c) for c in columns if c.name not in values and not c.nullable}
        if columns[next(iter(columns.keys()))].autoincrement is True:
            row.pop(next(iter(columns.keys())))
        self.conn.execute(metadata.tables[table].insert().values({**row, **values}))


def _filler(column):
    kind = column.type
    if isinstance(kind, sa.JSON):
        return [] if column.name in LISTS else {}
    if isinstance(kind, sa.Boolean):
        return False
    if isinstance(kind, sa.LargeBinary):
        return b"{}"
    return "" if isinstance(kind, sa.String) else 0


def plant(conn, estate):
    """The whole estate as rows; gives markers with whose they are."""
    seeds = Seeds(conn)
    signals = {"temp_c": {"unit": "C", "min": 0.0, "max": 1.0, "title": ""}}
    seeds.row("plans", id="p", kind="plan", activation="flat", features=[], safety_alerts="always")
    seeds.row("models", id="m", signals=signals, obeys={})
    for name, parent in estate["orgs"].items():
        party = ("party", "organisation", name)
        seeds.add("organisations", party, "name", id=name, parent=parent)
        seeds.add("suppliers", party, "name", id=f"s-{name}", organisation=name)
        seeds.add("technicians", party, "name", id=f"tech-{name}", party=f"organisation:{name}")
        seeds.add("service_levels", party, "id", party=f"organisation:{name}")
        for table in ("collections", "collection_plans", "collection_routes"):
            seeds.add(table, party, "id", party=f"organisation:{name}")
        seeds.add("invoicing_profiles", party, "name", organisation=name)
    for name, (org, up) in estate["partners"].items():
        rule = ("party", "partner", name)
        seeds.add("partners", rule, "name", id=name, organisation=org, parent=up)
        seeds.add("technicians", rule, "name", id=f"tech-{name}", party=f"partner:{name}")
    for name, org in estate["recipients"].items():
        seeds.row("data_recipients", id=name, organisation=org, name=name)
    for name, (org, partners) in estate["customers"].items():
        _of_customer(seeds, name, org, partners)
    for name, (owner, org, second_hand) in estate["things"].items():
        seeds.add(
            "things", (OF_THING, name, NEW_MS), "title", id=name, model="m", organisation=org,
            site=f"{owner}-site" if owner else "", status="ACTIVE" if owner else "INACTIVE",
        )  # fmt: skip
        if owner:
            since_ms = SOLD_MS if second_hand else 0
            seeds.row("ownerships", thing=name, from_ms=since_ms, customer=owner, to_ms=None)
        for at_ms in (OLD_MS, NEW_MS):
            _of_thing(seeds, name, at_ms)
    oracle = Oracle(estate)
    for (recipient, customer), whole in estate["grants"].items():
        things = [] if whole else [oracle.first_of(customer) or "none"]
        whose = {"recipient": recipient, "customer": customer, "things": things}
        seeds.add("data_grants", ("grant", recipient, customer), "by", **whose)
    return seeds


def _of_customer(seeds, name, org, partners):
    mine = (OF_CUSTOMER, name)
    seeds.add("customers", mine, "name", id=name, organisation=org, partners=partners)
    seeds.add("sites", mine, "name", id=f"{name}-site", customer=name, time_zone="UTC")
    seeds.add("policies", mine, "mode", customer=name)
    seeds.add("consents", mine, "by", customer=name, purpose="crm")
    seeds.add("leads", mine, "reason", id=f"lead-{name}", customer=name)
    seeds.add("entitlements", mine, "id", customer=name, step=8, initiatives=EVERYTHING)
    order = {"customer": name, "buyer": name, "provider": "organisation", "model": "M1"}
    seeds.add("orders", ("order", name), "id", thing="t0", state="SHIPPED", **order)
    placed = {"kind": "order.placed", "customer": name, "thing": ""}
    seeds.add("subscriptions", mine, "id", customer=name, state="ACTIVE", plan="p")
    seeds.add("charges", mine, "id", customer=name, state="OPEN")
    contract = seeds.add("contracts", mine, "id", customer=name, start_ms=0, target=0.9)
    seeds.add("outcomes", mine, "contract", period="2026-01", customer=name, state="CLOSED")
    seeds.add("contract_exclusions", mine, "id", customer=name, contract=contract, state="ASKED")
    seeds.add("pricings", mine, "id", customer=name, model="free", shares={})
    seeds.add("billables", mine, "id", customer=name, kind="order", quantity="1", unit_price="1")
    seeds.add(
        "invoices", mine, "id", customer=name, number=f"n-{name}", kind="invoice", state="DRAFT"
    )
    seeds.add(
        "secondary_uses", mine, "id", owner=name, recipient="nobody-s", customer="nobody-s",
        state="OPEN", take="mean", thing="gone",
    )  # fmt: skip
    seeds.add("tickets", mine, "id", customer=name, state="OPEN", priority="normal", thing="gone")
    given = {"state": "GIVEN", "things": [], "seen": {}, "thing": "gone"}
    seeds.add("advices", mine, "id", customer=name, **given)
    seeds.add("feed", mine, "event_id", of="feed_doc", **placed)


def _of_thing(seeds, name, at_ms):
    mine = (OF_THING, name, at_ms)

    def add(table, field, time, **more):
        return seeds.add(table, mine, field, thing=name, **{time: at_ms}, **more)

    seeds.add(
        "feed", mine, "event_id", of="feed_thing", kind="alert.raised", thing=name, at_ms=at_ms
    )
    add("alerts", "id", "raised_ms", started_ms=at_ms, state="ACTIVE", severity="minor")
    add("actions", "id", "created_ms", state="TODO")
    add("recommendations", "id", "issued_ms", need_key=f"{name}/a/{at_ms}", state="ISSUED")
    add("needs", "need_key", "changed_ms", state="DUE")
    add("work_orders", "id", "requested_ms", need_key=f"{name}/a/{at_ms}", state="REQUESTED")
    add("maintenance_register", "serial", "fitted_ms")
    add("planned_work", "id", "proposed_ms", state="PROPOSED")
    add("collection_stops", "id", "planned_ms", route=f"r-{name}-{at_ms}", state="PLANNED")
    add("citizen_reports", "id", "reported_ms")
    incident = add("sla_incidents", "id", "reported_ms", state="RUNNING")
    for what in ("acknowledge", "respond", "restore"):
        seeds.row("sla_clocks", incident=incident, what=what, limit_ms=1, state="RUNNING")
    add("commands", "id", "issued_ms", state="requested")
    add("remote_attempts", "id", "began_ms", state="FAILED")
    add("condition_states", "condition", "evaluated_ms")
    add("data_flags", "flag", "since_ms", signal="temp_c")
    refused = ("refused_advice", mine, "reason")
    seeds.add(*refused, need_key=f"{name}/b/{at_ms}", at_ms=at_ms)


def callers_of(seeds, estate):
    """A user and an API key with every permission for each party; keys by group and party."""
    rows = [
        *(("organisation", name) for name in estate["orgs"]),
        *(("partner", name) for name in estate["partners"]),
        *(("customer", name) for name in estate["customers"]),
        *(("recipient", name) for name in estate["recipients"]),
    ]
    for group in ("organisation", "partner", "customer", "recipient"):
        seeds.row("roles", id=f"all-{group}", group=group, permissions=sorted(PERMISSIONS))
    keys = {}
    for group, party in rows:
        rule, name = ("party", group, party), f"{group}-{party}"
        whose = {"role": f"all-{group}", "party": f"{group}:{party}"}
        seeds.add("users", rule, "name", id=f"u-{name}", **whose)
        seeds.add("audit_log", rule, "path", party=f"{group}:{party}")
        keys[group, party] = secret = SECRET.format(name)
        more = {"secret": kept_secret(secret), "permissions": None, "purposes": ["service"]}
        seeds.add("api_keys", rule, "title", id=f"k-{name}", **whose, **more)
    return keys


class Office:
    """A started DPS; :meth:`clear` makes it as if it were new, which is faster than another one."""

    def __init__(self, operator_key=OPERATOR_KEY):
        self.runner, self.wall = asyncio.Runner(), Wall()
        link = MemoryBus().service_link()
        self.dps = build("sqlite://", link, Settings(operator_key=operator_key, wall_s=self.wall))
        self.runner.run(self.dps.start())
        self.desk = Desk(self.dps, self.wall)

    def clear(self):
        """Empty all tables but the clock's, and forget who called."""
        callers = self.dps.callers
        with self.dps.store.begin() as uow:
            for table in metadata.sorted_tables:
                if table.name != "clock":
                    uow.conn.execute(table.delete())
            for kind in ("thing", "user"):
                self.dps.directory._changed(uow, kind)
        for kept in (
            callers._sessions, callers._failures, callers._calls, callers.keys._used_ms
        ):  # fmt: skip
            kept.clear()
        return self

    def close(self):
        self.runner.run(self.dps.stop())
        self.runner.close()


@pytest.fixture(scope="session")
def one_office():
    opened = Office()
    yield opened
    opened.close()


@pytest.fixture
def office(one_office):
    """Runs ``story(desk)`` with a started DPS that knows nothing."""

    def run(story, **how):
        if not how:
            return one_office.runner.run(story(one_office.clear().desk))
        another = Office(**how)
        try:
            return another.runner.run(story(another.desk))
        finally:
            another.close()

    return run


@pytest.fixture(scope="session")
def names():
    """What tests of the registry share."""
    return SimpleNamespace(
        OPERATOR_KEY=OPERATOR_KEY,
        MODEL=MODEL,
        SECRET=SECRET,
        QUICK=PasswordHasher(time_cost=1, memory_cost=8, parallelism=1),
        Desk=Desk,
        Wall=Wall,
        Oracle=Oracle,
        plant=plant,
        callers_of=callers_of,
    )
