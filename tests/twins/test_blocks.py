"""Generators of many streams seeded at once."""

import numpy as np
import pytest

from twins.core.blocks import FEW, Blocks
from twins.core.streams import Streams


@pytest.mark.parametrize("seed", [0, 7, 2**31, 2**40 + 3, 2**100, 2**130])
@pytest.mark.parametrize("count", [1, FEW + 8])
def test_a_block_of_many_streams_draws_what_each_stream_alone_would(seed: int, count: int) -> None:
    streams = Streams(seed)
    names = [f"purpose/device-{index}" for index in range(count)]
    blocks = Blocks(streams, names)
    for number in (0, 1, 77, 2**32 - 1, 2**32 + 5):
        seen = 0
        for name, rng in zip(names, blocks.at(number), strict=True):
            alone = streams.block(name, number)
            assert np.array_equal(rng.random(3, np.float32), alone.random(3, np.float32))
            assert np.array_equal(rng.standard_normal(5), alone.standard_normal(5))
            seen += 1
        assert seen == count
