"""HTTP of remote control."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from reference_impl.kernel import access
from reference_impl.kernel.http.bodies import Body
from reference_impl.kernel.http.guard import needs
from reference_impl.kernel.http.routes import new_router
from reference_impl.kernel.ports import Clock
from reference_impl.kernel.store import Store
from reference_impl.remote.service import Remote

Value = float | int | bool | str


class CommandCall(Body):
    """Ask a device to do something."""

    by: Annotated[str, Field(min_length=1)]
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
    args: dict[str, Value] = Field(default_factory=dict)
    expires_s: Annotated[float, Field(gt=0.0, le=30 * 86_400.0)] = 3600.0


class CommandView(BaseModel):
    """A command and what became of it."""

    id: str
    thing: str
    name: str
    args: dict[str, Value]
    state: str
    by: str
    issued_ms: int
    expires_ms: int
    detail: str


class Commands(BaseModel):
    """A list of commands."""

    items: list[CommandView]


def router(service: Remote, clock: Clock, store: Store) -> APIRouter:
    """The routes of remote control."""
    api = new_router("remote")

    @api.post("/things/{thing}/commands", dependencies=[needs("commands:write")])
    async def request(thing: str, call: CommandCall) -> CommandView:
        """Ask a device to do something; it goes out with the next clock call (live: at once)."""
        access.must_see_thing(thing)
        now_ms = clock.now_ms()
        with store.begin() as uow:
            row = service.request(
                uow,
                now_ms=now_ms,
                thing=thing,
                name=call.name,
                args=call.args,
                expires_ms=now_ms + round(call.expires_s * 1000),
                by=call.by,
            )
            return CommandView(**row)

    @api.get("/things/{thing}/commands", dependencies=[needs("commands:read")])
    async def of_thing(thing: str) -> Commands:
        """Commands to one thing, oldest first."""
        access.must_see_thing(thing)
        return listed(thing)

    @api.get("/commands", dependencies=[needs("commands:read")])
    async def everything() -> Commands:
        """All commands, oldest first."""
        return listed()

    def listed(thing: str | None = None) -> Commands:
        with store.read() as conn:
            rows = access.seen_of_things(service.items(conn, thing), at="issued_ms")
        return Commands(items=[CommandView(**row) for row in rows])

    return api
