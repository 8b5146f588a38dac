"""What all models of a scenario have in common."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from harness.scenario.units import Duration

Ratio = Annotated[float, Field(ge=0, le=1)]
Quantity = float | str
NAME_PATTERN = r"^[A-Za-z][A-Za-z0-9_-]*$"
Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=60)]
"""What a person calls an entry or a parameter: a letter, then letters, digits, - and _."""
REPEATS_MAX = 100_000
"""An entry that takes effect more often than that is a slip of the keyboard."""


class Model(BaseModel):
    """Frozen, strict about keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class At(Model):
    """A time of the story, and whether it comes again."""

    first: Duration = 0
    """After the start of the run, or after the entry that ``after`` names."""
    after: str | None = None
    """That other entry has to take effect first (for the first time)."""
    every: Duration | None = None
    """Again and again, so far apart."""
    times: int | None = Field(default=None, ge=1, le=REPEATS_MAX)
    """How often in all; without it, until the end of the run."""

    @model_validator(mode="after")
    def _fits(self) -> At:
        if self.every is not None and self.every <= 0:
            raise ValueError("every must be longer than 0")
        if self.times is not None and self.every is None:
            raise ValueError("times needs every: how far apart they are, such as 7d")
        return self


class When(Model):
    """A condition over truth, signals and events, and how it is waited for.

    It is looked at every ``run.look`` (docs/reference/scenario.md, conditions).
    """

    holds: str = Field(min_length=1)
    for_: Duration = Field(default=0, alias="for")
    """How long it must have held."""
    after: str | None = None
    """It is looked at only once that other entry has taken effect."""
    repeat: Literal["once", "every"] = "once"
    """The first time, or every time it begins to hold."""
    times: int | None = Field(default=None, ge=1, le=REPEATS_MAX)
    """How often at most."""

    model_config = ConfigDict(populate_by_name=True)

    @model_validator(mode="after")
    def _fits(self) -> When:
        if self.times is not None and self.repeat == "once":
            raise ValueError("times needs repeat: every")
        return self


def _short_at(value: Any) -> Any:  # noqa: ANN401 - what a file says
    return value if isinstance(value, dict | At | None) else {"first": value}


def _short_when(value: Any) -> Any:  # noqa: ANN401
    return {"holds": value} if isinstance(value, str) else value


class Timed(Model):
    """When something of the timeline takes effect: at a time, or once a condition holds."""

    name: Name | None = None
    """What other entries call it."""
    at: Annotated[At | None, BeforeValidator(_short_at)] = None
    when: Annotated[When | None, BeforeValidator(_short_when)] = None

    @model_validator(mode="after")
    def _has_a_time(self) -> Timed:
        if self.at is None and self.when is None:
            raise ValueError("at or when is missing: say at which time, or when what holds")
        if self.at is not None and self.when is not None:
            raise ValueError("at and when exclude each other; keep one of them")
        return self

    @property
    def lasts(self) -> int | None:
        """Milliseconds until it ends by itself; None if it does not end."""
        return None

    @property
    def waits_for(self) -> str | None:
        """The name of the entry that has to take effect first."""
        timing = self.at or self.when
        return None if timing is None else timing.after

    @property
    def is_planned(self) -> bool:
        """Whether it takes effect once, at a time that the scenario says."""
        return self.at is not None and self.at.after is None and self.at.every is None


class Lasting(Timed):
    """An entry that is taken back after a while."""

    for_: Duration | None = Field(default=None, alias="for")

    model_config = ConfigDict(populate_by_name=True)

    @model_validator(mode="after")
    def _ends_after_it_began(self) -> Lasting:
        if self.for_ is not None and self.for_ <= 0:
            raise ValueError("for must be longer than 0")
        return self

    @property
    def lasts(self) -> int | None:
        """See Timed."""
        return self.for_
