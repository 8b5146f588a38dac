"""HTTP of the registry."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from reference_impl.kernel import access
from reference_impl.kernel.http.bodies import Body, Finding
from reference_impl.kernel.http.guard import needs
from reference_impl.kernel.http.routes import new_router
from reference_impl.kernel.ports import Clock
from reference_impl.kernel.store import Store
from reference_impl.registry import domain
from reference_impl.registry.scope import MAIN
from reference_impl.registry.service import Registry

Name = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
SignalName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Text = Annotated[str, Field(min_length=1, max_length=200)]
Properties = dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")], str | float | bool]
"""Custom properties (CC22): whatever a tenant wants to keep beside the fields that are known."""
LIMIT = 1000
Limit = Annotated[int, Query(ge=1, le=10_000)]
Detail = Callable[[sa.Connection, str], Mapping[str, Any]]
"""What another context knows of a thing, to be shown with it."""


class CustomerBody(Body):
    """Who buys and uses; served by partners, in the care of an organisation."""

    name: Text
    organisation: Text = MAIN
    partners: list[Text] = Field(default_factory=list)
    properties: Properties = Field(default_factory=dict)


class SiteBody(Body):
    """A place with devices; the partition of the wire."""

    customer: Text
    name: Text
    time_zone: Text = "UTC"
    properties: Properties = Field(default_factory=dict)


class SignalBody(Body):
    """What a signal means; ``min`` and ``max`` in ``unit``."""

    unit: str
    min: float
    max: float
    title: str = ""


class ModelPartBody(Body):
    """A spare part and where it goes."""

    part: Text
    position: Text
    quantity: Annotated[int, Field(ge=1)] = 1


class ConditionBody(Body):
    """A wear level to compute; ``params`` belong to the algorithm."""

    id: Text
    position: Text
    algorithm: Text
    version: Text = "1"
    every_s: Annotated[int, Field(gt=0)] = 86_400
    daily_at: str | None = None
    daily_max_pct: Annotated[float, Field(ge=0)] = 0.0
    revision: str | None = None
    params: dict[str, Any]


class MetricBody(Body):
    """A signal that is computed; what belongs to its kind is checked by insight."""

    model_config = ConfigDict(extra="allow")
    id: SignalName


class ArgumentBody(Body):
    """An argument of a command; ``min`` and ``max`` (in ``unit``, both allowed) are for numbers."""

    kind: Literal["number", "whole", "flag", "text"] = "number"
    title: str = ""
    unit: str = "1"
    min: float | None = None
    max: float | None = None
    one_of: list[str] = Field(default_factory=list)
    required: bool = True


class CommandBody(Body):
    """Something that things of a model can be asked to do.

    ``idempotent``: done twice it does no more than once, so that it may be sent again.
    """

    title: str = ""
    idempotent: bool = False
    args: dict[SignalName, ArgumentBody] = Field(default_factory=dict)


class SettingBody(Body):
    """A number that things of a model keep, changed by ``set_settings``; range in ``unit``."""

    unit: str = "1"
    min: float
    max: float
    title: str = ""
    feature: str = ""


class ObeysBody(Body):
    """What things of a model obey; a model that names no commands is sent any."""

    commands: dict[SignalName, CommandBody] = Field(default_factory=dict)
    settings: dict[SignalName, SettingBody] = Field(default_factory=dict)
    features: dict[SignalName, str] = Field(default_factory=dict)


class KitBody(Body):
    """A condition that is watched by itself: due at 100 %, overdue beyond its tolerance (SP10)."""

    condition: Text
    tolerance_pct: Annotated[float, Field(ge=0, le=100)] = 10.0
    due_days: Annotated[float, Field(gt=0)] = 14.0


class ModelBody(Body):
    """A kind of thing; with a parent it has what the parent has too.

    ``sessions``, ``diagnosis`` and ``quality`` are checked by insight.
    """

    product: Text
    title: str = ""
    parent: str = ""
    signals: dict[SignalName, SignalBody] = Field(default_factory=dict)
    constants: dict[SignalName, float] = Field(default_factory=dict)
    parts: list[ModelPartBody] = Field(default_factory=list)
    conditions: list[ConditionBody] = Field(default_factory=list)
    metrics: list[MetricBody] = Field(default_factory=list)
    sessions: list[dict[str, Any]] = Field(default_factory=list)
    diagnosis: list[dict[str, Any]] = Field(default_factory=list)
    quality: list[dict[str, Any]] = Field(default_factory=list)
    kits: list[KitBody] = Field(default_factory=list)
    obeys: ObeysBody = Field(default_factory=ObeysBody)

    @classmethod
    def cross(cls, data: Mapping[str, Any]) -> Sequence[Finding]:
        """Ranges upside down, ids and positions that stand twice; nothing that it could say."""
        return domain.findings_of_model(data)


class ThingBody(Body):
    """One device in the field; without a site it waits for its owner, who activates it.

    ``token`` proves ownership then; it is kept as a digest and never shown.
    """

    model: Text
    site: str = ""
    serial: str = ""
    title: str = ""
    parent: str = ""
    organisation: Text = MAIN
    token: Annotated[str, Field(min_length=8, max_length=200)] | None = None
    properties: Properties = Field(default_factory=dict)


class ActivationBody(Body):
    """What an owner reads off the label, and where the thing stands."""

    model: Text
    serial: Text
    token: Text
    site: Text


class ResetBody(Body):
    """Why a thing leaves its owner; a new ``token`` replaces the one that this owner knows."""

    reason: Text
    token: Annotated[str, Field(min_length=8, max_length=200)] | None = None


class CustomerView(CustomerBody):
    """A customer."""

    id: str


class SiteView(SiteBody):
    """A site."""

    id: str


class ModelView(BaseModel):
    """A model as installed, with what it inherits."""

    id: str
    product: str
    title: str
    parent: str
    signals: dict[str, SignalBody]
    constants: dict[str, float]
    parts: list[ModelPartBody]
    conditions: list[ConditionBody]
    metrics: list[dict[str, Any]]
    sessions: list[dict[str, Any]]
    diagnosis: list[dict[str, Any]]
    quality: list[dict[str, Any]]
    kits: list[KitBody]
    obeys: ObeysBody


class ThingView(BaseModel):
    """A thing with what is known of it: last birth, latest readings, conditions."""

    id: str
    model: str
    site: str
    serial: str
    title: str
    parent: str = ""
    status: str
    customer: str = ""
    properties: dict[str, Any] = {}
    born: dict[str, Any] | None = None
    latest: dict[str, Any] | None = None
    conditions: list[dict[str, Any]] = []


class Things(BaseModel):
    """A list of things; ``next`` asks for what comes behind them."""

    items: list[ThingView]
    next: str | None = None


class Listed(BaseModel):
    """A list of customers, sites or models."""

    items: list[dict[str, Any]]
    next: str | None = None


def router(service: Registry, clock: Clock, store: Store, details: Sequence[Detail]) -> APIRouter:
    """The routes of the registry; ``details`` add to what is shown of one thing."""
    api = new_router("registry")

    def shown(conn: sa.Connection, row: dict[str, Any]) -> ThingView:
        row["customer"] = service.owner_of(conn, row)
        for detail in details:
            row.update(detail(conn, row["id"]))
        return ThingView(**_since(row, access.seen_from_ms(row["id"]) or 0))

    @api.put("/customers/{name}", dependencies=[needs("customers:write")])
    async def put_customer(name: Name, body: CustomerBody) -> CustomerView:
        """Install a customer, or change one."""
        with store.begin() as uow:
            return CustomerView(**service.put_customer(uow, name, body.model_dump()))

    @api.put("/sites/{name}", dependencies=[needs("sites:write")])
    async def put_site(name: Name, body: SiteBody) -> SiteView:
        """Install a site, or change one."""
        with store.begin() as uow:
            return SiteView(**service.put_site(uow, name, body.model_dump()))

    @api.put("/models/{name}", dependencies=[needs("models:write")])
    async def put_model(name: Name, body: ModelBody) -> ModelView:
        """Install a model with its parts and conditions, or change one."""
        with store.begin() as uow:
            return ModelView(**service.put_model(uow, name, body.model_dump()))

    @api.put("/things/{name}", dependencies=[needs("things:write")])
    async def put_thing(name: Name, body: ThingBody) -> ThingView:
        """Install a thing, or change one."""
        with store.begin() as uow:
            row = service.put_thing(uow, name, body.model_dump(), at_ms=clock.now_ms())
            return shown(uow.conn, row)

    @api.post("/activations", dependencies=[needs("activation:write")])
    async def activate(body: ActivationBody) -> ThingView:
        """Bind a thing to a site of the caller, by serial number and connection token."""
        with store.begin() as uow:
            row = service.activate(uow, **body.model_dump(), at_ms=clock.now_ms())
            return shown(uow.conn, row)

    @api.post("/things/{name}/reset", dependencies=[needs("activation:write")])
    async def reset(name: Name, body: ResetBody) -> dict[str, str]:
        """Factory reset: the thing leaves its owner, who sees nothing of it any more."""
        with store.begin() as uow:
            row = service.reset(
                uow, name, reason=body.reason, token=body.token, at_ms=clock.now_ms()
            )
        return {"id": row["id"], "status": row["status"]}

    _add_reads(api, service, store, shown)
    return api


def _since(row: dict[str, Any], since_ms: int) -> dict[str, Any]:
    """A thing as its owner sees it: nothing from before ``since_ms``."""
    for name in ("born", "latest"):
        if row.get(name) is not None and row[name]["at_ms"] < since_ms:
            row[name] = None
    conditions = row.get("conditions", [])
    return {**row, "conditions": [c for c in conditions if c["evaluated_ms"] >= since_ms]}


def _add_reads(
    api: APIRouter,
    service: Registry,
    store: Store,
    shown: Callable[[sa.Connection, dict[str, Any]], ThingView],
) -> None:
    @api.get("/customers", dependencies=[needs("customers:read")])
    async def list_customers(limit: Limit = LIMIT, after: str = "") -> Listed:
        """All customers that the caller sees."""
        with store.read() as conn:
            return paged(access.seen(service.items(conn, "customer"), of="id"), limit, after)

    @api.get("/sites", dependencies=[needs("sites:read")])
    async def list_sites(limit: Limit = LIMIT, after: str = "") -> Listed:
        """All sites that the caller sees."""
        with store.read() as conn:
            return paged(access.seen(service.items(conn, "site")), limit, after)

    @api.get("/models", dependencies=[needs("models:read")])
    async def list_models(limit: Limit = LIMIT, after: str = "") -> Listed:
        """All models."""
        with store.read() as conn:
            rows = [
                {name: row[name] for name in row if name != "own"}
                for row in service.items(conn, "model")
            ]
        return paged(rows, limit, after)

    @api.get("/models/{name}", dependencies=[needs("models:read")])
    async def get_model(name: Name) -> ModelView:
        """One model."""
        with store.read() as conn:
            return ModelView(**service.get(conn, "model", name))

    @api.get("/things", dependencies=[needs("things:read")])
    async def list_things(
        limit: Limit = LIMIT, after: str = "", site: str | None = None, model: str | None = None
    ) -> Things:
        """All things that the caller sees (of a site, of a model), with what is known of each."""
        asked = {"site": site, "model": model}
        only = {name: value for name, value in asked.items() if value is not None}
        with store.read() as conn:
            rows = [
                row
                for row in service.items(conn, "thing", **only)
                if row["id"] > after and access.seen_from_ms(row["id"]) is not None
            ]
            page = [shown(conn, row) for row in rows[:limit]]
        return Things(items=page, next=page[-1].id if len(rows) > limit else None)

    @api.get("/things/{name}", dependencies=[needs("things:read")])
    async def get_thing(name: Name) -> ThingView:
        """One thing, with what is known of it."""
        access.must_see_thing(name)
        with store.read() as conn:
            return shown(conn, service.get(conn, "thing", name))


def paged(rows: Sequence[dict[str, Any]], limit: int, after: str) -> Listed:
    """The first ``limit`` of rows, ordered by id, behind the one that is named."""
    rows = sorted((row for row in rows if row["id"] > after), key=itemgetter("id"))
    page = list(rows[:limit])
    return Listed(items=page, next=page[-1]["id"] if len(rows) > limit else None)
