"""HTTP face of money: pricings, invoices, settlement."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Path, Query
from pydantic import Field

from reference_impl.kernel.access import Group, current, must_see, seen
from reference_impl.kernel.errors import Unknown
from reference_impl.kernel.http.bodies import Body
from reference_impl.kernel.http.guard import needs
from reference_impl.kernel.http.routes import new_router
from reference_impl.kernel.money import Amount, plain, wire
from reference_impl.kernel.ports import Clock
from reference_impl.kernel.store import Store
from reference_impl.outcomes.money import exporting as x
from reference_impl.outcomes.money.invoices import Invoice
from reference_impl.outcomes.money.rating import PricingModel
from reference_impl.outcomes.money.service import Money
from reference_impl.outcomes.money.settlement import Account

Text = Annotated[str, Field(min_length=1, max_length=200)]
Name = Annotated[str, Path(min_length=1, max_length=200)]
Ms = Annotated[int, Field(ge=0, le=253_402_300_799_000)]
MsQuery = Annotated[int, Query(ge=0, le=253_402_300_799_000)]
Limit = Annotated[int | None, Query(ge=1, le=1000)]
After = Annotated[str | None, Query(max_length=500)]
MonthQuery = Annotated[str | None, Query(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")]
Answer = dict[str, Any]
AGREE, LOOK = needs("contracts:write"), needs("invoices:read")
BILL, SETTLED, PAYOUT = (
    needs("invoices:write"),
    needs("settlements:read"),
    needs("settlements:write"),
)


class PricingTerms(Body):
    """How somebody pays; the terms are those of the model (docs/reference/dps-contract.md)."""

    by: Text
    model: PricingModel
    terms: dict[str, Any] = Field(default_factory=dict)
    shares: dict[Text, Annotated[float, Field(allow_inf_nan=False)]] = Field(default_factory=dict)
    provider: Annotated[str, Field(max_length=200)] = ""


class PricingBody(PricingTerms):
    """A pricing of a thing, or of all things of a customer that have none of their own."""

    customer: Text
    thing: Annotated[str, Field(max_length=200)] = ""
    service: Text = "main"
    from_ms: Ms
    to_ms: Ms | None = None


class MigrationBody(PricingTerms):
    """Another pricing from an instant on."""

    to: Text
    at_ms: Ms


class IssueCall(Body):
    """Who does it."""

    by: Text


class InvoicePayment(Body):
    """What was paid; ``payment`` is its id, the same one again changes nothing."""

    by: Text
    payment: Text
    amount_eur: Amount


class CancelCall(Body):
    """Take it back; ``again``: its lines come again on the next invoice."""

    by: Text
    reason: Text
    again: bool = False


class DataSaleBody(Body):
    """Data of an owner who consented, sold to the customer of an ecosystem pricing."""

    pricing: Text
    owner: Text
    what: Text
    records: Annotated[int, Field(ge=1, le=10**9)]
    unit_price_eur: Amount


def router(money: Money, clock: Clock, store: Store) -> APIRouter:
    """The routes of this module."""
    api = new_router("money")
    _add_pricings(api, money, clock, store)
    _add_invoices(api, money, store)
    _add_steps(api, money, clock, store)
    _add_settlement(api, money, clock, store)
    return api


def _add_pricings(api: APIRouter, money: Money, clock: Clock, store: Store) -> None:
    def known(conn: sa.Connection, pricing: str) -> Answer:
        row = money.pricings.get(conn, pricing)
        must_see(row["customer"], what=f"pricing {pricing!r}")
        return row

    @api.put("/pricings/{pricing}", dependencies=[AGREE])
    async def put_pricing(pricing: Name, body: PricingBody) -> Answer:
        """Agree on how a customer pays, for a thing or for all."""
        with store.begin() as uow:
            must_see(body.customer, what=f"customer {body.customer!r}")
            return money.pricings.put(uow, pricing, body.model_dump(), at_ms=clock.now_ms())

    @api.post("/pricings/{pricing}/migrate", dependencies=[AGREE])
    async def migrate(pricing: Name, body: MigrationBody) -> Answer:
        """Change to another model at an instant, without gap or overlap."""
        with store.begin() as uow:
            known(uow.conn, pricing)
            more = body.model_dump(exclude={"to", "at_ms"})
            return money.pricings.migrate(
                uow, pricing, to=body.to, body=more, at_ms=body.at_ms, now_ms=clock.now_ms()
            )

    @api.get("/pricings", dependencies=[LOOK])
    async def list_pricings(
        customer: str | None = None, limit: Limit = None, after: After = None
    ) -> Answer:
        """Who pays how."""
        only = {} if customer is None else {"customer": customer}
        with store.read() as conn:
            return _page(seen(money.pricings.listed(conn, **only)), limit, after)

    @api.get("/pricings/{pricing}/usage", dependencies=[LOOK])
    async def get_usage(pricing: Name, from_ms: MsQuery, to_ms: MsQuery) -> Answer:
        """What its meters counted in a span, with gaps and estimates."""
        with store.read() as conn:
            row, now_ms = known(conn, pricing), clock.now_ms()
            found = money.metering.counted(row, from_ms=from_ms, to_ms=to_ms, now_ms=now_ms)
        return {"items": found}


def _add_invoices(api: APIRouter, money: Money, store: Store) -> None:
    @api.get("/billables", dependencies=[LOOK])
    async def list_billables(
        customer: str | None = None, limit: Limit = None, after: After = None
    ) -> Answer:
        """What is booked and not on an invoice yet."""
        only = {} if customer is None else {"customer": customer}
        with store.read() as conn:
            rows = seen(money.book.open_items(conn, **only))
        return _page([x.shown_line(row) for row in rows], limit, after)

    @api.get("/invoices", dependencies=[LOOK])
    async def list_invoices(
        customer: str | None = None,
        month: MonthQuery = None,
        state: Invoice | None = None,
        limit: Limit = None,
        after: After = None,
    ) -> Answer:
        """Invoices and credit notes without their lines."""
        asked = {"customer": customer, "month": month, "state": state}
        only = {name: value for name, value in asked.items() if value is not None}
        with store.read() as conn:
            rows = seen(money.invoices.listed(conn, **only))
        return _page([x.shown(row) for row in rows], limit, after)

    @api.get("/invoices/{invoice}", dependencies=[LOOK])
    async def get_invoice(invoice: Name) -> Answer:
        """One with its lines, each with what it is of."""
        with store.read() as conn:
            row = money.invoices.get(conn, invoice)
        must_see(row["customer"], what=f"invoice {invoice!r}")
        return x.shown(row)

    @api.get("/invoice-export", dependencies=[LOOK])
    async def export_invoices(
        month: Annotated[str, Query(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")] = "1970-01",
        form: Literal["csv", "json"] = "csv",
    ) -> Answer:
        """The invoices of a month that went out, with their lines, for other systems."""
        with store.read() as conn:
            rows = seen(money.invoices.listed(conn, month=month))
            sent = [row for row in rows if row["state"] != Invoice.DRAFT]
            whole = [money.invoices.get(conn, row["id"]) for row in sent]
        text = x.as_csv(whole) if form == "csv" else x.as_json(whole)
        return {"form": form, "month": month, "count": len(whole), "text": text}


def _add_steps(api: APIRouter, money: Money, clock: Clock, store: Store) -> None:
    def known(conn: sa.Connection, invoice: str) -> None:
        customer = money.invoices.get(conn, invoice)["customer"]
        must_see(customer, what=f"invoice {invoice!r}")

    @api.post("/invoices/{invoice}/issue", dependencies=[BILL])
    async def issue(invoice: Name, call: IssueCall) -> Answer:
        """Send a draft out before it goes by itself."""
        with store.begin() as uow:
            known(uow.conn, invoice)
            money.invoices.issue(uow, invoice, by=call.by, at_ms=clock.now_ms())
            return x.shown(money.invoices.get(uow.conn, invoice))

    @api.post("/invoices/{invoice}/payments", dependencies=[BILL])
    async def pay(invoice: Name, call: InvoicePayment) -> Answer:
        """Take a payment of what is open."""
        with store.begin() as uow:
            known(uow.conn, invoice)
            row = money.invoices.pay(
                uow, invoice, payment=call.payment, amount=call.amount_eur, by=call.by,
                at_ms=clock.now_ms(),
            )  # fmt: skip
            return x.shown(row)

    @api.post("/invoices/{invoice}/cancel", dependencies=[BILL])
    async def cancel(invoice: Name, call: CancelCall) -> Answer:
        """Take an invoice back by a credit note, which is the answer."""
        with store.begin() as uow:
            known(uow.conn, invoice)
            row = money.invoices.cancel(
                uow, invoice, again=call.again, reason=call.reason, by=call.by,
                at_ms=clock.now_ms(),
            )  # fmt: skip
            return x.shown(row)


def _add_settlement(api: APIRouter, money: Money, clock: Clock, store: Store) -> None:
    @api.get("/settlements", dependencies=[SETTLED])
    async def list_settlements(month: MonthQuery = None) -> Answer:
        """What each party gets, of the invoices of a month or of all."""
        with store.read() as conn:
            accounts = money.settlement.accounts(conn, month)
        return {"items": [_account(one) for one in accounts if _sees(one.party)]}

    @api.get("/settlements/{party}", dependencies=[SETTLED])
    async def get_settlement(party: Name, month: MonthQuery = None) -> Answer:
        """What a party gets, line by line, and what it was paid."""
        with store.read() as conn:
            accounts = money.settlement.accounts(conn, month)
            parts = money.settlement.parts(conn, party, month)
            payouts = money.settlement.payouts(conn, party)
        found = next((one for one in accounts if one.party == party), None)
        if found is None or not _sees(party):
            raise Unknown(f"{party!r} has no part of anything")
        return {**_account(found), "parts": plain(parts), "payouts": plain(payouts)}

    @api.post("/settlements/{party}/payouts", dependencies=[PAYOUT])
    async def pay_out(party: Name, call: IssueCall) -> Answer:
        """Pay a party its part of what was paid, less what it got already."""
        with store.begin() as uow:
            if not _sees(party):
                raise Unknown(f"{party!r} has no part of anything")
            row = money.settlement.pay_out(uow, party, by=call.by, at_ms=clock.now_ms())
            return dict(plain(row))

    @api.post("/data-sales", dependencies=[BILL])
    async def sell_data(body: DataSaleBody) -> Answer:
        """Sell data; only with a record that their owner consents."""
        with store.begin() as uow:
            buyer = money.pricings.get(uow.conn, body.pricing)["customer"]
            must_see(buyer, what=f"pricing {body.pricing!r}")
            rows = money.settlement.sell_data(
                uow, pricing=body.pricing, owner=body.owner, what=body.what,
                records=body.records, unit_price=body.unit_price_eur, at_ms=clock.now_ms(),
            )  # fmt: skip
            return {"items": [x.shown_line(row) for row in rows]}


def _sees(party: str) -> bool:
    """Whether the caller sees a party's account: only its own, and those of whom it answers for."""
    parties = current().parties
    if parties is None:
        return True
    return any(f"{group}:{party}" in parties for group in Group)


def _account(account: Account) -> Answer:
    names = ("invoiced_eur", "paid_eur", "paid_out_eur", "payable_eur")
    return {
        "party": account.party,
        "lines": account.lines,
        **{name: wire(getattr(account, name)) for name in names},
    }


def _page(rows: list[Answer], limit: int | None, after: str | None) -> Answer:
    rest = [row for row in rows if after is None or row["id"] > after]
    shown = rest if limit is None else rest[:limit]
    return {"items": shown, "next": shown[-1]["id"] if len(shown) < len(rest) else None}
