"""Random words of many things at once: SplitMix64, one stream per thing.

A word is a function of seed, name and number, as a block of :class:`twins.core.streams.Streams`
is; but a thousand things cost no more than an array, and nothing is remembered between steps.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np

from twins.products.bin.kernels import Columns, Words, words_of

_GOLDEN, _ALL = 0x9E3779B97F4A7C15, 2**64 - 1
_S11 = np.uint64(11)


def counter(number: int) -> np.uint64:
    """What is added to a key for word ``number`` of its stream (Steele, Lea and Flood 2014)."""
    return np.uint64((number + 1) * _GOLDEN & _ALL)


class Dice:
    """The streams of several things for one purpose.

    Args:
        seed: Of the world.
        purpose: What they are for.
        things: Names; each has its own stream.
    """

    def __init__(self, seed: int, purpose: str, things: Iterable[str]) -> None:
        names = (f"{seed}/bin/{purpose}/{thing}".encode() for thing in things)
        digests = b"".join(hashlib.blake2b(name, digest_size=8).digest() for name in names)
        self.keys = np.frombuffer(digests, dtype="<u8").astype(np.uint64)

    def words(self, number: int) -> Words:
        """Word ``number`` of every stream, shape ``(n,)``."""
        return words_of(self.keys, counter(number))

    def uniforms(self, number: int) -> Columns:
        """Draw ``number`` of every stream, above 0 and below 1."""
        return ((self.words(number) >> _S11).astype(np.float64) + 0.5) * 2.0**-53

    def normals(self, number: int) -> tuple[Columns, Columns]:
        """Two standard normals of every stream (Box and Muller); takes two words from ``number``.

        Each ``number`` gives a pair of its own: words ``2 number`` and ``2 number + 1``.
        """
        radius = np.sqrt(-2.0 * np.log(self.uniforms(2 * number)))
        angle = 2.0 * np.pi * self.uniforms(2 * number + 1)
        return radius * np.cos(angle), radius * np.sin(angle)
