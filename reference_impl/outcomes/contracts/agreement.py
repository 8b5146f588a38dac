"""The life of a contract, as a table; and what it says, as a version of its terms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from enum import StrEnum
from typing import Any

from reference_impl.kernel.errors import Problem
from reference_impl.outcomes.contracts.baselines import Gain, Meter
from reference_impl.outcomes.contracts.classes import Group
from reference_impl.outcomes.contracts.domain import Clauses

CUSTOMER_CONNECTIVITY = "customer_connectivity"
"""Why time is excluded in which the customer's own network let nothing through."""


class ContractState(StrEnum):
    """Where a contract stands."""

    DRAFT = "DRAFT"
    OFFERED = "OFFERED"
    SIGNED = "SIGNED"
    BASELINING = "BASELINING"
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    EXPIRED = "EXPIRED"
    TERMINATED = "TERMINATED"
    RENEWED = "RENEWED"


class ContractStep(StrEnum):
    """What moves a contract."""

    OFFER = "offer"
    REVISE = "revise"
    SIGN = "sign"
    BASELINE = "baseline"
    ACTIVATE = "activate"
    SUSPEND = "suspend"
    RESUME = "resume"
    EXPIRE = "expire"
    TERMINATE = "terminate"
    RENEW = "renew"


C, S = ContractState, ContractStep
CONTRACTS: Mapping[ContractState, Mapping[ContractStep, ContractState]] = {
    C.DRAFT: {S.OFFER: C.OFFERED},
    C.OFFERED: {S.REVISE: C.DRAFT, S.SIGN: C.SIGNED},
    C.SIGNED: {S.BASELINE: C.BASELINING, S.ACTIVATE: C.ACTIVE, S.TERMINATE: C.TERMINATED},
    C.BASELINING: {S.ACTIVATE: C.ACTIVE, S.TERMINATE: C.TERMINATED, S.EXPIRE: C.EXPIRED},
    C.ACTIVE: {
        S.SUSPEND: C.SUSPENDED,
        S.EXPIRE: C.EXPIRED,
        S.TERMINATE: C.TERMINATED,
        S.RENEW: C.RENEWED,
    },
    C.SUSPENDED: {S.RESUME: C.ACTIVE, S.EXPIRE: C.EXPIRED, S.TERMINATE: C.TERMINATED},
    C.EXPIRED: {},
    C.TERMINATED: {},
    C.RENEWED: {},
}
RUNNING = frozenset({C.BASELINING, C.ACTIVE, C.SUSPENDED})
"""States in which periods run."""
PAST: Mapping[ContractStep, str] = {
    S.OFFER: "offered",
    S.REVISE: "revised",
    S.SIGN: "signed",
    S.BASELINE: "baselining",
    S.ACTIVATE: "activated",
    S.SUSPEND: "suspended",
    S.RESUME: "resumed",
    S.EXPIRE: "expired",
    S.TERMINATE: "terminated",
    S.RENEW: "renewed",
}
BY_PEOPLE = (S.OFFER, S.REVISE, S.SIGN, S.SUSPEND, S.RESUME, S.TERMINATE)
"""Steps that somebody asks for; the others come with time."""


class Owner(StrEnum):
    """Whose the things are while the contract runs (AS9)."""

    CUSTOMER = "customer"
    PROVIDER = "provider"


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What it costs the provider to serve: a visit by day, and one at night (6.1)."""

    visit_eur: float
    night_visit_eur: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """One version of what a contract says; euros, seconds and shares as they were agreed."""

    things: tuple[str, ...]
    fee_eur: float
    target: float
    up_when: str
    step: float = 0.001
    credit_pct_per_step: float = 2.0
    cap_pct: float = 20.0
    unknown_after_s: float = 900.0
    grace_s: float = 0.0
    degraded_when: str = ""
    degraded_weight: float = 0.5
    counts_when: str = ""
    rectify_s: float = 0.0
    groups: tuple[Group, ...] = ()
    exclusions: tuple[str, ...] = ()
    planned_allowance_s: float | None = None
    updates_are_planned: bool = False
    connectivity: str = Owner.PROVIDER
    bonus_pct_per_step: float = 0.0
    bonus_cap_pct: float = 0.0
    objection_s: float | None = None
    warn_every_s: float | None = None
    baseline_days: int = 0
    gain: Gain | None = None
    costs: Costs | None = None
    owner: str = Owner.CUSTOMER
    replace_after_days: int | None = None
    renews: bool = False

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Terms:
        """From a document with just these fields."""
        found = dict(said)
        found["things"] = tuple(said["things"])
        found["exclusions"] = tuple(said.get("exclusions", ()))
        found["groups"] = tuple(
            Group(one["id"], tuple(one["things"]), one["k"]) for one in said.get("groups", ())
        )
        if (gain := said.get("gain")) is not None:
            meters = {
                name: Meter(**{**gain[name], "things": tuple(gain[name]["things"])})
                for name in ("used", "demand")
            }
            found["gain"] = Gain(**{**gain, **meters})
        if said.get("costs") is not None:
            found["costs"] = Costs(**said["costs"])
        return cls(**found)

    @property
    def full(self) -> bool:
        """Whether it says more than the short way does; its results then tell more."""
        return self.objection_s is not None

    @property
    def clauses(self) -> Clauses:
        """The numbers that a period is settled by."""
        return Clauses(
            fee_eur=self.fee_eur,
            target=self.target,
            step=self.step,
            credit_pct_per_step=self.credit_pct_per_step,
            cap_pct=self.cap_pct,
            bonus_pct_per_step=self.bonus_pct_per_step,
            bonus_cap_pct=self.bonus_cap_pct,
        )

    @property
    def hold_ms(self) -> int:
        """How long a report vouches for."""
        return round(self.unknown_after_s * 1000)

    @property
    def grace_ms(self) -> int:
        """How long late data are waited for."""
        return round(self.grace_s * 1000)

    @property
    def rectify_ms(self) -> int:
        """Within what time a failure may be mended without being charged."""
        return round(self.rectify_s * 1000)

    @property
    def planned_allowance_ms(self) -> int | None:
        """How much of the agreed windows of a period is not charged; None: all of it."""
        return None if self.planned_allowance_s is None else round(self.planned_allowance_s * 1000)


def whole(said: Mapping[str, Any]) -> dict[str, Any]:
    """A document of terms with every field, as plain data: what is not said has its default."""
    defaults = {
        field.name: list(field.default) if isinstance(field.default, tuple) else field.default
        for field in fields(Terms)
        if field.default is not MISSING
    }
    names = {field.name for field in fields(Terms)}
    return {**defaults, **{name: value for name, value in said.items() if name in names}}


def contradictions(said: Mapping[str, Any]) -> list[Problem]:
    """What a document of terms says that does not go together.

    Three combinations would let missing data raise the figure (K7) and are refused: they trade time
    that does not count against time that counts in part (ADR on less data).
    """
    missing = [field.name for field in fields(Terms) if said.get(field.name, field) is field]
    problems = [
        Problem(where=name, what="is missing", allowed="a term, or a tier that has it")
        for name in missing
    ]
    if problems:
        return problems
    return [*_clauses(said), *_groups(said), *_money(said)]


def _clauses(said: Mapping[str, Any]) -> Iterator[Problem]:
    if said["counts_when"]:
        for name in ("degraded_when", "rectify_s", "groups"):
            if said[name]:
                what = "does not go together with counts_when"
                yield Problem(where=name, what=what, allowed="one of the two")
    if said["grace_s"] < said["rectify_s"]:
        allowed = f"at least rectify_s, {said['rectify_s']:g}"
        yield Problem(where="grace_s", what=f"is {said['grace_s']:g}", allowed=allowed)
    if said["connectivity"] == Owner.PROVIDER and CUSTOMER_CONNECTIVITY in said["exclusions"]:
        what, allowed = f"{CUSTOMER_CONNECTIVITY!r}", "only where connectivity is customer"
        yield Problem(where="exclusions", what=what, allowed=allowed)


def _groups(said: Mapping[str, Any]) -> Iterator[Problem]:
    taken, grouped = set(said["things"]), set[str]()
    for place, group in enumerate(said["groups"]):
        where = f"groups[{place}]"
        if group["id"] in taken:
            what = f"{group['id']!r} stands for something else"
            yield Problem(where=f"{where}.id", what=what, allowed="a name of its own")
        taken.add(group["id"])
        if not 1 <= group["k"] <= len(group["things"]):
            allowed = f"1 to {len(group['things'])}"
            yield Problem(where=f"{where}.k", what=f"is {group['k']}", allowed=allowed)
        for thing in group["things"]:
            if thing not in said["things"] or thing in grouped:
                allowed = "things of the contract, each in one group"
                yield Problem(where=f"{where}.things", what=f"{thing!r}", allowed=allowed)
            grouped.add(thing)


def _money(said: Mapping[str, Any]) -> Iterator[Problem]:
    if bool(said["baseline_days"]) != (said["gain"] is not None):
        what = f"is {said['baseline_days']}"
        allowed = "30 to 90 where there is a gain share, 0 elsewhere"
        yield Problem(where="baseline_days", what=what, allowed=allowed)
