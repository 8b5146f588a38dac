"""HTTP of advice: plans with their rounds, consent, advice to customers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from reference_impl.insight.advice import Given, Step, Trial
from reference_impl.insight.advising import Advising
from reference_impl.kernel import access
from reference_impl.kernel.http.bodies import Body, Finding
from reference_impl.kernel.http.guard import needs
from reference_impl.kernel.http.routes import new_router
from reference_impl.kernel.ports import Clock, Take
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import Store

Text = Annotated[str, Field(min_length=1, max_length=200)]
Cel = Annotated[str, Field(min_length=1, max_length=2000)]
Span = Annotated[float, Field(gt=0.0, le=90 * 86_400.0, allow_inf_nan=False)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Ident = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
Limit = Annotated[int, Query(ge=1, le=1000)]
WEEK_S = 7 * 86_400.0


class SeenBody(Body):
    """Readings of a signal (or metric) over a time, as one number."""

    signal: Text
    take: Take = Take.LAST
    over_s: Span = 3600.0


class GuardBody(Body):
    """What must not come of it; looked at once a day."""

    title: Text
    let: Annotated[dict[str, SeenBody], Field(min_length=1)]
    when: Cel


class MeterBody(Body):
    """`use`: the rise of a counter in a day; `mean`: the mean of the readings."""

    signal: Text
    take: Literal["use", "mean"] = "mean"


class MeasureBody(MeterBody):
    """What is to become less; `per`: divided by the same of another signal."""

    per: MeterBody | None = None


class PlanBody(Body):
    """A parameter, the machines for which another value is better, and how that is measured.

    Formulas are CEL over `let` and `now`, the present value of the parameter (`usual` where a
    machine never said what it has).
    """

    title: Text
    model: Text
    addressee: Text
    things: Annotated[list[Text] | None, Field(description="null: all that the author sees")] = None
    unit: Annotated[
        Literal["thing", "site"], Field(description="Who shares one value of the parameter")
    ] = "thing"
    let: Annotated[dict[str, SeenBody], Field(min_length=1)]
    when: Annotated[Cel, Field(description="For which machines it is, as a CEL condition")]
    parameter: Text
    usual: Number
    to: Annotated[Cel, Field(description="The value that is better, as a CEL formula")]
    expected_pct: Annotated[
        Cel, Field(description="Expected drop of the measure, per cent: a CEL formula")
    ]
    measure: MeasureBody
    eur_per_unit: Annotated[
        Number, Field(ge=0.0, description="Euros of a day for one unit of the measure")
    ] = 0.0
    guards: list[GuardBody] = Field(default_factory=list)
    least: Annotated[
        int, Field(ge=2, le=10_000, description="A round begins with so many units")
    ] = 4
    control_share: Annotated[
        float, Field(ge=0.0, le=0.9, description="Share of them that is left alone")
    ] = 0.5
    before_s: Span = WEEK_S
    consent_s: Annotated[Span, Field(description="Seconds for customers to think about it")] = (
        WEEK_S
    )
    after_s: Span = WEEK_S

    @classmethod
    def cross(cls, data: Mapping[str, Any]) -> Sequence[Finding]:
        """A control group beside treated ones needs two units at least of each for an interval."""
        share, least = data.get("control_share", 0.5), data.get("least", 4)
        if isinstance(share, float | int) and isinstance(least, int) and share > 0 and least < 4:
            what = f"{least} units make no two groups that can be compared"
            return [(("least",), what, "4 or more, or control_share 0")]
        return ()


class PlanView(BaseModel):
    """A plan, where its round is, who is in which group, and what the last one brought."""

    id: str
    state: Trial
    round: int
    plan: Annotated[PlanBody, Field(description="As it was installed")]
    groups: Annotated[
        dict[str, list[list[str]]], Field(description="Units by group: `treated`, `control`")
    ]
    begun_ms: int | None
    apply_by_ms: int | None
    ends_ms: int | None
    result: Annotated[
        dict[str, Any], Field(description="What the round came to; before that what is counted")
    ]
    changed_ms: int


class PlanList(BaseModel):
    """Plans."""

    items: list[PlanView]
    next: str | None


class ConsentBody(Body):
    """Who agrees."""

    by: Text


class ConsentView(BaseModel):
    """A customer's consent to what a plan advises, given beforehand."""

    plan: str
    customer: str
    by: str
    at_ms: int


class DecideBody(Body):
    """Who decides, and why."""

    by: Text
    why: Annotated[str, Field(max_length=500)] = ""


class AdviceView(BaseModel):
    """One advice: whom it is for, what it should bring, what it brought."""

    id: str
    plan: str
    round: int
    thing: str
    things: list[str]
    customer: str
    addressee: str
    state: Given
    title: str
    parameter: str
    was: float
    value: float
    seen: Annotated[dict[str, float], Field(description="What the advice was derived from")]
    before: float
    expected_pct: float
    benefit_pct: float | None
    by: str
    why: str
    given_ms: int
    applied_ms: int | None
    ended_ms: int | None


class AdviceList(BaseModel):
    """Advice."""

    items: list[AdviceView]
    next: str | None


def router(service: Advising, clock: Clock, store: Store) -> APIRouter:
    """The routes of advice."""
    api = new_router("insight")

    @api.put("/advice-plans/{ident}", dependencies=[needs("rule-packs:write")])
    async def put_plan(ident: Ident, body: PlanBody) -> PlanView:
        """Install a plan; one whose round was measured begins another."""
        with store.begin() as uow:
            plan = body.model_dump(mode="json")
            return _plan(service.put(uow, ident, plan, at_ms=clock.now_ms()))

    @api.get("/advice-plans", dependencies=[needs("rule-packs:read")])
    async def plans(limit: Limit = 100, after: str | None = None) -> PlanList:
        """All plans, by id."""
        with store.read() as conn:
            rows, following = _page(service.plans(conn), limit, after)
        return PlanList(items=[_plan(row) for row in rows], next=following)

    @api.get("/advice-plans/{ident}", dependencies=[needs("rule-packs:read")])
    async def plan(ident: str) -> PlanView:
        """One plan."""
        with store.read() as conn:
            return _plan(service.plan(conn, ident))

    @api.put("/advice-plans/{ident}/consents/{customer}", dependencies=[needs("advice:write")])
    async def consent(ident: str, customer: str, body: ConsentBody) -> ConsentView:
        """Agree beforehand to what a plan advises for the customer's machines."""
        with store.begin() as uow:
            given = service.consent(uow, ident, customer, by=body.by, at_ms=clock.now_ms())
            return ConsentView(**given)

    @api.get("/advice", dependencies=[needs("advice:read")])
    async def advice(
        thing: str | None = None, limit: Limit = 100, after: str | None = None
    ) -> AdviceList:
        """Advice (for a thing), by id."""
        only = {}
        if thing is not None:
            access.must_see_thing(thing)
            only = {"thing": thing}
        with store.read() as conn:
            rows, following = _page(service.advices.items(conn, **only), limit, after)
        return AdviceList(items=[AdviceView(**row) for row in rows], next=following)

    @api.get("/advice/{advice_id}", dependencies=[needs("advice:read")])
    async def one(advice_id: str) -> AdviceView:
        """One advice."""
        with store.read() as conn:
            return AdviceView(**service.advices.get(conn, advice_id))

    def decided(ident: str, step: Step, body: DecideBody) -> AdviceView:
        with store.begin() as uow:
            row = service.advices.decide(
                uow, ident, step, by=body.by, why=body.why, at_ms=clock.now_ms()
            )
        return AdviceView(**row)

    @api.post("/advice/{advice_id}/accept", dependencies=[needs("advice:write")])
    async def accept(advice_id: str, body: DecideBody) -> AdviceView:
        """Agree; the machine is told the new value."""
        return decided(advice_id, Step.ACCEPT, body)

    @api.post("/advice/{advice_id}/decline", dependencies=[needs("advice:write")])
    async def decline(advice_id: str, body: DecideBody) -> AdviceView:
        """Say no."""
        return decided(advice_id, Step.DECLINE, body)

    return api


def _plan(row: Row) -> PlanView:
    return PlanView(plan=row["body"], **{k: row[k] for k in PlanView.model_fields if k != "plan"})


def _page(rows: Sequence[Row], limit: int, after: str | None) -> tuple[list[Row], str | None]:
    left = [row for row in rows if after is None or row["id"] > after]
    return left[:limit], left[limit - 1]["id"] if len(left) > limit else None
