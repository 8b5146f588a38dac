"""What goes on invoices, gathered from calls, feed and wire, for checks that recompute money.

Pricings are those that the scenario installs by calls (``PUT /v1/pricings/{id}`` and its
``/migrate``), and so are sales of data; orders, visits, charges and periods are taken from the
feed, readings from the wire. What a rental (DS15) or a feature (DS14) costs is computed from the
tariffs and prices installed and the times of the calls. Credit notes, estimates and fees per thing
or user are not computed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from broker.wire.messages import Uplink, samples_of
from harness.checks.base import Brief, Check
from harness.events import Event, FaultApplied, FeedSeen
from harness.oracles import invoices as oracle

PATH = "/v1/pricings/"
SALES = "/v1/data-sales"


class Invoiced(Check, ABC):
    """A check of what invoices ask for; told of each draft."""

    wants_messages = True
    hears = (FaultApplied, FeedSeen)

    def __init__(self, args: Any, brief: Brief) -> None:  # noqa: ANN401 - see Check
        super().__init__(args, brief)
        self._pricings: dict[str, oracle.Terms] = {}
        self._registers = oracle.Registers()
        self._once: dict[str, tuple[oracle.Terms, int, Sequence[Decimal]]] = {}
        """What happened once, by what it is: by which terms, when, and its lines."""
        self._sold = oracle.Sold()
        self._seen: list[str] = []

    def on_messages(self, messages: Iterable[tuple[str, Uplink]], at_ms: int) -> None:
        """See Check."""
        del at_ms
        for _, message in messages:
            rows = samples_of(message)
            if not rows:
                continue
            metered = self._metered(message.device)
            for row in rows if metered else ():
                signals = {name: row.signals[name] for name in metered if name in row.signals}
                self._registers.add(message.device, row.at_ms, signals)

    def _metered(self, device: str) -> frozenset[str]:
        return frozenset(
            meter["signal"]
            for terms in self._pricings.values()
            if terms.said.get("thing") == device
            for meter in terms.terms.get("meters", ())
        )

    def on_event(self, event: Event) -> None:
        """See Check."""
        if isinstance(event, FaultApplied):
            for call in event.params.get("calls", ()):
                self._install(call, event.at_ms)
                self._sold.called(str(call["path"]), call.get("body", {}), event.at_ms)
        elif isinstance(event, FeedSeen):
            self._told(event)

    def _install(self, call: Mapping[str, Any], at_ms: int) -> None:
        path, body = str(call["path"]), call.get("body", {})
        if path == SALES and not call.get("refused"):
            price = oracle.cents(oracle.exact(body["unit_price_eur"]) * body["records"])
            key = f"{body['pricing']}/{body['owner']}/{body['what']}/{at_ms}"
            self._once[key] = (self._pricings[body["pricing"]], at_ms, [price])
        name, _, step = path.removeprefix(PATH).partition("/")
        if not path.startswith(PATH):
            return
        if step == "migrate":
            old, from_ms = self._pricings[name], int(body["at_ms"])
            old.to_ms = from_ms
            self._pricings[body["to"]] = oracle.Terms({**old.said, **body}, from_ms)
        else:
            ends_ms = body.get("to_ms") or oracle.FOREVER
            self._pricings[name] = oracle.Terms(body, int(body["from_ms"]), ends_ms)

    def _told(self, event: FeedSeen) -> None:
        data, at_ms = event.data, event.at_ms
        if event.kind == "order.delivered":
            terms = self._of(data["customer"], data["thing"], at_ms, oracle.OF_ORDERS)
            if terms is not None and terms.terms.get("orders", True):
                self._happened(event, terms, oracle.of_order(data), at_ms)
        elif event.kind == "work_order.closed":
            for terms in self._pricings.values():
                mine = terms.said.get("thing") == data["thing"]
                if mine and terms.model in oracle.OF_ORDERS and terms.holds(at_ms):
                    price = oracle.exact(terms.terms.get("visit_eur", 0))
                    self._happened(event, terms, [price], at_ms)
        elif event.kind == "charge.asked":
            paying = [
                (terms.said.get("thing", ""), name)
                for name, terms in self._pricings.items()
                if terms.said["customer"] == data["customer"] and terms.model != "free"
                and terms.holds(at_ms)
            ]  # fmt: skip
            if paying:
                cost = self._sold.cost(data["subject"])
                told = oracle.exact(data["amount_eur"])
                terms = self._pricings[min(paying)[1]]
                self._happened(event, terms, [told if cost is None else cost], at_ms)
        elif event.kind in ("order.returned", "charge.voided", "charge.refunded"):
            self._once.pop(event.subject, None)
        elif event.kind == "outcome.period_final" or (
            event.kind == "outcome.period_closed" and event.subject not in self._once
        ):
            self._period(event)
        elif event.kind == "invoice.drafted":
            self.drafted(event)

    def _of(
        self, customer: str, thing: str, at_ms: int, models: Sequence[str]
    ) -> oracle.Terms | None:
        """The pricing of a thing at an instant, its own before that of all."""
        held = [t for t in self._pricings.values()
                if t.said["customer"] == customer and t.holds(at_ms)]  # fmt: skip
        own = [t for t in held if t.said.get("thing") == thing]
        whole = [t for t in held if not t.said.get("thing")]
        return next((t for t in own or whole if t.model in models), None)

    def _happened(
        self, event: FeedSeen, terms: oracle.Terms, lines: Sequence[Decimal], at_ms: int
    ) -> None:
        self._once.setdefault(event.subject, (terms, at_ms, lines))

    def _period(self, event: FeedSeen) -> None:
        contract = event.data["contract"]
        month = oracle.month_named(event.data["period"][:7])
        for terms in self._pricings.values():
            promised = terms.model == "outcome" and terms.terms.get("contract", "")
            if promised in ("", contract) and terms.from_ms < month[1] and month[0] < terms.to_ms:
                self._once[event.subject] = (terms, month[0], oracle.of_period(event.data))

    def lines(self, event: FeedSeen) -> dict[str, tuple[oracle.Terms, Decimal]]:
        """What an invoice that is drafted may ask for, as it is known now: terms and amount."""
        customer, month = event.data["customer"], event.data["month"]
        provider = event.data.get("provider", "")
        mine = {
            name: terms for name, terms in self._pricings.items()
            if (terms.said["customer"], terms.said.get("provider", "")) == (customer, provider)
        }  # fmt: skip
        found, end_ms = {}, 0
        first_ms = min((terms.from_ms for terms in mine.values()), default=event.at_ms)
        for name, terms in mine.items():
            for span in oracle.months_until(month, first_ms):
                end_ms = max(end_ms, span[1])
                for what, amount in oracle.of_month(terms, span, self._registers).items():
                    found[f"{name} {span[0]} {what}"] = (terms, amount)
        for subject, (terms, at_ms, amounts) in self._once.items():
            if any(terms is one for one in mine.values()) and at_ms < end_ms:
                for number, amount in enumerate(amounts):
                    found[f"{subject} {number}"] = (terms, amount)
        return found

    @abstractmethod
    def drafted(self, event: FeedSeen) -> None:
        """Take note of an invoice that is drafted."""
