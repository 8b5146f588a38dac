"""Named random streams: each purpose has its own, so nobody's draws shift anybody else's."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Columns = NDArray[np.float64]
Keys = NDArray[np.uint64]
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def spawn_key(name: str) -> tuple[int, int, int, int]:
    """Four 32-bit words of the blake2b-128 digest of ``name`` (crc32 collides at fleet size)."""
    digest = hashlib.blake2b(name.encode(), digest_size=16).digest()
    a, b, c, d = (int.from_bytes(digest[at : at + 4], "little") for at in (0, 4, 8, 12))
    return a, b, c, d


def keys(names: Iterable[str]) -> Keys:
    """What :meth:`Streams.uniforms` knows things by: 64 bits of the digest of each name."""
    digests = b"".join(hashlib.blake2b(name.encode(), digest_size=8).digest() for name in names)
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)


def mix64(words: Keys) -> Keys:
    """The finalizer of SplitMix64 (Steele, Lea, Flood 2014): every bit depends on every bit."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


class Streams:
    """All random streams of one world.

    A stream is a function of the seed and its name. Nothing is kept between calls: whoever needs
    draw ``k`` of a stream says so, and a long stream is cut into numbered blocks. Its position
    is then one integer of the owner's state, and a snapshot needs no generator.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._roots: dict[str, np.uint64] = {}

    def open(self, name: str) -> np.random.Generator:
        """The stream called ``name``, at its beginning."""
        return np.random.Generator(
            np.random.PCG64(np.random.SeedSequence(self.seed, spawn_key=spawn_key(name)))
        )

    def block(self, name: str, number: int) -> np.random.Generator:
        """Block ``number`` of the stream called ``name``, at its beginning.

        A negative number (a time before 1970) is one as well, in two's complement.
        """
        key = (*spawn_key(name), number % 2**64)
        return np.random.Generator(
            np.random.PCG64(np.random.SeedSequence(self.seed, spawn_key=key))
        )

    def uniform(self, name: str, draw: int = 1) -> float:
        """Draw number ``draw`` (from 1) of the uniform [0, 1) stream called ``name``."""
        return float(self.open(name).random(draw)[-1])

    def uniforms(self, purpose: str, things: Keys, draw: NDArray[np.int64] | int) -> Columns:
        """One draw of the uniform (0, 1) stream of each of many things, shape ``(n,)``.

        A counter-based generator: a value is a hash of seed, purpose, thing and number of the
        draw, so that a hundred thousand streams cost no more than an array.
        """
        word = self.root(purpose)
        counter = np.asarray(draw, dtype=np.int64).astype(np.uint64) * _GOLDEN
        mixed = mix64(mix64(mix64(things + word) ^ counter) + word)
        return ((mixed >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53

    def root(self, purpose: str) -> np.uint64:
        """What seed and purpose add to a thing's key (for kernels that draw themselves)."""
        word = self._roots.get(purpose)
        if word is None:
            digest = hashlib.blake2b(f"{self.seed}/{purpose}".encode(), digest_size=8).digest()
            word = self._roots[purpose] = np.uint64(int.from_bytes(digest, "little"))
        return word

    def normals(self, purpose: str, things: Keys, draw: NDArray[np.int64] | int) -> Columns:
        """As :meth:`uniforms`, standard normal (Box and Muller)."""
        radius = np.sqrt(-2.0 * np.log(self.uniforms(f"{purpose}/radius", things, draw)))
        angle = 2.0 * np.pi * self.uniforms(f"{purpose}/angle", things, draw)
        return np.asarray(radius * np.cos(angle))

    def normal(self, name: str, draw: int = 1) -> float:
        """Draw number ``draw`` (from 1) of the standard normal stream called ``name``."""
        return float(self.open(name).standard_normal(draw)[-1])

    def lognormal(self, name: str, *, median: float, sigma: float) -> float:
        """First draw of a lognormal stream, in the unit of ``median``; ``sigma`` is of the log."""
        return float(median * np.exp(sigma * self.normal(name)))
