"""Bodies and answers of firmware and of remote fixes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from reference_impl.kernel.http.bodies import Body, Finding
from reference_impl.kernel.ports import Take
from reference_impl.remote import firmware as f
from reference_impl.remote import gates

Text = Annotated[str, Field(min_length=1, max_length=200)]
Span = Annotated[float, Field(gt=0.0, le=90 * 86_400.0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Value = float | int | bool | str
PER_MINUTE = 100
"""Devices released in a minute where nobody says otherwise (ThingsBoard's default: FW10)."""
IN_FLIGHT = 100
"""How many are under way at once where nobody says otherwise (estimate)."""
DAY_S = 86_400.0


class PackageBody(Body):
    """An image: its SHA-256 goes with each request, so that devices can verify it (CC8, FW1)."""

    name: Text
    version: Annotated[str, Field(pattern=f.VERSION)]
    size_bytes: Annotated[int, Field(gt=0, le=2**40)]
    checksum: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    url: Annotated[str, Field(max_length=1000, description="Where devices get it")] = ""
    models: Annotated[list[Text], Field(min_length=1)]
    hardware: list[Text] = Field(default_factory=list)


class PackageView(PackageBody):
    """A package that is offered."""

    id: str
    created_ms: int


class VariableBody(Body):
    """Readings of a signal over a time, as one number."""

    signal: Text
    take: Take = Take.LAST
    over_s: Span = 3600.0


class ConditionBody(Body):
    """A condition on telemetry: CEL over what ``let`` names; without a reading nobody knows it."""

    title: Text
    let: Annotated[dict[str, VariableBody], Field(min_length=1)]
    when: Text


class GroupBody(Body):
    """Some of the devices: a share of those that no group lists, or a list.

    The next group begins once ``success_share`` of this one is updated; more errors than
    ``error_share`` stop the rollout (FW7).
    """

    share: Annotated[Share, Field(description="Share of those that no group lists")] = 0.0
    things: list[Text] = Field(default_factory=list)
    success_share: Share = 0.8
    error_share: Share = 0.2


class WindowBody(Body):
    """When devices may be asked, in the time of their location; it may cross midnight."""

    hours: Annotated[str, Field(pattern=gates.HOURS)]
    days: Annotated[
        list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]],
        Field(min_length=1, description="Days on which it begins"),
    ] = Field(default_factory=lambda: list(gates.DAYS))  # type: ignore[arg-type]


class HealthBody(Body):
    """Compare alerts of each group so long after its update with devices that were not (FW12).

    ``gate``: the next group waits for it. ``control``: things that are never updated by this.
    """

    after_s: Span = DAY_S
    alpha: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.01
    gate: bool = False
    control: list[Text] = Field(default_factory=list)


class RolloutBody(Body):
    """What is rolled out to whom, how fast, and what stops it."""

    by: Text
    package: Text
    things: list[Text] | None = None
    sites: list[Text] | None = None
    groups: Annotated[
        list[GroupBody],
        Field(min_length=1, max_length=50, description="Who is updated after whom"),
    ]
    approval: bool = True
    downgrade: bool = False
    window: WindowBody | None = None
    forbidden: list[ConditionBody] = Field(default_factory=list)
    per_minute: Annotated[int, Field(ge=1, le=100_000)] = PER_MINUTE
    in_flight: Annotated[int, Field(ge=1, le=100_000)] = IN_FLIGHT
    device_timeout_s: Span = 26 * 3600.0
    patience_s: Span = 7 * DAY_S
    health: HealthBody | None = None

    @classmethod
    def cross(cls, data: Mapping[str, Any]) -> Sequence[Finding]:
        """Nobody is in two groups, and shares do not exceed all."""
        groups = data.get("groups")
        groups = [g for g in groups if isinstance(g, Mapping)] if isinstance(groups, list) else []
        shares = [g.get("share", 0.0) for g in groups]
        found: list[Finding] = []
        if all(isinstance(s, int | float) for s in shares) and sum(shares) > 1.0 + 1e-9:
            found.append((("groups",), f"the shares are {sum(shares):g} together", "at most 1"))
        listed = [g.get("things") for g in groups]
        names = [t for things in listed if isinstance(things, list) for t in things]
        twice = sorted({str(t) for t in names if isinstance(t, str) and names.count(t) > 1})
        found += [(("groups",), f"{thing!r} is in two groups", "one group") for thing in twice]
        return found


class StepCall(Body):
    """Who decides, and why."""

    by: Text
    reason: Annotated[str, Field(max_length=1000)] = ""


class ReasonedCall(Body):
    """Who decides, and why: this needs a reason."""

    by: Text
    reason: Annotated[str, Field(min_length=1, max_length=1000)]


class PlanView(BaseModel):
    """A rollout's plan as it was written, defaults filled in."""

    package: str
    things: list[str] | None
    sites: list[str] | None
    groups: Annotated[list[GroupBody], Field(description="Who is updated after whom")]
    approval: bool
    downgrade: bool
    window: WindowBody | None
    forbidden: list[ConditionBody]
    per_minute: int
    in_flight: int
    device_timeout_s: float
    patience_s: float
    health: HealthBody | None


class RolloutView(BaseModel):
    """A rollout and where it is; ``current`` is the group that runs (from 1)."""

    id: str
    package: str
    state: str
    plan: Annotated[PlanView, Field(description="What is rolled out to whom")]
    current: int
    created_by: str
    by: str
    reason: str
    created_ms: int
    changed_ms: int


class UpdateView(BaseModel):
    """The update of one device in a rollout."""

    rollout: str
    thing: str
    group: Annotated[int, Field(description="Its group, from 1")]
    state: str
    reason: str
    was: str
    attempt: Annotated[int, Field(description="How often it was asked")]
    command: str
    initiated_ms: int | None
    ended_ms: Annotated[
        int | None, Field(description="When it ended, ms since 1970 UTC (simulated); null: not yet")
    ]


class CheckView(BaseModel):
    """The health of a group after its update, beside that of who was not updated."""

    group: Annotated[int, Field(description="Its group, from 1")]
    verdict: str
    due_ms: int
    events: Annotated[int, Field(description="Alerts of the updated ones")]
    hours: float
    control_events: int
    control_hours: float
    chance: float | None


class PackageList(BaseModel):
    """Packages."""

    items: list[PackageView]
    next: str | None


class RolloutList(BaseModel):
    """Rollouts."""

    items: list[RolloutView]
    next: str | None


class UpdateList(BaseModel):
    """Devices of a rollout, or rollouts of a device."""

    items: list[UpdateView]
    next: str | None


class CheckList(BaseModel):
    """Checks of a rollout, by group."""

    items: list[CheckView]


class RunningView(BaseModel):
    """The firmware that a thing reported last, its hardware, and its updates by rollouts."""

    thing: str
    firmware: str
    hardware: str
    updates: list[UpdateView]


class RemedyBody(Body):
    """The command that may help."""

    name: Text
    args: dict[str, Value] = Field(default_factory=dict)
    expires_s: Span = 3600.0


class VisitBody(Body):
    """With what somebody goes if it did not."""

    part: Text
    position: Text


class FixBody(Body):
    """A remedy for what a rule's alert tells of, tried before anybody goes (FS12).

    ``after_s`` after its command has ended, ``verify`` says whether it helped; up to ``tries``.
    """

    model: Text
    pack: Text
    rule: Text
    command: RemedyBody
    verify: ConditionBody
    after_s: Span = 3600.0
    tries: Annotated[int, Field(ge=1, le=10)] = 1
    visit: VisitBody | None = None


class FixView(FixBody):
    """A fix that is installed."""

    id: str
    changed_ms: int


class FixList(BaseModel):
    """Fixes."""

    items: list[FixView]


class AttemptView(BaseModel):
    """One fault that was to be resolved from afar."""

    id: str
    fix: str
    thing: str
    alert: str
    state: str
    tries: int
    command: str
    why: str
    began_ms: int
    ended_ms: Annotated[
        int | None, Field(description="When it ended, ms since 1970 UTC (simulated); null: not yet")
    ]


class AttemptList(BaseModel):
    """Attempts, oldest first."""

    items: list[AttemptView]


class FixFigures(BaseModel):
    """How often it was tried; a visit is avoided only where telemetry said so."""

    tried: Annotated[int, Field(description="How many faults were tried")]
    avoided_visits: int
    failed: Annotated[int, Field(description="Faults for which somebody had to go")]
    open: Annotated[int, Field(description="Faults that are still tried")]
