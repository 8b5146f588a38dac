"""Devices come in ten equal steps over the run, so the rate grows as they do."""

from __future__ import annotations

from typing import ClassVar

from loadtests.plan import Shape
from loadtests.shapes.planned import PlannedShape


class Ramp(PlannedShape):
    """Devices come in ten equal steps over the run, so the rate grows as they do."""

    shape: ClassVar[Shape] = "ramp"
