"""The role catalogue: who may do what, as data (the roles of 2.8). Nothing is granted by default.

``orders:rw`` stands for ``orders:read`` and ``orders:write``; letters are r(ead), w(rite),
d(elete), i(mport), a(pprove). Some permissions are for some groups only: a role of another group
that names one is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reference_impl.kernel.access import Group

LETTERS = {"r": "read", "w": "write", "d": "delete", "i": "import", "a": "approve"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A permission set and a view, for users of one group."""

    id: str
    title: str
    group: Group
    view: str
    permissions: frozenset[str]


def spelled(brief: str) -> frozenset[str]:
    """``"orders:rw alerts:r"`` as permissions."""
    found = set[str]()
    for entry in brief.split():
        what, _, letters = entry.partition(":")
        found |= {f"{what}:{LETTERS[letter]}" for letter in letters}
    return frozenset(found)


_ME = "me:r feed:r agreements:r"
_LOOK = f"{_ME} things:r sites:r models:r customers:r conditions:r telemetry:r register:r"
_LOOK += " explain:r alerts:r"
_HOOKS = "api-keys:r webhooks:rw"
_USE = f"{_LOOK} alerts:w actions:rw tickets:rw commands:rw metrics:r work-orders:r flags:r"
_USE += " sla:r planned-work:rw collection-stops:r advice:r"
_BUY = "parts:r orders:rw policies:rw recommendations:rw needs:r subscriptions:rw"
_BUY += " explain:r invoices:r"
_OWN = "webhooks:rw users:rwd api-keys:rwd consents:rw grants:rwd recipients:r export:r"
_OWN += " activation:w audit:r secondary-uses:r"
_SERVE = f"{_LOOK} diagnostics:r tickets:rw actions:rw commands:rw work-orders:rw planning:r"
_SERVE += " collections:r collection-routes:rw collection-stops:r"
_SERVE += " sla:r planned-work:rw firmware:r alerts:w metrics:r recommendations:r needs:r parts:r"
_SERVE += " advice:r diagnostics:w"
_BILL = "business-cases:r subscriptions:r charges:rw invoices:rw settlements:r"
_SELL = f"{_ME} customers:rw sites:r things:r models:r parts:rw orders:ra recommendations:r needs:r"
_CONSOLE = f"{_LOOK} models:rwi parts:rwi rule-packs:rw agreements:rw flags:rw metrics:rw tenants:r"
_CONSOLE += " webhooks:rw offers:rw subscriptions:r organisations:rw partners:rwi customers:rwi"
_CONSOLE += " firmware:rw sites:rwi things:rwid users:rwdi roles:rw"
_CONSOLE += " api-keys:rwd entitlements:rw recipients:rw ingestion:r"
_CONSOLE += (
    " audit:r activation:w suppliers:rw invoicing:rw consents:r grants:r register:r diagnostics:r"
)

_MANAGE = f"{_SERVE} planning:w contracts:rw outcomes:rw disputes:w customers:rw partners:r users:r"
_MANAGE += " firmware:rwa contacts:rwd webhooks:rw policies:rw rule-packs:r orders:r activation:w"
_MANAGE += " service-levels:rw collections:w secondary-uses:rw recipients:rw"

_C, _P, _O, _R = Group.CUSTOMER, Group.PARTNER, Group.ORGANISATION, Group.RECIPIENT
_TABLE: tuple[tuple[str, str, Group, str, str], ...] = (
    ("machine-user", "Machine user", _C, "portal", _USE),
    ("site-manager", "Plant, site or process manager", _C, "portal",
     (f"{_USE} {_BUY} {_OWN} contracts:r outcomes:r disputes:w entitlements:r webhooks:rw"
      " advice:w")),
    ("maintenance-operator", "Internal maintenance operator", _C, "portal", f"{_USE} needs:r"),
    ("maintenance-manager", "Internal maintenance manager", _C, "portal",
     f"{_USE} {_BUY} activation:w"),
    ("purchaser", "Purchaser", _C, "portal",
     f"{_ME} things:r sites:r models:r customers:r {_BUY} contracts:r"),
    ("energy-manager", "Energy manager", _C, "portal",
     f"{_LOOK} metrics:r outcomes:r export:r advice:rw"),
    ("partner-technician", "Partner's maintenance operator", _P, "control-room", _SERVE),
    ("partner-manager", "Partner's maintenance manager", _P, "control-room",
     (f"{_SERVE} planning:w audit:r users:rwd api-keys:rwd partners:r contracts:r outcomes:r"
      " leads:rw settlements:r subscriptions:rw")),
    ("partner-sales", "Partner's sales representative", _P, "back-office",
     f"{_SELL} leads:rw partners:r"),
    ("parts-supplier", "Parts supplier's back office", _P, "back-office",
     f"{_ME} things:r parts:r orders:rwa"),
    ("service-technician", "Manufacturer's service team", _O, "control-room", _SERVE),
    ("service-manager", "Manufacturer's service manager", _O, "control-room", _MANAGE),
    ("parts-sales", "Spare-parts sales", _O, "back-office",
     f"{_SELL} suppliers:rw orders:w policies:r partners:r"),
    ("product-manager", "Product manager", _O, "back-office",
     (f"{_LOOK} metrics:r rule-packs:r parts:r flags:rw outcomes:r entitlements:r offers:w"
     " subscriptions:r business-cases:r reliability:r")),
    ("research", "Research and development", _O, "back-office",
     f"{_LOOK} metrics:r rule-packs:r ingestion:r reliability:rw"),
    ("account-manager", "Sales and account manager", _O, "back-office",
     f"{_SELL} contracts:rw outcomes:r leads:rw entitlements:rw partners:r offers:rw {_BILL}"),
    ("finance", "Finance", _O, "back-office",
     (f"{_ME} customers:r contracts:r outcomes:r orders:r suppliers:r invoicing:rw {_BILL}"
      " settlements:w")),
    ("board", "Board", _O, "back-office",
     (f"{_ME} customers:r contracts:r outcomes:r orders:r invoices:r settlements:r"
      " business-cases:r")),
    ("console", "Console configurator", _O, "console", _CONSOLE),
    ("integrator", "Expert partner who integrates", _P, "console",
     f"{_LOOK} models:r rule-packs:r parts:r metrics:r things:ri {_HOOKS}"),
    ("recipient", "Data Recipient", _R, "portal", "me:r things:r telemetry:r export:r"),
)  # fmt: skip
ROLES: Mapping[str, Role] = {
    name: Role(id=name, title=title, group=group, view=view, permissions=spelled(brief))
    for name, title, group, view, brief in _TABLE
}
"""The catalogue. Households (B2C) are out of scope, as 2.8 says."""
OPERATORS_ONLY = spelled("clock:w snapshot:w tenants:w operator:w")
"""What no role may ever have: it drives the DPS, or concerns several tenants."""
GROUPS: Mapping[str, frozenset[Group]] = {
    "grants:write": frozenset({_C}),
    "grants:delete": frozenset({_C}),
    "consents:write": frozenset({_C}),
    "models:write": frozenset({_O}),
    "rule-packs:write": frozenset({_O}),
    "agreements:write": frozenset({_O}),
    "organisations:write": frozenset({_O}),
    "partners:write": frozenset({_O}),
    "invoicing:write": frozenset({_O}),
    "suppliers:write": frozenset({_O}),
    "entitlements:write": frozenset({_O}),
    "offers:write": frozenset({_O}),
    "charges:write": frozenset({_O, _P}),
    "invoices:write": frozenset({_O}),
    "settlements:write": frozenset({_O}),
    "outcomes:write": frozenset({_O}),
    "contracts:write": frozenset({_O}),
    "orders:approve": frozenset({_O, _P}),
    "diagnostics:read": frozenset({_O, _P}),
    "diagnostics:write": frozenset({_O, _P}),
    "planning:write": frozenset({_O, _P}),
    "collections:write": frozenset({_O, _P}),
    "collection-routes:read": frozenset({_O, _P}),
    "collection-routes:write": frozenset({_O, _P}),
    "service-levels:write": frozenset({_O}),
    "advice:write": frozenset({_C}),
    "service-levels:read": frozenset({_O, _P}),
    "secondary-uses:write": frozenset({_O}),
}
"""Permissions that only users of some groups may have."""
PERMISSIONS: frozenset[str] = OPERATORS_ONLY.union(*(role.permissions for role in ROLES.values()))
"""Every permission there is."""


def refused_permissions(group: Group, wanted: Iterable[str]) -> dict[str, str]:
    """What a role of a group may not have, each with the reason."""
    found: dict[str, str] = {}
    for permission in wanted:
        if permission not in PERMISSIONS:
            found[permission] = "no such permission"
        elif permission in OPERATORS_ONLY:
            found[permission] = "the operator's alone"
        elif group not in GROUPS.get(permission, frozenset(Group)):
            found[permission] = f"not for users of a {group.value}"
    return found
