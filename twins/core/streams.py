"""Named random streams: each purpose has its own, so nobody's draws shift anybody else's."""

from __future__ import annotations

import hashlib

import numpy as np


def spawn_key(name: str) -> tuple[int, int, int, int]:
    """Four 32-bit words of the blake2b-128 digest of ``name`` (crc32 collides at fleet size)."""
    digest = hashlib.blake2b(name.encode(), digest_size=16).digest()
    a, b, c, d = (int.from_bytes(digest[at : at + 4], "little") for at in (0, 4, 8, 12))
    return a, b, c, d


class Streams:
    """All random streams of one world.

    A stream is a function of the seed and its name. Nothing is kept between calls: whoever needs
    draw ``k`` of a stream says so, and a long stream is cut into numbered blocks. Its position
    is then one integer of the owner's state, and a snapshot needs no generator.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def open(self, name: str) -> np.random.Generator:
        """The stream called ``name``, at its beginning."""
        return np.random.Generator(
            np.random.PCG64(np.random.SeedSequence(self.seed, spawn_key=spawn_key(name)))
        )

    def block(self, name: str, number: int) -> np.random.Generator:
        """Block ``number`` of the stream called ``name``, at its beginning."""
        key = (*spawn_key(name), number)
        return np.random.Generator(
            np.random.PCG64(np.random.SeedSequence(self.seed, spawn_key=key))
        )

    def uniform(self, name: str, draw: int = 1) -> float:
        """Draw number ``draw`` (from 1) of the uniform [0, 1) stream called ``name``."""
        return float(self.open(name).random(draw)[-1])

    def normal(self, name: str, draw: int = 1) -> float:
        """Draw number ``draw`` (from 1) of the standard normal stream called ``name``."""
        return float(self.open(name).standard_normal(draw)[-1])

    def lognormal(self, name: str, *, median: float, sigma: float) -> float:
        """First draw of a lognormal stream, in the unit of ``median``; ``sigma`` is of the log."""
        return float(median * np.exp(sigma * self.normal(name)))
