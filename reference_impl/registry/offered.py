"""What customers are offered, and which users may read what, for other contexts."""

from __future__ import annotations

from reference_impl.kernel.access import Group
from reference_impl.kernel.store import Connection
from reference_impl.registry.adapters.repository import RegistryRows
from reference_impl.registry.areas import Offer, reason_off
from reference_impl.registry.callers import KnownCallers
from reference_impl.registry.scope import tenant_of

ALERTS = "alerts:read"


class Offered:
    """Answers from memory until the registry changes."""

    def __init__(self, rows: RegistryRows) -> None:
        self._rows = rows
        self._off: frozenset[str] | None = None
        rows.on_change(self._forget)

    def _forget(self) -> None:
        self._off = None

    def alerting_off(self, conn: Connection) -> frozenset[str]:
        """Customers whose tenant or contracts have no alerts (A10)."""
        if self._off is None:
            trees = self._rows.trees(conn)
            contracts = self._rows.items(conn, "entitlement")
            tenants = {row["id"]: row for row in self._rows.items(conn, "tenant")}
            off = set[str]()
            for customer in trees.customers if tenants or contracts else ():
                tenant = tenant_of(trees, Group.CUSTOMER, customer)
                mine = [row for row in contracts if row["customer"] == customer]
                offer = Offer.of_tenant(tenants.get(tenant), tenant).of_contracts(mine)
                if reason_off(offer, ALERTS) is not None:
                    off.add(customer)
            self._off = frozenset(off)
        return self._off


class KnownReaders:
    """Who may read the alerts of a thing, as a request of theirs would be answered."""

    def __init__(self) -> None:
        self._callers: KnownCallers | None = None

    def know(self, callers: KnownCallers) -> None:
        """Ask these from now on."""
        self._callers = callers

    def sees_alerts(self, conn: Connection, user: str, thing: str, at_ms: int) -> bool:
        """Whether a user may read the alerts of a thing that began at a time."""
        who = None if self._callers is None else self._callers.principal(conn, user)
        if who is None or not who.may(ALERTS):
            return False
        return who.things is None or (thing in who.things and at_ms >= who.things[thing])
