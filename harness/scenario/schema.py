"""The scenario as typed, frozen models: the same for YAML files and for Python scripts.

Durations are milliseconds once read. What needs knowledge of products and checks (names of
devices, faults, parameters) is looked at in :mod:`harness.scenario.resolve`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    ConfigDict,
    Discriminator,
    Field,
    PrivateAttr,
    Tag,
    model_validator,
)

from harness.scenario.base import Model, Quantity, Ratio, Timed
from harness.scenario.checkrefs import normal
from harness.scenario.entries import Away, Change, DpsFault, Setup, Weather, Work
from harness.scenario.fleets import Fleet
from harness.scenario.links import LinkFault
from harness.scenario.units import Duration, Instant

STEPS_MAX = 20_000_000
"""A run of more steps would not end within a day; it is refused."""


class Run(Model):
    """When simulated time begins and ends, and how often world and DPS meet."""

    start: Instant
    until: Duration
    """Length of the run."""
    sync: Duration = 3_600_000
    mode: Literal["virtual", "paced", "live"] = "virtual"
    speed: float | None = Field(default=None, gt=0)
    """Simulated seconds per second, for ``paced`` and ``live``."""
    look: Duration | None = None
    """How often conditions (``when``) are looked at; every ``sync`` if not given."""

    @model_validator(mode="after")
    def _can_end(self) -> Run:
        if self.until <= 0:
            raise ValueError("until must lie after start: this is a scenario that cannot end")
        if self.sync <= 0:
            raise ValueError("sync must be longer than 0: this is a scenario that cannot end")
        if self.until // self.sync > STEPS_MAX:
            raise ValueError(
                f"until / sync is {self.until // self.sync} steps, more than {STEPS_MAX}: "
                "this is a scenario that cannot end; take a longer sync"
            )
        if self.look is not None and self.look <= 0:
            raise ValueError("look must be longer than 0")
        if self.look is not None and self.until // self.look > STEPS_MAX:
            raise ValueError(f"look is too short: more than {STEPS_MAX} steps; take a longer one")
        return self

    @property
    def until_ms(self) -> int:
        """The end, in simulated milliseconds since the Unix epoch."""
        return self.start + self.until


class People(Model):
    """The place and the people around the fleet: parameters as ``twins.field`` names them."""

    country: str = "DE"
    time_zone: str = ""
    weather: Mapping[str, Quantity] = {}
    calendar: Mapping[str, Quantity] = {}
    habits: Mapping[
        Literal["customer", "supplier", "carrier", "crew"], Literal["normal", "difficult"]
    ] = {}
    customer: Mapping[str, Quantity] = {}
    supplier: Mapping[str, Quantity] = {}
    carrier: Mapping[str, Quantity] = {}
    crew: Mapping[str, Quantity] = {}
    stock: Mapping[str, Quantity] = {}
    trucks: Mapping[str, Quantity] = {}
    upkeep: Mapping[str, Quantity] = {}
    money: Mapping[str, Quantity] = {}
    service: bool = True


class Policy(Model):
    """What the customer lets the DPS order by itself."""

    mode: Literal["auto", "approval", "off"] = "auto"
    max_unit_price_eur: float = Field(default=1000.0, ge=0)
    max_open_orders: int = Field(default=100, ge=0)
    monthly_budget_eur: float = Field(default=1_000_000.0, ge=0)


class Contract(Model):
    """The promise: a fee for availability, and a credit for what is missing of it."""

    fee_eur: float = Field(ge=0)
    target: Ratio
    step: float = Field(default=0.001, gt=0, le=1)
    credit_pct_per_step: float = Field(default=2.0, ge=0, le=100)
    cap_pct: float = Field(default=20.0, ge=0, le=100)
    up_when: str = "available > 0.5"
    unknown_after_s: int = Field(default=900, gt=0)
    grace_s: int = Field(default=0, ge=0)
    warn_every_s: int | None = Field(default=None, ge=60)
    """How often the DPS looks ahead for a breach; never if not said."""


CustomerName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]


class Service(Model):
    """What is installed in the DPS through its API."""

    rules: tuple[str, ...] = ("standard",)
    """Names of packs in the products' folders, or paths relative to the scenario."""
    policy: Policy = Policy()
    contract: Contract | None = None
    owners: Mapping[str, CustomerName] = {}
    """Sites that are another customer's than all the others, with its id."""


class Fault(Timed):
    """Something breaks in a device at a moment."""

    fault: str
    device: str
    params: Mapping[str, Quantity] = {}


KINDS: Mapping[str, tuple[str, type[Timed]]] = {
    "fault": ("a fault", Fault),
    "link": ("a link fault", LinkFault),
    "dps": ("a DPS fault", DpsFault),
    "set": ("a change", Change),
    "away": ("an absence", Away),
    "weather": ("a change of weather", Weather),
    "work": ("work on a device", Work),
    "service": ("a set-up", Setup),
}
"""The key that tells what an entry is, with its name in messages and its model."""


def _entry_kind(value: Any) -> str | None:  # noqa: ANN401 - what a file says, or a model
    for key, (tag, kind) in KINDS.items():
        if isinstance(value, kind) or (isinstance(value, dict) and key in value):
            return tag
    return None


Entry = Annotated[
    Annotated[Fault, Tag("a fault")]
    | Annotated[LinkFault, Tag("a link fault")]
    | Annotated[DpsFault, Tag("a DPS fault")]
    | Annotated[Change, Tag("a change")]
    | Annotated[Away, Tag("an absence")]
    | Annotated[Weather, Tag("a change of weather")]
    | Annotated[Work, Tag("work on a device")]
    | Annotated[Setup, Tag("a set-up")],
    Discriminator(
        _entry_kind,
        custom_error_type="entry_kind",
        custom_error_message=f"a timeline entry needs one of the keys {', '.join(KINDS)}",
    ),
]


class CheckRef(Model):
    """A check by name or kind, with its arguments (:mod:`harness.scenario.checkrefs`)."""

    check: str
    args: Mapping[str, Any] = {}
    where: str = ""
    phase: str = ""

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, value: Any) -> Any:  # noqa: ANN401
        return normal(value)


class Scenario(Model):
    """A whole story."""

    schema_: Literal[1] = Field(default=1, alias="schema")
    title: str = Field(min_length=1)
    story: str = ""
    run: Run
    fleets: tuple[Fleet, ...] = Field(min_length=1)
    field: People = People()
    service: Service = Service()
    timeline: tuple[Entry, ...] = ()
    always: tuple[CheckRef, ...] = ()
    eventually: tuple[CheckRef, ...] = ()
    checks: tuple[CheckRef, ...] = ()
    """Checks of any kind: never, within, until, exactly, sometimes, equals_oracle, budget ..."""
    features: tuple[str, ...] = ()
    """Rows of the feature list that the scenario asserts (``harness/scenario/features.yaml``)."""

    model_config = ConfigDict(populate_by_name=True)
    _path: Path | None = PrivateAttr(default=None)
    _variant: str = PrivateAttr(default="")
    _words: tuple[str, ...] = PrivateAttr(default=())

    @model_validator(mode="after")
    def _entries_happen(self) -> Scenario:
        for number, entry in enumerate(self.timeline):
            if entry.at is not None and entry.at.first >= self.run.until:
                raise ValueError(
                    f"timeline entry {number + 1} lies at or after the end of the run: "
                    "it would never be seen"
                )
        return self

    @property
    def path(self) -> Path | None:
        """The file it was read from, if any."""
        return self._path

    @property
    def name(self) -> str:
        """Short and fit for a file name."""
        if self._path is not None and self._variant:
            plain = "".join(c if c.isalnum() or c in ".-" else "-" for c in self._variant)
            return f"{self._path.stem}.{plain}"
        if self._path is not None:
            return self._path.stem
        return "-".join("".join(c if c.isalnum() else " " for c in self.title.lower()).split())

    @property
    def folder(self) -> Path:
        """What paths inside the scenario are relative to."""
        return Path.cwd() if self._path is None else self._path.parent

    @property
    def words(self) -> tuple[str, ...]:
        """Options of ``twinrig run`` that make this scenario of its file."""
        return self._words

    def located(self, path: Path, *, variant: str = "", words: tuple[str, ...] = ()) -> Scenario:
        """The same scenario, read from ``path``; a variant has its name behind the title."""
        title = f"{self.title} [{variant}]" if variant else self.title
        copy = self.model_copy(update={"title": title})
        copy._path, copy._variant, copy._words = path, variant, words  # noqa: SLF001 - its own
        return copy
