"""Sums of windows do not depend on the order of their readings."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from reference_impl.ingestion.adapters import reducing

wide = st.builds(math.ldexp, st.floats(-1.0, 1.0), st.integers(-80, 80))
awkward = st.sampled_from([2.0**53, -(2.0**53), 1.0, -1.0, 2.0**-53, 1e-300, 1e16, -1e16, 0.5])


@given(st.lists(wide | awkward | st.just(math.nan), max_size=20))
def test_a_sum_is_rounded_once_compiled_or_not(numbers):
    known = [number for number in numbers if not math.isnan(number)]
    values, room = np.array(numbers, dtype=np.float64), np.empty(64)
    interpreted = getattr(reducing.exact_sum, "py_func", reducing.exact_sum)
    for summed in (reducing.exact_sum, interpreted):
        assert summed(values, 0, len(numbers), room) == math.fsum(known)
