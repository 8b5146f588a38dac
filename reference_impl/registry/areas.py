"""What the four initiatives and the eight steps of the staircase switch on. Pure data and rules.

An area is what a permission is about: ``orders`` in ``orders:write``. It exists from a step of the
services staircase on (table 2.5), and some belong to initiatives (table 2.0): it is on while one of
them is. Areas that are not listed, such as users and data sharing, are always on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple


class Initiative(StrEnum):
    """The columns of table 2.0."""

    DIGITAL = "digital-services"
    PARTS = "smart-parts"
    FIELD = "field-services"
    ADVANCED = "advanced-services"


class Terms(NamedTuple):
    """What an initiative is, besides what it switches on: the other rows of table 2.0."""

    data_used_to: str
    goal: str
    customer_pays_for: str
    contracts: tuple[str, ...]
    led_by: str
    field_teams: tuple[str, ...]


TERMS: Mapping[Initiative, Terms] = {
    Initiative.DIGITAL: Terms(
        "help end customers use and maintain the product",
        "loyalty, connected sales, subscription revenue",
        "access to data, insight and workflows",
        ("free", "subscription"),
        "product-manager",
        (),
    ),
    Initiative.PARTS: Terms(
        "simplify and automate supply; detect when something is to be replaced",
        "efficient supply, more and recurring revenue",
        "parts when needed",
        ("transaction", "subscription"),
        "parts-sales",
        (),
    ),
    Initiative.FIELD: Terms(
        "empower internal and external service teams",
        "efficient, proactive service; contracts; subscriptions of partners",
        "repair and maintenance",
        ("transaction", "subscription"),
        "service-manager",
        ("assistance", "repair", "maintenance"),
    ),
    Initiative.ADVANCED: Terms(
        "measure and protect guaranteed outcomes",
        "capture more value, take on as little risk as possible",
        "outcomes",
        ("subscription",),
        "service-manager",
        ("maintenance",),
    ),
}
_D, _P, _F, _A = Initiative


class Area(NamedTuple):
    """When an area is on: from which step, and with any of which initiatives (empty: with all)."""

    step: int
    initiatives: frozenset[Initiative] = frozenset()


def _area(step: int, *initiatives: Initiative) -> Area:
    return Area(step, frozenset(initiatives))


AREAS: Mapping[str, Area] = {
    "parts": _area(1, _P, _F, _A),
    "telemetry": _area(2, _D, _F, _A),
    "conditions": _area(2),
    "orders": _area(2, _P),
    "policies": _area(2, _P),
    "recommendations": _area(2, _P),
    "needs": _area(2, _P),
    "subscriptions": _area(1, _D, _F, _A),
    "alerts": _area(3, _D, _F, _A),
    "tickets": _area(3, _D, _F, _A),
    "commands": _area(3, _D, _F, _A),
    "firmware": _area(3, _D, _F, _A),
    "work-orders": _area(3, _F, _A),
    "register": _area(3, _F, _A),
    "service-levels": _area(4, _F, _A),
    "sla": _area(4, _F, _A),
    "planned-work": _area(4, _F, _A),
    "diagnostics": _area(3, _F, _A),
    "contracts": _area(4, _A),
    "disputes": _area(4, _A),
    "planning": _area(4, _F, _A),
    "advice": _area(5, _D, _F, _A),
    "actions": _area(5, _D, _F, _A),
    "metrics": _area(5, _D, _F, _A),
    "outcomes": _area(6, _A),
    "secondary-uses": _area(8),
}


class Page(NamedTuple):
    """A screen: who may open it has the permission."""

    face: str
    name: str
    permission: str


PAGES: Sequence[Page] = (
    Page("portal", "overview", "things:read"),
    Page("portal", "machine", "things:read"),
    Page("portal", "wear", "conditions:read"),
    Page("portal", "charts", "telemetry:read"),
    Page("portal", "alerts", "alerts:read"),
    Page("portal", "actions", "actions:read"),
    Page("portal", "remote-control", "commands:write"),
    Page("portal", "store", "orders:write"),
    Page("portal", "order-policies", "policies:write"),
    Page("portal", "tickets", "tickets:read"),
    Page("portal", "visits", "work-orders:read"),
    Page("portal", "outcomes", "outcomes:read"),
    Page("portal", "data-sharing", "grants:write"),
    Page("portal", "profile", "me:read"),
    Page("control-room", "overview", "diagnostics:read"),
    Page("control-room", "machine-diagnostics", "diagnostics:read"),
    Page("control-room", "tickets", "tickets:write"),
    Page("control-room", "planning", "planning:read"),
    Page("control-room", "outcomes", "outcomes:write"),
    Page("back-office", "customers", "customers:write"),
    Page("back-office", "partners", "partners:write"),
    Page("back-office", "things", "things:write"),
    Page("back-office", "catalogue", "parts:write"),
    Page("back-office", "orders", "orders:approve"),
    Page("console", "models", "models:write"),
    Page("console", "rules", "rule-packs:write"),
    Page("console", "agreements", "agreements:write"),
    Page("console", "limits", "tenants:read"),
)
CONTROL_ROOM = frozenset({_F, _A})
"""Initiatives that come with a Digital Control Room; the others have none."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a tenant, or a customer by its contracts, is offered."""

    whose: str
    step: int = 8
    initiatives: frozenset[Initiative] = frozenset(Initiative)

    @classmethod
    def of_tenant(cls, row: Mapping[str, Any] | None, tenant: str) -> Offer:
        """As the tenant's settings say; everything if nobody said anything."""
        if row is None:
            return cls(f"tenant {tenant!r}")
        return cls(
            f"tenant {tenant!r}", row["step"], frozenset(map(Initiative, row["initiatives"]))
        )

    def of_contracts(self, rows: Sequence[Mapping[str, Any]]) -> Offer:
        """What is left of it for a customer with contracts: what one of them names."""
        if not rows:
            return self
        named = frozenset(Initiative(name) for row in rows for name in row["initiatives"])
        return Offer(
            "the customer's contract",
            min(self.step, max(row["step"] for row in rows)),
            self.initiatives & named,
        )


def reason_off(offer: Offer, permission: str) -> str | None:
    """Why a permission is switched off by an offer; None if it is on."""
    area = AREAS.get(permission.partition(":")[0])
    if area is None:
        return None
    what = permission.partition(":")[0]
    if offer.step < area.step:
        return (
            f"{what} begin at step {area.step} of the services staircase; {offer.whose} is at "
            f"step {offer.step}"
        )
    if area.initiatives and not area.initiatives & offer.initiatives:
        names = " or ".join(sorted(area.initiatives))
        return f"{what} need the initiative {names}, which is off for {offer.whose}"
    return None


def switched_off(offer: Offer, permissions: Iterable[str]) -> dict[str, str]:
    """The permissions that an offer switches off, each with the reason."""
    found = {permission: reason_off(offer, permission) for permission in permissions}
    return {permission: reason for permission, reason in found.items() if reason is not None}


def pages_of(offer: Offer, may: Iterable[str], *, portal_only: bool) -> list[Page]:
    """The pages that are left for who has the permissions ``may`` of what is not switched off.

    ``portal_only``: customers have no other face.
    """
    allowed = frozenset(may)
    with_room = bool(offer.initiatives & CONTROL_ROOM)
    return [
        page
        for page in PAGES
        if page.permission in allowed
        and (page.face == "portal" or not portal_only)
        and (with_room or page.face != "control-room")
    ]
