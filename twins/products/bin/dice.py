"""Random words of many things at once: SplitMix64, one stream per thing.

A word is a function of seed, name and number, as a block of :class:`twins.core.streams.Streams`
is; but a thousand things cost no more than an array, and nothing is remembered between steps.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
Columns = NDArray[np.float64]

_GOLDEN, _ALL = 0x9E3779B97F4A7C15, 2**64 - 1
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = (np.uint64(bits) for bits in (30, 27, 31, 11))


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
        self._keys = np.frombuffer(digests, dtype="<u8").astype(np.uint64)

    def words(self, number: int) -> Words:
        """Word ``number`` of every stream, shape ``(n,)`` (Steele, Lea and Flood 2014)."""
        word = self._keys + np.uint64((number + 1) * _GOLDEN & _ALL)
        word ^= word >> _S30
        word *= _FIRST
        word ^= word >> _S27
        word *= _SECOND
        word ^= word >> _S31
        return word

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


def bits(words: Words, *, low: int, count: int) -> Words:
    """``count`` bits of each word, from bit ``low`` on."""
    return (words >> np.uint64(low)) & np.uint64(2**count - 1)
