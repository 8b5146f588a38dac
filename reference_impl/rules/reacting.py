"""What follows from a rule that fires, holds or ends."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from reference_impl.kernel.ports import ThingRef
from reference_impl.kernel.store import UnitOfWork
from reference_impl.published import AutomationRan, CommandWanted, ReplacementAdvised
from reference_impl.rules.actions import BY_METRIC, Actions, TaskStep
from reference_impl.rules.alerts import RULES, Alerts
from reference_impl.rules.automations import (
    HOUR_MS,
    RUNS_PER_H_MAX,
    Automations,
    automation_pack,
    call_back,
    read_reactions,
)
from reference_impl.rules.decided import Decided
from reference_impl.rules.domain import (
    ActionReaction,
    AlertReaction,
    CallbackReaction,
    CommandReaction,
    Instance,
    Pack,
    Phase,
    Reaction,
    RecommendReaction,
    Rule,
    Step,
)
from reference_impl.rules.engine import Judged, shown
from reference_impl.rules.inputs import Outlook
from reference_impl.rules.ports import RuleRows


class Firing(NamedTuple):
    """A rule that became ACTIVE on a thing; ``number`` is the place of the reaction."""

    pack: Pack
    rule: Rule
    instance: Instance
    number: int
    values: Mapping[str, float]
    at_ms: int


class Reacting:
    """Turns what an evaluation did into alerts, actions, commands, advice and callbacks."""

    def __init__(
        self, *, rows: RuleRows, alerts: Alerts, actions: Actions, automations: Automations
    ) -> None:
        self._rows, self._alerts = rows, alerts
        self._actions, self._automations = actions, automations

    def react(
        self,
        uow: UnitOfWork,
        pack: Pack,
        ref: ThingRef,
        judged: Judged,
        *,
        off: Collection[str],
        at_ms: int,
    ) -> None:
        """Do what follows from one evaluation of a rule on a thing.

        Args:
            uow: The transaction of the evaluation.
            pack: Of the rule.
            ref: The thing.
            judged: What the evaluation did.
            off: Customers for whom alerts are switched off (A10).
            at_ms: Time of the evaluation.
        """
        rule = judged.rule
        instance = judged.after or judged.before
        for step in (Step.CLEAR, Step.SUPERSEDE):
            if step in judged.steps and judged.before is not None:
                by = RULES if step is Step.CLEAR else f"{RULES}:cause"
                key = (pack.pack, rule.id, ref.thing)
                self._alerts.end(
                    uow, key, judged.before, step, by=by, values=shown(judged.values), at_ms=at_ms
                )
                return
        if instance is None or instance.phase is not Phase.ACTIVE:
            return
        fired = Step.MATURE in judged.steps
        if fired and pack.pack.startswith(automation_pack("")):
            self._run_automation(uow, rule, ref, instance, at_ms)
        for number, reaction in enumerate(rule.reactions):
            if isinstance(reaction, RecommendReaction):
                if judged.verdict:
                    self._advise(
                        uow, reaction, pack=pack, thing=ref.thing, judged=judged, at_ms=at_ms
                    )
            elif fired:
                fires = Firing(pack, rule, instance, number, shown(judged.values), at_ms)
                if not (isinstance(reaction, AlertReaction) and ref.customer in off):
                    self._fire(uow, ref, reaction, fires)

    def _fire(self, uow: UnitOfWork, ref: ThingRef, reaction: Reaction, fires: Firing) -> None:
        """What follows once from a rule that became ACTIVE."""
        pack, rule, instance, number, values, at_ms = fires
        if isinstance(reaction, AlertReaction):
            self._alerts.raise_alert(
                uow, ref, pack=pack, rule=rule, reaction=reaction, instance=instance,
                values=values, at_ms=at_ms,
            )  # fmt: skip
        elif isinstance(reaction, ActionReaction):
            self._actions.raise_action(
                uow, ref, pack=pack, rule=rule, reaction=reaction, number=number,
                instance=instance, at_ms=at_ms,
            )  # fmt: skip
        elif isinstance(reaction, CallbackReaction):
            about = {"thing": ref.thing, "rule": rule.id, "pack": pack.pack}
            call_back(uow, reaction.name, {**reaction.data, **about}, at_ms)
        elif isinstance(reaction, CommandReaction) and not self._loops(uow, ref, fires):
            uow.publish(
                CommandWanted(
                    at_ms=at_ms,
                    command_id=f"cmd-{ref.thing}-{pack.pack}-{rule.id}-{number}-{at_ms}",
                    thing=ref.thing,
                    name=reaction.name,
                    args=reaction.args,
                    expires_ms=at_ms + reaction.expires_ms,
                    by=f"rule:{pack.pack}/{rule.id}",
                )
            )

    def _loops(self, uow: UnitOfWork, ref: ThingRef, fires: Firing) -> bool:
        """Whether a rule commands a device more often than a loop may go round (R5)."""
        pack, rule, at_ms = fires.pack.pack, fires.rule.id, fires.at_ms
        fired = self._rows.fired_after(uow.conn, pack, rule, at_ms - HOUR_MS)
        if sum(thing == ref.thing for thing, _ in fired) <= RUNS_PER_H_MAX:
            return False
        data = {"automation": f"{pack}/{rule}", "thing": ref.thing, "cause": "rule"}
        subject = f"{pack}/{rule}/{ref.thing}"
        uow.publish(
            AutomationRan(at_ms=at_ms, kind="automation.stopped", subject=subject, data=data)
        )
        return True

    def _run_automation(
        self, uow: UnitOfWork, rule: Rule, ref: ThingRef, instance: Instance, at_ms: int
    ) -> None:
        row = self._rows.automations.get(uow.conn, rule.id)
        if row is not None:
            self._automations.run(
                uow, rule.id, read_reactions(row["body"], []), thing=ref.thing, subject=ref.thing,
                cause=f"metric since {instance.started_ms}", at_ms=at_ms,
            )  # fmt: skip

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
                at_once=reaction.at_once,
                rule=rule.id,
                pack=pack.pack,
                pack_version=pack.version,
                why=rule.why,
                values=shown(judged.values),
            )
        )

    def done_by_metric(
        self,
        uow: UnitOfWork,
        pack: Pack,
        outlook: Outlook,
        decided: Sequence[Decided],
        *,
        number: int,
    ) -> None:
        """Close the actions of a pack whose ``done_when`` holds at an evaluation (DS7)."""
        waiting = self._actions.waiting(uow, pack.pack)
        if not waiting:
            return
        of_rule = {one.rule.id: one for one in decided}
        for row in waiting:
            one, thing = of_rule.get(row["rule"]), outlook.index.get(row["thing"])
            if one is None or thing is None:
                continue
            for reaction in one.rule.reactions:
                if not isinstance(reaction, ActionReaction) or reaction.done_when is None:
                    continue
                if one.holds_of(reaction.done_when, number, thing):
                    self._actions.close(
                        uow, row, TaskStep.DONE, by=BY_METRIC, reason=reaction.done_when.source,
                        at_ms=outlook.end_ms(number),
                    )  # fmt: skip
                    break
