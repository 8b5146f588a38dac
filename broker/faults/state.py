"""What the path between devices and broker remembers, as plain data."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Literal

import msgspec
import numpy as np

from broker.faults.verdict import Streams
from broker.ledger import LedgerState
from broker.wire.messages import Birth, Downlink, Uplink

Waits = Literal["device", "retry", "wire", "behind"]


class Held(msgspec.Struct):
    """A message that has not arrived yet."""

    site: str
    message: Uplink
    until_ms: int
    where: Waits = "device"
    """``device``: it was not sent, and leaves in a batch. ``retry``: the device sends it again.
    ``wire``: it is on its way. ``behind``: ``others`` messages of the device overtake it first."""
    others: int = 0


class Presence(msgspec.Struct):
    """A device's connection, as the broker sees it."""

    site: str
    boot: int
    connection: int = 1
    """Counts up within a boot; a will carries its negative as ``seq``."""
    online: bool = True
    birth: Birth | None = None
    """What it said it is, if it began the boot with that."""


class PathState(msgspec.Struct, frozen=True):
    """A snapshot; encodes with msgspec as it is."""

    now_ms: int
    held: list[Held]
    presences: dict[str, Presence]
    inbox: list[tuple[str, Downlink]]
    reached: list[str]
    draws: dict[str, str]
    numbers: dict[str, int]
    ledger: LedgerState


class Remembered:
    """Named generators, made when first needed, and named numbers; both can be saved.

    The memory of the faults (:class:`broker.faults.verdict.Memory`).
    """

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._made: dict[str, np.random.Generator] = {}
        self._numbers: dict[str, int] = {}

    def draws(self, name: str) -> np.random.Generator:
        """Give the generator of that name, at its present position."""
        made = self._made.get(name)
        if made is None:
            made = self._made[name] = self._streams(name)
        return made

    def count(self, name: str) -> int:
        """One more under this name; the first is 1."""
        number = self._numbers[name] = self._numbers.get(name, 0) + 1
        return number

    def once(self, name: str, make: Callable[[np.random.Generator], int]) -> int:
        """A number that is drawn from a stream of its own when it is first asked for."""
        number = self._numbers.get(name)
        if number is None:
            number = self._numbers[name] = make(self._streams(name))
        return number

    def numbers(self) -> dict[str, int]:
        """Counters and remembered draws by name."""
        return dict(sorted(self._numbers.items()))

    def positions(self) -> dict[str, str]:
        """Positions by name. As JSON texts, because the numbers in them have 128 bits."""
        return {
            name: json.dumps(made.bit_generator.state, default=_plain)
            for name, made in sorted(self._made.items())
        }

    def restore(self, positions: dict[str, str], numbers: dict[str, int]) -> None:
        """Go back to saved positions and numbers."""
        self._made, self._numbers = {}, dict(numbers)
        for name, position in positions.items():
            self.draws(name).bit_generator.state = json.loads(position)


def _plain(value: Any) -> Any:  # noqa: ANN401 - what json hands over
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"a generator's state holds a {type(value).__name__}")
