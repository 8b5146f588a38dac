"""Bugs of alerts, work orders, ingestion, wear and contracts, planted in the reference DPS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from planting import HOUR_MS, Told, mutant, wrap

from broker.ledger import SeqSet
from broker.wire.codec import MalformedMessage
from broker.wire.messages import TelemetryBatch
from broker.wire.reports import UplinkReader
from reference_impl.ingestion import service as ingestion
from reference_impl.ingestion.adapters.repository import IngestionRows
from reference_impl.ingestion.asking import Asking
from reference_impl.ingestion.domain import DeviceLog
from reference_impl.insight import domain as insight
from reference_impl.insight.service import Insight
from reference_impl.maintenance import domain as work
from reference_impl.maintenance.finishing import Finishing
from reference_impl.maintenance.service import Maintenance
from reference_impl.outcomes.contracts import classes, exclusions, periods, settling
from reference_impl.outcomes.money import invoices
from reference_impl.rules import domain as rules
from reference_impl.rules import engine
from reference_impl.rules.alerts import Alerts
from reference_impl.rules.service import Rules

# Alerts --------------------------------------------------------------------------------------


def _tells(mp: pytest.MonkeyPatch, change: Callable[..., None]) -> None:
    wrap(mp, Alerts, "tell", change)


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
    def judge(original, instance, verdict, **more):
        return original(instance, bool(verdict), **more)

    wrap(mp, engine, "judge", judge)


@mutant
def clears_within_the_band(mp):
    wrap(mp, engine.Decided, "verdict", lambda original, self, *at, **_: original(self, *at))


@mutant
def forgets_causes(mp):
    mp.setattr(engine, "_yields", lambda *_: False)


@mutant
def raises_no_alerts(mp):
    mp.setattr(Alerts, "raise_alert", lambda *_, **__: None)


# Work orders ---------------------------------------------------------------------------------


@mutant
def sends_two_crews(mp):
    def request(original, self, uow, need, *, attempt, **more):
        original(self, uow, need, attempt=attempt, **more)
        return original(self, uow, need, attempt=attempt + 1, **more)

    wrap(mp, Maintenance, "request", request)


@mutant
def verifies_everything(mp):
    mp.setattr(work, "healthy", lambda *_, **__: True)


@mutant
def fits_one_part_twice(mp):
    def fit(original, self, uow, row, at_ms, **more):
        told = Told(uow)
        original(self, told, row, at_ms, **more)
        uow.publish(told.events[0])

    wrap(mp, Finishing, "_fit", fit)


@mutant
def closes_alerts_with_the_work(mp):
    def fitted(original, self, uow, event):
        original(self, uow, event)
        for key in sorted(k for k in self._states.of(uow) if k[2] == event.subject):
            self._end(uow, key, rules.Step.CLEAR, by="rules", at_ms=event.at_ms)

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
    mp.setattr(Finishing, "_fit", lambda *_, **__: None)


@mutant
def starts_no_new_cycle_of_wear(mp):
    mp.setattr(Insight, "on_fitted", lambda *_: None)


# Messages, measuring, money ------------------------------------------------------------------


@mutant
def forgets_to_store_a_message(mp):
    def readings(original, self, batch, key, log, samples):
        original(self, batch, key, log, samples)
        if key in batch.readings:
            kept = [r for r in batch.readings.pop(key) if r.seq != 17]
            batch.readings.update({key: kept} if kept else {})

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
    def read(original, self, topic, payload):
        site, message = original(self, topic, payload)
        if getattr(message, "seq", 0) == 40:
            raise MalformedMessage(topic, "number 40 is too much")
        return site, message

    wrap(mp, UplinkReader, "read", read)


@mutant
def forgets_the_credit(mp):
    def due(original, *args, **more):
        return original(*args, **more)._replace(credit_eur=0.0)

    wrap(mp, periods, "due", due)


@mutant
def loses_a_second(mp):
    def times(original, found):
        return {**original(found), "up_ms": original(found)["up_ms"] - 1000}

    wrap(mp, periods, "_times", times)


@mutant
def boasts(mp):
    wrap(mp, periods, "sig9", lambda original, value: original(value) + 1.0)


@mutant
def changes_what_is_final(mp):
    def tell(original, self, uow, row, what, at_ms, data):
        original(self, uow, row, what, at_ms, data)
        if what == "period_final":
            original(self, uow, row, "period_adjusted", at_ms, row["result"])

    wrap(mp, settling.Periods, "_tell", tell)


@mutant
def credits_more_than_the_fee(mp):
    def due(original, *args, **more):
        found = original(*args, **more)
        return found._replace(credit_eur=2.0 * found.fee_eur)

    wrap(mp, periods, "due", due)


@mutant
def approves_its_own_exclusions(mp):
    def told(original, uow, row, what, at_ms):
        original(uow, {**row, "approver": row["by"]}, what, at_ms)

    wrap(mp, exclusions, "_tell", told)


@mutant
def forgives_every_failure(mp):
    def judged(original, spans, rectify_ms):
        return [span._replace(charged=False) for span in original(spans, rectify_ms)]

    wrap(mp, classes, "judged", judged)


@mutant
def asks_for_a_cent_more(mp):
    def drafted(original, *args):
        row = original(*args)
        return {**row, "total_eur": row["total_eur"] + Decimal("0.01")}

    wrap(mp, invoices, "_drafted", drafted)


@mutant
def doubts_the_wear(mp):
    wrap(mp, insight, "wear_pct", lambda original, *args: original(*args) / 3.0)
