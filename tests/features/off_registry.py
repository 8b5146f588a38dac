"""How the rows of parties, access, ownership, rights and initiatives are switched off."""

from __future__ import annotations

from reference_impl.kernel import access
from reference_impl.kernel.errors import Invalid
from reference_impl.kernel.http import guard
from reference_impl.registry import areas, governance, imports, scope, service, tenancy
from reference_impl.registry.areas import Area, Initiative
from reference_impl.registry.callers import KnownCallers
from reference_impl.registry.rights import Rights
from reference_impl.registry.service import Registry
from reference_impl.registry.tenancy import Tenancy


def _everything_on(mp):
    mp.setattr(areas, "reason_off", lambda offer, permission: None)


def _untold(field, value):
    def patch(mp):
        terms = {name: said._replace(**{field: value}) for name, said in areas.TERMS.items()}
        mp.setattr(tenancy, "TERMS", terms)

    return patch


def _every_page(mp):
    mp.setattr(tenancy, "pages_of", lambda offer, may, portal_only: areas.PAGES)


def _a_room_for_everybody(mp):
    mp.setattr(areas, "CONTROL_ROOM", frozenset(Initiative))


def _any_token_will_do(mp):
    mp.setattr(service.hmac, "compare_digest", lambda one, other: True)


def _the_past_comes_with_the_thing(mp):
    def things(trees, customers, organisations):
        return {name: 0 for name, row in trees.things.items() if row["customer"] in customers}

    mp.setattr(scope, "_things", things)


def _every_row_for_everybody(mp):
    mp.setattr(access, "seen", lambda rows, of="customer": list(rows))


def _every_branch_for_everybody(mp):
    mp.setattr(access, "seen_of_parties", lambda rows, of="party": list(rows))


def _everything_permitted(mp):
    mp.setattr(guard, "must", lambda permission: None)


def _terms_need_no_acceptance(mp):
    mp.setattr(KnownCallers, "unaccepted", lambda self, conn, who: [])


def _no_consent_needed(mp):
    mp.setattr(Rights, "_must_consent", lambda self, conn, customer, purpose: None)


def _every_feature_for_everybody(mp):
    mp.setattr(Tenancy, "_is_on", lambda self, conn, row, who: True)


def _mistakes_passed_over(mp):
    def lenient(*args, **more):
        try:
            return imports.import_csv(*args, **more)
        except Invalid:
            return 0

    mp.setattr(governance, "import_csv", lenient)


def _no_limits(mp):
    mp.setattr(Registry, "must_have_room", lambda self, conn, kind, tenant, there: None)
    mp.setattr(KnownCallers, "_count", lambda self, known: None)


def _any_purpose(mp):
    mp.setattr(Rights, "must_be_for", lambda self, conn, thing, signal, purpose: None)


def _no_steps(mp):
    mp.setattr(areas, "AREAS", {n: Area(1, area.initiatives) for n, area in areas.AREAS.items()})


OFF = {
    "IN1": _everything_on,
    "IN2": _untold("goal", ""),
    "IN3": _untold("customer_pays_for", ""),
    "IN4": _untold("contracts", ()),
    "IN5": _untold("led_by", ""),
    "IN6": _untold("field_teams", ()),
    "IN7": _every_page,
    "IN8": _a_room_for_everybody,
    "DS5": _any_token_will_do,
    "DS6": _the_past_comes_with_the_thing,
    "CC10": _every_row_for_everybody,
    "CC11": _every_branch_for_everybody,
    "CC12": _everything_permitted,
    "CC13": _terms_need_no_acceptance,
    "CC16": _no_consent_needed,
    "CC20": _every_feature_for_everybody,
    "CC22": _mistakes_passed_over,
    "CC23": _no_limits,
    "CC26": _any_purpose,
    "ST1": _no_steps,
}
