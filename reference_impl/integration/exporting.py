"""Everything that belongs to a customer, read from the API itself, as JSON or CSV (CC13, CC15).

An export that had queries of its own would drift from what the API shows. So each section names the
list that it is, and is read to its end as the customer would see it: another field or another rule
of access is in the export at once.
"""

from __future__ import annotations

import csv
import inspect
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from reference_impl.kernel import access
from reference_impl.kernel.access import Group, Principal, acting_as
from reference_impl.kernel.errors import Problem, Unknown
from reference_impl.kernel.rows import Row

PAGE = 100
"""Rows that are asked for at a time: no list takes fewer."""


class Section(NamedTuple):
    """A list of the API.

    ``key`` are the fields that name a row. ``asks`` are the queries that give all of it together;
    ``detail`` is where a row stands whole, with the field for each name in that path. A list
    ``of_things`` is asked of each thing.
    """

    name: str
    path: str
    key: tuple[str, ...] = ("id",)
    asks: tuple[Mapping[str, Any], ...] = ({},)
    detail: str = ""
    fields: Mapping[str, str] = {}
    of_things: bool = False


TELEMETRY = "telemetry"
_THING = "/v1/things/{thing}"
SECTIONS: tuple[Section, ...] = (
    Section("customer", "/v1/customers"),
    Section("sites", "/v1/sites"),
    Section("things", "/v1/things"),
    Section(TELEMETRY, f"{_THING}/export", ("thing", "signal"), of_things=True),
    Section("conditions", "/v1/conditions", ("thing", "condition")),
    Section("data_flags", "/v1/data-flags"),
    Section("alerts", "/v1/alerts", asks=({}, {"state": "HISTORICAL"})),
    Section("actions", "/v1/actions"),
    Section("advice", "/v1/advice"),
    Section("tickets", "/v1/tickets", detail="/v1/tickets/{ticket}", fields={"ticket": "id"}),
    Section(
        "work_orders", "/v1/work-orders", detail="/v1/work-orders/{wo_id}", fields={"wo_id": "id"}
    ),
    Section("citizen_reports", "/v1/citizen-reports"),
    Section("collection_stops", "/v1/collection-stops"),
    Section("service_levels", "/v1/sla"),
    Section("planned_work", "/v1/planned-work"),
    Section("register", "/v1/register", ("thing", "position", "cycle")),
    Section("commands", "/v1/commands"),
    Section("parameters", f"{_THING}/parameters", ("thing", "name"), of_things=True),
    Section("firmware", f"{_THING}/firmware", ("thing",), of_things=True),
    Section("remote_attempts", "/v1/remote-attempts"),
    Section("contracts", "/v1/contracts", detail="/v1/contracts/{contract_id}",
            fields={"contract_id": "id"}),
    Section("periods", "/v1/outcomes", ("contract", "period"),
            detail="/v1/outcomes/{contract_id}/{period}",
            fields={"contract_id": "contract", "period": "period"}),
    Section("exclusions", "/v1/exclusions"),
    Section("pricings", "/v1/pricings"),
    Section("billables", "/v1/billables"),
    Section("invoices", "/v1/invoices", detail="/v1/invoices/{invoice}",
            fields={"invoice": "id"}),
    Section("charges", "/v1/charges"),
    Section("subscriptions", "/v1/subscriptions", detail="/v1/subscriptions/{subscription}",
            fields={"subscription": "id"}),
    Section("unlocks", f"{_THING}/unlocks", of_things=True),
    Section("rentals", f"{_THING}/rentals", of_things=True),
    Section("policies", "/v1/policies", ("customer",)),
    Section("needs", "/v1/needs", ("need_key",)),
    Section("recommendations", "/v1/recommendations"),
    Section("orders", "/v1/orders", detail="/v1/orders/{order_id}", fields={"order_id": "id"}),
    Section("consents", "/v1/consents", ("customer", "purpose")),
    Section("grants", "/v1/grants", ("customer", "recipient")),
    Section("secondary_uses", "/v1/secondary-uses"),
    Section("entitlements", "/v1/entitlements"),
)  # fmt: skip
"""In the order in which they are told."""


class Read(NamedTuple):
    """A route that reads: what it asks for, and its handler."""

    permission: str
    handler: Callable[..., Awaitable[Any]]


class Page(NamedTuple):
    """Some rows of a section, and behind which one to go on; None: that was all."""

    rows: list[Row]
    next: str | None


class Exporter:
    """Reads sections.

    Args:
        read: The route that reads a path.
        scoped: A customer as a caller: what that customer sees. None: there is none of this name.
        plain: An answer as JSON has it.
    """

    def __init__(
        self,
        *,
        read: Callable[[str], Read],
        scoped: Callable[[str], Principal | None],
        plain: Callable[[Any], Any],
    ) -> None:
        self._read, self._scoped, self._plain = read, scoped, plain

    def sections(self, customer: str) -> dict[str, bool]:
        """The sections by name, and whether the caller may read each. Raises Unknown."""
        self._owner(customer)
        return {one.name: self._may(one) for one in SECTIONS}

    async def page(self, customer: str, name: str, *, after: str, limit: int) -> Page:
        """Some rows of a section, by key.

        Raises:
            Unknown: If the caller sees no such customer, or there is no such section.
            Forbidden: If the caller may not read what the section is of.
        """
        owner = self._owner(customer)
        section = next((one for one in SECTIONS if one.name == name), None)
        if section is None:
            allowed = ", ".join(one.name for one in SECTIONS)
            problem = Problem(where="section", what=name, allowed=allowed)
            raise Unknown(f"there is no section {name!r}", [problem])
        for path in filter(None, (section.path, section.detail)):
            access.must(self._read(path).permission)
        with acting_as(owner):
            found = {key_of(section, row): row async for row in self._rows(section)}
            keys = sorted(key for key in found if key > after)
            rows = [await self._whole(section, found[key]) for key in keys[:limit]]
        return Page(rows, keys[limit - 1] if len(keys) > limit else None)

    def _may(self, section: Section) -> bool:
        paths = filter(None, (section.path, section.detail))
        return all(access.current().may(self._read(path).permission) for path in paths)

    def _owner(self, customer: str) -> Principal:
        """The customer with no more permissions than the caller: notes for us are not theirs."""
        access.must_see(customer, what=f"customer {customer!r}")
        owner = self._scoped(customer)
        if owner is None:
            raise Unknown(f"there is no customer {customer!r}")
        who = access.current()
        return replace(
            who, group=Group.CUSTOMER, party=customer, customers=owner.customers,
            things=owner.things, parties=owner.parties,
        )  # fmt: skip

    async def _rows(self, section: Section) -> AsyncIterator[Row]:
        if section.of_things:
            for thing in sorted(access.current().things or {}):
                for row in await self._of_thing(section, thing):
                    yield row
            return
        for ask in section.asks:
            async for row in self._listed(section.path, ask):
                yield row

    async def _listed(self, path: str, ask: Mapping[str, Any]) -> AsyncIterator[Row]:
        """A list to its end."""
        handler = self._read(path).handler
        pages = {"limit": PAGE} if "limit" in inspect.signature(handler).parameters else {}
        after: dict[str, str] = {}
        while True:
            answer = self._plain(await handler(**ask, **pages, **after))
            for row in answer["items"]:
                yield row
            if not answer.get("next"):
                return
            after = {"after": answer["next"]}

    async def _of_thing(self, section: Section, thing: str) -> list[Row]:
        answer = self._plain(await self._read(section.path).handler(thing=thing))
        if section.name == TELEMETRY:
            signals = answer["signals"]
            return [{"thing": thing, "signal": name, **signals[name]} for name in sorted(signals)]
        if isinstance(answer, dict) and "items" in answer:
            return [{"thing": thing, **row} for row in answer["items"]]
        return [answer] if isinstance(answer, dict) else list(answer)

    async def _whole(self, section: Section, row: Row) -> Row:
        if not section.detail:
            return row
        named = {name: row[field] for name, field in section.fields.items()}
        whole: Row = self._plain(await self._read(section.detail).handler(**named))
        return {**row, **whole}


def key_of(section: Section, row: Mapping[str, Any]) -> str:
    """What names a row of a section."""
    return "/".join(str(row[name]) for name in section.key)


def as_csv(name: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """A row each, and of telemetry a row for each reading; what is nested is JSON (RFC 4180)."""
    flat: Iterable[Mapping[str, Any]] = rows
    if name == TELEMETRY:
        flat = [
            {**{k: v for k, v in row.items() if k != "values"}, "at_ms": at_ms, "value": value}
            for row in rows
            for at_ms, value in zip(row["at_ms"], row["values"], strict=True)
        ]
    flat = list(flat)
    columns = list(dict.fromkeys(column for row in flat for column in row))
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    for row in flat:
        writer.writerow([_cell(row.get(column)) for column in columns])
    return out.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, dict | list | bool):
        return json.dumps(value, sort_keys=True)
    return value
