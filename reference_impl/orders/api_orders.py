"""HTTP face of orders: the ERP's lists and steps, carts, parcels."""

from __future__ import annotations

from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Path

from reference_impl.kernel.access import Group, current, must, must_see
from reference_impl.kernel.errors import Forbidden, Invalid, Problem, Unknown
from reference_impl.kernel.http.guard import needs
from reference_impl.kernel.money import plain
from reference_impl.kernel.ports import Clock, Directory
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import Store
from reference_impl.orders import bodies as b
from reference_impl.orders import domain as d
from reference_impl.orders.carts import Wanted
from reference_impl.orders.limits import CallLimit
from reference_impl.orders.pages import After, Limit, page
from reference_impl.orders.parties import STEPS, Side, may, side_of, view
from reference_impl.orders.sales import NONE, Details
from reference_impl.orders.service import Orders

Answer = dict[str, Any]
Id = Annotated[str, Path(max_length=200)]
BUY, SELL, LOOK = needs("orders:write"), needs("orders:approve"), needs("orders:read")
_UNPLACED = (d.Order.CART, d.Order.ABANDONED)


def add_routes(
    routes: APIRouter, service: Orders, clock: Clock, store: Store, *, directory: Directory,
    limit: CallLimit,
) -> None:  # fmt: skip
    """All routes of orders and carts."""
    _reading(routes, service, store, limit)
    _steps(routes, _Stepper(service, clock, store), limit)
    _carts(routes, service, clock, store, directory=directory)


def _reading(routes: APIRouter, service: Orders, store: Store, calls: CallLimit) -> None:
    @routes.get("/orders", dependencies=[LOOK, Depends(calls.take)])
    async def get_orders(
        thing: str | None = None,
        customer: str | None = None,
        status: str | None = None,
        limit: Limit = None,
        after: After = None,
    ) -> Answer:
        """Orders that the caller may see (of a thing, of a customer, in a state), by id."""
        if status is not None and status not in set(d.Order):
            allowed = ", ".join(d.Order)
            raise Invalid("no such status", [Problem(where="status", what=status, allowed=allowed)])
        asked = {"thing": thing, "customer": customer, "state": status}
        only = {name: value for name, value in asked.items() if value is not None}
        with store.read() as conn:
            rows = service.all_orders(conn, **only)
        placed = [row for row in rows if status is not None or row["state"] not in _UNPLACED]
        return page([r for row in placed if (r := seen(row)) is not None], limit, after)

    @routes.get("/orders/{order_id}", dependencies=[LOOK, Depends(calls.take)])
    async def get_order(order_id: Id) -> Answer:
        """One order, with its history and its parcels."""
        with store.read() as conn:
            row = _must_see(service.order(conn, order_id), order_id)
            if "by" in row:
                row["steps"] = service.listed(conn, "steps", order=order_id)
                row["shipments"] = service.listed(conn, "shipments", order=order_id)
            return row


def seen(row: Row) -> Answer | None:
    """An order as the caller sees it."""
    shown = view(row, current())
    return None if shown is None else dict(plain(shown))


def _must_see(row: Row, order_id: str) -> Answer:
    shown = seen(row)
    if shown is None:
        raise Unknown(f"there is no order {order_id!r}")
    return shown


class _Stepper:
    """Takes a step if the caller is on the side that may."""

    def __init__(self, service: Orders, clock: Clock, store: Store) -> None:
        self._service, self._clock, self._store = service, clock, store

    def __call__(
        self, order_id: str, step: d.OrderStep, body: b.StepBody, details: Details = NONE
    ) -> Answer:
        reason = getattr(body, "reason", "")
        with self._store.begin() as uow:
            self._check(uow.conn, order_id, step)
            self._service.step_order(
                uow, order_id, step, by=body.by, at_ms=self._clock.now_ms(), reason=reason,
                details=details,
            )  # fmt: skip
            return _must_see(self._service.order(uow.conn, order_id), order_id)

    def _check(self, conn: sa.Connection, order_id: str, step: d.OrderStep) -> None:
        row, who = self._service.order(conn, order_id), current()
        if view(row, who) is None:
            raise Unknown(f"there is no order {order_id!r}")
        if not may(row, who, step):
            sides = " or ".join(sorted(STEPS[step]))
            problem = Problem(where=order_id, what=f"{step} is not yours", allowed=sides)
            raise Forbidden(f"only the {sides} may do this", [problem])
        if len(STEPS[step]) > 1 and who.group is not Group.OPERATOR:
            bought = side_of(row, who) is Side.BUYER
            must("orders:write" if bought else "orders:approve")


def _steps(routes: APIRouter, step: _Stepper, calls: CallLimit) -> None:
    once = Depends(calls.take)

    @routes.post("/orders/{order_id}/confirm", dependencies=[SELL, once])
    async def confirm(order_id: Id, body: b.ConfirmBody) -> Answer:
        """The provider accepts the order as it is."""
        return step(order_id, d.OrderStep.CONFIRM, body, Details(eta_ms=body.eta_ms))

    @routes.post("/orders/{order_id}/offer", dependencies=[SELL, once])
    async def offer(order_id: Id, body: b.OfferBody) -> Answer:
        """The provider would deliver something else than ordered: the buyer must accept (O6)."""
        said = body.model_dump(include={"unit_price_eur", "quantity", "line", "eta_ms"})
        return step(order_id, d.OrderStep.OFFER, body, Details(**said))

    @routes.post("/orders/{order_id}/backorder", dependencies=[SELL, once])
    async def backorder(order_id: Id, body: b.BackorderBody) -> Answer:
        """The goods come later than said."""
        return step(order_id, d.OrderStep.BACKORDER, body, Details(eta_ms=body.eta_ms))

    @routes.post("/orders/{order_id}/ship-part", dependencies=[SELL, once])
    async def ship_part(order_id: Id, body: b.ShipPartBody) -> Answer:
        """Some of the goods leave the provider."""
        said = Details(quantity=body.quantity, eta_ms=body.eta_ms)
        return step(order_id, d.OrderStep.SHIP_PART, body, said)

    for path, taken, guard in (
        ("ship", d.OrderStep.SHIP, SELL),
        ("reship", d.OrderStep.RESHIP, SELL),
        ("replace", d.OrderStep.REPLACE, SELL),
        ("take-back", d.OrderStep.TAKE_BACK, SELL),
        ("accept", d.OrderStep.ACCEPT, BUY),
        ("deliver", d.OrderStep.DELIVER, LOOK),
        ("receive-part", d.OrderStep.RECEIVE_PART, LOOK),
        ("receive-replacement", d.OrderStep.RECEIVE_REPLACEMENT, LOOK),
    ):
        _plain_step(routes, step, path, taken, [guard, once])
    for path, taken, guard in (
        ("reject", d.OrderStep.REJECT, SELL),
        ("refuse-return", d.OrderStep.REFUSE_RETURN, SELL),
        ("refuse", d.OrderStep.REFUSE, BUY),
        ("cancel", d.OrderStep.CANCEL, BUY),
        ("request-return", d.OrderStep.REQUEST_RETURN, BUY),
        ("lose", d.OrderStep.LOSE, LOOK),
    ):
        _reasoned_step(routes, step, path, taken, [guard, once])


def _plain_step(
    routes: APIRouter, step: _Stepper, path: str, taken: d.OrderStep, guards: list[Any]
) -> None:
    async def take(order_id: Id, body: b.MaybeReasonBody) -> Answer:
        return step(order_id, taken, body)

    take.__doc__ = f"The order is {d.PAST[taken].replace('_', ' ')}."
    take.__name__ = taken.value
    routes.post(f"/orders/{{order_id}}/{path}", dependencies=guards)(take)


def _reasoned_step(
    routes: APIRouter, step: _Stepper, path: str, taken: d.OrderStep, guards: list[Any]
) -> None:
    async def take(order_id: Id, body: b.ReasonBody) -> Answer:
        return step(order_id, taken, body)

    take.__doc__ = f"The order is {d.PAST[taken].replace('_', ' ')}, for a reason."
    take.__name__ = taken.value
    routes.post(f"/orders/{{order_id}}/{path}", dependencies=guards)(take)


def _carts(
    routes: APIRouter, service: Orders, clock: Clock, store: Store, *, directory: Directory
) -> None:
    @routes.get("/carts/{customer}", dependencies=[LOOK])
    async def get_cart(customer: Id) -> Answer:
        """What a customer has in its cart; ``lines`` empty: nothing."""
        must_see(customer, what=f"customer {customer!r}")
        with store.read() as conn:
            cart = service.carts.open_cart(conn, customer)
        empty = {"buyer": customer, "state": d.Order.CART.value, "lines": []}
        shown = None if cart is None else seen(cart)
        return empty if shown is None else shown

    @routes.post("/carts/lines", dependencies=[BUY])
    async def put_line(body: b.CartLineBody) -> Answer:
        """Put a part of a thing into its customer's cart, or change how many."""
        with store.begin() as uow:
            ref = directory.thing(uow.conn, body.thing)
            must_see("" if ref is None else ref.customer, what=f"thing {body.thing!r}")
            _only_buyers("" if ref is None else ref.customer)
            wanted = Wanted(**body.model_dump(exclude={"by"}))
            cart = service.carts.put_line(uow, wanted, by=body.by, at_ms=clock.now_ms())
            return dict(plain(cart))

    @routes.post("/carts/{customer}/lines/{line}/remove", dependencies=[BUY])
    async def remove_line(customer: Id, line: int, body: b.StepBody) -> Answer:
        """Take a line out; a cart without any is abandoned."""
        must_see(customer, what=f"customer {customer!r}")
        _only_buyers(customer)
        with store.begin() as uow:
            cart = service.carts.take_out(uow, customer, line, by=body.by, at_ms=clock.now_ms())
            return dict(plain(cart))

    @routes.post("/carts/{customer}/checkout", dependencies=[BUY])
    async def checkout(customer: Id, body: b.StepBody) -> Answer:
        """Order what is in the cart, at the prices of now."""
        must_see(customer, what=f"customer {customer!r}")
        _only_buyers(customer)
        with store.begin() as uow:
            row = service.checkout(uow, customer, by=body.by, at_ms=clock.now_ms())
            return dict(plain(row))


def _only_buyers(customer: str) -> None:
    """Only the buyer creates an order (SP4)."""
    row = {Side.BUYER.value: customer, Side.PROVIDER.value: ""}
    if not may(row, current(), d.OrderStep.CHECKOUT):
        problem = Problem(where="customer", what=customer, allowed="the customer's own users")
        raise Forbidden("only the buyer may order", [problem])
