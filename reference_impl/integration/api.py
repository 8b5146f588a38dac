"""HTTP of webhooks and explanations."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from reference_impl.integration.domain import Delivery, HookStep
from reference_impl.integration.explain import Explainer
from reference_impl.integration.service import Webhooks
from reference_impl.kernel.http.bodies import Body
from reference_impl.kernel.http.guard import needs
from reference_impl.kernel.http.routes import new_router
from reference_impl.kernel.ports import Clock
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import Store

Kind = Annotated[str, Field(pattern=r"^(\*|[a-z][a-z0-9_]*\.(\*|[a-z][a-z0-9_]*))$")]
Limit = Annotated[int, Query(ge=1, le=1000)]
READ, WRITE = needs("webhooks:read"), needs("webhooks:write")


class WebhookCall(Body):
    """Tell a URL what happens: kinds of feed events, ``order.*`` for a family, ``*`` for all."""

    url: Annotated[str, Field(min_length=1, max_length=2000)]
    kinds: Annotated[list[Kind], Field(min_length=1, max_length=100)]
    title: Annotated[str, Field(max_length=200)] = ""


class WebhookView(BaseModel):
    """A webhook. Its secret is told once: when it is made, and when it gets a new one.

    ``role`` is that of a connector; others have none.
    """

    id: str
    role: Annotated[str, Field(description="fsm or crm of a connector; empty: none")] = ""
    state: str
    title: str
    url: str
    kinds: list[str]
    owner: str
    created_ms: int
    changed_ms: int
    detail: str


class WebhookSecret(WebhookView):
    """A webhook with the secret that signs what it is sent.

    ``back_secret`` is what a connector signs with what it tells.
    """

    secret: str
    back_secret: str = ""


class WebhookList(BaseModel):
    """A page of webhooks by id; ``next`` asks for the page behind it."""

    items: list[WebhookView]
    next: str | None


class DeliveryView(BaseModel):
    """The delivery of one event; ``id`` is its ``webhook-id``, the same at each attempt."""

    id: str
    webhook: str
    state: str
    event_id: str
    kind: str
    subject: str
    at_ms: int
    attempts: int
    due_ms: int
    changed_ms: int
    status: int | None
    error: str


class DeliveryList(BaseModel):
    """A page of deliveries, oldest first; ``next`` asks for the page behind it."""

    items: list[DeliveryView]
    next: str | None


class Deleted(BaseModel):
    """What is no more."""

    deleted: str


class RuleView(BaseModel):
    """A rule as it was when it decided."""

    id: str
    pack: str
    version: str
    owner: str
    severity: str
    when: str
    held: str
    stale_after: str
    why: str
    let: dict[str, Any]


class WindowView(BaseModel):
    """Readings that a variable of the rule, or a forecast that it read, was made of.

    ``name`` is the variable's or the condition's, ``take`` how, or by which algorithm, they became
    one value; of longer windows the newest 1000 readings.
    """

    name: str
    signal: str
    take: str
    from_ms: int
    to_ms: int
    at_ms: list[int]
    values: list[float]


class ForecastView(BaseModel):
    """What a condition that the rule read said then, of how many evaluations it is the last."""

    condition: str
    at_ms: int
    cycle: int | None
    revision: str | None
    level: float | None
    wear_pct: float | None
    runout_p50_ms: int | None
    evaluations: int


class LinkView(BaseModel):
    """A decision of the chain."""

    kind: str
    id: str
    at_ms: int
    state: str


class HappenedView(BaseModel):
    """An event of the feed about a decision of the chain."""

    at_ms: int
    kind: str
    subject: str
    data: dict[str, Any]


class Explanation(BaseModel):
    """Why something was decided. ``decided_ms`` is when the rule at its root fired.

    ``inputs`` are the values of the rule's variables, which were stored with the decision;
    ``chain`` the decisions that belong together, such as those of one need; ``history`` what
    happened to them.
    """

    id: str
    kind: str
    state: str
    at_ms: int
    decided_ms: int
    thing: str
    customer: str
    why: str
    policy: str
    by: str
    rule: RuleView | None
    inputs: dict[str, float]
    windows: list[WindowView]
    forecasts: list[ForecastView]
    chain: list[LinkView]
    history: list[HappenedView]


def _next(rows: list[Row], limit: int) -> str | None:
    return str(rows[-1]["id"]) if len(rows) == limit else None


def routers(
    webhooks: Webhooks, explainer: Explainer, clock: Clock, store: Store
) -> list[APIRouter]:
    """The routes of this context."""
    hooks, api = new_router("webhooks"), new_router("explain")
    _of_webhooks(hooks, webhooks, clock, store)
    _of_deliveries(hooks, webhooks, clock, store)

    @api.get("/explain/{ident:path}", dependencies=[needs("explain:read")])
    async def explain(ident: str) -> Explanation:
        """Why an alert, action, notice, recommendation, order, work order or credit came to be.

        A credit has the id of its period, ``<contract>/2026-01``.
        """
        with store.read() as conn:
            return Explanation(**explainer.explain(conn, ident))

    return [hooks, api]


def _of_webhooks(api: APIRouter, service: Webhooks, clock: Clock, store: Store) -> None:
    @api.post("/webhooks", dependencies=[WRITE])
    async def make_webhook(call: WebhookCall) -> WebhookSecret:
        """Make a webhook; the answer has its secret, which is not told again."""
        with store.begin() as uow:
            row = service.create(
                uow, now_ms=clock.now_ms(), url=call.url, kinds=call.kinds, title=call.title
            )
            return WebhookSecret(**row)

    @api.get("/webhooks", dependencies=[READ])
    async def list_webhooks(after: str = "", limit: Limit = 1000) -> WebhookList:
        """The caller's webhooks."""
        with store.read() as conn:
            rows = service.listed(conn, after=after, limit=limit)
        return WebhookList(items=[WebhookView(**row) for row in rows], next=_next(rows, limit))

    @api.get("/webhooks/{webhook}", dependencies=[READ])
    async def read_webhook(webhook: str) -> WebhookView:
        """One webhook."""
        with store.read() as conn:
            return WebhookView(**service.one(conn, webhook))

    @api.delete("/webhooks/{webhook}", dependencies=[WRITE])
    async def delete_webhook(webhook: str) -> Deleted:
        """Forget a webhook, and what was not delivered to it."""
        with store.begin() as uow:
            service.delete(uow, webhook)
        return Deleted(deleted=webhook)

    def stepping(step: HookStep) -> Any:  # noqa: ANN401 - a handler
        async def take_step(webhook: str) -> WebhookView:
            with store.begin() as uow:
                return WebhookView(**service.step(uow, webhook, step, now_ms=clock.now_ms()))

        return take_step

    for step, about in (
        (HookStep.PAUSE, "Let deliveries wait until it is resumed."),
        (HookStep.RESUME, "Deliver again, what has waited first."),
    ):
        api.add_api_route(
            f"/webhooks/{{webhook}}/{step.value}",
            stepping(step),
            methods=["POST"],
            response_model=WebhookView,
            description=about,
            name=f"{step.value}_webhook",
            dependencies=[WRITE],
        )

    @api.post("/webhooks/{webhook}/rotate", dependencies=[WRITE])
    async def rotate_secret(webhook: str) -> WebhookSecret:
        """Give it a new secret, which is told only now and signs everything from now on."""
        with store.begin() as uow:
            return WebhookSecret(**service.rotate(uow, webhook, now_ms=clock.now_ms()))


def _of_deliveries(api: APIRouter, service: Webhooks, clock: Clock, store: Store) -> None:
    @api.get("/webhook-deliveries", dependencies=[READ])
    async def list_deliveries(
        webhook: str | None = None,
        state: Delivery | None = None,
        after: str = "",
        limit: Limit = 1000,
    ) -> DeliveryList:
        """Deliveries to the caller's webhooks; ``state=DEAD`` are those that were given up."""
        with store.read() as conn:
            rows = service.deliveries(conn, webhook=webhook, state=state, after=after, limit=limit)
        return DeliveryList(items=[DeliveryView(**row) for row in rows], next=_next(rows, limit))

    @api.post("/webhook-deliveries/{delivery}/redeliver", dependencies=[WRITE])
    async def redeliver(delivery: str) -> DeliveryView:
        """Try a delivery again that was given up."""
        with store.begin() as uow:
            return DeliveryView(**service.redeliver(uow, delivery, now_ms=clock.now_ms()))

    @api.post("/webhook-deliveries/{delivery}/discard", dependencies=[WRITE])
    async def discard(delivery: str) -> DeliveryView:
        """Give a dead delivery up for good; what waits behind it at a connector goes on."""
        with store.begin() as uow:
            return DeliveryView(**service.discard(uow, delivery, now_ms=clock.now_ms()))
