"""DPS with one bug planted each, and short stories in which the bug must show.

A mutant is a small patch of the reference DPS in this process, never of its log. Each is named
after what it does wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from broker.ledger import SeqSet
from broker.wire.codec import MalformedMessage
from broker.wire.messages import TelemetryBatch
from harness.engine.runner import RunOptions, run_scenario
from harness.events import RunResult
from harness.scenario import build as b
from reference_impl.ingestion import service as ingestion
from reference_impl.ingestion.adapters.repository import IngestionRows
from reference_impl.ingestion.asking import Asking
from reference_impl.ingestion.domain import DeviceLog
from reference_impl.insight import domain as insight
from reference_impl.insight.service import Insight
from reference_impl.maintenance import domain as work
from reference_impl.maintenance.service import Maintenance
from reference_impl.orders import domain as buying
from reference_impl.orders.service import Orders
from reference_impl.orders.steps import Steps
from reference_impl.outcomes import domain as outcomes
from reference_impl.published import PartFitted, ReplacementAdvised
from reference_impl.rules import engine
from reference_impl.rules import service as rules
from reference_impl.rules.service import Rules

Patch = Callable[[pytest.MonkeyPatch], None]
MUTANTS: dict[str, Patch] = {}
HOUR_MS = 3_600_000


def mutant(patch: Patch) -> Patch:
    """Register a patch under its name."""
    MUTANTS[patch.__name__] = patch
    return patch


def wrap(mp: pytest.MonkeyPatch, owner: Any, name: str, around: Callable[..., Any]) -> None:
    """Replace ``owner.name`` by a function that gets the original first."""
    original = getattr(owner, name)

    def instead(*args: Any, **named: Any) -> Any:
        return around(original, *args, **named)

    kind = vars(owner).get(name)
    mp.setattr(owner, name, staticmethod(instead) if isinstance(kind, staticmethod) else instead)


class Told:
    """A unit of work that remembers what was published."""

    def __init__(self, uow):
        self.uow, self.events = uow, []

    def __getattr__(self, name):
        return getattr(self.uow, name)

    def publish(self, event):
        self.events.append(event)
        self.uow.publish(event)


# Orders --------------------------------------------------------------------------------------


@mutant
def orders_twice(mp):
    def place(original, self, uow, rec, attempt, **more):
        original(self, uow, rec, attempt, **more)
        original(self, uow, rec, attempt + 1, **more)

    wrap(mp, Orders, "_place", place)


@mutant
def recommends_twice(mp):
    def issue(original, self, uow, rec, policy, at_ms):
        told = Told(uow)
        original(self, told, rec, policy, at_ms)
        uow.publish(told.events[0])

    wrap(mp, Orders, "_issue", issue)


@mutant
def takes_delivery_for_fitting(mp):
    def step(original, self, uow, order_id, step, **more):
        row = original(self, uow, order_id, step, **more)
        if row["state"] == buying.Order.DELIVERED:
            _, position, cycle = row["need_key"].split("/")
            data = {"position": position, "cycle": int(cycle) + 1}
            at_ms = more["at_ms"]
            self.on_fitted(
                uow, PartFitted(at_ms=at_ms, kind="part.fitted", subject=row["thing"], data=data)
            )
        return row

    wrap(mp, Orders, "step_order", step)
    mp.setattr(Maintenance, "on_order", lambda *_: None)


@mutant
def reopens_at_once(mp):
    mp.setattr(buying, "REOPEN_AFTER_MS", HOUR_MS)


@mutant
def never_reopens(mp):
    mp.setattr(Orders, "_reopen", lambda *_: None)


@mutant
def takes_any_part(mp):
    wrap(mp, Rules, "_advise", lambda original, uow, reaction, **more: original(
        uow, replace(reaction, part="bearing-set"), **more))  # fmt: skip
    mp.setattr("reference_impl.orders.catalogue.Catalogue.misfit", lambda *_, **__: "")


@mutant
def adds_up_wrong(mp):
    wrap(mp, buying, "total_eur", lambda original, *args: original(*args) + 0.01)


@mutant
def ignores_the_policy(mp):
    mp.setattr(buying, "breaches", lambda *_, **__: [])


@mutant
def mixes_up_things(mp):
    def advise(original, self, uow, event):
        other = {"pump-01-1": "pump-01-2", "pump-01-2": "pump-01-1"}
        original(self, uow, replace(event, thing=other[event.thing]))

    wrap(mp, Orders, "advise", advise)


@mutant
def writes_a_thing_that_is_none(mp):
    def place(original, self, uow, rec, attempt, **more):
        original(self, uow, {**rec, "thing": rec["thing"] + "0"}, attempt, **more)

    wrap(mp, Orders, "_place", place)


@mutant
def orders_a_minute_later(mp):
    def place(original, self, uow, rec, attempt, *, by, at_ms):
        original(self, uow, rec, attempt, by=by, at_ms=at_ms + 60_000)

    wrap(mp, Orders, "_place", place)


@mutant
def forgets_to_order(mp):
    mp.setattr(Orders, "_place", lambda *_, **__: None)


@mutant
def gives_no_reasons(mp):
    mp.setattr(rules, "shown", lambda _: {})


@mutant
def never_advises(mp):
    mp.setattr(Orders, "advise", lambda *_: None)


@mutant
def orders_for_no_reason(mp):
    def evaluate(original, self, uow, pack, *more):
        original(self, uow, pack, *more)
        at_ms = more[0]
        for ref in self._directory.things(uow.conn, pack.model):
            for part, position in self._parts.places(uow.conn, pack.model):
                uow.publish(
                    ReplacementAdvised(
                        at_ms=at_ms, seen_from_ms=at_ms, thing=ref.thing, part=part,
                        position=position, quantity=1, rule="none", pack=pack.pack,
                        pack_version=pack.version, why="", values={"none": 0.0},
                    )
                )  # fmt: skip

    def put(original, self, uow, customer, policy):
        return original(self, uow, customer, buying.Policy(mode=buying.Mode.AUTO))

    wrap(mp, Rules, "evaluate", evaluate)
    wrap(mp, Orders, "put_policy", put)


@mutant
def ships_unconfirmed(mp):
    def tell(original, uow, row, what, at_ms):
        if what == "confirmed":
            original(uow, row, "shipped", at_ms)
        original(uow, row, what, at_ms)

    wrap(mp, Steps, "tell_order", tell)


@mutant
def tells_of_deliveries_late(mp):
    def tell(original, uow, row, what, at_ms):
        original(uow, row, what, at_ms + (HOUR_MS if what == "delivered" else 0))

    wrap(mp, Steps, "tell_order", tell)


@mutant
def forgets_deliveries(mp):
    def tell(original, uow, row, what, at_ms):
        if what != "delivered":
            original(uow, row, what, at_ms)

    wrap(mp, Steps, "tell_order", tell)


# Alerts --------------------------------------------------------------------------------------


def _tells(mp: pytest.MonkeyPatch, change: Callable[..., None]) -> None:
    wrap(mp, Rules, "_tell", change)


@mutant
def alerts_twice(mp):
    def tell(original, uow, kind, alert, values, at_ms):
        original(uow, kind, alert, values, at_ms)
        if kind == "alert.raised":
            original(uow, kind, {**alert, "id": alert["id"] + "-b"}, values, at_ms)

    _tells(mp, tell)


@mutant
def raises_again_under_the_old_name(mp):
    def tell(original, uow, kind, alert, values, at_ms):
        original(uow, kind, alert, values, at_ms)
        if kind == "alert.raised":
            original(uow, kind, alert, values, at_ms)

    _tells(mp, tell)


@mutant
def clears_twice(mp):
    def tell(original, uow, kind, alert, values, at_ms):
        original(uow, kind, alert, values, at_ms)
        if kind == "alert.cleared":
            original(uow, kind, alert, values, at_ms)

    _tells(mp, tell)


@mutant
def clears_before_it_raised(mp):
    def tell(original, uow, kind, alert, values, at_ms):
        back_ms = 10 * 24 * HOUR_MS if kind == "alert.cleared" else 0
        original(uow, kind, alert, values, at_ms - back_ms)

    _tells(mp, tell)


@mutant
def takes_silence_for_health(mp):
    def decided(original, rule, found, *more):
        healthy = {
            one: (np.nan_to_num(values), np.full(values.shape, 2**62))
            for one, (values, _) in found.items()
        }
        return original(rule, healthy, *more)

    wrap(mp, engine, "_decided", decided)


@mutant
def raises_no_alerts(mp):
    mp.setattr(Rules, "_raise_alert", lambda *_, **__: None)


# Work orders ---------------------------------------------------------------------------------


@mutant
def sends_two_crews(mp):
    def request(original, self, uow, need, *, attempt, at_ms):
        original(self, uow, need, attempt=attempt, at_ms=at_ms)
        original(self, uow, need, attempt=attempt + 1, at_ms=at_ms)

    wrap(mp, Maintenance, "_request", request)


@mutant
def verifies_everything(mp):
    mp.setattr(work, "healthy", lambda *_: True)


@mutant
def fits_one_part_twice(mp):
    def fit(original, self, uow, row, at_ms):
        told = Told(uow)
        original(self, told, row, at_ms)
        uow.publish(told.events[0])

    wrap(mp, Maintenance, "_fit", fit)


@mutant
def closes_alerts_with_the_work(mp):
    def fitted(original, self, uow, event):
        original(self, uow, event)
        for key in sorted(k for k in self._instances.of(uow) if k[2] == event.subject):
            self._end(uow, key, event.at_ms)

    wrap(mp, Rules, "on_fitted", fitted)


@mutant
def closes_without_fitting(mp):
    def step(original, self, uow, wo_id, step, **more):
        row = original(self, uow, wo_id, step, **more)
        if step is work.Step.ARRIVE:
            for next_step in (work.Step.COMPLETE, work.Step.VERIFY, work.Step.CLOSE):
                row = original(self, uow, wo_id, next_step, by="service", at_ms=more["at_ms"])
        return row

    wrap(mp, Maintenance, "step", step)


@mutant
def registers_no_parts(mp):
    mp.setattr(Maintenance, "_fit", lambda *_: None)


@mutant
def starts_no_new_cycle_of_wear(mp):
    mp.setattr(Insight, "on_fitted", lambda *_: None)


# Messages, measuring, money ------------------------------------------------------------------


@mutant
def forgets_to_store_a_message(mp):
    def readings(original, self, batch, key, log, samples):
        original(self, batch, key, log, samples)
        if key in batch.readings:
            batch.readings[key] = [r for r in batch.readings[key] if r.seq != 17]

    def write(original, self, uow, *, logs, **more):
        lost = SeqSet.from_ranges([(17, 17)])
        kept = {key: replace(log, stored=log.stored.minus(lost)) for key, log in logs.items()}
        original(self, uow, logs=kept, **more)

    wrap(mp, ingestion.Ingestion, "_readings", readings)
    wrap(mp, IngestionRows, "write", write)


@mutant
def counts_copies_twice(mp):
    def take(original, self, seq):
        original(self, seq)
        return True, True

    wrap(mp, DeviceLog, "take", take)


@mutant
def asks_for_nothing_again(mp):
    mp.setattr(Asking, "gaps", lambda *_: None)


@mutant
def asks_for_births_again_and_again(mp):
    def settle(original, self, uow, now_ms):
        original(self, uow, now_ms)
        for ref in self._directory.things(uow.conn):
            self._asking.birth(uow, ref.site, ref.thing, f"again-{now_ms}")

    wrap(mp, ingestion.Ingestion, "settle", settle)


@mutant
def ignores_late_readings(mp):
    def take(original, self, uow, batch, log, message):
        original(self, uow, batch, log, message)
        if isinstance(message, TelemetryBatch):
            batch.readings.pop((message.device, message.boot), None)

    wrap(mp, ingestion.Ingestion, "_take_other", take)


@mutant
def reads_only_some_messages(mp):
    def decode(original, topic, payload):
        site, message = original(topic, payload)
        if getattr(message, "seq", 0) == 40:
            raise MalformedMessage(topic, "number 40 is too much")
        return site, message

    wrap(mp, ingestion, "decode_uplink", decode)


@mutant
def forgets_the_credit(mp):
    def settle(original, *args, **more):
        return original(*args, **more)._replace(credit_eur=0.0)

    wrap(mp, outcomes, "settle", settle)


@mutant
def doubts_the_wear(mp):
    wrap(mp, insight, "wear_pct", lambda original, *args: original(*args) / 3.0)


# Stories -------------------------------------------------------------------------------------

WORN = "pump-01-1"
QUICK = {
    "supplier": {
        "lead_factor": 0.02, "confirm_p50_h": 0.5, "confirm_p90_h": 1.0,
        "transport_p50_h": 1.0, "transport_p90_h": 2.0,
    },
    "crew": {
        "notice_h": 1.0, "plan_p50_h": 0.5, "plan_p90_h": 1.0,
        "work_p50_h": 0.5, "work_p90_h": 1.0,
    },
}  # fmt: skip
"""People who get things done within two workdays."""


def _tale(**changes: Any) -> b.Scenario:
    told: dict[str, Any] = {
        "title": "A seal wears out",
        "run": b.run("2026-01-28T00:00:00Z", "97h", sync="2h"),
        "fleets": (b.fleet("pump", sites=1, devices_per_site=2, report_every="30m"),),
        "field": b.People(**QUICK),
        "service": b.Service(
            rules=("tests/mutants/rules.yaml",),
            contract=b.Contract(fee_eur=180.0, target=0.997, unknown_after_s=2700),
        ),
        "timeline": (b.fault("seal_leak", WORN, at="0h", onset="0h", pf_interval="30h"),),
    }
    return b.Scenario(**{**told, **changes})


@pytest.fixture(scope="session")
def tale() -> Callable[..., b.Scenario]:
    """One site, two devices; a seal wears in 30 h and is replaced; the month ends on day 4."""
    return _tale


@pytest.fixture(scope="session")
def mutants() -> dict[str, Patch]:
    """Every planted bug by its name."""
    return MUTANTS


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., RunResult]:
    """Run a story with a mutant (or none) over the memory link."""
    root = Path(__file__).resolve().parents[2]

    def run(story: b.Scenario | Path, name: str = "", **more: Any) -> RunResult:
        monkeypatch.chdir(root)
        with monkeypatch.context() as mp:
            if name:
                MUTANTS[name](mp)
            options = RunOptions(link="memory", runs_dir=tmp_path / "runs", **more)
            return run_scenario(story, seed=7, options=options)

    return run
