"""HTTP of the registry."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from reference_impl.kernel.http.bodies import Body, Finding
from reference_impl.kernel.store import Store
from reference_impl.registry import domain
from reference_impl.registry.service import Registry

Name = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
SignalName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Text = Annotated[str, Field(min_length=1, max_length=200)]
Detail = Callable[[sa.Connection, str], Mapping[str, Any]]
"""What another context knows of a thing, to be shown with it."""


class CustomerBody(Body):
    """Who buys and uses."""

    name: Text


class SiteBody(Body):
    """A place with devices; the partition of the wire."""

    customer: Text
    name: Text
    time_zone: Text = "UTC"


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


class ModelBody(Body):
    """A kind of thing. ``sessions``, ``diagnosis`` and ``quality`` are checked by insight."""

    product: Text
    title: str = ""
    signals: Annotated[dict[SignalName, SignalBody], Field(min_length=1)]
    parts: list[ModelPartBody] = Field(default_factory=list)
    conditions: list[ConditionBody] = Field(default_factory=list)
    metrics: list[MetricBody] = Field(default_factory=list)
    sessions: list[dict[str, Any]] = Field(default_factory=list)
    diagnosis: list[dict[str, Any]] = Field(default_factory=list)
    quality: list[dict[str, Any]] = Field(default_factory=list)

    @classmethod
    def cross(cls, data: Mapping[str, Any]) -> Sequence[Finding]:
        """Ranges upside down, ids and positions that stand twice."""
        return domain.findings_of_model(data)


class ThingBody(Body):
    """One device in the field."""

    model: Text
    site: Text
    serial: str = ""
    title: str = ""


class CustomerView(CustomerBody):
    """A customer."""

    id: str


class SiteView(SiteBody):
    """A site."""

    id: str


class ModelView(BaseModel):
    """A model as installed."""

    id: str
    product: str
    title: str
    signals: dict[str, SignalBody]
    parts: list[ModelPartBody]
    conditions: list[ConditionBody]
    metrics: list[dict[str, Any]]
    sessions: list[dict[str, Any]]
    diagnosis: list[dict[str, Any]]
    quality: list[dict[str, Any]]


class ThingView(BaseModel):
    """A thing with what is known of it: last birth, latest readings, conditions."""

    id: str
    model: str
    site: str
    serial: str
    title: str
    customer: str = ""
    born: dict[str, Any] | None = None
    latest: dict[str, Any] | None = None
    conditions: list[dict[str, Any]] = []


class Things(BaseModel):
    """A list of things."""

    items: list[ThingView]


class Listed(BaseModel):
    """A list of customers, sites or models."""

    items: list[dict[str, Any]]


def router(service: Registry, store: Store, details: Sequence[Detail]) -> APIRouter:
    """The routes of the registry; ``details`` add to what is shown of one thing."""
    api = APIRouter(prefix="/v1", tags=["registry"])

    def shown(conn: sa.Connection, name: str) -> ThingView:
        row = service.get(conn, "thing", name)
        row["customer"] = service.get(conn, "site", row["site"])["customer"]
        for detail in details:
            row.update(detail(conn, name))
        return ThingView(**row)

    @api.put("/customers/{name}")
    async def put_customer(name: Name, body: CustomerBody) -> CustomerView:
        """Install a customer, or change one."""
        with store.begin() as uow:
            return CustomerView(**service.put_customer(uow, name, body.model_dump()))

    @api.put("/sites/{name}")
    async def put_site(name: Name, body: SiteBody) -> SiteView:
        """Install a site, or change one."""
        with store.begin() as uow:
            return SiteView(**service.put_site(uow, name, body.model_dump()))

    @api.put("/models/{name}")
    async def put_model(name: Name, body: ModelBody) -> ModelView:
        """Install a model with its parts and conditions, or change one."""
        with store.begin() as uow:
            return ModelView(**service.put_model(uow, name, body.model_dump()))

    @api.put("/things/{name}")
    async def put_thing(name: Name, body: ThingBody) -> ThingView:
        """Install a thing, or change one."""
        with store.begin() as uow:
            service.put_thing(uow, name, body.model_dump())
            return shown(uow.conn, name)

    _add_reads(api, service, store, shown)
    return api


def _add_reads(
    api: APIRouter,
    service: Registry,
    store: Store,
    shown: Callable[[sa.Connection, str], ThingView],
) -> None:
    @api.get("/customers")
    async def list_customers() -> Listed:
        """All customers."""
        return listed("customer")

    @api.get("/sites")
    async def list_sites() -> Listed:
        """All sites."""
        return listed("site")

    @api.get("/models")
    async def list_models() -> Listed:
        """All models."""
        return listed("model")

    @api.get("/models/{name}")
    async def get_model(name: Name) -> ModelView:
        """One model."""
        with store.read() as conn:
            return ModelView(**service.get(conn, "model", name))

    @api.get("/things")
    async def list_things() -> Things:
        """All things, with what is known of each."""
        with store.read() as conn:
            return Things(items=[shown(conn, row["id"]) for row in service.items(conn, "thing")])

    @api.get("/things/{name}")
    async def get_thing(name: Name) -> ThingView:
        """One thing, with what is known of it."""
        with store.read() as conn:
            return shown(conn, name)

    def listed(kind: str) -> Listed:
        with store.read() as conn:
            return Listed(items=list(service.items(conn, kind)))
