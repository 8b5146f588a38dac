"""All devices at once, for the whole run."""

from __future__ import annotations

from typing import ClassVar

from loadtests.plan import Shape
from loadtests.shapes.planned import PlannedShape


class Constant(PlannedShape):
    """All devices at once, for the whole run."""

    shape: ClassVar[Shape] = "constant"
