"""Rule packs: installed, evaluated in event time, and what follows from a rule that holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from reference_impl.kernel.bus import Bus
from reference_impl.kernel.errors import Invalid, Problem
from reference_impl.kernel.ports import Directory, TelemetryView
from reference_impl.kernel.rows import Row
from reference_impl.kernel.schedule import Scheduler
from reference_impl.kernel.store import Store, UnitOfWork
from reference_impl.published import AlertChanged, CommandWanted, PartFitted, ReplacementAdvised
from reference_impl.rules import packs, unit_tests
from reference_impl.rules.domain import (
    AlertReaction,
    CommandReaction,
    ConditionInput,
    Instance,
    Pack,
    PartInput,
    Phase,
    RecommendReaction,
    Step,
)
from reference_impl.rules.engine import Judged, shown, walk
from reference_impl.rules.inputs import Outlook
from reference_impl.rules.ports import ConditionsView, PartsView, RuleRows
from reference_impl.rules.states import Key, States

RANK = 20
"""Rules come after the conditions (10) of the same instant."""


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
    ) -> None:
        self._store, self._rows, self._scheduler = store, rows, scheduler
        self._telemetry, self._directory = telemetry, directory
        self._conditions, self._parts = conditions, parts
        self._packs: dict[str, Pack] = {}
        self._outlooks: dict[str, Outlook] = {}
        self._states = States(rows)

    def subscribe(self, bus: Bus) -> None:
        """Listen for fitted parts, and take up the packs that the store has."""
        bus.subscribe(PartFitted, self.on_fitted)
        with self._store.read() as conn:
            for row in self._rows.packs.items(conn, active=True):
                pack, problems = self._read(conn, row["body"])
                assert pack is not None, f"an installed pack became unreadable: {problems}"
                self._schedule(pack)

    def listed(self, conn: sa.Connection, what: str, **equals: object) -> list[Row]:
        """Rows of ``packs``, ``alerts`` or ``instances``."""
        rows: list[Row] = getattr(self._rows, what).items(conn, **equals)
        return rows

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
                self._end(uow, key, at_ms)
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

    # Evaluation ------------------------------------------------------------------------------

    def evaluate(self, uow: UnitOfWork, pack: Pack, at_ms: int) -> None:
        """Evaluate a pack on all things of its model, and react."""
        refs = self._directory.things(uow.conn, pack.model)
        if not refs:
            return
        outlook = self._outlooks[pack.pack]
        decided, number = outlook.at(uow, refs, at_ms)
        index = outlook.index
        mine = {
            (rule, index[thing]): instance
            for (name, rule, thing), instance in self._states.of(uow).items()
            if name == pack.pack and thing in index
        }
        for judged in walk(pack, decided, number, mine, at_ms=at_ms):
            key = (pack.pack, judged.rule.id, outlook.things[judged.thing])
            if judged.after != judged.before:
                self._states.keep(uow, key, judged.after, at_ms=at_ms)
            self._react(uow, pack, key, judged, at_ms)

    def _react(self, uow: UnitOfWork, pack: Pack, key: Key, judged: Judged, at_ms: int) -> None:
        rule, thing = judged.rule, key[2]
        instance = judged.after or judged.before
        if judged.before is not None and {Step.CLEAR, Step.SUPERSEDE} & set(judged.steps):
            self._clear_alert(uow, key, judged.before, at_ms, shown(judged.values))
            return
        if instance is None or instance.phase is not Phase.ACTIVE:
            return
        fired = Step.MATURE in judged.steps
        for number, reaction in enumerate(rule.reactions):
            if isinstance(reaction, RecommendReaction):
                if judged.verdict:
                    self._advise(uow, reaction, pack=pack, thing=thing, judged=judged, at_ms=at_ms)
            elif fired and isinstance(reaction, AlertReaction):
                self._raise_alert(
                    uow, pack=pack, thing=thing, instance=instance, judged=judged, at_ms=at_ms
                )
            elif fired and isinstance(reaction, CommandReaction):
                uow.publish(
                    CommandWanted(
                        at_ms=at_ms,
                        command_id=f"cmd-{thing}-{pack.pack}-{rule.id}-{number}-{at_ms}",
                        thing=thing,
                        name=reaction.name,
                        args=reaction.args,
                        expires_ms=at_ms + reaction.expires_ms,
                        by=f"rule:{pack.pack}/{rule.id}",
                    )
                )

    @staticmethod
    def _advise(
        uow: UnitOfWork,
        reaction: RecommendReaction,
        *,
        pack: Pack,
        thing: str,
        judged: Judged,
        at_ms: int,
    ) -> None:
        rule = judged.rule
        uow.publish(
            ReplacementAdvised(
                at_ms=at_ms,
                seen_from_ms=at_ms - rule.looks_back_ms,
                thing=thing,
                part=reaction.part,
                position=reaction.position,
                quantity=reaction.quantity,
                rule=rule.id,
                pack=pack.pack,
                pack_version=pack.version,
                why=rule.why,
                values=shown(judged.values),
            )
        )

    # Alerts ----------------------------------------------------------------------------------

    def _raise_alert(
        self,
        uow: UnitOfWork,
        *,
        pack: Pack,
        thing: str,
        instance: Instance,
        judged: Judged,
        at_ms: int,
    ) -> None:
        rule, values = judged.rule, shown(judged.values)
        alert = {
            "id": alert_id((pack.pack, rule.id, thing), instance),
            "state": Phase.ACTIVE.value,
            "thing": thing,
            "rule": rule.id,
            "pack": pack.pack,
            "version": pack.version,
            "severity": rule.severity.value,
            "why": rule.why,
            "values": values,
            "started_ms": instance.started_ms,
            "raised_ms": at_ms,
            "cleared_ms": None,
        }
        self._rows.alerts.insert(uow, alert)
        self._tell(uow, "alert.raised", alert, values, at_ms)

    def _clear_alert(
        self,
        uow: UnitOfWork,
        key: Key,
        instance: Instance,
        at_ms: int,
        values: Mapping[str, float],
    ) -> None:
        alert = self._rows.alerts.get(uow.conn, alert_id(key, instance))
        if alert is None:
            return  # the rule has no alert among its reactions
        cleared = self._rows.alerts.swap(
            uow,
            alert["id"],
            expected=Phase.ACTIVE,
            values={"state": Phase.CLEARED.value, "cleared_ms": at_ms},
        )
        assert cleared, "an ACTIVE instance has an ACTIVE alert"
        self._tell(uow, "alert.cleared", alert, values, at_ms)

    @staticmethod
    def _tell(
        uow: UnitOfWork, kind: str, alert: Row, values: Mapping[str, float], at_ms: int
    ) -> None:
        data = {name: alert[name] for name in ("thing", "rule", "pack", "severity", "why")}
        event = AlertChanged(
            at_ms=at_ms, kind=kind, subject=alert["id"], data={**data, "values": dict(values)}
        )
        uow.publish(event)

    def on_fitted(self, uow: UnitOfWork, event: PartFitted) -> None:
        """What a rule concluded from the wear of the old part is void: its instances end.

        Rules that read signals only go on; they clear by telemetry (a work order never closes an
        alert by itself, invariant W9).
        """
        position = event.data["position"]
        for key in sorted(k for k in self._states.of(uow) if k[2] == event.subject):
            pack = self._packs.get(key[0])
            rule = next((r for r in pack.rules if r.id == key[1]), None) if pack else None
            if pack is None or rule is None:
                continue
            positions = self._conditions.positions(uow.conn, pack.model)
            read = [i.condition for i in rule.inputs.values() if isinstance(i, ConditionInput)]
            if any(positions.get(condition) == position for condition in read):
                self._end(uow, key, event.at_ms)

    # State -----------------------------------------------------------------------------------

    def _end(self, uow: UnitOfWork, key: Key, at_ms: int) -> None:
        instance = self._states.of(uow)[key]
        self._states.keep(uow, key, None, at_ms=at_ms)
        if instance.phase is Phase.ACTIVE:
            self._clear_alert(uow, key, instance, at_ms, {})


def alert_id(key: Key, instance: Instance) -> str:
    """The id of the alert of an instance: thing, pack, rule and when the condition first held."""
    pack, rule, thing = key
    return f"alt-{thing}-{pack}-{rule}-{instance.started_ms}"
