"""What a product's code gets, and what it must offer. One twin is a whole fleet's physics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, get_args, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from twins.core.declared import Declared
from twins.core.manifest import ComponentSpec, FaultSpec, Part, SignalSpec
from twins.core.spec import LICENCE_KEY
from twins.core.streams import Streams
from twins.core.wear import WearLaw
from twins.core.weather import PLAIN, Calendar, StillWeather, Weather

Columns = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """Everything a product's ``build`` needs to make the twin of one fleet.

    ``devices`` stand site by site: device ``i`` belongs to site ``i // devices_per_site``.
    ``params`` holds every parameter of the manifest, checked. ``host`` is the twin of the fleet
    that this one came with; companion ``i`` belongs to the host's device ``i // (n / hosts)``.
    ``ages_ms`` is how old each device is at the start (empty: new).
    """

    sites: tuple[str, ...]
    devices: tuple[str, ...]
    devices_per_site: int
    report_every_ms: int
    start_ms: int
    params: Mapping[str, float]
    streams: Streams
    random_faults: float = 0.0
    link: str = "wired"
    reporting: str = "every"
    licence_key: str = LICENCE_KEY
    ages_ms: tuple[float, ...] = ()
    outdoors: Weather | None = None
    calendar: Calendar = PLAIN
    host: ProductTwin | None = None

    @property
    def weather(self) -> Weather:
        """The weather over ``sites``; outside a world it stands still. Fetch it once."""
        return self.outdoors or StillWeather(len(self.sites))


Action = Literal["replace", "overhaul", "clean", "adjust", "relube", "minimal"]
"""What a visit does to a component (twins reference, section 2, maintenance as virtual age)."""
ACTIONS: tuple[Action, ...] = get_args(Action)


class Wear(Protocol):
    """What a fault may do to a component that wears."""

    def force(self, device: int, component: str, *, onset_ms: int, pf_ms: int) -> None:
        """Let damage begin ``onset_ms`` from now and reach its end a P-F interval later.

        For a component that wears by use, an hour here is one use.

        Raises:
            InvalidFault: If the component has already failed.
        """
        ...


class OwnWear(Protocol):
    """A component whose damage the physics makes as it goes (dust in a filter, a drift).

    It never stops its device by itself; its state belongs to the twin's ``dump``.
    """

    def damage(self, device: int) -> float:
        """Damage so far: 0 as new, 1 due for replacement; may go on beyond 1."""
        ...

    def renew(self, device: int, life: int) -> None:
        """A new part is in place: begin life number ``life`` (the first one is 1)."""
        ...


class ProductTwin(Protocol):
    """The physics of one fleet as columns of shape ``(n,)``. Time only ever goes forward."""

    laws: Mapping[str, WearLaw | OwnWear]
    """How each component of the manifest wears: by a drawn life, or by the physics itself."""

    def advance(self, to_ms: int) -> None:
        """Bring the physics up to ``to_ms``."""
        ...

    def measure(self) -> Columns:
        """True values since the last report, shape ``(n, signals)`` in the manifest's order.

        NaN where a signal was not measured. Begins the next report interval.
        """
        ...

    def set_wear(self, device: int, component: str, *, damage: float, rise: float) -> None:
        """Take over the damage of a component and how much its signal has risen."""
        ...

    def set_able(self, device: int, *, able: bool) -> None:
        """A device broke, or was repaired."""
        ...

    def command(self, device: int, name: str, args: Mapping[str, Any]) -> str | None:
        """Do what was asked; returns why not, or ``None`` when done."""
        ...

    def in_service(self, device: int) -> bool:
        """Whether the device takes part in the work (a device told to stop does not wear)."""
        ...

    def inject(self, fault: str, device: int, params: Mapping[str, float], wear: Wear) -> None:
        """Let a fault of the manifest begin; every parameter is given and checked."""
        ...

    def maintain(self, device: int, action: Action, component: str) -> None:
        """Somebody worked on a component: reset what the product itself keeps of it.

        Dust, rags, frost, imbalance, a foil before a sensor. Wear of a drawn life is core's
        affair, and an ``OwnWear`` is renewed by its own method; both have happened already.
        """
        ...

    def truth(self) -> Mapping[str, Columns]:
        """True values worth plotting or reading off by hand, by name: columns ``(n,)``."""
        ...

    def dump(self) -> dict[str, Any]:
        """The whole state as plain data and columns."""
        ...

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        ...


@runtime_checkable
class CountsUses(Protocol):
    """What a twin offers besides if one of its ``laws`` is ``per_use``."""

    def uses(self, component: str) -> Columns:
        """Uses of a component since the beginning, shape ``(n,)``; never falls."""
        ...


@runtime_checkable
class Empties(Protocol):
    """What a twin offers besides if its devices fill up and somebody takes out what is in them.

    Its :meth:`ProductTwin.truth` then has the column ``fill_pct`` (100 is full).
    """

    def empty(self, device: int) -> float:
        """Take everything out now; returns how many litres it was as thrown in."""
        ...


@runtime_checkable
class Stands(Protocol):
    """What a twin offers besides if it knows where each of its devices stands."""

    def place_km(self, device: int) -> tuple[float, float]:
        """Kilometres east and north of the middle of its region."""
        ...


@runtime_checkable
class Diverts(Protocol):
    """What a twin offers besides if people can take to another device what is meant for one."""

    def divert(self, device: int, other: int, share: float) -> None:
        """From now on so much of it; 0: no more."""
        ...


@runtime_checkable
class WearsAsColumn(Protocol):
    """What an ``OwnWear`` offers besides if it knows the damage of all devices at once."""

    def damages(self) -> Columns:
        """Damage so far, shape ``(n,)``."""
        ...


@runtime_checkable
class Foresees(Protocol):
    """What an ``OwnWear`` offers besides if it knows when it will be due."""

    def remaining_h(self) -> Columns:
        """Hours in service until damage 1 as things are now, shape ``(n,)``."""
        ...


@runtime_checkable
class TakesWear(Protocol):
    """What a twin offers besides to take over wear of many devices at once."""

    def take_wear(
        self, component: str, devices: NDArray[np.int64], *, damage: Columns, rise: Columns
    ) -> None:
        """As ``set_wear`` for each of ``devices``; all columns have shape ``(len(devices),)``."""
        ...


@runtime_checkable
class MeasuresInParts(Protocol):
    """What a twin offers besides if it can measure some devices after others.

    Whoever reads them at once finds them in the processor's cache. Each part is good until the
    next.
    """

    def parts(self) -> Iterable[Columns]:
        """As :meth:`ProductTwin.measure`, in parts ``(some, signals)`` that are all together."""
        ...


@runtime_checkable
class Stresses(Protocol):
    """What a twin offers besides if its state makes a component wear faster or slower."""

    def stress(self, component: str) -> Columns:
        """How fast a component wears now, shape ``(n,)``: 1.0 as drawn, 2.0 twice as fast.

        Asked for at the first report of every hour; holds until the next time (1.0 until the
        first). It may be a sample: over a life, only its mean counts.
        """
        ...


@runtime_checkable
class TakesSettings(Protocol):
    """What a twin offers besides if its product declares ``[settings]``."""

    def configure(self, device: int, values: Mapping[str, float]) -> str | None:
        """Take over all settings of a device, checked one by one; or say why not, unchanged.

        Not called for what a device is delivered with.
        """
        ...


@runtime_checkable
class TellsStates(Protocol):
    """What a twin offers besides if its product declares ``[states]`` or ``[safety]``."""

    def states(self) -> Mapping[str, NDArray[np.bool_]]:
        """One column ``(n,)`` per declared state, as the devices know them now."""
        ...


@runtime_checkable
class SwitchesFeatures(Protocol):
    """What a twin may offer if its product declares ``[features]``."""

    def set_feature(self, device: int, feature: str, *, unlocked: bool) -> None:
        """A licence began or ended; without one, fall back to what every device does."""
        ...


class Manifest(Protocol):
    """What a product says of itself (``product.toml``)."""

    @property
    def id(self) -> str:
        """The product's name, that of its folder."""
        ...

    @property
    def signals(self) -> Mapping[str, SignalSpec]:
        """Signals by name, in the order of the columns."""
        ...

    @property
    def components(self) -> Mapping[str, ComponentSpec]:
        """Components that wear, by name."""
        ...

    @property
    def places(self) -> Mapping[str, str]:
        """Positions of parts that nobody simulates the wear of, with what sits there."""
        ...

    @property
    def parts(self) -> Mapping[str, Part]:
        """Spare parts by sku."""
        ...

    @property
    def faults(self) -> Mapping[str, FaultSpec]:
        """Faults that can be injected, by name."""
        ...

    @property
    def model(self) -> str:
        """What is written on the type plate."""
        ...

    @property
    def firmware(self) -> str:
        """The version that devices are delivered with."""
        ...

    @property
    def obeys(self) -> Declared:
        """What its devices can be told."""
        ...
