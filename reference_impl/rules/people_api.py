"""HTTP face of rules for people: actions, contacts and notices, automations."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from fastapi import APIRouter, Path
from pydantic import Field

from reference_impl.kernel.access import current, must_see_thing, seen_of_things
from reference_impl.kernel.errors import Invalid, Problem
from reference_impl.kernel.http.bodies import Body
from reference_impl.kernel.http.guard import needs
from reference_impl.kernel.http.routes import new_router
from reference_impl.kernel.ports import Clock
from reference_impl.kernel.store import Store
from reference_impl.rules.actions import TaskStep, badge
from reference_impl.rules.api import LIMIT, Answer, Limit, Long, Text, page
from reference_impl.rules.domain import Severity
from reference_impl.rules.notice_texts import TEXTS
from reference_impl.rules.service import Rules

Name = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
_QUIET = re.compile(r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d")
ChannelName = Literal["web", "email", "sms"]
_STEPS = {
    "done": TaskStep.DONE,
    "done-with-issue": TaskStep.DONE_WITH_ISSUE,
    "discard": TaskStep.DISCARD,
}


class ActionCall(Body):
    """Who closes it, and why (an issue needs a text, a discard where the action forces one)."""

    by: Text
    reason: Long = ""


class ContactBody(Body):
    """Somebody who is told of alerts.

    A ``user`` is told of what the registry lets him see; anybody else of ``customers`` (None: of
    all). ``quiet`` hours are those of ``time_zone``, or of the site where that is empty.
    """

    user: str = ""
    language: str = "en"
    email: str = ""
    phone: str = ""
    time_zone: str = ""
    quiet: str = "22:00-07:00"
    channels: Sequence[ChannelName] = ("web",)
    customers: list[str] | None = None
    severities: list[Severity] = Field(default_factory=list)


def router(service: Rules, clock: Clock, store: Store) -> APIRouter:
    """All routes of this module."""
    routes = new_router("rules")
    _actions(routes, service, clock, store)
    _notices(routes, service, store)

    @routes.put("/automations/{name}", dependencies=[needs("rule-packs:write")])
    async def put_automation(name: Name, body: dict[str, Any]) -> Answer:
        """Install or change an automation on an event or a metric."""
        with store.begin() as uow:
            return service.put_automation(uow, name, body, at_ms=clock.now_ms())

    @routes.get("/automations", dependencies=[needs("rule-packs:read")])
    async def get_automations() -> Answer:
        """All automations."""
        with store.read() as conn:
            return {"items": service.listed(conn, "automations")}

    @routes.get("/automations/{name}/runs", dependencies=[needs("rule-packs:read")])
    async def get_runs(name: Name) -> Answer:
        """When an automation ran, on what, why, and whether it was stopped."""
        with store.read() as conn:
            return {"items": service.listed(conn, "automation_runs", automation=name)}

    @routes.delete("/automations/{name}", dependencies=[needs("rule-packs:write")])
    async def delete_automation(name: Name) -> Answer:
        """Remove an automation."""
        with store.begin() as uow:
            service.drop_automation(uow, name, at_ms=clock.now_ms())
        return {"id": name}

    return routes


def _actions(routes: APIRouter, service: Rules, clock: Clock, store: Store) -> None:
    @routes.get("/actions", dependencies=[needs("actions:read")])
    async def get_actions(
        thing: str | None = None, state: str | None = None, after: str = "", limit: Limit = LIMIT
    ) -> Answer:
        """Actions (of a thing, in a state) by id, with how many are to be done and overdue."""
        asked = {"thing": thing, "state": state}
        only = {name: value for name, value in asked.items() if value is not None}
        with store.read() as conn:
            found = service.listed(conn, "actions", **only)
        seen = seen_of_things(found, at="created_ms")
        return {**page(seen, after=after, limit=limit), "badge": badge(seen, clock.now_ms())}

    @routes.post("/actions/{action_id}/{step}", dependencies=[needs("actions:write")])
    async def post_action(
        action_id: str, step: Literal["done", "done-with-issue", "discard"], body: ActionCall
    ) -> Answer:
        """Close an action."""
        with store.begin() as uow:
            row = service.actions.get(uow.conn, action_id)
            what = f"action {action_id!r}"
            must_see_thing(row["thing"], what=what, at_ms=row["created_ms"])
            return service.actions.close(
                uow, row, _STEPS[step], by=body.by, reason=body.reason, at_ms=clock.now_ms()
            )


def _notices(routes: APIRouter, service: Rules, store: Store) -> None:
    @routes.put("/contacts/{name}", dependencies=[needs("contacts:write")])
    async def put_contact(name: Name, body: ContactBody) -> Answer:
        """Install or change somebody who is told of alerts."""
        problems = []
        if body.language not in TEXTS:
            what = f"{body.language!r} is not spoken"
            problems.append(Problem(where="language", what=what, allowed=", ".join(TEXTS)))
        if body.time_zone and body.time_zone not in available_timezones():
            what = f"{body.time_zone!r} is no time zone"
            problems.append(Problem(where="time_zone", what=what, allowed="such as Europe/Rome"))
        if body.quiet and not _QUIET.fullmatch(body.quiet):
            what = f"is {body.quiet!r}"
            problems.append(Problem(where="quiet", what=what, allowed="such as 22:00-07:00"))
        if problems:
            raise Invalid("the contact is refused", problems)
        with store.begin() as uow:
            return service.notices.put_contact(uow, {"id": name, **body.model_dump(mode="json")})

    @routes.get("/contacts", dependencies=[needs("contacts:read")])
    async def get_contacts() -> Answer:
        """Everybody who is told of alerts."""
        with store.read() as conn:
            return {"items": service.listed(conn, "contacts")}

    @routes.delete("/contacts/{name}", dependencies=[needs("contacts:delete")])
    async def delete_contact(name: Name) -> Answer:
        """Tell somebody nothing any more."""
        with store.begin() as uow:
            service.notices.drop_contact(uow, name)
        return {"id": name}

    @routes.get("/notices", dependencies=[needs("alerts:read")])
    async def get_notices(
        alert: str | None = None,
        contact: str | None = None,
        channel: str | None = None,
        after: str = "",
        limit: Limit = LIMIT,
    ) -> Answer:
        """Notices by id; users see their own (their inbox is ``channel=web``)."""
        asked = {"alert": alert, "contact": contact, "channel": channel}
        only = {name: value for name, value in asked.items() if value is not None}
        with store.read() as conn:
            found = service.listed(conn, "notices", **only)
            mine = {row["id"] for row in service.listed(conn, "contacts", user=current().user)}
        if current().things is not None:
            found = [row for row in found if row["contact"] in mine]
        return page(found, after=after, limit=limit)
