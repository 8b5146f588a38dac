"""HTTP face of what is sold beside parts: plans, features, shared use; and of its charges."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel

from reference_impl.kernel.access import must_see, seen
from reference_impl.kernel.http.bodies import Body
from reference_impl.kernel.http.guard import needs
from reference_impl.kernel.http.routes import new_router
from reference_impl.kernel.money import Amount, plain
from reference_impl.kernel.ports import Clock, Directory
from reference_impl.kernel.store import Connection, Store
from reference_impl.outcomes.selling import charges as c
from reference_impl.outcomes.selling import rentals as r
from reference_impl.outcomes.selling import unlocks as u
from reference_impl.outcomes.selling.plans_api import FeaturesView, Text, add_plans
from reference_impl.outcomes.selling.subscriptions import Subscriptions

MustSee = Callable[[Connection, str], None]
READ, WRITE = needs("subscriptions:read"), needs("subscriptions:write")
OFFER, BILL = needs("offers:write"), needs("charges:write")


class PaymentCall(Body):
    """What a payment provider says; ``payment`` is its id, the same one again changes nothing."""

    payment: Text
    step: Literal["settle", "refund"]


class ChargeView(BaseModel):
    """An amount that is asked for, and whether it was paid."""

    id: str
    subject: str
    customer: str
    what: str
    amount_eur: float
    state: c.Charge
    asked_ms: int
    changed_ms: int


class PriceBody(Body):
    """What a feature costs."""

    price_eur: Amount


class PriceView(BaseModel):
    """A feature that is sold by itself."""

    model: str
    feature: str
    price_eur: float


class UnlockCall(Body):
    """Order a feature."""

    by: Text
    feature: Text


class UnlockView(BaseModel):
    """A feature that was ordered; it is there once it is UNLOCKED and the device said so."""

    id: str
    thing: str
    customer: str
    feature: str
    state: u.Unlock
    number: int
    by: str
    ordered_ms: int
    changed_ms: int


class TariffBody(Body):
    """What shared use costs."""

    title: Text
    start_eur: Amount
    per_minute_eur: Amount


class TariffView(BaseModel):
    """A tariff."""

    id: str
    title: str
    start_eur: float
    per_minute_eur: float


class RentalCall(Body):
    """Reserve a thing."""

    user: Text
    tariff: Text


class RentalView(BaseModel):
    """A rental and, at its end, the minutes that count."""

    id: str
    thing: str
    customer: str
    user: str
    tariff: str
    state: r.Rental
    reserved_ms: int
    from_ms: int | None
    to_ms: int | None
    minutes: int | None


class ChargeList(BaseModel):
    """Charges."""

    items: list[ChargeView]


def router(
    *,
    subscriptions: Subscriptions,
    charges: c.Charges,
    unlocks: u.Unlocks,
    rentals: r.Rentals,
    directory: Directory,
    clock: Clock,
    store: Store,
) -> APIRouter:
    """The routes of this module."""
    api = new_router("selling")
    add_plans(api, subscriptions, clock, store)
    _add_charges(api, charges, clock, store)

    def must_see_thing(conn: Connection, thing: str) -> None:
        ref = directory.thing(conn, thing)
        if ref is not None:
            must_see(ref.customer, what=f"thing {thing!r}")

    @api.get("/things/{thing}/features", dependencies=[READ])
    async def features(thing: str) -> FeaturesView:
        """What a thing may use now by its subscriptions."""
        with store.read() as conn:
            must_see_thing(conn, thing)
            found, alerts = subscriptions.features(conn, thing)
            return FeaturesView(thing=thing, features=sorted(found), safety_alerts=alerts)

    @api.put("/models/{model}/features/{feature}", dependencies=[OFFER])
    async def put_price(model: str, feature: str, body: PriceBody) -> PriceView:
        """Sell a feature of a model by itself."""
        with store.begin() as uow:
            row = unlocks.put_price(uow, model=model, feature=feature, amount=body.price_eur)
            return PriceView(**plain(row))

    @api.post("/things/{thing}/unlocks", dependencies=[WRITE])
    async def order_feature(thing: str, call: UnlockCall) -> UnlockView:
        """Order a feature; it is unlocked over the air once its charge is settled."""
        with store.begin() as uow:
            must_see_thing(uow.conn, thing)
            now_ms = clock.now_ms()
            row = unlocks.order(uow, thing=thing, feature=call.feature, by=call.by, at_ms=now_ms)
            return UnlockView(**row)

    @api.get("/things/{thing}/unlocks", dependencies=[READ])
    async def list_unlocks(thing: str) -> list[UnlockView]:
        """Features that were ordered for a thing."""
        with store.read() as conn:
            return [UnlockView(**row) for row in seen(unlocks.listed(conn, thing=thing))]

    _add_rentals(api, rentals, must_see_thing, clock, store)
    return api


def _add_charges(api: APIRouter, charges: c.Charges, clock: Clock, store: Store) -> None:
    @api.get("/charges", dependencies=[READ])
    async def list_charges(subject: str | None = None) -> ChargeList:
        """What is and was to be paid (for a subject)."""
        only: dict[str, Any] = {} if subject is None else {"subject": subject}
        with store.read() as conn:
            rows = seen(charges.listed(conn, **only))
        return ChargeList(items=[ChargeView(**plain(row)) for row in rows])

    @api.post("/charges/{charge}/payments", dependencies=[BILL])
    async def pay(charge: str, call: PaymentCall) -> ChargeView:
        """What a payment provider says of a charge."""
        with store.begin() as uow:
            row = charges.take(
                uow, charge, c.Payment(call.step), payment=call.payment, at_ms=clock.now_ms()
            )
            return ChargeView(**plain(row))


def _add_rentals(
    api: APIRouter, service: r.Rentals, must_see_thing: MustSee, clock: Clock, store: Store
) -> None:
    @api.put("/tariffs/{tariff}", dependencies=[OFFER])
    async def put_tariff(tariff: str, body: TariffBody) -> TariffView:
        """Set what shared use costs."""
        with store.begin() as uow:
            row = service.put_tariff(uow, {"id": tariff, **body.model_dump()})
            return TariffView(**plain(row))

    @api.post("/things/{thing}/rentals", dependencies=[WRITE])
    async def reserve(thing: str, call: RentalCall) -> RentalView:
        """Keep a shared thing for a user."""
        with store.begin() as uow:
            must_see_thing(uow.conn, thing)
            now_ms = clock.now_ms()
            row = service.reserve(
                uow, thing=thing, user=call.user, tariff=call.tariff, at_ms=now_ms
            )
            return RentalView(**row)

    @api.get("/things/{thing}/rentals", dependencies=[READ])
    async def list_rentals(thing: str) -> list[RentalView]:
        """Who had a thing, and how long."""
        with store.read() as conn:
            return [RentalView(**row) for row in seen(service.listed(conn, thing=thing))]

    @api.post("/rentals/{rental}/take", dependencies=[WRITE])
    async def take(rental: str) -> RentalView:
        """Unlock it: from now on minutes count."""
        with store.begin() as uow:
            must_see(service.get(uow.conn, rental)["customer"], what=f"rental {rental!r}")
            return RentalView(**service.take(uow, rental, at_ms=clock.now_ms()))

    @api.post("/rentals/{rental}/give-back", dependencies=[WRITE])
    async def give_back(rental: str) -> RentalView:
        """Lock it; the fee is asked for."""
        with store.begin() as uow:
            must_see(service.get(uow.conn, rental)["customer"], what=f"rental {rental!r}")
            return RentalView(**service.give_back(uow, rental, at_ms=clock.now_ms()))
