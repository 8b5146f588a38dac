"""Wear laws: when damage begins, how it grows, how much of it a signal shows.

All products share one template (twins reference, section 2): an onset drawn from a Weibull, a
growth time (the P-F interval) that spans more than an order of magnitude, damage that advances in
gamma increments, and a signal that rises exponentially in damage.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twins.core.streams import Streams

HOUR_MS = 3_600_000
STEPS = 200
"""Gamma increments per P-F interval."""
STEP_SHAPE = 1.0
"""Shape of one increment: the growth time then has a CV of 1/sqrt(200) = 7 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WearLaw:
    """How one kind of component wears.

    ``life_h`` and ``life_shape`` are eta and beta of the Weibull of the onset, in hours in
    service; the P-F interval is log-uniform between ``pf_min_h`` and ``pf_max_h`` (three real
    run-to-failure tests had it at 1.4, 5.9 and 48 % of life, M:ims). ``rise`` is the
    median amplitude A of the signal at full damage, in the signal's unit, lognormal with
    ``rise_spread``; ``curvature`` is k, normal with ``curvature_spread`` (k ~ N(3.6, 1)).

    With ``per_use`` the component wears by use (strokes, openings, volume), not by time: one use
    stands where one hour stands otherwise, here and in :meth:`Wearing.force`.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One life of one component, as drawn: it does not depend on what anybody decides."""

    onset_ms: int
    pf_ms: int
    rise: float
    curvature: float
    path: NDArray[np.float64]
    """Damage at x = 0, 1/STEPS, 2/STEPS, ... of the P-F interval; ends above 1."""
    fail_x: float
    """Where on the path damage reaches 1."""

    def damage(self, x: float) -> float:
        """Damage at path position ``x`` (time since onset over P-F interval), 0 to 1."""
        if x >= self.fail_x:
            return 1.0
        at = x * STEPS
        step = int(at)
        low, high = self.path[step], self.path[step + 1]
        return float(low + (at - step) * (high - low))

    def rise_at(self, damage: float) -> float:
        """How much the signal has risen: ``A (e^(k u) - 1) / (e^k - 1)``, in its unit."""
        return self.rise * float(np.expm1(self.curvature * damage) / np.expm1(self.curvature))


def weibull_h(*, eta_h: float, beta: float, uniform: float) -> float:
    """Weibull life by inverse transform: ``eta (-ln(1 - U))^(1/beta)``, hours."""
    return float(eta_h * (-np.log1p(-uniform)) ** (1.0 / beta))


def gamma_path(rng: np.random.Generator) -> tuple[NDArray[np.float64], float]:
    """Damage that only grows: cumulated gamma increments with mean 1 / STEPS.

    Returns:
        The path (from 0, shape ``(m,)``) and the position, in P-F intervals, where it reaches 1.
    """
    increments = rng.gamma(STEP_SHAPE, 1.0 / (STEPS * STEP_SHAPE), size=3 * STEPS)
    increments[-1] += 1.0  # so that the path always ends above 1, whatever was drawn
    path = np.concatenate(([0.0], np.cumsum(increments)))
    end = int(np.searchsorted(path, 1.0))
    share = (1.0 - path[end - 1]) / (path[end] - path[end - 1])
    return path, float((end - 1 + share) / STEPS)


def draw_life(law: WearLaw, streams: Streams, *, device: str, component: str, life: int) -> Life:
    """The ``life``-th life (from 1) of a component: draw number ``life`` of each of its streams."""
    thing = f"{device}/{component}"
    onset_h = weibull_h(
        eta_h=law.life_h,
        beta=law.life_shape,
        uniform=streams.uniform(f"wear/onset/{thing}", life),
    )
    spread = np.log(law.pf_max_h / law.pf_min_h)
    pf_h = law.pf_min_h * float(np.exp(spread * streams.uniform(f"wear/growth/{thing}", life)))
    rise = law.rise * float(np.exp(law.rise_spread * streams.normal(f"wear/rise/{thing}", life)))
    curvature = law.curvature + law.curvature_spread * streams.normal(f"wear/bend/{thing}", life)
    path, fail_x = gamma_path(streams.block(f"wear/path/{thing}", life))
    return Life(
        onset_ms=round(onset_h * HOUR_MS),
        pf_ms=round(pf_h * HOUR_MS),
        rise=rise,
        curvature=min(max(curvature, 1.0), 8.0),  # beyond that neither shape was ever measured
        path=path,
        fail_x=fail_x,
    )


class Wearing:
    """One component of one device: which life it is in and how far that has gone.

    Time counts in service only: while ``pause`` holds (the device was told to stand still) nothing
    wears. ``phase`` is ``healthy``, ``growing`` or ``failed``.
    """

    def __init__(self, law: WearLaw, streams: Streams, *, device: str, component: str) -> None:
        self._law, self._streams = law, streams
        self.device, self.component = device, component
        self.number = 0
        self.phase = "healthy"
        self._paused = False
        self._anchor_ms = 0
        self._left_ms = 0
        self._x = 0.0
        self._pf_ms = 1
        self.life: Life

    def renew(self, now_ms: int) -> None:
        """Begin the next life: a new component is in place."""
        self.number += 1
        self.phase = "healthy"
        self._draw()
        self._anchor_ms, self._left_ms = now_ms, self.life.onset_ms
        self._x, self._pf_ms = 0.0, self.life.pf_ms

    def force(self, now_ms: int, *, onset_ms: int, pf_ms: int) -> None:
        """Make this life end sooner (or later): damage begins ``onset_ms`` from now.

        If damage has begun already it stays where it is and goes on with the new P-F interval.
        """
        assert self.phase != "failed"
        if self.phase == "growing":
            self._x = self._position(now_ms)
        else:
            self._left_ms = onset_ms
        self._anchor_ms, self._pf_ms = now_ms, pf_ms

    def pause(self, now_ms: int, *, paused: bool) -> None:
        """Stop or resume wearing."""
        if paused == self._paused:
            return
        if self.phase == "growing":
            self._x = self._position(now_ms)
        elif not self._paused:
            self._left_ms -= now_ms - self._anchor_ms
        self._anchor_ms, self._paused = now_ms, paused

    def next_change_ms(self) -> int | None:
        """When the phase changes if nobody interferes; ``None`` if it will not."""
        if self._paused or self.phase == "failed":
            return None
        if self.phase == "healthy":
            return self._anchor_ms + max(self._left_ms, 0)
        return self._anchor_ms + int(np.ceil((self.life.fail_x - self._x) * self._pf_ms))

    def change(self, now_ms: int) -> str:
        """Go over to the next phase, at its time; returns the new one."""
        if self.phase == "healthy":
            self.phase, self._x = "growing", 0.0
        else:
            self.phase, self._x = "failed", self.life.fail_x
        self._anchor_ms = now_ms
        return self.phase

    def damage(self, now_ms: int) -> float:
        """Damage now, 0 as new to 1 broken."""
        return 0.0 if self.phase == "healthy" else self.life.damage(self._position(now_ms))

    def dump(self) -> list[Any]:
        """Where this component is, as plain data."""
        return [
            self.number, self.phase, self._paused, self._anchor_ms, self._left_ms,
            self._x, self._pf_ms,
        ]  # fmt: skip

    def load(self, state: list[Any]) -> None:
        """Take over what :meth:`dump` gave; the life itself is drawn again."""
        (self.number, self.phase, self._paused, self._anchor_ms, self._left_ms,
         self._x, self._pf_ms) = state  # fmt: skip
        self._draw()

    def _draw(self) -> None:
        self.life = draw_life(
            self._law,
            self._streams,
            device=self.device,
            component=self.component,
            life=self.number,
        )

    def _position(self, now_ms: int) -> float:
        if self._paused or self.phase != "growing":
            return self._x
        return self._x + (now_ms - self._anchor_ms) / self._pf_ms
