"""Fleets as a scenario writes them: counted, named one by one, or drawn from distributions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from harness.scenario.base import Model, Quantity
from harness.scenario.units import Duration

ID_PATTERN = r"^[a-z0-9][a-z0-9-]*$"
Id = Annotated[str, Field(pattern=ID_PATTERN, max_length=40)]
"""What a site or device is called on the wire: small letters, digits and hyphens."""
LAWS = ("uniform", "normal", "lognormal", "choice")


class Drawn(Model):
    """A value that chance gives to each site (an age: to each device), from a stream of its own."""

    uniform: tuple[Quantity, Quantity] | None = None
    """Lowest and highest."""
    normal: tuple[Quantity, Quantity] | None = None
    """Mean and standard deviation."""
    lognormal: tuple[Quantity, float] | None = None
    """Median, and standard deviation of the natural logarithm."""
    choice: tuple[Quantity, ...] | None = Field(default=None, min_length=1)
    """One of these, each as likely."""
    min: Quantity | None = None
    max: Quantity | None = None
    """What lies outside is drawn again."""

    @model_validator(mode="after")
    def _one_law(self) -> Drawn:
        laws = [name for name in LAWS if getattr(self, name) is not None]
        if len(laws) != 1:
            seen = " and ".join(laws) or "none"
            raise ValueError(f"a drawn value needs one of {', '.join(LAWS)}; here is {seen}")
        if self.choice is not None and (self.min is not None or self.max is not None):
            raise ValueError("min and max are not for a choice")
        return self

    @property
    def law(self) -> str:
        """One of :data:`LAWS`."""
        return next(name for name in LAWS if getattr(self, name) is not None)

    def numbers(self) -> Mapping[str, Quantity]:
        """Every value of it that is in the parameter's unit, by key (and place)."""
        found: dict[str, Quantity] = {}
        for name in LAWS:
            values = getattr(self, name)
            if values is not None:
                whole = values[:1] if name == "lognormal" else values
                found |= {f"{name}.{place}": value for place, value in enumerate(whole)}
        found |= {n: v for n in ("min", "max") if (v := getattr(self, n)) is not None}
        return found


def _kind_of_value(value: Any) -> str:  # noqa: ANN401 - what a file says
    return "drawn" if isinstance(value, dict | Drawn) else "given"


Value = Annotated[
    Annotated[Quantity, Tag("given")] | Annotated[Drawn, Tag("drawn")],
    Discriminator(_kind_of_value),
]
"""A number with or without its unit, or how it is drawn."""
Age = Annotated[
    Annotated[Duration, Tag("given")] | Annotated[Drawn, Tag("drawn")],
    Discriminator(_kind_of_value),
]


class Device(Model):
    """A device with a name."""

    name: Id
    age: Age | None = None


def _short_device(value: Any) -> Any:  # noqa: ANN401
    return {"name": value} if isinstance(value, str) else value


def _short_site(value: Any) -> Any:  # noqa: ANN401
    return {"name": value} if isinstance(value, str) else value


class Site(Model):
    """A site with a name, and with what is its own."""

    name: Id
    at_km: tuple[float, float] | None = None
    """Kilometres east and north of the depot; drawn if not given."""
    params: Mapping[str, Value] = {}
    """Go before those of the fleet."""
    devices: tuple[Annotated[Device, BeforeValidator(_short_device)], ...] = ()
    """By name; ``devices_per_site`` of the fleet are numbered if none is named."""
    age: Age | None = None
    """Of its devices, unless they say another."""


Sites = Annotated[
    Annotated[Annotated[int, Field(ge=1, le=10_000)], Tag("number")]
    | Annotated[
        Annotated[tuple[Annotated[Site, BeforeValidator(_short_site)], ...], Field(min_length=1)],
        Tag("list"),
    ],
    Discriminator(lambda value: "list" if isinstance(value, list | tuple) else "number"),
]
TAGS = frozenset({"given", "drawn", "number", "list"})


class Fleet(Model):
    """Devices of one product."""

    product: str
    sites: Sites = 1
    """How many, or each with its name."""
    devices_per_site: int = Field(default=2, ge=1, le=100)
    report_every: Duration = 600_000
    params: Mapping[str, Value] = {}
    age: Age | None = None
    """How old the devices are when the run begins: their components have worn for so long."""
    random_faults: float = Field(default=0.0, ge=0, le=1000)
    link: Literal["wired", "cellular", "lora", "mesh"] = "wired"
    """How devices reach the network; ``wired`` is perfect."""
    reporting: Literal["every", "change"] = "every"
    """Whether a report holds every signal, or what has changed."""
