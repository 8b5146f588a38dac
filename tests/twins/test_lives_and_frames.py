"""Statistics of lives, and what neighbours on one shaft feel of each other."""

import numpy as np
import pytest

from twins.core.coupling import Frame
from twins.core.lifestats import (
    RunToFailure,
    hourly_medians,
    r2_line_and_exponential,
    run_to_failure_figures,
    weibull_fit,
)
from twins.core.streams import Streams


def log_likelihood(lives: np.ndarray, failed: np.ndarray, beta: float, eta: float) -> float:
    hazard = np.log(beta / eta) + (beta - 1.0) * np.log(lives / eta)
    return float(np.sum(hazard[failed]) - np.sum((lives / eta) ** beta))


@pytest.mark.parametrize("censor_at", [np.inf, 900.0])
def test_a_fit_is_where_the_likelihood_is_highest_censored_or_not(censor_at: float) -> None:
    lives = 1000.0 * np.random.default_rng(4).weibull(2.2, 300)
    failed = lives < censor_at
    lives = np.minimum(lives, censor_at)
    beta, eta = weibull_fit(lives, failed)
    assert (beta, eta) == pytest.approx((2.2, 1000.0), rel=0.12)
    best = log_likelihood(lives, failed, beta, eta)
    for b, e in ((1.001, 1), (0.999, 1), (1, 1.001), (1, 0.999)):
        assert log_likelihood(lives, failed, beta * b, eta * e) < best


def test_an_exponential_is_told_from_a_line() -> None:
    t = np.linspace(0.0, 1.0, 200)
    line, exponential = r2_line_and_exponential(2.0 + np.exp(5.0 * t))
    assert exponential == pytest.approx(1.0, abs=1e-3)
    assert line < 0.8
    line, exponential = r2_line_and_exponential(2.0 + 3.0 * t)
    assert line == pytest.approx(1.0)
    assert exponential - line < 1e-6


def test_a_rise_is_detected_when_it_leaves_the_noise_and_not_by_one_spike() -> None:
    level = 1.0 + 0.02 * np.random.default_rng(1).standard_normal(500)
    level[200] = 3.0
    level[450:] += np.linspace(0.0, 4.0, 50)
    unit = RunToFailure(hourly=level, onset=450)
    assert 450 < unit.detected < 458
    assert unit.healthy == pytest.approx(1.0, abs=0.01)
    assert RunToFailure(hourly=level[:199], onset=199).detected == 198


def test_medians_of_an_hour_leave_out_what_was_not_measured() -> None:
    signal = np.array([1, 2, 9, np.nan, 4, np.nan, np.nan, np.nan, np.nan, 7, 7, 8, 5])
    assert hourly_medians(signal, 3).tolist() == [2.0, 4.0, 7.0]


def test_units_that_do_not_fail_as_real_ones_are_seen_to_be_wrong() -> None:
    """A check that a straight, noiseless, late rise passes would prove nothing."""
    hourly = np.ones(1000)
    hourly[:500] += 0.001 * np.tile([1, -1], 250)
    hourly[500:] += np.linspace(0.0, 20.0, 500)
    figures = run_to_failure_figures([RunToFailure(hourly=hourly, onset=500)] * 10)
    assert all(not all(figure.ok for figure in found) for found in figures.values())


def test_a_neighbour_feels_less_than_the_failing_place_and_other_frames_feel_nothing() -> None:
    places = [f"p{i}" for i in range(12)]
    frame = Frame(places, 4, Streams(3))
    rise = np.zeros(12)
    rise[5] = 5.0
    felt = frame.felt(rise)
    assert np.all(felt[[0, 1, 2, 3, 5, 8, 9, 10, 11]] == 0.0)
    assert np.all((felt[[4, 6, 7]] > 0.3) & (felt[[4, 6, 7]] < 5.0))
    both = rise.copy()
    both[6] = 3.0
    assert frame.felt(both)[4] > felt[4]
    fewer = Frame(places[4:8], 4, Streams(3)).felt(rise[4:8])
    assert np.array_equal(fewer, felt[4:8])
