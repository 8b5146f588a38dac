"""HTTP face of plans and subscriptions."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from reference_impl.kernel.http.bodies import Body
from reference_impl.kernel.http.guard import needs
from reference_impl.kernel.money import Amount, plain
from reference_impl.kernel.ports import Clock
from reference_impl.kernel.store import Connection, Store
from reference_impl.outcomes.selling import plans as p
from reference_impl.outcomes.selling import subscribers
from reference_impl.outcomes.selling.subscriptions import Subscriptions

Text = Annotated[str, Field(min_length=1, max_length=200)]
READ, WRITE = needs("subscriptions:read"), needs("subscriptions:write")
OFFER = needs("offers:write")


class PlanBody(Body):
    """A plan (exclusive for a thing) or an add-on; ``months`` is the length of a period."""

    title: Text
    kind: p.Kind = p.Kind.PLAN
    activation: p.Activation = p.Activation.BY_THING
    group: Literal["customer", "partner"] = "customer"
    price_eur: Amount
    months: Annotated[int, Field(ge=1, le=120)] = 1
    trial_days: Annotated[int, Field(ge=0, le=365)] = 0
    features: list[Text]
    safety_alerts: p.SafetyAlerts = p.SafetyAlerts.ALWAYS


class PlanView(BaseModel):
    """A plan as offered."""

    id: str
    title: str
    kind: p.Kind
    activation: p.Activation
    group: str
    price_eur: float
    months: int
    trial_days: int
    features: list[str]
    safety_alerts: p.SafetyAlerts


class SubscriptionCall(Body):
    """Subscribe a customer (flat plans) or one of its things (plans by thing)."""

    by: Text
    customer: Text
    plan: Text
    thing: Text | None = None


class ChangeCall(Body):
    """Another plan."""

    by: Text
    plan: Text


class ByCall(Body):
    """Who does it."""

    by: Text


class SubscriptionView(BaseModel):
    """A subscription; its running period is ``[from_ms, to_ms)``."""

    id: str
    customer: str
    thing: str | None
    plan: str
    next_plan: str | None
    state: p.Subscription
    from_ms: int
    to_ms: int | None
    by: str
    changed_ms: int


class StepView(BaseModel):
    """What happened, as the feed tells it."""

    at_ms: int
    kind: str
    state: p.Subscription
    by: str


class SubscriptionSteps(SubscriptionView):
    """A subscription with its history, oldest first."""

    steps: list[StepView]


class ToolsView(BaseModel):
    """What a partner may use now."""

    partner: str
    features: list[str]


class FeaturesView(BaseModel):
    """What a thing may use now."""

    thing: str
    features: list[str]
    safety_alerts: bool


class Subscribed(BaseModel):
    """Subscriptions."""

    items: list[SubscriptionView]


class Plans(BaseModel):
    """Plans and add-ons."""

    items: list[PlanView]


def add_plans(api: APIRouter, service: Subscriptions, clock: Clock, store: Store) -> None:
    """The routes of plans; those of subscriptions follow."""

    @api.put("/plans/{plan}", dependencies=[OFFER])
    async def put_plan(plan: str, body: PlanBody) -> PlanView:
        """Offer a plan or an add-on, or change one."""
        with store.begin() as uow:
            return PlanView(**plain(service.put_plan(uow, {"id": plan, **body.model_dump()})))

    @api.get("/plans", dependencies=[READ])
    async def list_plans() -> Plans:
        """What is offered."""
        with store.read() as conn:
            return Plans(items=[PlanView(**plain(row)) for row in service.listed(conn, "plans")])

    _add_subscriptions(api, service, clock, store)


def _add_subscriptions(api: APIRouter, service: Subscriptions, clock: Clock, store: Store) -> None:
    def known(conn: Connection, subscription: str) -> None:
        row = service.get(conn, subscription)
        subscribers.must_see(row["customer"], what=f"subscription {subscription!r}")

    @api.post("/subscriptions", dependencies=[WRITE])
    async def begin(call: SubscriptionCall) -> SubscriptionView:
        """Subscribe."""
        with store.begin() as uow:
            subscribers.must_see(call.customer, what=f"customer {call.customer!r}")
            return SubscriptionView(**service.begin(uow, at_ms=clock.now_ms(), **call.model_dump()))

    @api.get("/subscriptions", dependencies=[READ])
    async def list_subscriptions() -> Subscribed:
        """All subscriptions."""
        with store.read() as conn:
            rows = subscribers.seen(service.listed(conn, "subscriptions"))
        return Subscribed(items=[SubscriptionView(**row) for row in rows])

    @api.get("/subscriptions/{subscription}", dependencies=[READ])
    async def get_subscription(subscription: str) -> SubscriptionSteps:
        """One with all its steps; they are kept whatever becomes of it (SU7)."""
        with store.read() as conn:
            known(conn, subscription)
            row = service.get(conn, subscription)
            steps = [StepView(**one) for one in service.steps(conn, subscription)]
            return SubscriptionSteps(**row, steps=steps)

    @api.get("/partners/{partner}/tools", dependencies=[READ])
    async def tools(partner: str) -> ToolsView:
        """What a partner may use by its own subscriptions."""
        subscribers.must_see(partner, what=f"partner {partner!r}")
        with store.read() as conn:
            return ToolsView(partner=partner, features=sorted(service.tools(conn, partner)))

    @api.post("/subscriptions/{subscription}/change", dependencies=[WRITE])
    async def change(subscription: str, call: ChangeCall) -> SubscriptionView:
        """Take another plan: a dearer one once the difference is settled, else next period."""
        with store.begin() as uow:
            known(uow.conn, subscription)
            now_ms = clock.now_ms()
            row = service.change(uow, subscription, plan=call.plan, by=call.by, at_ms=now_ms)
            return SubscriptionView(**row)

    @api.post("/subscriptions/{subscription}/cancel", dependencies=[WRITE])
    async def cancel(subscription: str, call: ByCall) -> SubscriptionView:
        """End it; what is paid stays valid to the end of its period."""
        with store.begin() as uow:
            known(uow.conn, subscription)
            row = service.cancel(uow, subscription, by=call.by, at_ms=clock.now_ms())
            return SubscriptionView(**row)

    @api.post("/subscriptions/{subscription}/keep", dependencies=[WRITE])
    async def keep(subscription: str, call: ByCall) -> SubscriptionView:
        """Take a cancellation back."""
        with store.begin() as uow:
            known(uow.conn, subscription)
            row = service.keep(uow, subscription, by=call.by, at_ms=clock.now_ms())
            return SubscriptionView(**row)
