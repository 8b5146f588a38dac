"""What a tenant is offered: step of the staircase, initiatives, limits, contracts, flags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reference_impl.kernel import access
from reference_impl.kernel.access import Group, Principal
from reference_impl.kernel.errors import Invalid, Problem, Unknown
from reference_impl.kernel.ids import digest
from reference_impl.kernel.store import Connection, UnitOfWork
from reference_impl.registry.areas import TERMS, Initiative, Offer, pages_of
from reference_impl.registry.roles import PERMISSIONS
from reference_impl.registry.service import Registry, RegistryStore

Row = dict[str, Any]
MONTH_MS = 31 * 86_400_000
RAW_MONTHS_MIN = 2
"""The open month and the one before are measured from raw data: they are never deleted."""


class Tenancy:
    """Use cases of settings that switch things on and off."""

    def __init__(self, *, rows: RegistryStore, registry: Registry) -> None:
        self._rows, self._registry = rows, registry

    # ----- tenants and contracts

    def tenants(self, conn: Connection) -> list[Row]:
        """Each tenant with its settings; callers of a tenant see their own."""
        who = access.current()
        roots = [
            name for name, row in self._rows.trees(conn).organisations.items() if not row["parent"]
        ]
        return [self.tenant(conn, name) for name in sorted(roots) if who.tenant in ("", name)]

    def tenant(self, conn: Connection, name: str) -> Row:
        """The settings of a tenant; everything is on where nobody said anything."""
        usual = {"step": 8, "initiatives": list(Initiative), "limits": {}, "raw_months": None}
        return self._rows.get(conn, "tenant", name) or {"id": name, **usual}

    def put_tenant(self, uow: UnitOfWork, name: str, body: Mapping[str, Any]) -> Row:
        """Change the settings of a tenant. Raises Unknown if it is no root organisation."""
        row = self._rows.trees(uow.conn).organisations.get(name)
        if row is None or row["parent"]:
            raise Unknown(f"there is no tenant {name!r}", [Problem(where="tenant", what=name)])
        settings = {"id": name, **body}
        self._rows.put(uow, "tenant", settings)
        return settings

    def entitlements(self, conn: Connection) -> list[Row]:
        """What the contracts of the customers that the caller sees entitle them to."""
        return access.seen(self._rows.items(conn, "entitlement"))

    def put_entitlement(self, uow: UnitOfWork, name: str, body: Mapping[str, Any]) -> Row:
        """Say what a contract entitles its customer to. Raises Invalid for an unknown customer."""
        customer = body["customer"]
        seen = access.current().sees(customer)
        if not seen or self._rows.get(uow.conn, "customer", customer) is None:
            problem = Problem(where="customer", what=f"{customer!r} is not installed")
            raise Invalid(f"entitlement {name!r} is refused", [problem])
        known = self._rows.get(uow.conn, "entitlement", name)
        if known is not None:
            access.must_see(known["customer"], what=f"entitlement {name!r}")
        row = {"id": name, **body}
        self._rows.put(uow, "entitlement", row)
        return row

    # ----- feature flags by cohort (CC20)

    def flags(self, conn: Connection) -> list[Row]:
        """The feature flags, each with ``on`` for the caller."""
        return [
            {**self._hidden(row), "on": self._is_on(conn, row, access.current())}
            for row in self._rows.items(conn, "flag")
        ]

    def put_flag(self, uow: UnitOfWork, name: str, body: Mapping[str, Any]) -> Row:
        """Set who is in the cohort of a feature."""
        row = {"id": name, **body}
        self._rows.put(uow, "flag", row)
        return row

    @staticmethod
    def _hidden(row: Row) -> Row:
        """A cohort as the caller may know it: only customers that he sees."""
        sees = access.current().sees
        return {**row, "customers": [name for name in row["customers"] if sees(name)]}

    def _is_on(self, conn: Connection, row: Row, who: Principal) -> bool:
        """Whether the caller is in the cohort: by customer, by organisation, or by share.

        The share takes customers by a digest of flag and customer, so a larger share only adds.
        """
        if who.group is Group.OPERATOR:
            return True
        if who.group is Group.CUSTOMER:
            if who.party in row["customers"]:
                return True
            customer = self._rows.get(conn, "customer", who.party)
            if customer is not None and customer["organisation"] in row["organisations"]:
                return True
            return int(digest(row["id"], who.party), 16) < float(row["share"]) * 2**64
        return who.group is Group.ORGANISATION and who.party in row["organisations"]

    # ----- me

    def me(self, conn: Connection) -> Row:
        """Who the caller is, what he may do, which pages he has, what is switched off and why."""
        who = access.current()
        granted = PERMISSIONS if who.permissions is None else who.permissions
        may = sorted(permission for permission in granted if permission not in who.off)
        offer = self.offer(conn, who)
        return {
            "user": who.user,
            "group": who.group.value,
            "party": who.party,
            "role": who.role,
            "tenant": who.tenant,
            "permissions": may,
            "off": {name: reason for name, reason in who.off.items() if name in granted},
            "step": offer.step,
            "initiatives": {
                name: TERMS[name]._asdict() for name in Initiative if name in offer.initiatives
            },
            "pages": [
                f"{page.face}/{page.name}"
                for page in pages_of(
                    offer, may, portal_only=who.group in (Group.CUSTOMER, Group.RECIPIENT)
                )
            ],
            "flags": [row["id"] for row in self.flags(conn) if row["on"]],
        }

    def offer(self, conn: Connection, who: Principal) -> Offer:
        """What the caller's tenant and contracts offer."""
        settings = self._rows.get(conn, "tenant", who.tenant) if who.tenant else None
        offer = Offer.of_tenant(settings, who.tenant)
        if who.group is Group.CUSTOMER:
            offer = offer.of_contracts(self._rows.items(conn, "entitlement", customer=who.party))
        return offer

    # ----- how long raw data are kept: CC23

    def raw_kept_from_ms(self, conn: Connection, now_ms: int) -> dict[str, int]:
        """From when on the raw data of each thing are kept, for tenants that limit it."""
        kept = {
            row["id"]: now_ms - row["raw_months"] * MONTH_MS
            for row in self._rows.items(conn, "tenant")
            if row["raw_months"] is not None
        }
        if not kept:
            return {}
        trees = self._rows.trees(conn)
        found = {}
        for name, row in trees.things.items():
            organisation = row["organisation"]
            if row["customer"]:
                organisation = trees.customers[row["customer"]]["organisation"]
            from_ms = kept.get(self._root(trees.organisations, organisation))
            if from_ms is not None:
                found[name] = from_ms
        return found

    @staticmethod
    def _root(organisations: Mapping[str, Any], name: str) -> str:
        while organisations.get(name, {"parent": ""})["parent"]:
            name = organisations[name]["parent"]
        return name
