"""The noise of all sensors: standard normal, independent, a function of its names alone."""

from __future__ import annotations

import numpy as np
import pytest

from twins.core.noise import Noise
from twins.core.streams import Streams

DEVICES = tuple(f"thing-{number:03d}" for number in range(150))
WIDTH, ROWS = 7, 2_000


@pytest.fixture(scope="module")
def draws() -> np.ndarray:
    """Shape ``(rows, width, devices)``, 2.1 million."""
    noise = Noise(Streams(11), "test", DEVICES, WIDTH)
    return np.array([noise.row(row).copy() for row in range(ROWS)])


def test_draws_have_the_moments_of_a_standard_normal(draws: np.ndarray) -> None:
    values = draws.astype(np.float64).ravel()
    n = values.size
    errors = {1: 1.0, 2: np.sqrt(2.0), 3: np.sqrt(15.0), 4: np.sqrt(96.0), 6: np.sqrt(10170.0)}
    for power, moment in ((1, 0.0), (2, 1.0), (3, 0.0), (4, 3.0), (6, 15.0)):
        assert abs(np.mean(values**power) - moment) < 4.5 * errors[power] / np.sqrt(n)


def test_draws_fill_every_share_of_the_normal_distribution_tails_included(
    draws: np.ndarray,
) -> None:
    values, n = draws.ravel(), draws.size
    for limit, share in ((1.0, 0.1586553), (2.0, 0.0227501), (3.0, 0.0013499), (4.0, 3.1671e-5)):
        error = np.sqrt(share * n)
        assert abs(np.sum(values > limit) - share * n) < 4.5 * error
        assert abs(np.sum(values < -limit) - share * n) < 4.5 * error


def test_no_device_channel_or_row_tells_of_another(draws: np.ndarray) -> None:
    values = draws.astype(np.float64)
    n = values.size

    def alike(one: np.ndarray, other: np.ndarray) -> None:
        limit = 4.5 / np.sqrt(one.size)
        assert abs(np.mean(one * other)) < limit
        assert abs(np.mean((one**2 - 1.0) * (other**2 - 1.0))) < 2.0 * limit

    for step in (1, 2, 64):
        alike(values[step:], values[:-step])  # rows
    for one in range(WIDTH):
        for other in range(one):
            alike(values[:, one], values[:, other])  # channels, the pairs of Box and Muller too
    for step in (1, 2, 75):
        alike(values[:, :, step:], values[:, :, :-step])  # devices
    assert len(np.unique(draws)) > 0.9 * min(n, 2**24 * (1.0 - np.exp(-n / 2**24)))


def test_a_device_has_the_same_noise_in_any_company_and_in_any_order_of_rows() -> None:
    many = tuple(f"other-{number}" for number in range(3_000))
    few = Noise(Streams(11), "test", ("thing-001",), WIDTH)
    among = Noise(Streams(11), "test", (*many[:1_234], "thing-001", *many[1_234:]), WIDTH)
    for row in (0, 200, 63, 64, 5_000_000, 0):
        np.testing.assert_array_equal(few.row(row)[:, 0], among.row(row)[:, 1_234])


def test_another_seed_or_purpose_is_other_noise() -> None:
    noise = [
        Noise(Streams(seed), purpose, ("a",), WIDTH).row(0).ravel()
        for seed, purpose in ((1, "x"), (2, "x"), (1, "y"))
    ]
    assert not np.isclose(noise[0], noise[1]).any()
    assert not np.isclose(noise[0], noise[2]).any()
