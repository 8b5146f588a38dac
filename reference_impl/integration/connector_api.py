"""HTTP of connectors: systems of field service and customer management that are linked."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from reference_impl.integration.api import WebhookSecret, WebhookView
from reference_impl.integration.connectors import Connectors, Role, Said, Signed
from reference_impl.kernel.http.bodies import Body
from reference_impl.kernel.http.guard import needs
from reference_impl.kernel.http.routes import new_router
from reference_impl.kernel.ports import Clock
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import Store

Limit = Annotated[int, Query(ge=1, le=1000)]
Name = Annotated[str, Field(min_length=1, max_length=300)]
Long = Annotated[str, Field(max_length=10_000)]
LinkRole = Annotated[Role, Field(description="What the other system is: fsm or crm")]
Reports = Annotated[
    int, Field(ge=1, le=2**53, description="Number of the report among those about its subject")
]
Stamp = Annotated[int, Field(ge=0, le=2**53)]
READ, WRITE = needs("webhooks:read"), needs("webhooks:write")


class ConnectorCall(Body):
    """Link a system; ``words`` are its own names of states, each with the state that is meant."""

    role: LinkRole
    url: Annotated[str, Field(min_length=1, max_length=2000)]
    title: Annotated[str, Field(max_length=200)] = ""
    words: Annotated[dict[Name, str], Field(max_length=100)] = Field(default_factory=dict)


class ConnectorView(WebhookView):
    """A connector, with what waits for it and what it refused."""

    words: dict[str, str]
    waiting: int
    waiting_since_ms: int | None
    delivered: Annotated[int, Field(description="How many deliveries it took")]
    refused: int


class ConnectorList(BaseModel):
    """A page of connectors by id; ``next`` asks for the page behind it."""

    items: list[ConnectorView]
    next: str | None


class JobView(BaseModel):
    """How the other system sees one thing that it was sent; ``problem``: why that did not count."""

    id: str
    kind: str
    subject: str
    external_id: str
    number: Reports
    status: str
    said_ms: int
    changed_ms: int
    problem: str


class JobList(BaseModel):
    """A page of jobs by id; ``next`` asks for the page behind it."""

    items: list[JobView]
    next: str | None


class UsedPart(Body):
    """A part that was used, and how many."""

    part: Name
    quantity: Annotated[int, Field(ge=1, le=1000)] = 1


class JobDetails(Body):
    """What a status may bring with it."""

    reason: Annotated[str, Field(max_length=1000)] = ""
    technician: Annotated[str, Field(max_length=200)] = ""
    start_ms: Stamp | None = None
    end_ms: Stamp | None = None
    serial: Name | None = None
    readings: dict[str, Annotated[float, Field(allow_inf_nan=False)]] = Field(default_factory=dict)
    parts: Annotated[list[UsedPart], Field(max_length=100)] = Field(default_factory=list)
    cause: Long = ""
    remedy: Long = ""
    note: Long = ""


class CallbackBody(Body):
    """A status of a work order or ticket, as the linked system sees it.

    ``number`` counts its reports about this subject.
    """

    connector: Name
    kind: Literal["work_order", "ticket"]
    subject: Name
    status: Name
    number: Reports
    at_ms: Stamp
    external_id: Annotated[str, Field(max_length=300)] = ""
    details: JobDetails = JobDetails()


class CallbackAnswer(BaseModel):
    """What came of a report: ``applied``, ``duplicate``, ``old`` or ``conflict``."""

    connector: str
    subject: str
    status: str
    outcome: Annotated[
        Literal["applied", "duplicate", "old", "conflict"], Field(description="What came of it")
    ]
    problem: str


def router(connectors: Connectors, clock: Clock, store: Store) -> APIRouter:
    """The routes of connectors."""
    api = new_router("connectors")

    @api.post("/connectors", dependencies=[WRITE])
    async def link(call: ConnectorCall) -> WebhookSecret:
        """Link a system; it is sent everything that it has to know. Secrets are told only now."""
        with store.begin() as uow:
            row = connectors.create(
                uow, now_ms=clock.now_ms(), role=call.role, url=call.url, title=call.title,
                words=call.words,
            )  # fmt: skip
            return WebhookSecret(**row)

    @api.get("/connectors", dependencies=[READ])
    async def list_connectors(after: str = "", limit: Limit = 1000) -> ConnectorList:
        """The caller's connectors. They are paused, resumed and removed as any webhook."""
        with store.read() as conn:
            rows = connectors.listed(conn, after=after, limit=limit)
        return ConnectorList(items=[ConnectorView(**row) for row in rows], next=_next(rows, limit))

    @api.get("/connectors/{connector}/jobs", dependencies=[READ])
    async def list_jobs(connector: str, after: str = "", limit: Limit = 1000) -> JobList:
        """How a connector sees what it was sent."""
        with store.read() as conn:
            rows = connectors.jobs(conn, connector, after=after, limit=limit)
        return JobList(items=[JobView(**row) for row in rows], next=_next(rows, limit))

    @api.post("/callbacks")
    async def callback(call: CallbackBody, request: Request) -> CallbackAnswer:
        """Tell a status back. Signed as Standard Webhooks say, with the ``back_secret``."""
        given = request.headers
        signed = Signed(
            given.get("webhook-id", ""),
            given.get("webhook-timestamp", ""),
            given.get("webhook-signature", ""),
            await request.body(),
        )
        said = Said(**{**dict(call), "details": call.details.model_dump()})
        with store.begin() as uow:
            return CallbackAnswer(**connectors.take(uow, said, signed, now_ms=clock.now_ms()))

    return api


def _next(rows: list[Row], limit: int) -> str | None:
    return str(rows[-1]["id"]) if len(rows) == limit else None
