"""What may stand in a timeline besides faults of devices and links.

The DPS itself, people and partners, the weather, work on devices, and what is installed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from harness.scenario.base import Lasting, Model, Quantity, Ratio, Timed
from harness.scenario.units import Duration

ABSENTEES = ("customer", "supplier", "carrier", "crew")
Who = Literal["customer", "supplier", "carrier", "crew"]
Changed = Literal["customer", "supplier", "carrier", "crew", "stock", "trucks", "upkeep", "money"]
Point = Literal["before_commit", "after_commit", "in_clock", "before_publish", "now"]
WorkKind = Literal["replace", "overhaul", "clean", "adjust", "relube", "minimal"]


class DpsFault(Lasting):
    """The DPS is killed (as by kill -9), restarted in good order, or held; ``for`` is how long.

    Without ``for`` it is back at once.
    """

    dps: Literal["kill", "restart", "pause"]
    point: Point = "now"

    @model_validator(mode="after")
    def _fits(self) -> DpsFault:
        if self.dps == "pause" and self.for_ is None:
            raise ValueError("for is missing: say how long the DPS is held")
        if self.point != "now" and (self.dps != "kill" or self.for_ is not None):
            raise ValueError(
                "point is for a kill without for: where the DPS dies, before it comes back at once"
            )
        return self


class Change(Lasting):
    """People and partners change their ways, or prices change; ``for`` brings the old back."""

    set_: dict[Changed, dict[str, Quantity]] = Field(alias="set", min_length=1)


class Away(Lasting):
    """A crew on strike, a supplier on holiday: what they would do now they do once back."""

    away: Who
    for_: Duration = Field(alias="for")


class WeatherChange(Model):
    """What is added to the weather that there would have been anyway."""

    warmer_k: float = Field(default=0.0, ge=-40, le=40)
    rain_mm_h: float = Field(default=0.0, ge=0, le=150)
    rain_factor: float = Field(default=1.0, ge=0, le=50)
    wind_factor: float = Field(default=1.0, ge=0, le=20)
    cloud: Ratio | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> WeatherChange:
        if self == WeatherChange.model_construct():
            raise ValueError(f"nothing changes: name one of {', '.join(type(self).model_fields)}")
        return self


class Weather(Lasting):
    """A storm, a heat wave, a drought: all sites have it for a while."""

    weather: WeatherChange


class Work(Timed):
    """Somebody works on a device, unasked: nobody orders it, nobody pays, the DPS hears nothing."""

    work: WorkKind
    device: str
    component: str | None = None
    """One component; all of them if left out."""


class PolicyChange(Model):
    """What the customer lets the DPS do from now on; the rest stays as the scenario says."""

    mode: Literal["auto", "approval", "off"] | None = None
    max_unit_price_eur: float | None = Field(default=None, ge=0)
    max_open_orders: int | None = Field(default=None, ge=0)
    monthly_budget_eur: float | None = Field(default=None, ge=0)


class ContractChange(Model):
    """The contract is amended; the rest stays as the scenario says.

    It counts for every period that is not closed yet. What ``up_when`` says is not negotiable.
    """

    fee_eur: float | None = Field(default=None, ge=0)
    target: Ratio | None = None
    step: float | None = Field(default=None, gt=0, le=1)
    credit_pct_per_step: float | None = Field(default=None, ge=0, le=100)
    cap_pct: float | None = Field(default=None, ge=0, le=100)


class ApiCall(Model):
    """A call of the DPS's API as it stands in the contract: what somebody sets up or decides.

    With ``refused`` (a code of an error, such as ``no_consent``) the DPS must refuse it so. ``GET``
    changes nothing: invariants are told the answer. All looks of an entry come after its other
    calls.
    """

    method: Literal["PUT", "POST", "DELETE", "GET"] = "PUT"
    path: str = Field(pattern=r"^/v1/[^\s]+$")
    body: Mapping[str, Any] = Field(default_factory=dict)
    refused: str = ""

    @model_validator(mode="after")
    def _looks_only(self) -> ApiCall:
        if self.method == "GET" and (self.body or self.refused):
            raise ValueError("GET looks only: it has neither body nor refused")
        return self


class Installed(Model):
    """What is installed in the DPS in mid-run."""

    rules: tuple[str, ...] = ()
    policy: PolicyChange | None = None
    contract: ContractChange | None = None
    calls: tuple[ApiCall, ...] = ()

    @model_validator(mode="after")
    def _says_something(self) -> Installed:
        if not (self.rules or self.calls) and self.policy is None and self.contract is None:
            raise ValueError("nothing is installed: name rules, a policy, a contract or calls")
        return self


class Setup(Timed):
    """New rule packs, another policy or an amended contract, through the DPS's API."""

    service: Installed
