"""The contextual shop: what fits a thing, and carts of it (SP2, SP3, SP4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from reference_impl.kernel.errors import Invalid, Problem, Unknown
from reference_impl.kernel.money import wire
from reference_impl.kernel.ports import Directory, ThingRef
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import UnitOfWork
from reference_impl.orders import domain as d
from reference_impl.orders.catalogue import Catalogue
from reference_impl.orders.drafts import Line, line_rows, order_row, sums
from reference_impl.orders.needs import Needs
from reference_impl.orders.owners import Owners
from reference_impl.orders.ports import OrderRows
from reference_impl.orders.steps import Steps
from reference_impl.orders.supplies import Supplies


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What somebody puts into a cart; ``position`` empty: the only place where the part fits."""

    thing: str
    part: str
    quantity: int
    position: str = ""


class Carts:
    """One open cart per buyer; a cart is an order in its first state."""

    def __init__(
        self, *, rows: OrderRows, steps: Steps, catalogue: Catalogue, directory: Directory,
        needs: Needs, supplies: Supplies, owners: Owners,
    ) -> None:  # fmt: skip
        self._rows, self._steps, self._catalogue = rows, steps, catalogue
        self._directory, self._needs, self._supplies = directory, needs, supplies
        self._owners = owners

    def shop(self, conn: sa.Connection, thing: str) -> list[dict[str, Any]]:
        """Exactly the parts that belong to a thing, each with its place and the buyer's price.

        A part that is superseded is shown as what takes its place, with its name (O5).

        Raises:
            Unknown: If there is no such thing.
        """
        ref = self._thing(conn, thing)
        terms = self._supplies.of(conn, ref.customer)
        found = []
        for place in self._catalogue.fits.of_model(conn, ref.model):
            sku = self._catalogue.newest(conn, place.part)
            part = self._catalogue.part(conn, sku)
            if part is None:
                continue
            price = self._catalogue.price_eur(conn, terms.model, terms.provider, sku)
            reference = place.reference
            found.append(
                {
                    **{n: part[n] for n in ("sku", "title", "category", "kind", "images")},
                    "technical": part["technical"],
                    "position": place.position,
                    "quantity": place.quantity,
                    "group": reference.group,
                    "scheme": reference.scheme,
                    "replaces": "" if sku == place.part else place.part,
                    "price_eur": wire(price),
                    "provider": terms.provider,
                }
            )
        return found

    def put_line(self, uow: UnitOfWork, wanted: Wanted, *, by: str, at_ms: int) -> Row:
        """Put a part of a thing into its customer's cart, or change how many.

        Raises:
            Unknown: If there is no such thing.
            Invalid: If the part does not belong there, or another has taken its place.
        """
        ref = self._thing(uow.conn, wanted.thing)
        position = self._check(uow.conn, ref, wanted)
        terms = self._supplies.of(uow.conn, ref.customer)
        cycle, _ = self._needs.cycle(uow, ref.thing, position)
        line = Line(
            need_key=d.need_key(ref.thing, position, cycle),
            thing=ref.thing,
            site=ref.site,
            customer=ref.customer,
            part=wanted.part,
            position=position,
            quantity=wanted.quantity,
            list_eur=self._catalogue.price_eur(uow.conn, terms.model, terms.provider, wanted.part),
            contract=self._supplies.covered(
                uow.conn, thing=ref.thing, part=wanted.part, at_ms=at_ms
            ),
        )
        cart = self.open_cart(uow.conn, ref.customer)
        if cart is None:
            cart = order_row(
                d.cart_id(ref.customer, self._number(uow.conn, ref.customer)),
                [line],
                state=d.Order.CART,
                model=terms.model,
                buyer=ref.customer,
                provider=terms.provider,
                supplier=terms.partner or self._catalogue.must(uow.conn, wanted.part)["supplier"],
                terms=terms,
                by=by,
                at_ms=at_ms,
            )
            self._steps.put_down(uow, cart)
            return cart
        kept = [one for one in cart["lines"] if one["need_key"] != line.need_key]
        return self._rewrite(uow, cart, [*kept, *line_rows(cart["id"], [line])], at_ms)

    def take_out(self, uow: UnitOfWork, buyer: str, line: int, *, by: str, at_ms: int) -> Row:
        """Take a line out of a buyer's cart; without any it is abandoned. Raises Unknown."""
        cart = self.open_cart(uow.conn, buyer)
        kept = [] if cart is None else [one for one in cart["lines"] if one["line"] != line]
        if cart is None or len(kept) == len(cart["lines"]):
            raise Unknown(f"{buyer!r} has no line {line} in a cart")
        if kept:
            return self._rewrite(uow, cart, kept, at_ms)
        step = d.OrderStep.ABANDON
        self._steps.move_order(uow, cart, step, by=by, reason="the cart is empty", at_ms=at_ms)
        return cart

    def open_cart(self, conn: sa.Connection, buyer: str) -> Row | None:
        """What a buyer has in its cart; None: nothing."""
        carts = self._steps.orders(conn, buyer=buyer, state=d.Order.CART.value)
        return next((cart for cart in carts if cart["model"] != "M3"), None)

    def price(self, uow: UnitOfWork, buyer: str, at_ms: int) -> Row:
        """A buyer's cart at the prices of today: those at which it is placed.

        Raises:
            Unknown: If there is nothing in it.
            Invalid: If something in it does not fit any more.
        """
        cart = self.open_cart(uow.conn, buyer)
        if cart is None:
            raise Unknown(f"{buyer!r} has nothing in a cart")
        for line in cart["lines"]:
            wanted = Wanted(**{n: line[n] for n in ("thing", "part", "quantity", "position")})
            self._check(uow.conn, self._thing(uow.conn, line["thing"]), wanted)
            cycle, _ = self._needs.cycle(uow, line["thing"], line["position"])
            line["need_key"] = d.need_key(line["thing"], line["position"], cycle)
            if not line["contract"]:
                line["list_eur"] = line["unit_price_eur"] = self._catalogue.price_eur(
                    uow.conn, cart["model"], cart["provider"], line["part"]
                )
        return self._rewrite(uow, cart, cart["lines"], at_ms)

    def _thing(self, conn: sa.Connection, thing: str) -> ThingRef:
        ref = self._directory.thing(conn, thing)
        if ref is None:
            raise Unknown(f"there is no thing {thing!r}")
        return ref

    def _check(self, conn: sa.Connection, ref: ThingRef, wanted: Wanted) -> str:
        """The position that a part is wanted for. Raises Invalid with what is wrong."""
        problems = []
        fitting = [
            place.position
            for place in self._catalogue.fits.of_model(conn, ref.model)
            if wanted.position in ("", place.position)
            and not self._catalogue.misfit(
                conn, model=ref.model, part=wanted.part, position=place.position
            )
        ]
        if (away := self._owners.in_service(conn, ref.thing)) != "":
            problems.append(Problem(where="thing", what=f"not in service: {away}"))
        if len(fitting) != 1:
            what = f"{wanted.part!r} does not fit {ref.thing!r}"
            if fitting:
                what = f"{wanted.part!r} fits in several places"
            here = ", ".join(fitting) or "the parts of its catalogue"
            problems.append(Problem(where="part", what=what, allowed=here))
        newest = self._catalogue.newest(conn, wanted.part)
        if newest != wanted.part:
            what = f"{wanted.part!r} is superseded"
            problems.append(Problem(where="part", what=what, allowed=newest))
        if problems:
            raise Invalid("this cannot be put into the cart", problems)
        return fitting[0]

    def _number(self, conn: sa.Connection, buyer: str) -> int:
        made = [r for r in self._rows.orders.items(conn, buyer=buyer) if _is_cart(r, buyer)]
        return len(made) + 1

    def _rewrite(self, uow: UnitOfWork, cart: Row, lines: Sequence[Row], at_ms: int) -> Row:
        for row in self._rows.lines.items(uow.conn, order=cart["id"]):
            self._rows.lines.delete(uow, cart["id"], row["line"])
        numbered = [{**line, "line": number} for number, line in enumerate(lines, 1)]
        self._rows.lines.insert(uow, *numbered)
        added, first = sums(numbered, self._supplies.of(uow.conn, cart["buyer"])), numbered[0]
        values = {name: first[name] for name in ("need_key", "thing", "part", "quantity")}
        values |= {"unit_price_eur": first["unit_price_eur"], "contract": first["contract"]}
        values |= {"total_eur": added.total_eur, "discount_eur": added.discount_eur}
        values |= {"tax_eur": added.tax_eur, "cost_eur": added.cost_eur, "changed_ms": at_ms}
        self._rows.orders.swap(uow, cart["id"], expected=cart["state"], values=values)
        return {**cart, **values, "lines": numbered}


def _is_cart(row: Row, buyer: str) -> bool:
    prefix, _, number = str(row["id"]).rpartition("-")
    return prefix == f"ord-{buyer}" and number.isdigit()
