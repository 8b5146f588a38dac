"""HTTP of agreements, consent, Data Recipients, metadata and export; of tenants and what is on."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import ConfigDict, Field

from reference_impl.kernel.access import Group
from reference_impl.kernel.http.bodies import Body
from reference_impl.kernel.http.guard import needs
from reference_impl.kernel.http.routes import new_router
from reference_impl.kernel.ports import Clock
from reference_impl.kernel.store import Store
from reference_impl.registry.api import LIMIT, Limit, Listed, Name, Text, paged
from reference_impl.registry.areas import Initiative
from reference_impl.registry.rights import FOREVER_MS, RAW_DATA, SERVICE, Rights
from reference_impl.registry.scope import MAIN
from reference_impl.registry.tenancy import RAW_MONTHS_MIN, Tenancy

Answer = dict[str, Any]
Step = Annotated[int, Field(ge=1, le=8)]
Many = Annotated[int, Field(ge=0)]


class AgreementBody(Body):
    """Terms that users of some groups must accept; another version asks them again."""

    version: Text
    title: Text
    text: str
    groups: list[Group]
    tenant: Text = MAIN


class ConsentBody(Body):
    """Whether a customer consents."""

    granted: bool


class LeadBody(Body):
    """What sales should know."""

    thing: Text
    reason: Text


class RecipientBody(Body):
    """A third party that customers may choose to receive their raw data."""

    name: Text
    organisation: Text = MAIN


class GrantBody(Body):
    """The things that are opened; none named: all of the customer."""

    things: list[Text] = Field(default_factory=list)


class MetricBody(Body):
    """What a signal may be used for, whose it is, and in which metric sets it stands."""

    purposes: Annotated[list[Text], Field(min_length=1)] = Field(default_factory=lambda: [SERVICE])
    owner: Text = "customer"
    personal: bool = False
    sets: list[Text] = Field(default_factory=lambda: [RAW_DATA])


class LimitsBody(Body):
    """How much a tenant may have; what is absent or null is not limited."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    things: Many | None = None
    customers: Many | None = None
    users: Many | None = None
    api_calls_per_minute: Annotated[int, Field(ge=1)] | None = None


class TenantBody(Body):
    """What a tenant is offered; months of raw data are 31 days."""

    step: Step = 8
    initiatives: list[Initiative] = Field(default_factory=lambda: list(Initiative))
    limits: LimitsBody = Field(default_factory=LimitsBody)
    raw_months: Annotated[int, Field(ge=RAW_MONTHS_MIN)] | None = None


class EntitlementBody(Body):
    """What a contract offers its customer, within what the tenant has."""

    customer: Text
    step: Step = 8
    initiatives: list[Initiative] = Field(default_factory=lambda: list(Initiative))


class FlagBody(Body):
    """Who is in the cohort of a feature: named ones, and a share of all customers."""

    title: str = ""
    customers: list[Text] = Field(default_factory=list)
    organisations: list[Text] = Field(default_factory=list)
    share: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0


def router(rights: Rights, tenancy: Tenancy, clock: Clock, store: Store) -> APIRouter:
    """The routes of this module."""
    api = new_router("rights")
    _agreements(api, rights, clock, store)
    _sharing(api, rights, clock, store)
    _metadata(api, rights, store)
    _tenants(api, tenancy, store)
    return api


def _agreements(api: APIRouter, service: Rights, clock: Clock, store: Store) -> None:
    @api.put("/agreements/{name}", dependencies=[needs("agreements:write")])
    async def put_agreement(name: Name, body: AgreementBody) -> Answer:
        """Publish an agreement, or its next version."""
        with store.begin() as uow:
            return service.put_agreement(
                uow, name, body.model_dump(mode="json"), at_ms=clock.now_ms()
            )

    @api.get("/agreements", dependencies=[needs("agreements:read")])
    async def agreements() -> Listed:
        """The agreements of the caller's tenant."""
        with store.read() as conn:
            return Listed(items=service.agreements(conn))

    @api.put("/customers/{customer}/consents/{purpose}", dependencies=[needs("consents:write")])
    async def put_consent(customer: Name, purpose: str, body: ConsentBody) -> Answer:
        """Give or withdraw consent to a purpose."""
        with store.begin() as uow:
            return service.put_consent(
                uow, customer, purpose, granted=body.granted, at_ms=clock.now_ms()
            )

    @api.get("/consents", dependencies=[needs("consents:read")])
    async def consents() -> Listed:
        """What the customers that the caller sees consented to, or withdrew."""
        with store.read() as conn:
            return Listed(items=service.consents(conn))

    @api.post("/leads", dependencies=[needs("leads:write")])
    async def raise_lead(body: LeadBody) -> Answer:
        """Tell sales what the use of a thing suggests; only with its owner's consent."""
        with store.begin() as uow:
            return service.raise_lead(
                uow, thing=body.thing, reason=body.reason, at_ms=clock.now_ms()
            )

    @api.get("/leads", dependencies=[needs("leads:read")])
    async def leads(limit: Limit = LIMIT, after: str = "") -> Listed:
        """Leads of the customers that the caller sees."""
        with store.read() as conn:
            return paged(service.leads(conn), limit, after)


def _sharing(api: APIRouter, service: Rights, clock: Clock, store: Store) -> None:
    @api.put("/recipients/{name}", dependencies=[needs("recipients:write")])
    async def put_recipient(name: Name, body: RecipientBody) -> Answer:
        """Take a Data Recipient in, or change one."""
        with store.begin() as uow:
            return service.put_recipient(uow, name, body.model_dump())

    @api.get("/recipients", dependencies=[needs("recipients:read")])
    async def recipients(limit: Limit = LIMIT, after: str = "") -> Listed:
        """The Data Recipients that customers of the caller's tenant may choose."""
        with store.read() as conn:
            return paged(service.recipients(conn), limit, after)

    @api.put("/grants/{recipient}/{customer}", dependencies=[needs("grants:write")])
    async def grant(recipient: Name, customer: Name, body: GrantBody) -> Answer:
        """Open raw data to a Data Recipient."""
        with store.begin() as uow:
            return service.grant(uow, recipient, customer, body.things, at_ms=clock.now_ms())

    @api.delete(
        "/grants/{recipient}/{customer}", dependencies=[needs("grants:delete")], status_code=204
    )
    async def revoke(recipient: Name, customer: Name) -> Response:
        """Close it again; the next call of the recipient is refused."""
        with store.begin() as uow:
            service.revoke(uow, recipient, customer, at_ms=clock.now_ms())
        return Response(status_code=204)

    @api.get("/grants", dependencies=[needs("grants:read")])
    async def grants() -> Listed:
        """What customers opened to whom."""
        with store.read() as conn:
            return Listed(items=service.grants(conn))


def _metadata(api: APIRouter, service: Rights, store: Store) -> None:
    @api.put("/models/{model}/metadata/{signal}", dependencies=[needs("models:write")])
    async def put_metric(model: Name, signal: str, body: MetricBody) -> Answer:
        """Say what a signal may be used for, and whose it is."""
        with store.begin() as uow:
            return service.put_metric(uow, model, signal, body.model_dump())

    @api.get("/models/{model}/metadata", dependencies=[needs("models:read")])
    async def metrics(model: Name) -> Listed:
        """What is said of each signal of a model."""
        with store.read() as conn:
            return Listed(items=service.metrics(conn, model))

    @api.get("/things/{thing}/export", dependencies=[needs("export:read")])
    async def export(
        thing: str,
        from_ms: Annotated[int, Query(ge=0)] = 0,
        to_ms: Annotated[int, Query(ge=0)] = FOREVER_MS,
        purpose: str = SERVICE,
    ) -> Answer:
        """All raw data of a thing (metric set "Raw Data"), with what is said of each metric."""
        with store.read() as conn:
            metrics = service.exportable(conn, thing, purpose)
        return service.export(thing, metrics, from_ms=from_ms, to_ms=to_ms)


def _tenants(api: APIRouter, service: Tenancy, store: Store) -> None:
    @api.get("/me", dependencies=[needs("me:read")])
    async def me() -> Answer:
        """Who calls, what he may do and which pages he has; what is switched off, and why."""
        with store.read() as conn:
            return service.me(conn)

    @api.put("/tenants/{name}", dependencies=[needs("tenants:write")])
    async def put_tenant(name: Name, body: TenantBody) -> Answer:
        """Set step, initiatives, limits and retention of a tenant."""
        with store.begin() as uow:
            return service.put_tenant(uow, name, body.model_dump(mode="json"))

    @api.get("/tenants", dependencies=[needs("tenants:read")])
    async def tenants() -> Listed:
        """The tenants that the caller sees, with their settings."""
        with store.read() as conn:
            return Listed(items=service.tenants(conn))

    @api.put("/entitlements/{name}", dependencies=[needs("entitlements:write")])
    async def put_entitlement(name: Name, body: EntitlementBody) -> Answer:
        """Say what a contract entitles its customer to."""
        with store.begin() as uow:
            return service.put_entitlement(uow, name, body.model_dump(mode="json"))

    @api.get("/entitlements", dependencies=[needs("entitlements:read")])
    async def entitlements(limit: Limit = LIMIT, after: str = "") -> Listed:
        """What contracts entitle the customers to that the caller sees."""
        with store.read() as conn:
            return paged(service.entitlements(conn), limit, after)

    @api.put("/flags/{name}", dependencies=[needs("flags:write")])
    async def put_flag(name: Name, body: FlagBody) -> Answer:
        """Set the cohort of a feature."""
        with store.begin() as uow:
            return service.put_flag(uow, name, body.model_dump())

    @api.get("/flags", dependencies=[needs("flags:read")])
    async def flags() -> Listed:
        """The feature flags, each with ``on`` for the caller."""
        with store.read() as conn:
            return Listed(items=service.flags(conn))
