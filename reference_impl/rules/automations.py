"""Automations: what a machine does by itself when something happens (CC6, R5).

One that looks at a metric is a rule of a pack of its own: it fires when its condition turned from
false to true and held for one evaluation (``for`` is one interval). The others follow events of the
bus. None runs more than three times an hour on one subject, for what it does may cause it again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from reference_impl.kernel.bodies import Fields
from reference_impl.kernel.bus import DomainEvent
from reference_impl.kernel.errors import Invalid, Problem, Unknown
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import Connection, UnitOfWork
from reference_impl.published import AutomationRan, CallbackWanted, CommandWanted, FeedEvent
from reference_impl.rules import pack_reactions
from reference_impl.rules.domain import (
    CallbackReaction,
    CommandReaction,
    NotifyReaction,
    Reaction,
)
from reference_impl.rules.notices import Notices
from reference_impl.rules.ports import RuleRows

RUNS_PER_H_MAX = 3
"""R5: no automation loop beyond so many rounds an hour (an estimate of the domain)."""
HOUR_MS = 3_600_000
KINDS = (
    "alert.*", "order.*", "ticket.*", "subscription.*", "charge.*", "action.*", "work_order.*",
    "thing.*", "device.*", "part.*", "session.*",
)  # fmt: skip
"""Events that an automation may follow: not those of automations, nor every evaluation."""
Reactions = Sequence[Reaction]


class Automations:
    """Installs automations that follow events, and runs what automations do."""

    def __init__(self, *, rows: RuleRows, notices: Notices) -> None:
        self._rows, self._notices = rows, notices
        self._installed: dict[str, tuple[Row, Reactions]] | None = None

    def put(self, uow: UnitOfWork, ident: str, body: Mapping[str, Any], *, at_ms: int) -> Row:
        """Install or change an automation on an event.

        Raises:
            Invalid: With everything that is wrong.
        """
        problems: list[Problem] = []
        read_reactions(body, problems)
        if problems:
            raise Invalid("the automation is refused", problems)
        row = {"id": ident, "body": dict(body), "installed_ms": at_ms}
        self._rows.automations.put(uow, row)
        self._changed(uow)
        return row

    def drop(self, uow: UnitOfWork, ident: str) -> None:
        """Remove one. Raises Unknown."""
        if self._rows.automations.get(uow.conn, ident) is None:
            where = [Problem(where="automation", what=ident)]
            raise Unknown(f"there is no automation {ident!r}", where)
        self._rows.automations.delete(uow, ident)
        self._changed(uow)

    def _changed(self, uow: UnitOfWork) -> None:
        self._installed = None
        uow.at_end(self._forget)

    def _forget(self) -> None:
        self._installed = None

    def _all(self, conn: Connection) -> dict[str, tuple[Row, Reactions]]:
        if self._installed is None:
            self._installed = {
                row["id"]: (row, read_reactions(row["body"], []))
                for row in self._rows.automations.items(conn)
            }
        return self._installed

    def on_event(self, uow: UnitOfWork, event: DomainEvent) -> None:
        """Run those that follow such an event."""
        if not isinstance(event, FeedEvent):
            return
        for ident, (row, reactions) in self._all(uow.conn).items():
            on = row["body"]["on"]
            if "event" not in on or not fnmatchcase(event.kind, on["event"]):
                continue
            if any(event.data.get(key) != value for key, value in on.get("where", {}).items()):
                continue
            thing = str(event.data.get("thing") or event.thing or "")
            self.run(
                uow, ident, reactions, thing=thing, subject=thing or event.subject,
                cause=f"{event.kind} {event.subject}", at_ms=event.at_ms,
            )  # fmt: skip

    def run(
        self,
        uow: UnitOfWork,
        ident: str,
        reactions: Reactions,
        *,
        thing: str,
        subject: str,
        cause: str,
        at_ms: int,
    ) -> None:
        """Do what an automation does, unless it did so too often."""
        key = (ident, subject, at_ms, cause)
        if self._rows.automation_runs.get(uow.conn, *key) is not None:
            return  # the same cause at the same time: it is one run
        runs = self._rows.look.runs_after(uow.conn, ident, subject, at_ms - HOUR_MS)
        stopped = runs >= RUNS_PER_H_MAX
        names = ("automation", "subject", "at_ms", "cause")
        row = {**dict(zip(names, key, strict=True)), "stopped": stopped}
        self._rows.automation_runs.insert(uow, row)
        kind = "automation.stopped" if stopped else "automation.ran"
        data = {"automation": ident, "thing": thing, "cause": cause}
        uow.publish(AutomationRan(at_ms=at_ms, kind=kind, subject=f"{ident}/{subject}", data=data))
        if stopped:
            return
        for number, reaction in enumerate(reactions):
            self._react(uow, (ident, number), reaction, thing=thing, cause=cause, at_ms=at_ms)

    def _react(
        self,
        uow: UnitOfWork,
        place: tuple[str, int],
        reaction: Reaction,
        *,
        thing: str,
        cause: str,
        at_ms: int,
    ) -> None:
        ident, number = place
        if isinstance(reaction, CommandReaction) and thing:
            uow.publish(
                CommandWanted(
                    at_ms=at_ms,
                    command_id=f"cmd-{thing}-{ident}-{number}-{at_ms}",
                    thing=thing,
                    name=reaction.name,
                    args=reaction.args,
                    expires_ms=at_ms + reaction.expires_ms,
                    by=f"automation:{ident}",
                )
            )
        elif isinstance(reaction, CallbackReaction):
            wanted = {**reaction.data, "thing": thing, "automation": ident, "cause": cause}
            call_back(uow, reaction.name, wanted, at_ms)
        elif isinstance(reaction, NotifyReaction):
            self._notices.say(uow, ident, reaction, thing=thing, cause=cause, at_ms=at_ms)


def call_back(uow: UnitOfWork, name: str, data: Mapping[str, Any], at_ms: int) -> None:
    """Ask for another system to be called; it goes out through the webhooks."""
    uow.publish(CallbackWanted(at_ms=at_ms, kind="callback.wanted", subject=name, data=data))


def read_reactions(body: Mapping[str, Any], problems: list[Problem]) -> Reactions:
    """What an automation does; all problems of its body at once.

    A body is ``{"on": {"event": "order.*", "where": {...}}, "then": [...]}`` or, for a metric,
    ``{"on": {"model", "let", "when", "every"}, "then": [...]}``.
    """
    fields = Fields(body, where="", problems=problems)
    on = Fields(fields.raw("on"), where="on", problems=problems)
    if on.has("event"):
        pattern = on.text("event")
        if pattern and not any(_within(pattern, kind) for kind in KINDS):
            on.problem("event", f"is {pattern!r}", ", ".join(KINDS) + " (or one of these)")
        on.mapping("where", default={})
    else:
        for key in ("model", "let", "when", "every", "stale_after"):
            on.raw(key)  # read as a rule pack
    on.done()
    then = [
        pack_reactions.read(Fields(entry, where=f"then[{i}]", problems=problems), None, {})
        for i, entry in enumerate(fields.sequence("then"))
    ]
    fields.done()
    found = [one for one in then if one is not None]
    for index, one in enumerate(found):
        if not isinstance(one, CommandReaction | CallbackReaction | NotifyReaction):
            allowed = "one of command, callback, notify"
            problems.append(Problem(where=f"then[{index}]", what="is for rules", allowed=allowed))
    return found


def _within(pattern: str, kind: str) -> bool:
    family = kind.partition(".")[0]
    return pattern == kind or pattern.startswith(f"{family}.")


def automation_pack(ident: str) -> str:
    """The name of the pack that an automation on a metric is."""
    return f"automation-{ident}"


def as_pack(ident: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """The rule pack of an automation on a metric: it must have held for one evaluation."""
    on = body["on"]
    every = on.get("every", "60s")
    return {
        "pack": automation_pack(ident),
        "version": "1",
        "model": on.get("model"),
        "owner": "automation",
        "every": every,
        "stale_after": on.get("stale_after", "1h"),
        "rules": [
            {
                "id": ident,
                "let": on.get("let"),
                "when": on.get("when"),
                "for": every,
                "severity": "operation",
                "then": [],
                "why": "an automation",
            }
        ],
    }
