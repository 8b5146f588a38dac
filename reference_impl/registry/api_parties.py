"""HTTP of login, users, roles and keys; of organisations, branches and partners."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Response
from pydantic import Field

from reference_impl.kernel.access import Group
from reference_impl.kernel.http.bodies import Body
from reference_impl.kernel.http.guard import needs
from reference_impl.kernel.http.routes import new_router
from reference_impl.kernel.ports import Clock
from reference_impl.kernel.store import Store
from reference_impl.registry.api import LIMIT, Limit, Listed, Name, Properties, Text, paged
from reference_impl.registry.callers import KnownCallers
from reference_impl.registry.parties import Parties
from reference_impl.registry.roles import Role
from reference_impl.registry.scope import MAIN

Answer = dict[str, Any]
Permission = Annotated[str, Field(pattern=r"^[a-z-]+:(read|write|delete|import|approve)$")]


class LoginBody(Body):
    """Who logs in; ``accept`` names agreements and the versions that are accepted with it."""

    user: Text
    password: Annotated[str, Field(max_length=1000)]
    accept: dict[str, str] = Field(default_factory=dict)


class OrganisationBody(Body):
    """A manufacturer (a tenant), or a branch of one."""

    name: Text
    parent: str = ""
    properties: Properties = Field(default_factory=dict)


class PartnerBody(Body):
    """A distributor, a dealer, a service partner; of an organisation."""

    name: Text
    organisation: Text = MAIN
    parent: str = ""
    properties: Properties = Field(default_factory=dict)


class SupplierBody(Body):
    """A supplier that an organisation or a branch added for itself."""

    organisation: Text = MAIN
    name: Text
    contact: str = ""


class InvoicingBody(Body):
    """How an organisation or a branch writes invoices."""

    name: Text
    tax_number: Text
    account: Text
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "EUR"


class RoleBody(Body):
    """A role beside those of the catalogue."""

    title: Text
    group: Literal[Group.ORGANISATION, Group.PARTNER, Group.CUSTOMER, Group.RECIPIENT]
    view: Literal["portal", "control-room", "back-office", "console"]
    permissions: list[Permission]


class UserBody(Body):
    """A user; the password is kept as a digest and never answered."""

    name: Text
    role: Text
    party: Text
    language: Annotated[str, Field(pattern=r"^[a-z]{2}(-[A-Z]{2})?$")] = "en"
    password: Annotated[str, Field(min_length=10, max_length=1000)] | None = None
    properties: Properties = Field(default_factory=dict)


class KeyBody(Body):
    """An API key. Whoever makes it chooses the secret, by chance and long; it is never answered.

    ``permissions``: those of the role if null, else those that are named and the role has.
    """

    title: str = ""
    role: Text
    party: Text
    secret: Annotated[str, Field(min_length=32, max_length=200, pattern=r"^[!-~]+$")]
    permissions: list[Permission] | None = None
    purposes: list[Text] = Field(default_factory=lambda: ["service"])
    expires_at_ms: Annotated[int, Field(ge=0, le=2**53)] | None = None


class RotateBody(Body):
    """Another secret of an API key; the one that it has is valid, too, until ``old_until_ms``."""

    secret: Annotated[str, Field(min_length=32, max_length=200, pattern=r"^[!-~]+$")]
    old_until_ms: Annotated[int, Field(ge=0, le=2**53)]


def router(service: Parties, callers: KnownCallers, clock: Clock, store: Store) -> APIRouter:
    """The routes of this module."""
    api = new_router("parties")
    _login(api, callers, clock)
    _trees(api, service, store)
    _branches(api, service, store)
    _users(api, service, store)
    _keys(api, service, clock, store)
    return api


def _login(api: APIRouter, callers: KnownCallers, clock: Clock) -> None:
    @api.post("/login")
    async def login(body: LoginBody) -> Answer:
        """Open a session: its token is sent as ``Authorization: Bearer <token>``."""
        token, who = await callers.login(
            body.user, body.password, body.accept, at_ms=clock.now_ms()
        )
        return {"token": token, "user": who.user, "role": who.role, "tenant": who.tenant}

    @api.post("/logout", dependencies=[needs("me:read")], status_code=204)
    async def logout(authorization: Annotated[str, Header()] = "") -> Response:
        """End the session."""
        callers.logout(authorization.encode("latin-1"))
        return Response(status_code=204)


def _trees(api: APIRouter, service: Parties, store: Store) -> None:
    @api.put("/organisations/{name}", dependencies=[needs("organisations:write")])
    async def put_organisation(name: Name, body: OrganisationBody) -> Answer:
        """Found an organisation or a branch, or change it."""
        with store.begin() as uow:
            return service.put_organisation(uow, name, body.model_dump())

    @api.get("/organisations", dependencies=[needs("organisations:read")])
    async def organisations(limit: Limit = LIMIT, after: str = "") -> Listed:
        """Organisations and branches that the caller sees."""
        with store.read() as conn:
            return paged(service.organisations(conn), limit, after)

    @api.put("/partners/{name}", dependencies=[needs("partners:write")])
    async def put_partner(name: Name, body: PartnerBody) -> Answer:
        """Take a partner in, or change one."""
        with store.begin() as uow:
            return service.put_partner(uow, name, body.model_dump())

    @api.get("/partners", dependencies=[needs("partners:read")])
    async def partners(limit: Limit = LIMIT, after: str = "") -> Listed:
        """Partners that the caller sees."""
        with store.read() as conn:
            return paged(service.partners(conn), limit, after)


def _branches(api: APIRouter, service: Parties, store: Store) -> None:
    @api.put("/suppliers/{name}", dependencies=[needs("suppliers:write")])
    async def put_supplier(name: Name, body: SupplierBody) -> Answer:
        """Add a supplier of an organisation or branch, or change one."""
        with store.begin() as uow:
            return service.put_supplier(uow, name, body.model_dump())

    @api.get("/suppliers", dependencies=[needs("suppliers:read")])
    async def suppliers(limit: Limit = LIMIT, after: str = "") -> Listed:
        """Suppliers of the organisations that the caller sees; those of other branches are not."""
        with store.read() as conn:
            return paged(service.suppliers(conn), limit, after)

    @api.put("/invoicing/{organisation}", dependencies=[needs("invoicing:write")])
    async def put_invoicing(organisation: Name, body: InvoicingBody) -> Answer:
        """Say how an organisation or branch writes invoices."""
        with store.begin() as uow:
            return service.put_invoicing(uow, organisation, body.model_dump())

    @api.get("/invoicing", dependencies=[needs("invoicing:read")])
    async def invoicing() -> Listed:
        """How the organisations that the caller sees write invoices."""
        with store.read() as conn:
            return Listed(items=service.invoicing(conn))


def _users(api: APIRouter, service: Parties, store: Store) -> None:
    @api.get("/roles", dependencies=[needs("me:read")])
    async def roles() -> Listed:
        """The role catalogue, and the roles that were added to it."""
        with store.read() as conn:
            return Listed(items=[_role(role) for role in service.roles(conn)])

    @api.put("/roles/{name}", dependencies=[needs("roles:write")])
    async def put_role(name: Name, body: RoleBody) -> Answer:
        """Add a role, or change one that was added."""
        with store.begin() as uow:
            return _role(service.put_role(uow, name, body.model_dump()))

    @api.put("/users/{name}", dependencies=[needs("users:write")])
    async def put_user(name: Name, body: UserBody) -> Answer:
        """Add a user, or change one."""
        with store.begin() as uow:
            return service.put_user(uow, name, body.model_dump())

    @api.get("/users", dependencies=[needs("users:read")])
    async def users(limit: Limit = LIMIT, after: str = "") -> Listed:
        """Users of the parties that the caller sees."""
        with store.read() as conn:
            return paged(service.users(conn), limit, after)

    @api.delete("/users/{name}", dependencies=[needs("users:delete")], status_code=204)
    async def remove_user(name: Name) -> Response:
        """Take a user away; sessions end at once."""
        with store.begin() as uow:
            service.remove_user(uow, name)
        return Response(status_code=204)


def _keys(api: APIRouter, service: Parties, clock: Clock, store: Store) -> None:
    @api.put("/api-keys/{name}", dependencies=[needs("api-keys:write")])
    async def put_key(name: Name, body: KeyBody) -> Answer:
        """Add an API key, or change one."""
        with store.begin() as uow:
            return service.put_key(uow, name, body.model_dump(), at_ms=clock.now_ms())

    @api.post("/api-keys/{name}/rotate", dependencies=[needs("api-keys:write")])
    async def rotate_key(name: Name, body: RotateBody) -> Answer:
        """Give a key another secret; two are valid while programs change over."""
        with store.begin() as uow:
            return service.rotate_key(uow, name, **body.model_dump(), at_ms=clock.now_ms())

    @api.get("/api-keys", dependencies=[needs("api-keys:read")])
    async def keys(limit: Limit = LIMIT, after: str = "") -> Listed:
        """API keys of the parties that the caller sees; their secrets are not kept."""
        with store.read() as conn:
            return paged(service.keys(conn), limit, after)

    @api.delete("/api-keys/{name}", dependencies=[needs("api-keys:delete")], status_code=204)
    async def remove_key(name: Name) -> Response:
        """Revoke an API key, at once."""
        with store.begin() as uow:
            service.remove_key(uow, name)
        return Response(status_code=204)


def _role(role: Role) -> Answer:
    return {
        "id": role.id,
        "title": role.title,
        "group": role.group.value,
        "view": role.view,
        "permissions": sorted(role.permissions),
    }
