"""Wet wells of any shape: a table of volume by level, read both ways by interpolation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from twins.products.pump.model import Columns

POINTS = 129


@dataclass(frozen=True, slots=True)
class Well:
    """A well as a table: ``volume_m3`` (from 0, rising) at ``level_m`` (from 0, rising)."""

    level_m: Columns
    volume_m3: Columns

    def table(self) -> Columns:
        """Levels, volumes, and the slope of each piece of both: as kernels read it."""
        up_m, more_m3 = np.diff(self.level_m), np.diff(self.volume_m3)
        slopes = [np.append(up_m / more_m3, 0.0), np.append(more_m3 / up_m, 0.0)]
        return np.array([self.level_m, self.volume_m3, *slopes])

    def volume(self, level_m: Columns | float) -> Columns:
        """Water in the well at a level, m3."""
        return np.asarray(np.interp(level_m, self.level_m, self.volume_m3))

    def level(self, volume_m3: Columns | float) -> Columns:
        """Level at a volume, m: the inverse of :meth:`volume`."""
        return np.asarray(np.interp(volume_m3, self.volume_m3, self.level_m))


def prism(area_m2: float, height_m: float) -> Well:
    """Upright walls."""
    return Well(np.array([0.0, height_m]), np.array([0.0, area_m2 * height_m]))


def cone(area_m2: float, height_m: float) -> Well:
    """A funnel: a tenth of the area at the floor; ``area_m2`` is the mean."""
    level = np.linspace(0.0, height_m, POINTS)
    share = level / height_m
    # radius from r0 to r1 with areas 0.1 : 1, so the mean area is (1 + sqrt(.1) + .1)/3 of the top
    top_m2 = area_m2 * 3.0 / (1.0 + 0.1**0.5 + 0.1)
    low = 0.1**0.5
    radius = low + (1.0 - low) * share
    volume = top_m2 * height_m * (radius**3 - low**3) / (3.0 * (1.0 - low))
    return Well(level, volume)


def tunnel(area_m2: float, height_m: float) -> Well:
    """A storage tunnel as that of HSY (S3): parabola, straight, inverted parabola.

    The real one holds ``350 + 2500 (h - 0.4)^2`` m3 up to 5.9 m and is scaled to height and mean
    area.
    """
    level = np.linspace(0.0, height_m, POINTS)
    h = level / height_m * 14.1
    bend, top = 5.9, 8.6
    slope = 5000.0 * (bend - 0.4)
    low = np.where(h < 0.4, 875.0 * h, 350.0 + 2500.0 * (h - 0.4) ** 2)
    straight = 350.0 + 2500.0 * (bend - 0.4) ** 2 + slope * (h - bend)
    left = np.maximum(14.1 - h, 0.0)
    arch = slope / (2.0 * (14.1 - top)) * ((14.1 - top) ** 2 - left**2) * 0.98
    volume = np.where(
        h < bend,
        low,
        np.where(h < top, straight, 350.0 + 2500.0 * 5.5**2 + slope * (top - bend) + arch),
    )
    volume += 1e-3 * h  # rising at the very ends too
    return Well(level, volume * (area_m2 * height_m / volume[-1]))


SHAPES = (prism, cone, tunnel)
"""By the parameter ``well_shape``."""
