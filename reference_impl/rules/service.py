"""Rule packs: installed, evaluated in event time, and what follows from a rule that holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import sqlalchemy as sa

from reference_impl.kernel.bus import Bus
from reference_impl.kernel.errors import IllegalStep, Invalid, Problem
from reference_impl.kernel.ports import Directory, TelemetryView
from reference_impl.kernel.rows import Row
from reference_impl.kernel.schedule import Scheduler
from reference_impl.kernel.store import Store, UnitOfWork
from reference_impl.published import ModelInstalled, PartFitted, ThingReleased
from reference_impl.rules import packs, unit_tests
from reference_impl.rules.actions import Actions, TaskStep
from reference_impl.rules.alerts import Alerts, alert_id
from reference_impl.rules.automations import (
    Automations,
    as_pack,
    automation_pack,
)
from reference_impl.rules.domain import (
    PHASES,
    AlertReaction,
    Pack,
    PartInput,
    Phase,
    Step,
)
from reference_impl.rules.engine import walk
from reference_impl.rules.inputs import Outlook
from reference_impl.rules.kits import kit_pack, reads_position
from reference_impl.rules.notices import Notices
from reference_impl.rules.ports import ConditionsView, Offers, PartsView, Readers, RuleRows
from reference_impl.rules.reacting import Reacting
from reference_impl.rules.states import Key, States

RANK = 20
"""Rules come after the conditions (10) of the same instant."""
ARCHIVE_EVERY_MS = 86_400_000


class Rules:
    """Use cases of rule packs and alerts."""

    def __init__(
        self,
        *,
        store: Store,
        rows: RuleRows,
        scheduler: Scheduler,
        telemetry: TelemetryView,
        directory: Directory,
        conditions: ConditionsView,
        parts: PartsView,
        offers: Offers | None = None,
        readers: Readers | None = None,
    ) -> None:
        self._store, self._rows, self._scheduler = store, rows, scheduler
        self._telemetry, self._directory = telemetry, directory
        self._conditions, self._parts = conditions, parts
        self._packs: dict[str, Pack] = {}
        self._outlooks: dict[str, Outlook] = {}
        self._states = States(rows)
        self._offers, self._off = offers, frozenset[str]()
        self.notices = Notices(rows=rows, scheduler=scheduler, directory=directory, readers=readers)
        self.alerts = Alerts(rows=rows, scheduler=scheduler, notices=self.notices)
        self.actions = Actions(rows=rows)
        self.automations = Automations(rows=rows, notices=self.notices)
        self._reacting = Reacting(
            rows=rows, alerts=self.alerts, actions=self.actions, automations=self.automations
        )

    def subscribe(self, bus: Bus) -> None:
        """Listen to what ends or causes something, and take up the packs that the store has."""
        bus.subscribe(ModelInstalled, self.on_model)
        bus.subscribe(PartFitted, self.on_fitted)
        bus.subscribe(ThingReleased, self.on_released)
        bus.subscribe_all(self.automations.on_event)
        self._scheduler.every("rules/archive", ARCHIVE_EVERY_MS, self.alerts.archive, rank=RANK)
        with self._store.read() as conn:
            for row in self._rows.packs.items(conn, active=True):
                pack, problems = self._read(conn, row["body"])
                assert pack is not None, f"an installed pack became unreadable: {problems}"
                self._schedule(pack)
            for row in self._rows.automations.items(conn):
                self._schedule_automation(conn, row["id"], row["body"])
            if self._offers is not None:
                self._off = frozenset(self._offers.alerting_off(conn))

    def listed(self, conn: sa.Connection, what: str, **equals: object) -> list[Row]:
        """Rows of ``packs``, ``alerts``, ``instances``, ``actions``, ``notices``, ..."""
        rows: list[Row] = getattr(self._rows, what).items(conn, **equals)
        return rows

    @property
    def changes(self) -> int:
        """How often an alert or a rule may have changed its state."""
        return self.alerts.changes + self._states.changes

    def working(self, conn: sa.Connection) -> set[str]:
        """Things on which a rule about productivity is ACTIVE: they are at work."""
        about = {
            (pack.pack, rule.id)
            for pack in self._packs.values()
            for rule in pack.rules
            if rule.topic == "productivity"
        }
        if not about:
            return set()
        rows = self._rows.instances.items(conn, phase=Phase.ACTIVE.value)
        return {row["thing"] for row in rows if (row["pack"], row["rule"]) in about}

    def installed(self) -> list[Pack]:
        """The packs that are active, by name; automations are none."""
        names = sorted(name for name in self._packs if not name.startswith(automation_pack("")))
        return [self._packs[name] for name in names]

    def firings(self, conn: sa.Connection, after_ms: int, to_ms: int) -> Sequence[Any]:
        """The record of what fired in a time, oldest first; see the port ``Look``."""
        return self._rows.look.firings(conn, after_ms, to_ms)

    def open_alerts(self, conn: sa.Connection, thing: str | None = None) -> list[Row]:
        """Alerts that are not over (of a thing)."""
        return self._rows.look.open_alerts(conn, thing=thing)

    # Packs -----------------------------------------------------------------------------------

    def dry_run(self, conn: sa.Connection, body: object, tests: object) -> dict[str, Any]:
        """Check a pack and, where there are tests, run them; nothing is installed.

        Returns:
            ``ok``, ``problems`` (``where``, ``what``, ``allowed``) and ``tests``
            (see :func:`reference_impl.rules.unit_tests.run`).
        """
        pack, problems = self._read(conn, body)
        results: list[dict[str, Any]] = []
        if pack is not None and tests is not None:
            skus = {
                i.part for r in pack.rules for i in r.inputs.values() if isinstance(i, PartInput)
            }
            unit = UnitOfWork(conn, self._store.bus)
            prices = {sku: self._parts.part_fields(unit, sku) for sku in skus}
            constants = self._directory.constants(conn, pack.model)
            cases, problems = unit_tests.read(tests, pack, prices, constants)
            if not problems:
                results = [unit_tests.run(pack, case) for case in cases]
        return {
            "ok": not problems and all(result["passed"] for result in results),
            "problems": [asdict(problem) for problem in problems],
            "warnings": [asdict(warning) for warning in pack.warnings] if pack else [],
            "tests": results,
        }

    def install(self, uow: UnitOfWork, body: object, *, at_ms: int) -> Row:
        """Install a version of a pack; it replaces the version that was active.

        Instances of rules that the new version still has go on; those of others end.

        Raises:
            Invalid: With everything that is wrong, or if the version exists with other content.
        """
        pack, problems = self._read(uow.conn, body)
        if pack is None:
            raise Invalid("the rule pack is refused", problems)
        return self._put(uow, pack, body, at_ms=at_ms)

    def on_model(self, uow: UnitOfWork, event: ModelInstalled) -> None:
        """Install the kits that a model asks for; those that it no longer asks for go."""
        body = kit_pack(event.model, event.kits, event.conditions)
        active = self._rows.packs.items(uow.conn, pack=body["pack"], active=True)
        at_ms = max(self._scheduler.to_ms, 0)
        if not event.kits:
            for row in active:
                self._rows.packs.put(uow, {**row, "active": False})
                self._end_pack(uow, body["pack"], at_ms)
                uow.after_commit(lambda: self._scheduler.drop(f"rules/{body['pack']}"))
            return
        named = {str(one["id"]): str(one["position"]) for one in event.conditions}
        known = packs.Known(signals=event.signals, conditions=named, parts=(), places=())
        pack, problems = packs.read(body, {event.model: known})
        if pack is None:
            raise Invalid(f"the kits of model {event.model!r} are refused", problems)
        self._put(uow, pack, body, at_ms=at_ms)

    def _put(self, uow: UnitOfWork, pack: Pack, body: object, *, at_ms: int) -> Row:
        versions = {r["version"]: r for r in self._rows.packs.items(uow.conn, pack=pack.pack)}
        same = versions.get(pack.version)
        if same is not None and same["body"] != body:
            what = f"{pack.version!r} of {pack.pack!r} is installed with other content"
            raise Invalid(
                "a version is never rewritten",
                [Problem(where="version", what=what, allowed="a new version")],
            )
        for row in versions.values():
            if row["active"] and row is not same:
                self._rows.packs.put(uow, {**row, "active": False})
        row = same or {
            "pack": pack.pack,
            "version": pack.version,
            "model": pack.model,
            "body": body,
            "installed_ms": at_ms,
        }
        row = {**row, "active": True}
        self._rows.packs.put(uow, row)
        kept = {rule.id for rule in pack.rules}
        for key in sorted(self._states.of(uow)):
            if key[0] == pack.pack and key[1] not in kept:
                self._end(uow, key, Step.CLEAR, by=f"rules:{pack.version}", at_ms=at_ms)
        uow.after_commit(lambda: self._schedule(pack))
        return row

    def _read(self, conn: sa.Connection, body: object) -> tuple[Pack | None, list[Problem]]:
        model = body.get("model") if isinstance(body, Mapping) else None
        known: dict[str, packs.Known] = {}
        if isinstance(model, str):
            signals = self._directory.signals(conn, model)
            if signals:
                known[model] = packs.Known(
                    signals=signals,
                    conditions=self._conditions.positions(conn, model),
                    parts=self._parts.skus(conn),
                    places=self._parts.places(conn, model),
                    constants=self._directory.constants(conn, model),
                )
        return packs.read(body, known)

    def _schedule(self, pack: Pack) -> None:
        self._packs[pack.pack] = pack
        self._outlooks[pack.pack] = Outlook(
            pack,
            telemetry=self._telemetry,
            scheduler=self._scheduler,
            conditions=self._conditions,
            parts=self._parts,
            directory=self._directory,
            states=self._states,
        )
        name = f"rules/{pack.pack}"
        self._scheduler.every(
            name, pack.every_ms, lambda uow, at_ms: self.evaluate(uow, pack, at_ms), rank=RANK
        )

    # Automations on metrics ------------------------------------------------------------------

    def put_automation(self, uow: UnitOfWork, ident: str, body: Row, *, at_ms: int) -> Row:
        """Install or change an automation, on an event or on a metric.

        Raises:
            Invalid: With everything that is wrong.
        """
        if isinstance(body.get("on"), Mapping) and "event" not in body["on"]:
            _, problems = self._read(uow.conn, as_pack(ident, body))
            if problems:
                prefix = "rules[0]."
                told = [replace(p, where=f"on.{p.where.removeprefix(prefix)}") for p in problems]
                raise Invalid("the automation is refused", told)
        row = self.automations.put(uow, ident, body, at_ms=at_ms)
        self._end_pack(uow, automation_pack(ident), at_ms)
        uow.after_commit(lambda: self._follow_metric(ident, body))
        return row

    def drop_automation(self, uow: UnitOfWork, ident: str, *, at_ms: int) -> None:
        """Remove an automation. Raises Unknown."""
        self.automations.drop(uow, ident)
        name = automation_pack(ident)
        self._end_pack(uow, name, at_ms)
        uow.after_commit(lambda: self._scheduler.drop(f"rules/{name}"))

    def _end_pack(self, uow: UnitOfWork, name: str, at_ms: int) -> None:
        for key in sorted(k for k in self._states.of(uow) if k[0] == name):
            self._end(uow, key, Step.CLEAR, by="automation", at_ms=at_ms)

    def _follow_metric(self, ident: str, body: Row) -> None:
        with self._store.read() as conn:
            self._schedule_automation(conn, ident, body)

    def _schedule_automation(self, conn: sa.Connection, ident: str, body: Row) -> None:
        if "event" in body["on"]:
            self._scheduler.drop(f"rules/{automation_pack(ident)}")
            return
        pack, problems = self._read(conn, as_pack(ident, body))
        assert pack is not None, f"an installed automation became unreadable: {problems}"
        self._schedule(pack)

    # Evaluation ------------------------------------------------------------------------------

    def evaluate(self, uow: UnitOfWork, pack: Pack, at_ms: int) -> None:
        """Evaluate a pack on all things of its model, and react."""
        refs = self._directory.things(uow.conn, pack.model)
        if not refs:
            return
        if self._offers is not None:
            self._look_at_offers(uow, self._offers, at_ms)
        outlook = self._outlooks[pack.pack]
        decided, number = outlook.at(uow, refs, at_ms)
        index = outlook.index
        mine = {
            (rule, index[thing]): instance
            for (name, rule, thing), instance in self._states.of(uow).items()
            if name == pack.pack and thing in index
        }
        above = None
        if any(rule.yields_to for rule in pack.rules):
            above = self._states.above(uow, self._directory, refs)
        for judged in walk(pack, decided, number, mine, at_ms=at_ms, above=above):
            ref = refs[judged.thing]
            if judged.after != judged.before:
                key = (pack.pack, judged.rule.id, ref.thing)
                self._states.keep(uow, key, judged.after, at_ms=at_ms)
            self._reacting.react(uow, pack, ref, judged, off=self._off, at_ms=at_ms)
        self._reacting.done_by_metric(uow, pack, outlook, decided, number=number)

    def _look_at_offers(self, uow: UnitOfWork, offers: Offers, at_ms: int) -> None:
        """Alerts of customers for whom the feature was switched off end; if on, they begin anew."""
        off = frozenset(offers.alerting_off(uow.conn))
        changed, self._off = off ^ self._off, off
        if not changed:
            return
        things = {r.thing for r in self._directory.things(uow.conn) if r.customer in changed}
        for key in sorted(k for k in self._states.of(uow) if k[2] in things):
            pack = self._packs.get(key[0])
            rule = next((r for r in pack.rules if r.id == key[1]), None) if pack else None
            if rule is not None and any(isinstance(r, AlertReaction) for r in rule.reactions):
                self._end(uow, key, Step.CLEAR, by="offer", at_ms=at_ms)

    # What ends instances ---------------------------------------------------------------------

    def clear_by_hand(
        self, uow: UnitOfWork, ident: str, *, by: str, reason: str, at_ms: int
    ) -> Row:
        """A person says that it is over. If the condition still holds, that is a new one (A4).

        Raises:
            Unknown: If there is no such alert.
            IllegalStep: If it is over already.
        """
        alert = self.alerts.get(uow.conn, ident)
        key = (alert["pack"], alert["rule"], alert["thing"])
        instance = self._states.of(uow).get(key)
        if instance is None or alert_id(key, instance) != ident:
            allowed = [step.value for step in PHASES[Phase(alert["state"])]]
            raise IllegalStep(ident, alert["state"], Step.CLEAR.value, allowed)
        self._end(uow, key, Step.CLEAR, by=by, at_ms=at_ms, reason=reason)
        return self.alerts.get(uow.conn, ident)

    def on_released(self, uow: UnitOfWork, event: ThingReleased) -> None:
        """A thing left its owner: nothing of what was found goes on (A9, DS6)."""
        for key in sorted(k for k in self._states.of(uow) if k[2] == event.thing):
            self._end(uow, key, Step.CLEAR, by="registry", at_ms=event.at_ms, reason=event.reason)
        for row in self.actions.of_thing(uow, event.thing):
            self.actions.close(
                uow, row, TaskStep.DISCARD, by="registry",
                reason=event.reason or "the thing left its owner", at_ms=event.at_ms,
            )  # fmt: skip

    def on_fitted(self, uow: UnitOfWork, event: PartFitted) -> None:
        """What a rule concluded from the wear of the old part is void: its instances end.

        Rules that read signals only go on; they clear by telemetry (a work order never closes an
        alert by itself, invariant W9).
        """
        position = event.data["position"]
        ended: set[tuple[str, str]] = set()
        for name, pack in sorted(self._packs.items()):
            positions = self._conditions.positions(uow.conn, pack.model)
            for rule in pack.rules:
                if not reads_position(rule, positions, position):
                    continue
                ended.add((name, rule.family))
                key = (name, rule.id, event.subject)
                if key in self._states.of(uow):
                    self._end(uow, key, Step.CLEAR, by="part.fitted", at_ms=event.at_ms)
        for row in self.actions.of_thing(uow, event.subject):
            if (row["pack"], row["family"]) in ended:
                reason = f"{position} was replaced"
                self.actions.close(
                    uow, row, TaskStep.DONE, by="part.fitted", reason=reason, at_ms=event.at_ms
                )

    def _end(
        self,
        uow: UnitOfWork,
        key: Key,
        step: Step,
        *,
        by: str,
        at_ms: int,
        reason: str = "",
    ) -> None:
        instance = self._states.of(uow)[key]
        self._states.keep(uow, key, None, at_ms=at_ms)
        if instance.phase is Phase.ACTIVE:
            self.alerts.end(uow, key, instance, step, by=by, values={}, at_ms=at_ms, reason=reason)
