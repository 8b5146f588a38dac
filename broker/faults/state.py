"""What the path between devices and broker remembers, as plain data."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import numpy as np

from broker.faults.verdict import Streams
from broker.ledger import LedgerState
from broker.wire.messages import Downlink, Uplink


class Held(msgspec.Struct):
    """A message that waits in its device."""

    site: str
    message: Uplink
    until_ms: int


class Presence(msgspec.Struct):
    """A device's connection, as the broker sees it."""

    site: str
    boot: int
    connection: int = 1
    """Counts up within a boot; a will carries its negative as ``seq``."""
    online: bool = True


class PathState(msgspec.Struct, frozen=True):
    """A snapshot; encodes with msgspec as it is."""

    now_ms: int
    held: list[Held]
    presences: dict[str, Presence]
    inbox: list[tuple[str, Downlink]]
    reached: list[str]
    draws: dict[str, str]
    ledger: LedgerState


class Draws:
    """Named generators, made when first needed, whose positions can be saved."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._made: dict[str, np.random.Generator] = {}

    def __call__(self, name: str) -> np.random.Generator:
        """Give the generator of that name, at its present position."""
        made = self._made.get(name)
        if made is None:
            made = self._made[name] = self._streams(name)
        return made

    def snapshot(self) -> dict[str, str]:
        """Positions by name. As JSON texts, because the numbers in them have 128 bits."""
        return {
            name: json.dumps(made.bit_generator.state, default=_plain)
            for name, made in sorted(self._made.items())
        }

    def restore(self, positions: dict[str, str]) -> None:
        """Go back to saved positions."""
        self._made = {}
        for name, position in positions.items():
            self(name).bit_generator.state = json.loads(position)


def _plain(value: Any) -> Any:  # noqa: ANN401 - what json hands over
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"a generator's state holds a {type(value).__name__}")
