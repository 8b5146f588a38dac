"""Numbered blocks of many streams at once: seeding a fleet's generators without a call for each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from twins.core.streams import Streams, spawn_key

Words = NDArray[np.uint32]
_WORD = 0xFFFFFFFF
_INIT_A, _MULT_A, _INIT_B, _MULT_B = 0x43B0D7E5, 0x931E8875, 0x8B51F9DD, 0x58F38DED
_MIX_L, _MIX_R, _SHIFT = np.uint32(0xCA01F9DD), np.uint32(0x4973F715), np.uint32(16)
"""Constants of NumPy's ``SeedSequence`` (O'Neill's ``seed_seq_fe``), whose results are frozen."""
_POOL, _NAME = 4, 4
_SEED_HASHES = _POOL + _POOL * (_POOL - 1)
_PCG_STEP, _WIDE = 0x2360ED051FC65DA44385DF649FCCF645, (1 << 128) - 1
"""Multiplier of PCG64 (O'Neill 2014)."""
FEW = 4
"""Up to so many streams it is cheaper to open each; so are numbers of more than their words."""


class Blocks:
    """What :meth:`Streams.block` gives, for the same streams again and again; the same draws.

    The hash of seed and names is kept (16 bytes a stream), so that a block only adds its number.
    Tests hold every draw against :meth:`Streams.block`.
    """

    def __init__(self, streams: Streams, names: Iterable[str]) -> None:
        self._streams, self._names = streams, tuple(names)
        self._pools: Words | None = None
        self._bits = np.random.PCG64(0)
        self._generator = np.random.Generator(self._bits)

    def at(self, number: int) -> Iterator[np.random.Generator]:
        """Block ``number`` of each stream in turn, at its beginning; good until the next."""
        if len(self._names) <= FEW or number > _WORD or self._streams.seed > _WIDE:
            for name in self._names:
                yield self._streams.block(name, number)
            return
        for high, low, jump_high, jump_low in self._seeds(number).tolist():
            inc = ((jump_high << 64 | jump_low) << 1 | 1) & _WIDE
            state = ((high << 64 | low) + inc) * _PCG_STEP + inc & _WIDE
            self._bits.state = {
                "bit_generator": "PCG64", "state": {"state": state, "inc": inc},
                "has_uint32": 0, "uinteger": 0,
            }  # fmt: skip
            yield self._generator

    def _seeds(self, number: int) -> NDArray[np.uint64]:
        """Seed words of all generators for a block, shape ``(n, 4)``."""
        if self._pools is None:
            self._pools = self._hash_names()
        pools = _mixed(self._pools, np.uint32(number), _SEED_HASHES + _NAME * _POOL)
        consts = _powers(_INIT_B, _MULT_B, 2 * _POOL + 1)
        data = np.concatenate((pools, pools)) ^ consts[:-1, None]
        data *= consts[1:, None]
        data ^= data >> _SHIFT
        wide = data.astype(np.uint64)
        return np.ascontiguousarray((wide[0::2] | wide[1::2] << np.uint64(32)).T)

    def _hash_names(self) -> Words:
        """Hash of the seed and of each name, shape ``(4, n)``."""
        seed = np.random.SeedSequence(self._streams.seed).pool
        pools = np.repeat(seed[:, None], len(self._names), axis=1)
        keys = np.array([spawn_key(name) for name in self._names], dtype=np.uint32).T
        for word, key in enumerate(keys):
            pools = _mixed(pools, key, _SEED_HASHES + word * _POOL)
        return pools


def _powers(first: int, factor: int, count: int) -> Words:
    """``first * factor^k`` modulo 2^32 for k from 0, shape ``(count,)``."""
    values = [first]
    for _ in range(count - 1):
        values.append(values[-1] * factor & _WORD)
    return np.array(values, dtype=np.uint32)


def _mixed(pools: Words, entropy: Words | np.uint32, hashed: int) -> Words:
    """Take one more word of entropy into every pool after ``hashed`` hashes."""
    consts = _powers(_INIT_A, _MULT_A, hashed + _POOL + 1)[hashed:]
    values: Words = np.bitwise_xor(entropy, consts[:-1, None])
    values = values * consts[1:, None]
    values ^= values >> _SHIFT
    mixed: Words = pools * _MIX_L - values * _MIX_R
    mixed ^= mixed >> _SHIFT
    return mixed
