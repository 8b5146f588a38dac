"""Field service and customer management are linked: each learns all, once, in order; and answers.

The other systems are real HTTP servers (``standins.py``) that fail in the ways that such do.
"""

from __future__ import annotations

import json
import time

import pytest

from reference_impl.integration.connectors import TOLERANCE_S, Signed, is_genuine
from reference_impl.kernel.machines import way
from reference_impl.maintenance.domain import WORK_ORDERS, Step, WorkOrder

H = 3_600_000


def link(where, linked, role, **more):
    call = {"role": role, "url": linked.server.url, **more}
    linked.secrets = where.done("POST", "/v1/connectors", call)
    return linked.secrets["id"]


def report(where, linked, subject, status, expect=200, **more):
    body, headers = linked.signed(subject, status, **more)
    answer = where.runner.run(where.client.post("/v1/callbacks", content=body, headers=headers))
    assert answer.status_code == expect, answer.text
    return answer.json()


@pytest.fixture(scope="module")
def the_yard(yards):
    one = yards.Yard()
    yield one
    one.close()


@pytest.fixture
def yard(the_yard, linked):
    """The module's yard, in which nothing is linked and nothing to be done at the end."""
    yield the_yard
    for row in the_yard.items("/v1/webhooks"):
        the_yard.done("DELETE", f"/v1/webhooks/{row['id']}")
    for row in the_yard.items("/v1/work-orders"):
        if row["state"] not in ("CLOSED", "CANCELLED"):
            the_yard.step(row["id"], "cancel", reason="the test is over")


@pytest.mark.feature("FS11")
def test_a_work_order_goes_out_whole_and_its_status_comes_back_in_whatever_order(yard, linked):
    yard.level()
    link(yard, linked, "fsm", words={"Scheduled": "PLANNED", "On my way": "EN_ROUTE"})
    order = yard.report(priority="P2")["id"]
    yard.wait(minutes=10)
    sent = linked.holds[order]
    assert (sent["thing"], sent["title"], sent["state"]) == ("mix-1", "It hums", "REQUESTED")

    def told(status, number, **more):
        return report(yard, linked, order, status, number=number, **more)["outcome"]

    slot = {"start_ms": yard.now + H, "technician": ""}
    assert told("Scheduled", 1, **slot) == "applied"
    assert yard.get(f"/v1/work-orders/{order}")["start_ms"] == yard.now + H
    yard.wait(minutes=20)
    assert told("IN_PROGRESS", 3) == "applied"  # the second report is late
    assert told("On my way", 2) == "old"
    assert told("IN_PROGRESS", 3) == "duplicate"
    assert told("IN_PROGRESS", 3, message="sent again by another name") == "old"
    assert told("ON_HOLD", 4, reason="customer_access") == "applied"
    assert told("COMPLETED", 5, cause="worn", remedy="fitted", serial=None) == "applied"
    shown = yard.get(f"/v1/work-orders/{order}")
    assert (shown["state"], shown["cause"], shown["by"]) == (
        "COMPLETED", "worn", linked.secrets["id"],
    )  # fmt: skip
    assert shown["sla"]["limits"]["respond"]["stopped_ms"] == yard.now
    (job,) = yard.items(f"/v1/connectors/{linked.secrets['id']}/jobs")
    assert (job["external_id"], job["number"], job["problem"]) == (f"JOB-{order}", 5, "")
    assert linked.told[order] == ["work_order.requested"], "it does not hear its own reports"
    yard.wait(hours=3)  # telemetry says that it was good
    assert linked.told[order][1:] == ["work_order.verified", "work_order.closed"]
    assert linked.made == [order]
    assert (linked.forged, linked.holds[order]["state"]) == (0, "CLOSED")


@pytest.mark.feature("FS11")
def test_an_outage_of_days_queues_everything_in_order_and_nothing_is_lost_or_doubled(
    yards, linked, tmp_path
):
    """Also over restarts of the DPS, and longer than any webhook is tried."""
    yard = yards.Yard(f"sqlite:///{tmp_path}/dps.sqlite")
    try:
        link(yard, linked, "fsm")
        linked.server.close()
        orders = [yard.report(thing)["id"] for thing in ("mix-1", "mix-2", "mix-3")]
        for number, order in enumerate(orders):
            yard.wait(hours=9)
            yard.step(order, "triage", priority="P3")
            yard.step(order, "cancel", reason="it stopped", duplicate_of="")
            if number == 1:
                yard = yard.restarted()
        yard.wait(hours=9)
        (shown,) = yard.items("/v1/connectors")
        assert (shown["waiting"], shown["refused"], shown["delivered"]) == (9, 0, 0)
        assert shown["waiting_since_ms"] == yards.START
        linked.server.open()
        linked.mute = 2  # two are handled, and their answers lost
        for _ in range(3):
            yard.wait(minutes=30)
        (shown,) = yard.items("/v1/connectors")
        assert (shown["waiting"], shown["refused"], shown["delivered"]) == (0, 0, 9)
        steps = [f"work_order.{what}" for what in ("requested", "triaged", "cancelled")]
        assert linked.told == dict.fromkeys(orders, steps)
        assert sorted(linked.made) == sorted(orders)
        assert linked.posts == 11, "what was answered is not sent again"
    finally:
        yard.close()


@pytest.mark.feature("FS11")
def test_what_is_refused_holds_up_its_own_subject_until_somebody_decides(yard, linked):
    link(yard, linked, "fsm")
    first, second = yard.report("mix-1")["id"], yard.report("mix-2")["id"]
    linked.refuse = {first}
    for _ in range(8):
        yard.wait(hours=10)
    yard.step(first, "triage", priority="P3")
    yard.step(second, "triage", priority="P3")
    yard.wait(hours=1)
    assert linked.told == {second: ["work_order.requested", "work_order.triaged"]}
    (dead,) = yard.items("/v1/webhook-deliveries?state=DEAD")
    assert (dead["subject"], dead["status"], dead["attempts"]) == (first, 422, 8)
    linked.refuse = set()
    yard.wait(hours=1)
    assert first not in linked.told, "nothing overtakes it"
    yard.post(f"/v1/webhook-deliveries/{dead['id']}/redeliver")
    yard.wait(hours=1)
    assert linked.told[first] == ["work_order.requested", "work_order.triaged"]


def test_what_is_discarded_by_hand_lets_the_rest_go_on(yard, linked):
    link(yard, linked, "fsm")
    order = yard.report()["id"]
    linked.refuse = {order}
    for _ in range(8):
        yard.wait(hours=10)
    yard.step(order, "triage", priority="P3")
    (dead,) = yard.items("/v1/webhook-deliveries?state=DEAD")
    linked.refuse = set()
    yard.post(f"/v1/webhook-deliveries/{dead['id']}/discard")
    yard.wait(hours=1)
    assert linked.told == {order: ["work_order.triaged"]}
    yard.post(f"/v1/webhook-deliveries/{dead['id']}/redeliver", status=409)


@pytest.mark.feature("FS11")
def test_a_status_counts_only_if_the_linked_system_signed_it_just_now(yard, linked):
    link(yard, linked, "fsm")
    order, now_s = yard.report()["id"], time.time()  # noqa: TID251 - what is signed is by the wall

    def refused(**how):
        answer = report(yard, linked, order, "PLANNED", expect=401, number=1, **how)
        return answer["error"]["code"]

    assert refused(sent_s=now_s - TOLERANCE_S - 60) == "unauthenticated"
    assert refused(sent_s=now_s + TOLERANCE_S + 60) == "unauthenticated"
    assert refused(secret=linked.secrets["secret"]) == "unauthenticated"
    body, headers = linked.signed(order, "PLANNED", number=1)
    for forged in (
        {"content": body.replace("PLANNED", "CANCELLED"), "headers": headers},
        {"content": body, "headers": {**headers, "webhook-id": "another"}},
        {"content": body.replace(linked.secrets["id"], "fsm-0"), "headers": headers},
        {"content": body, "headers": {"content-type": "application/json"}},
    ):
        answer = yard.runner.run(yard.client.post("/v1/callbacks", **forged))
        assert answer.status_code == 401, forged
    assert yard.get(f"/v1/work-orders/{order}")["state"] == "REQUESTED"
    old = linked.secrets["back_secret"]
    linked.secrets = yard.post(f"/v1/webhooks/{linked.secrets['id']}/rotate")
    assert refused(secret=old) == "unauthenticated"
    assert report(yard, linked, order, "PLANNED", number=1)["outcome"] == "applied"
    shown = [yard.get("/v1/connectors"), yard.get("/v1/webhooks")]
    assert "secret" not in json.dumps(shown)


def test_genuine_is_what_any_of_several_signatures_proves_within_five_minutes(linked):
    linked.secrets = {"id": "fsm-1", "back_secret": "whsec_" + "QUJD" * 8}
    body, headers = linked.signed("wo-1", "PLANNED", sent_s=1_000_000)
    stamp = headers["webhook-timestamp"]
    good = headers["webhook-signature"]

    def genuine(signature=good, timestamp=stamp, now_s=1_000_000.0):
        signed = Signed("wo-1-1", timestamp, signature, body.encode())
        return is_genuine(signed, linked.secrets["back_secret"], now_s=now_s)

    assert genuine()
    assert genuine(f"v1,{'A' * 43}= {good}"), "a secret that changes signs twice for a while"
    assert genuine(now_s=1_000_000.0 + TOLERANCE_S)
    assert not genuine(now_s=1_000_001.0 + TOLERANCE_S)
    assert not genuine("é")
    assert not genuine(timestamp="now")
    assert not genuine(timestamp="9" * 30)


@pytest.mark.feature("FS11", "CC10")
def test_a_linked_system_learns_and_does_what_whoever_linked_it_may(yard, linked):
    yard.put("/v1/organisations/north", {"name": "North", "parent": "main"})
    yard.put("/v1/customers/beta", {"name": "beta", "organisation": "north"})
    for name, role in (("boss", "service-manager"), ("clerk", "finance")):
        key = {"role": role, "party": "north", "secret": f"{name}-" * 8}
        yard.put(f"/v1/api-keys/{name}", key)

    def as_key(name):
        return {"authorization": "Bearer " + f"{name}-" * 8}

    call = {"role": "fsm", "url": linked.server.url}
    answer = yard.runner.run(yard.client.post("/v1/connectors", json=call, headers=as_key("boss")))
    linked.secrets = answer.json()
    alphas, betas = yard.report("mix-1")["id"], yard.report("mix-3")["id"]
    yard.wait(minutes=1)
    assert linked.made == [betas]
    assert report(yard, linked, betas, "PLANNED")["outcome"] == "applied"
    report(yard, linked, alphas, "PLANNED", expect=404)
    assert yard.get(f"/v1/work-orders/{alphas}")["state"] == "REQUESTED"
    key = {"role": "finance", "party": "north", "secret": "boss-" * 8}
    yard.put("/v1/api-keys/boss", key)
    report(yard, linked, betas, "DISPATCHED", expect=403)
    yard.runner.run(yard.client.delete("/v1/api-keys/boss"))
    report(yard, linked, betas, "DISPATCHED", expect=401)


@pytest.mark.feature("FS11")
def test_a_ticket_goes_out_too_and_what_cannot_be_any_more_changes_nothing_and_is_shown(
    yard, linked
):
    ticket = yard.post("/v1/things/mix-1/tickets", title="It hums", text="")["id"]
    order = yard.report("mix-2")["id"]
    link(yard, linked, "fsm")
    yard.wait(minutes=1)
    assert set(linked.made) == {ticket, order}, "what was open already goes out when it is linked"
    said = {"kind": "ticket", "reason": "waits for access"}
    assert report(yard, linked, ticket, "ON_HOLD", **said)["outcome"] == "applied"
    assert report(yard, linked, ticket, "CLOSED", kind="ticket")["outcome"] == "applied"
    assert yard.get(f"/v1/tickets/{ticket}")["state"] == "CLOSED"
    yard.step(order, "cancel", reason="it stopped", duplicate_of="")
    yard.wait(minutes=1)
    answer = report(yard, linked, order, "ON_SITE")
    assert answer["outcome"] == "conflict"
    assert answer["problem"]
    assert yard.get(f"/v1/work-orders/{order}")["state"] == "CANCELLED"
    jobs = {
        job["subject"]: job for job in yard.items(f"/v1/connectors/{linked.secrets['id']}/jobs")
    }
    assert (jobs[order]["status"], jobs[ticket]["problem"]) == ("ON_SITE", "")
    assert jobs[order]["problem"] == answer["problem"]
    wrong = report(yard, linked, order, "VERIFIED", expect=422)
    assert wrong["error"]["problems"][0]["where"] == "status"
    assert report(yard, linked, ticket, "REJECTED", kind="ticket")["outcome"] == "conflict"


@pytest.mark.feature("CC15")
def test_customers_contracts_and_invoices_stand_in_the_crm_with_one_number_and_amount(
    desks, linked
):
    desk = desks.Desk()
    try:
        desk.price("p", model="transaction", terms={"visit_eur": 180.0})
        desk.until(desks.START + desks.DAY)
        desk.visit("wo-1")
        link(desk, linked, "crm")
        linked.mute = 1
        for _ in range(2):
            desk.until(desk.now + H)
        assert set(linked.made) == {"alpha", "beta", "city-data"}
        desk.put("/v1/customers/alpha", {"name": "Alpha and sons"})
        linked.status = 503  # an outage over the end of the month
        (invoice,) = desk.sent(2026, 1)
        desk.post(f"/v1/invoices/{invoice['id']}/cancel", reason="wrong address", again=True)
        linked.status, linked.mute = 0, 3
        for _ in range(4):
            desk.until(desk.now + H)
        (later,) = desk.sent(2026, 2)
        desk.post(f"/v1/invoices/{later['id']}/payments", payment="pay-1",
                  amount_eur=later["total_eur"])  # fmt: skip
        desk.until(desk.now + H)
        assert linked.holds["alpha"]["name"] == "Alpha and sons"
        shown = {
            row["id"]: desk.get(f"/v1/invoices/{row['id']}") for row in desk.items("/v1/invoices")
        }
        held = {name: row for name, row in linked.holds.items() if name in shown}
        assert held == shown
        assert sorted(row["total_eur"] for row in shown.values()) == [-180.0, 180.0, 180.0]
        assert len({row["number"] for row in held.values()}) == 3
        exported = json.loads(desk.get("/v1/invoice-export?month=2026-02&form=json")["text"])
        assert exported["invoices"] == [held[one["id"]] for one in exported["invoices"]]
        assert linked.told[later["id"]] == ["invoice.issued", "invoice.paid"]
        assert (linked.forged, desk.items("/v1/webhook-deliveries?state=DEAD")) == (0, [])
    finally:
        desk.close()


def test_the_way_to_a_state_is_the_shortest_and_leads_through_nothing_else():
    through = {Step.PLAN, Step.DEPART, Step.ARRIVE, Step.BEGIN}
    assert way(WORK_ORDERS, WorkOrder.REQUESTED, WorkOrder.IN_PROGRESS, through=through) == [
        Step.PLAN, Step.DEPART, Step.ARRIVE, Step.BEGIN,
    ]  # fmt: skip
    assert way(WORK_ORDERS, WorkOrder.ON_SITE, WorkOrder.ON_SITE, through=()) == []
    assert way(WORK_ORDERS, WorkOrder.CLOSED, WorkOrder.ON_SITE, through=through) is None
