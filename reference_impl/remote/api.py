"""HTTP of remote control: commands and parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from reference_impl.kernel import access
from reference_impl.kernel.errors import Problem, Unknown
from reference_impl.kernel.http.bodies import Body, Finding
from reference_impl.kernel.http.guard import needs
from reference_impl.kernel.http.routes import new_router
from reference_impl.kernel.ports import Clock, Directory
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import Store
from reference_impl.remote import domain as d
from reference_impl.remote.obeying import SET_SETTINGS
from reference_impl.remote.parameters import Standing
from reference_impl.remote.service import Remote

Value = float | int | bool | str
Number = Annotated[float, Field(allow_inf_nan=False)]
EXPIRES_S, CONFIRM_WITHIN_S, SPACING_S = 3600.0, 600.0, 60.0
"""What holds where a caller says nothing (estimates)."""
DAY_S = 86_400.0


class FeedbackBody(Body):
    """The signal that says that it is done, and what it must equal (in its own unit)."""

    signal: Annotated[str, Field(min_length=1)]
    equals: Number
    tolerance: Annotated[float, Field(ge=0.0, allow_inf_nan=False)] = 0.0


class PolicyBody(Body):
    """When a try has failed, how often it is made again, and whether it waits for its device."""

    timeout_s: Annotated[float | None, Field(gt=0.0, le=DAY_S)] = None
    retries: Annotated[int, Field(ge=0, le=d.RETRIES_MAX)] = 0
    retry_every_s: Annotated[float, Field(gt=0.0, le=DAY_S)] = SPACING_S
    durable: bool = False
    confirm: FeedbackBody | None = None
    expires_s: Annotated[float | None, Field(gt=0.0, le=30 * DAY_S)] = None

    @classmethod
    def cross(cls, data: Mapping[str, Any]) -> Sequence[Finding]:
        """A retry needs to know when the try before it has failed."""
        if data.get("retries") and not (data.get("timeout_s") or data.get("confirm")):
            return [(("retries",), "nothing says when a try has failed", "with timeout_s")]
        return ()

    def policy(self) -> d.Policy:
        """As the service takes it."""
        back = self.confirm
        timeout_s = self.timeout_s or (CONFIRM_WITHIN_S if back is not None else 0.0)
        return d.Policy(
            timeout_ms=round(timeout_s * 1000),
            retries=self.retries,
            spacing_ms=round(self.retry_every_s * 1000) if self.retries else 0,
            durable=self.durable,
            feedback=None if back is None else d.Feedback(**back.model_dump()),
        )

    def expires_ms(self, now_ms: int) -> int:
        """When its device no longer obeys it."""
        if self.expires_s is not None:
            return now_ms + round(self.expires_s * 1000)
        return now_ms + (d.DURABLE_MS if self.durable else round(EXPIRES_S * 1000))


class CommandCall(PolicyBody):
    """Ask a device to do something."""

    by: Annotated[str, Field(min_length=1)]
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
    args: dict[str, Value] = Field(default_factory=dict)


class ParametersCall(PolicyBody):
    """Change parameters of a device, all or none; ``if_version``: unless somebody else did."""

    by: Annotated[str, Field(min_length=1)]
    values: Annotated[dict[str, Number], Field(min_length=1)]
    if_version: Annotated[int | None, Field(ge=0)] = None


class CommandView(BaseModel):
    """A command and what became of it."""

    id: str
    thing: str
    name: str
    args: dict[str, Value]
    state: str
    by: str
    origin: str
    issued_ms: int
    expires_ms: int
    attempt: Annotated[int, Field(description="How many tries there were, the first too")]
    detail: str


class Commands(BaseModel):
    """A list of commands."""

    items: list[CommandView]


class ParameterView(BaseModel):
    """What is desired of a parameter, what its device reported, and how both stand."""

    name: str
    title: str | None
    unit: str | None
    min: float | None
    max: float | None
    desired: float | None
    desired_ms: int | None
    desired_by: str
    origin: str
    command: str
    reported: float | None
    reported_ms: int | None
    state: Standing


class ParameterList(BaseModel):
    """All parameters of a thing."""

    items: list[ParameterView]


class ParameterChange(BaseModel):
    """One change: ``asked``, ``confirmed``, ``failed``, or ``reported`` by itself."""

    at_ms: int
    what: str
    value: float
    by: str
    command: str


class ParameterHistory(BaseModel):
    """Every change of a parameter, oldest first."""

    items: list[ParameterChange]


def router(service: Remote, clock: Clock, store: Store, directory: Directory) -> APIRouter:
    """The routes of remote control."""
    api = new_router("remote")

    def asked(thing: str, name: str, args: Mapping[str, Any], call: PolicyBody, by: str) -> Row:
        now_ms = clock.now_ms()
        with store.begin() as uow:
            return service.request(
                uow,
                now_ms=now_ms,
                thing=thing,
                name=name,
                args=args,
                expires_ms=call.expires_ms(now_ms),
                by=by,
                policy=call.policy(),
            )

    @api.post("/things/{thing}/commands", dependencies=[needs("commands:write")])
    async def request(thing: str, call: CommandCall) -> CommandView:
        """Ask a device to do something; it goes out with the next clock call (live: at once)."""
        access.must_see_thing(thing)
        return shown(asked(thing, call.name, call.args, call, call.by))

    @api.put("/things/{thing}/parameters", dependencies=[needs("commands:write")])
    async def change(thing: str, call: ParametersCall) -> CommandView:
        """Change parameters; they count as changed once the device has said so."""
        access.must_see_thing(thing)
        version = {} if call.if_version is None else {"if_version": call.if_version}
        return shown(asked(thing, SET_SETTINGS, {**call.values, **version}, call, call.by))

    @api.get("/things/{thing}/parameters", dependencies=[needs("commands:read")])
    async def parameters(thing: str) -> ParameterList:
        """What is desired and what is reported."""
        access.must_see_thing(thing)
        with store.read() as conn:
            ref = directory.thing(conn, thing)
            if ref is None:
                problem = Problem(where="thing", what=thing)
                raise Unknown(f"there is no thing {thing!r}", [problem])
            rows = service.parameters.of_thing(conn, thing, service.obeys(conn, ref.model))
        return ParameterList(items=[ParameterView(**row) for row in rows])

    @api.get("/things/{thing}/parameters/{name}/history", dependencies=[needs("commands:read")])
    async def history(thing: str, name: str) -> ParameterHistory:
        """Every change of a parameter."""
        access.must_see_thing(thing)
        with store.read() as conn:
            rows = service.parameters.history(conn, thing, name)
        rows = access.seen_of_things(rows, at="at_ms")
        return ParameterHistory(items=[ParameterChange(**row) for row in rows])

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
        return Commands(items=[shown(row) for row in rows])

    return api


def shown(row: Row) -> CommandView:
    """A command as it is answered."""
    return CommandView(**row, origin=d.origin_of(row["by"]))
