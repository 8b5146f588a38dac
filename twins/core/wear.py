"""Wear laws: when damage begins, how it grows, how much of it a signal shows.

All products share one template (twins reference, section 2): an onset drawn from a Weibull, a
growth time (the P-F interval), damage that advances by one of five processes, and a signal that
rises exponentially in damage. Everything here works on many lives at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from twins.core.streams import Keys, Streams

Columns = NDArray[np.float64]
Draws = NDArray[np.int64]

HOUR_MS = 3_600_000
STEPS = 200
"""Steps of a damage path over the P-F interval."""
GAMMA_CV = 0.07
"""CV of the growth time: 200 gamma increments of shape 1, hence 1/sqrt(200)."""
WIENER_CV = 0.15
"""Volatility of a Wiener path per root of the P-F interval, and CV of its growth time (E)."""
CRACK_RATIO = 10.0
"""Critical over first visible crack length (estimate)."""
JUMPS, JUMP_SHAPE = 8.0, 2.0
"""Mean number of jumps of a compound Poisson before the last one (estimate), and their gamma
shape (k = 2, twins reference, section 1A)."""

Growth = Literal["gamma", "wiener", "paris", "jumps", "sudden"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WearLaw:
    """How one kind of component wears.

    ``life_h`` and ``life_shape`` are eta and beta of the Weibull of the onset, in hours in
    service; the P-F interval is log-uniform between ``pf_min_h`` and ``pf_max_h`` (three real
    run-to-failure tests had it at 1.4, 5.9 and 48 % of life, M:ims). ``rise`` is the
    median amplitude A of the signal at full damage, in the signal's unit, lognormal with
    ``rise_spread``; ``curvature`` is k, normal with ``curvature_spread`` (k ~ N(3.6, 1)).

    ``growth`` is the process by which damage goes from 0 to 1 (section 2): ``gamma`` for wear that
    only grows, ``wiener`` for what wanders both ways, ``paris`` for cracks and spalls, ``jumps``
    for rags and jams, ``sudden`` for a hazard only. ``sudden_share`` of the lives end without any
    precursor, at the time at which they would have ended anyway (10-20 %, E).

    With ``per_use`` the component wears by use (strokes, openings, volume), not by time: one use
    stands where one hour stands otherwise. An overhaul leaves a share of the age that is uniform
    in ``overhaul_q`` (0.1-0.3, section 2). Competing modes of one part are components that share
    a position: the first to fail ends both, and a new part renews both.
    """

    life_h: float
    life_shape: float
    pf_min_h: float
    pf_max_h: float
    rise: float
    rise_spread: float
    curvature: float
    curvature_spread: float
    per_use: bool = False
    growth: Growth = "gamma"
    sudden_share: float = 0.15
    overhaul_q: tuple[float, float] = (0.1, 0.3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lives:
    """Lives as drawn, columns: they do not depend on what anybody decides.

    ``onset_ms`` counts service from the beginning of the life, ``pf_ms`` from the onset; for a
    ``sudden`` life damage stays 0 until both are over. Of a law that wears by use, a ms is the
    3,600,000th part of a use.
    """

    onset_ms: Columns
    pf_ms: Columns
    sudden: NDArray[np.bool_]

    @property
    def end_ms(self) -> Columns:
        """Service from the beginning of the life to the failure."""
        return self.onset_ms + self.pf_ms


def weibull_h(
    *, eta_h: float, beta: float, uniform: Columns | float, age_h: Columns | float = 0.0
) -> Columns:
    """Hours left of a Weibull life that has reached ``age_h``, by inverse transform.

    ``eta ((age / eta)^beta - ln(1 - U))^(1/beta) - age``; a new one has age 0.
    """
    used = (np.asarray(age_h) / eta_h) ** beta
    return np.asarray(eta_h * (used - np.log1p(-np.asarray(uniform))) ** (1.0 / beta) - age_h)


def draw_lives(
    law: WearLaw, streams: Streams, things: Keys, life: Draws | int, age_ms: Columns | float = 0.0
) -> Lives:
    """Life number ``life`` (from 1) of each of many components, of which each has an age.

    Args:
        law: How they wear.
        streams: Where chance comes from; ``things`` are keys of ``<device>/<component>``.
        things: Shape ``(n,)``.
        life: Number of the life, one for all or shape ``(n,)``.
        age_ms: Virtual age at the beginning (Kijima): 0 for a new part.
    """
    onset_h = weibull_h(
        eta_h=law.life_h,
        beta=law.life_shape,
        uniform=streams.uniforms("wear/onset", things, life),
        age_h=np.asarray(age_ms) / HOUR_MS,
    )
    if law.growth == "sudden":
        nothing = np.zeros(len(things))
        return Lives(
            onset_ms=np.rint(onset_h * HOUR_MS), pf_ms=nothing, sudden=np.ones(len(things), bool)
        )
    spread = np.log(law.pf_max_h / law.pf_min_h)
    pf_h = law.pf_min_h * np.exp(spread * streams.uniforms("wear/growth", things, life))
    return Lives(
        onset_ms=np.rint(onset_h * HOUR_MS),
        pf_ms=np.rint(pf_h * stretch(law, streams, things, life) * HOUR_MS),
        sudden=streams.uniforms("wear/sudden", things, life) < law.sudden_share,
    )


def stretch(law: WearLaw, streams: Streams, things: Keys, life: Draws | int) -> Columns:
    """By how much a growth time differs from the one that was drawn or asked for, mean 1.

    First passage of the damage process: nearly normal for gamma increments, inverse Gaussian
    (Michael, Schucany and Haas 1976) for a Wiener process with drift.
    """
    normal = streams.normals("wear/stretch", things, life)
    if law.growth != "wiener":
        return 1.0 + GAMMA_CV * np.clip(normal, -3.0, 3.0)
    chi2, variance = normal**2, WIENER_CV**2
    small = 1.0 + variance / 2.0 * (chi2 - np.sqrt(4.0 / variance * chi2 + chi2**2))
    first = streams.uniforms("wear/passage", things, life) <= 1.0 / (1.0 + small)
    return np.asarray(np.where(first, small, 1.0 / small))


def draw_rises(
    law: WearLaw, streams: Streams, things: Keys, life: Draws | int
) -> tuple[Columns, Columns]:
    """Amplitude of the signal at full damage, and curvature k, of each life."""
    rise = law.rise * np.exp(law.rise_spread * streams.normals("wear/rise", things, life))
    bend = law.curvature + law.curvature_spread * streams.normals("wear/bend", things, life)
    # Beyond 1 to 8 no shape was ever measured; who asks for less (linear) gets it.
    return rise, np.clip(bend, max(min(1.0, law.curvature), 0.01), 8.0)


def gamma_path(rng: np.random.Generator) -> tuple[Columns, float]:
    """Damage that only grows and ends when it likes: cumulated gamma increments, mean 1 / STEPS.

    Returns:
        The path (from 0, shape ``(3 STEPS + 1,)``) and the position, in growth times, where it
        reaches 1.
    """
    increments = rng.standard_gamma(1.0, 3 * STEPS) / STEPS
    increments[-1] += 1.0  # so that the path always ends above 1, whatever was drawn
    path = np.concatenate(([0.0], np.cumsum(increments)))
    end = int(np.searchsorted(path, 1.0))
    share = (1.0 - path[end - 1]) / (path[end] - path[end - 1])
    return path, float((end - 1 + share) / STEPS)


def draw_path(growth: Growth, rng: np.random.Generator) -> Columns:
    """Damage at x = 0, 1/STEPS, ... 1 of the growth time, shape ``(STEPS + 1,)``, from 0 to 1.

    Each process is conditioned on reaching 1 at the end, for its growth time is drawn first:
    gamma increments over their sum; for a Wiener process seen back from its first passage a
    three-dimensional Bessel bridge (Williams 1974), held at 0; Paris' law with m = 3
    (K), ``a ~ (1 - b x)^-2``, driven by gamma increments; jumps at the times of a Poisson process,
    the last one at the end.
    """
    if growth == "wiener":
        return _bessel_bridge(rng)
    if growth == "jumps":
        times = np.append(rng.random(rng.poisson(JUMPS)), 1.0)
        sizes = rng.gamma(JUMP_SHAPE, size=len(times))
        at = np.ceil(times * STEPS).astype(int)
        jumped: Columns = np.cumsum(np.bincount(at, weights=sizes, minlength=STEPS + 1))
        return np.asarray(np.minimum(jumped / jumped[-1], 1.0))
    path = gamma_path(rng)[0][: STEPS + 1]
    path = path / path[-1]
    if growth == "paris":
        closing = 1.0 - CRACK_RATIO**-0.5
        path = ((1.0 - closing * path) ** -2 - 1.0) / (CRACK_RATIO - 1.0)
    return np.asarray(np.minimum(path, 1.0))


def _bessel_bridge(rng: np.random.Generator) -> Columns:
    x = np.linspace(0.0, 1.0, STEPS + 1)
    walk = np.vstack(([0.0] * 3, np.cumsum(rng.standard_normal((STEPS, 3)), axis=0)))
    walk *= WIENER_CV / np.sqrt(STEPS)
    walk -= x[:, None] * walk[-1]
    walk[:, 0] += 1.0 - x
    path = np.clip(1.0 - np.linalg.norm(walk, axis=1), 0.0, 1.0)
    path[-1] = 1.0
    return np.asarray(path)
