"""Faults of the path to the broker as a scenario writes them: kinds, keys, and what they make."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from broker.faults.corrupt import Corrupt
from broker.faults.delay import Delay
from broker.faults.duplicate import Duplicate
from broker.faults.flaky import Flaky
from broker.faults.loss import Loss
from broker.faults.outage import Outage
from broker.faults.partition import Partition
from broker.faults.puback import LostPuback
from broker.faults.reorder import Reorder
from broker.faults.script import Script
from broker.faults.storm import Storm
from broker.faults.takeover import Takeover
from broker.faults.verdict import Fault, Window
from harness.scenario.base import Timed
from harness.scenario.units import Duration

Kind = Literal[
    "outage", "loss", "delay", "duplicate", "lost_puback", "reorder", "partition", "storm",
    "takeover", "flaky", "corrupt", "script",
]  # fmt: skip
Share = Annotated[float, Field(ge=0, le=1)]
Numbers = tuple[int, ...]


class LinkParams(BaseModel):
    """What a link fault may be told; each kind takes its own keys (``KINDS``)."""

    link: Kind
    site: str | None = None
    device: str | None = None
    sites: tuple[str, ...] | None = None
    ratio: Share | None = None
    by: Duration | None = None
    jitter: Duration | None = None
    after: Duration | None = None
    every: int | None = None
    retry: Duration | None = None
    depth: int | None = None
    direction: Literal["both", "up", "down"] | None = None
    heal: Duration | None = None
    times: int | None = None
    will: bool | None = None
    within: Duration | None = None
    how: Literal["flip", "cut"] | None = None
    drop: Numbers | None = None
    double: Numbers | None = None
    swap: tuple[tuple[int, int], ...] | None = None
    no_puback: Numbers | None = None
    corrupt: Numbers | None = None

    def given(self) -> dict[str, Any]:
        """The keys of its own that it was given, beside those that say where."""
        return {key: value for key in OWN_KEYS if (value := getattr(self, key)) is not None}

    def arguments(self) -> dict[str, Any]:
        """The same, durations in milliseconds with ``_ms`` behind their names."""
        return {DURATIONS.get(key, key): value for key, value in self.given().items()}


OWN_KEYS = tuple(name for name in LinkParams.model_fields if name not in ("link", "site", "device"))


class LinkFault(LinkParams, Timed):
    """The path between a site (or device) and the broker is disturbed for a while."""

    for_: Duration = Field(alias="for")

    model_config = ConfigDict(populate_by_name=True)

    @property
    def lasts(self) -> int | None:
        """See Timed."""
        return self.for_


class _Kind(NamedTuple):
    make: Callable[..., Fault]
    needs: Mapping[str, str] = {}
    """Keys that must be there; why, for whoever forgot one."""
    takes: tuple[str, ...] = ()
    somewhere: bool = False
    """It needs a site or a device: everywhere would be another fault."""


_RATIO = {"ratio": "between 0 and 1"}
KINDS: Mapping[str, _Kind] = {
    "outage": _Kind(Outage, somewhere=True),
    "loss": _Kind(Loss, _RATIO),
    "delay": _Kind(Delay, {"by": "such as 30s"}, ("jitter", "ratio")),
    "duplicate": _Kind(Duplicate, _RATIO, ("after",)),
    "lost_puback": _Kind(LostPuback, takes=("every", "retry")),
    "reorder": _Kind(Reorder, _RATIO, ("depth",)),
    "partition": _Kind(Partition, takes=("sites", "direction", "heal")),
    "storm": _Kind(Storm, takes=("times", "within")),
    "takeover": _Kind(Takeover, takes=("times", "will")),
    "flaky": _Kind(Flaky, takes=("times", "retry")),
    "corrupt": _Kind(Corrupt, _RATIO, ("how",)),
    "script": _Kind(Script, takes=("drop", "double", "swap", "no_puback", "corrupt")),
}
DURATIONS = {
    "by": "by_ms", "jitter": "jitter_ms", "after": "after_ms", "retry": "retry_ms",
    "heal": "heal_ms", "within": "within_ms",
}  # fmt: skip
"""Keys whose values are durations, and what the faults call them."""


def fault_of(entry: LinkFault, *, number: int | str, from_ms: int) -> Fault:
    """The fault that an entry of the timeline asks for.

    Args:
        entry: One about which :func:`problems_of` says nothing.
        number: Its place in the timeline, from 1 (with the time of one that comes again): part of
            its name, and so of its chance.
        from_ms: When it begins.

    Raises:
        ValueError: If its numbers do not fit together.
    """
    own = entry.arguments()
    window = Window(
        from_ms=from_ms, to_ms=from_ms + entry.for_,
        site=entry.site, device=entry.device, sites=own.pop("sites", ()),
    )  # fmt: skip
    return KINDS[entry.link].make(name=f"{entry.link}-{number}", window=window, **own)


def problems_of(entry: LinkFault, sites: Mapping[str, None] | None) -> Iterator[tuple[str, str]]:
    """All that is wrong with an entry, each with its key (empty: the whole entry).

    Args:
        entry: What the file says.
        sites: The sites that there are; None if they are not known.
    """
    kind, given = KINDS[entry.link], entry.given()
    a = "an" if entry.link[0] in "aeiou" else "a"
    where = [key for key in ("site", "device", "sites") if getattr(entry, key) is not None]
    before = 0
    if len(where) > 1:
        yield "", f"name a site or a device, not both: {' and '.join(where)}"
    if kind.somewhere and not where:
        yield "", f"{a} {entry.link} needs the site or the device that is cut off"
    for key, such in kind.needs.items():
        if key not in given:
            before += 1
            yield "", f"{a} {entry.link} needs its {key}, {such}"
    allowed = [*kind.needs, *kind.takes]
    for key in given:
        if key not in allowed:
            before += 1
            shown = ", ".join(["at", "for", "site", "device", *allowed])
            yield key, f"{key} is not for {a} {entry.link}; it takes: {shown}"
    if entry.for_ <= 0:
        before += 1
        yield "for", "for must be longer than 0"
    for site in entry.sites or ():
        if sites is not None and site not in sites:
            yield "sites", f"unknown site {site!r}; allowed: {', '.join(sites)}"
    if before:
        return
    try:
        fault_of(entry, number=1, from_ms=0)
    except ValueError as error:
        yield "", str(error).replace(f"{entry.link}-1", "").replace(" '':", ":")
