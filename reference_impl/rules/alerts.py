"""Alerts: raised and ended by rules, handled by people (domain 3.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from reference_impl.kernel.errors import IllegalStep, Invalid, Problem, Unknown
from reference_impl.kernel.machines import after
from reference_impl.kernel.ports import ThingRef
from reference_impl.kernel.rows import Row
from reference_impl.kernel.schedule import Scheduler, Timer, cancel_timer, set_timer
from reference_impl.kernel.store import Connection, UnitOfWork
from reference_impl.published import AlertChanged
from reference_impl.rules.domain import (
    OPEN,
    PHASES,
    AlertReaction,
    Instance,
    Pack,
    Phase,
    Rule,
    Step,
)
from reference_impl.rules.notices import Notices
from reference_impl.rules.ports import RuleRows
from reference_impl.rules.states import Key

SHELF_MS_MAX = 7 * 86_400_000
"""Longest time that an alert may be silenced (domain 3.3, SHELVED)."""
VISIBLE_MS = 30 * 86_400_000
"""How long an alert that ended is shown to users by default (CC23)."""
SHELF = "alert-shelf"
"""The timer of an alert that is SHELVED."""
RULES = "rules"
"""Who takes the steps that no person takes."""
REMEDY_OUTCOMES = ("fixed", "helped", "no_effect", "not_possible")
_KINDS = {
    Step.TAKE_OVER: "alert.taken_over",
    Step.HAND_BACK: "alert.handed_back",
    Step.SHELVE: "alert.shelved",
    Step.UNSHELVE: "alert.unshelved",
    Step.CLEAR: "alert.cleared",
    Step.SUPERSEDE: "alert.cleared",
}
_BY_PEOPLE = (Step.TAKE_OVER, Step.HAND_BACK, Step.SHELVE, Step.UNSHELVE)


class Alerts:
    """The rows of alerts, their steps and the remedies that were tried."""

    def __init__(self, *, rows: RuleRows, scheduler: Scheduler, notices: Notices) -> None:
        self._rows, self._notices = rows, notices
        self.changes = 0
        """How often an alert was raised or took a step; also what was rolled back counts."""
        scheduler.on_timer(SHELF, self._off_the_shelf)

    def raise_alert(
        self,
        uow: UnitOfWork,
        ref: ThingRef,
        *,
        pack: Pack,
        rule: Rule,
        reaction: AlertReaction,
        instance: Instance,
        values: Mapping[str, float],
        at_ms: int,
    ) -> None:
        """Write an alert for an instance that became ACTIVE, and its notices."""
        alert: Row = {
            "id": alert_id((pack.pack, rule.id, ref.thing), instance),
            "state": Phase.ACTIVE.value,
            "thing": ref.thing,
            "customer": ref.customer,
            "site": ref.site,
            "rule": rule.id,
            "pack": pack.pack,
            "version": pack.version,
            "severity": rule.severity.value,
            "subject": rule.subject,
            "topic": rule.topic,
            "why": rule.why,
            "values": dict(values),
            "remedies": list(rule.remedies),
            "notify": asdict(reaction),
            "started_ms": instance.started_ms,
            "raised_ms": at_ms,
            "cleared_ms": None,
            "taken_by": "",
            "taken_ms": None,
            "shelved_until_ms": None,
            "ended_by": "",
        }
        self._rows.alerts.insert(uow, alert)
        self._log(uow, alert["id"], Step.MATURE, by=RULES, reason=rule.why, at_ms=at_ms)
        self.tell(uow, "alert.raised", alert, values, at_ms)
        self._notices.raised(uow, alert, at_ms)

    def end(
        self,
        uow: UnitOfWork,
        key: Key,
        instance: Instance,
        step: Step,
        *,
        by: str,
        values: Mapping[str, float],
        at_ms: int,
        reason: str = "",
    ) -> None:
        """CLEAR or SUPERSEDE the alert of an instance, if the rule has one."""
        alert = self._rows.alerts.get(uow.conn, alert_id(key, instance))
        if alert is None:
            return  # the rule has no alert among its reactions
        changes = {"cleared_ms": at_ms, "ended_by": by, "shelved_until_ms": None}
        alert = self._step(uow, alert, step, by=by, at_ms=at_ms, reason=reason, changes=changes)
        cancel_timer(uow, SHELF, alert["id"])
        self.tell(uow, _KINDS[step], alert, values, at_ms)
        self._notices.ended(uow, alert, at_ms)

    def by_hand(
        self,
        uow: UnitOfWork,
        alert: Row,
        step: Step,
        *,
        by: str,
        at_ms: int,
        reason: str = "",
        until_ms: int | None = None,
    ) -> Row:
        """What a person does with an alert that goes on. A reason and an end shelve it.

        Raises:
            IllegalStep: If the alert's state has no such step.
            Invalid: If it is shelved without a reason, or longer than a week.
        """
        if step not in _BY_PEOPLE:
            raise IllegalStep(
                alert["id"], alert["state"], step.value, [s.value for s in _BY_PEOPLE]
            )
        changes: Row = {"shelved_until_ms": None}
        if step is Step.TAKE_OVER:
            first_ms = at_ms if alert["taken_ms"] is None else alert["taken_ms"]
            changes |= {"taken_by": by, "taken_ms": first_ms}
        elif step is Step.HAND_BACK:
            changes["taken_by"] = ""
        elif step is Step.SHELVE:
            _check_shelf(at_ms, reason, until_ms)
            changes["shelved_until_ms"] = until_ms
        alert = self._step(uow, alert, step, by=by, at_ms=at_ms, reason=reason, changes=changes)
        if until_ms is not None and step is Step.SHELVE:
            set_timer(uow, SHELF, alert["id"], until_ms)
        else:
            cancel_timer(uow, SHELF, alert["id"])
        self.tell(uow, _KINDS[step], alert, {}, at_ms)
        return alert

    def _off_the_shelf(self, uow: UnitOfWork, timer: Timer) -> None:
        alert = self._rows.alerts.get(uow.conn, timer.subject)
        if alert is not None and alert["state"] == Phase.SHELVED:
            why = "the time is over"
            self.by_hand(uow, alert, Step.UNSHELVE, by=RULES, at_ms=timer.due_ms, reason=why)

    def _step(
        self, uow: UnitOfWork, alert: Row, step: Step, *, by: str, at_ms: int, reason: str,
        changes: Row,
    ) -> Row:  # fmt: skip
        state = Phase(alert["state"])
        target = after(PHASES, subject=alert["id"], state=state, step=step)
        values = {"state": target.value, **changes}
        swapped = self._rows.alerts.swap(uow, alert["id"], expected=state, values=values)
        assert swapped, "the state was read in this transaction"
        self._log(uow, alert["id"], step, by=by, reason=reason, at_ms=at_ms)
        return {**alert, **values}

    def _log(
        self, uow: UnitOfWork, alert: str, step: Step, *, by: str, reason: str, at_ms: int
    ) -> None:
        self._changed()
        uow.at_end(self._changed)
        number = len(self._rows.alert_steps.items(uow.conn, alert=alert)) + 1
        row = {"alert": alert, "number": number, "at_ms": at_ms}
        self._rows.alert_steps.insert(uow, {**row, "step": step.value, "by": by, "reason": reason})

    def _changed(self) -> None:
        self.changes += 1

    @staticmethod
    def tell(
        uow: UnitOfWork, kind: str, alert: Row, values: Mapping[str, float], at_ms: int
    ) -> None:
        """Publish what became of an alert."""
        data: dict[str, Any] = {
            name: alert[name] for name in ("thing", "rule", "pack", "severity", "why")
        }
        if kind != "alert.raised":
            data |= {"state": alert["state"], "by": alert["ended_by"] or alert["taken_by"]}
        event = AlertChanged(
            at_ms=at_ms, kind=kind, subject=alert["id"], data={**data, "values": dict(values)}
        )
        uow.publish(event)

    def archive(self, uow: UnitOfWork, at_ms: int) -> None:
        """Make those HISTORICAL that ended longer ago than users are shown."""
        for ident in self._rows.look.ended_before(uow.conn, at_ms - VISIBLE_MS):
            alert = self.get(uow.conn, ident)
            self._step(uow, alert, Step.ARCHIVE, by=RULES, at_ms=at_ms, reason="", changes={})

    def get(self, conn: Connection, ident: str) -> Row:
        """One alert. Raises Unknown."""
        alert = self._rows.alerts.get(conn, ident)
        if alert is None:
            raise Unknown(f"there is no alert {ident!r}", [Problem(where="alert", what=ident)])
        return alert

    def details(self, conn: Connection, alert: Row) -> Row:
        """An alert with its steps and the remedies that were tried."""
        return {
            **alert,
            "steps": self._rows.alert_steps.items(conn, alert=alert["id"]),
            "tried": self._rows.remedies.items(conn, alert=alert["id"]),
        }

    def tried(
        self, uow: UnitOfWork, alert: Row, *, remedy: int, outcome: str, by: str, note: str,
        at_ms: int,
    ) -> Row:  # fmt: skip
        """Note what a remedy did (FS4); ``remedy`` is its place in the list of the alert.

        Raises:
            Invalid: If the alert has no such remedy, or the outcome is no word for one.
        """
        problems = []
        if not 0 <= remedy < len(alert["remedies"]):
            allowed = f"0 to {len(alert['remedies']) - 1}" if alert["remedies"] else "there is none"
            problems.append(Problem(where="remedy", what=f"is {remedy}", allowed=allowed))
        if outcome not in REMEDY_OUTCOMES:
            allowed = ", ".join(REMEDY_OUTCOMES)
            problems.append(Problem(where="outcome", what=f"is {outcome!r}", allowed=allowed))
        if problems:
            raise Invalid("no such remedy", problems)
        row = {
            "alert": alert["id"],
            "number": len(self._rows.remedies.items(uow.conn, alert=alert["id"])) + 1,
            "at_ms": at_ms,
            "remedy": alert["remedies"][remedy],
            "outcome": outcome,
            "by": by,
            "note": note,
        }
        self._rows.remedies.insert(uow, row)
        return row


def _check_shelf(at_ms: int, reason: str, until_ms: int | None) -> None:
    problems = []
    if not reason:
        problems.append(Problem(where="reason", what="is missing", allowed="why it is silenced"))
    if until_ms is None or not at_ms < until_ms <= at_ms + SHELF_MS_MAX:
        allowed = f"after {at_ms}, at most {at_ms + SHELF_MS_MAX} (7 days)"
        problems.append(Problem(where="until_ms", what=f"is {until_ms}", allowed=allowed))
    if problems:
        raise Invalid("an alert is shelved for a reason and for a time", problems)


def is_open(alert: Row) -> bool:
    """Whether an alert's condition is not cleared."""
    return alert["state"] in OPEN


def alert_id(key: Key, instance: Instance) -> str:
    """The id of the alert of an instance: thing, pack, rule and when the condition first held."""
    pack, rule, thing = key
    return f"alt-{thing}-{pack}-{rule}-{instance.started_ms}"
