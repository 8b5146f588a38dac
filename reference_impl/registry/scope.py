"""Whose data a party sees, from the trees of organisations, partners and customers. Pure.

A party is written ``<group>:<id>``, for a customer and a partner may have one name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reference_impl.kernel.access import Group

MAIN = "main"
"""The organisation that is there from the beginning; who names none belongs to it."""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trees:
    """Who belongs where; ids to rows as the registry keeps them."""

    organisations: Mapping[str, Row]
    partners: Mapping[str, Row]
    customers: Mapping[str, Row]
    things: Mapping[str, Row]
    """With ``customer`` (empty: nobody's), ``organisation`` and ``since_ms`` of the ownership."""
    recipients: Mapping[str, Row] = field(default_factory=dict)
    grants: Iterable[Row] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a party sees; see the fields of Principal with the same names."""

    tenant: str
    customers: frozenset[str]
    parties: frozenset[str]
    things: Mapping[str, int]


def party_key(group: Group, party: str) -> str:
    """A party as it stands in ``Principal.parties``."""
    return f"{group.value}:{party}"


def below(parents: Mapping[str, str], root: str) -> frozenset[str]:
    """``root`` and all whose chain of parents leads to it; circles end where they close."""
    found = {root}
    while True:
        more = {name for name, parent in parents.items() if parent in found} - found
        if not more:
            return frozenset(found)
        found |= more


def root_of(parents: Mapping[str, str], name: str) -> str:
    """The top of the tree that ``name`` stands in."""
    seen = {name}
    while (parent := parents.get(name, "")) and parent not in seen:
        seen.add(parent)
        name = parent
    return name


def organisation_of(trees: Trees, group: Group, party: str) -> str:
    """The organisation that a party belongs to; empty if there is no such party."""
    if group is Group.ORGANISATION:
        return party if party in trees.organisations else ""
    kinds = {
        Group.PARTNER: trees.partners,
        Group.CUSTOMER: trees.customers,
        Group.RECIPIENT: trees.recipients,
    }
    row = kinds.get(group, {}).get(party)
    return "" if row is None else str(row["organisation"])


def tenant_of(trees: Trees, group: Group, party: str) -> str:
    """The root organisation above a party; empty if there is no such party."""
    return root_of(_parents(trees.organisations), organisation_of(trees, group, party))


def scope_of(trees: Trees, group: Group, party: str) -> Scope:
    """What a party of a group sees.

    An organisation sees itself and what is below it: branches, their partners and customers. A
    partner sees its sub-partners and the customers that one of them serves, a customer itself. A
    Data Recipient sees the things that customers opened to it, and no customer.
    """
    tenant = tenant_of(trees, group, party)
    if group in (Group.ORGANISATION, Group.OPERATOR):
        organisations = below(_parents(trees.organisations), party)
        partners = {n for n, row in trees.partners.items() if row["organisation"] in organisations}
        served = [n for n, row in trees.customers.items() if row["organisation"] in organisations]
        receiving = [n for n, r in trees.recipients.items() if r["organisation"] in organisations]
        keys = {party_key(Group.ORGANISATION, name) for name in organisations}
        keys |= {party_key(Group.RECIPIENT, name) for name in receiving}
    elif group is Group.PARTNER:
        partners = set(below(_parents(trees.partners), party)) & set(trees.partners)
        organisations, keys = frozenset[str](), set[str]()
        served = [n for n, row in trees.customers.items() if partners & set(row["partners"])]
    else:
        organisations, keys, partners = frozenset[str](), set[str](), set()
        served = [party] if group is Group.CUSTOMER and party in trees.customers else []
    customers = frozenset(served)
    keys |= {party_key(Group.PARTNER, name) for name in partners}
    keys |= {party_key(Group.CUSTOMER, name) for name in customers}
    keys.add(party_key(group, party))
    return Scope(
        tenant=tenant,
        customers=customers,
        parties=frozenset(keys),
        things=_opened(trees, party)
        if group is Group.RECIPIENT
        else _things(trees, customers, organisations),
    )


def _things(
    trees: Trees, customers: frozenset[str], organisations: frozenset[str]
) -> dict[str, int]:
    """Things of the customers since they own them; for organisations, who serve them, always."""
    found: dict[str, int] = {}
    for name, row in trees.things.items():
        if row["customer"] in customers:
            found[name] = 0 if organisations else row["since_ms"]
        elif not row["customer"] and row["organisation"] in organisations:
            found[name] = 0
    return found


def _opened(trees: Trees, recipient: str) -> dict[str, int]:
    """Things that customers opened to a Data Recipient; an empty list opens all of a customer."""
    opened = {g["customer"]: g["things"] for g in trees.grants if g["recipient"] == recipient}
    return {
        name: row["since_ms"]
        for name, row in trees.things.items()
        if row["customer"] in opened
        and (not opened[row["customer"]] or name in opened[row["customer"]])
    }


def _parents(rows: Mapping[str, Row]) -> dict[str, str]:
    return {name: row["parent"] for name, row in rows.items()}
