"""What a scenario may say about products: names, parameters and faults, as their folders tell."""

from __future__ import annotations

from collections.abc import Mapping

from harness.errors import TwinAuthorError
from harness.scenario.units import quantity
from twins.core.errors import TwinError
from twins.core.manifest import Param
from twins.products import Product, catalog

Products = Mapping[str, Product]


def installed() -> Products:
    """Every product that comes with the twins.

    Raises:
        TwinAuthorError: If the folder of one is not what it must be.
    """
    try:
        return catalog()
    except TwinError as error:
        raise TwinAuthorError(str(error)) from error


def in_unit(value: float | str, param: Param, *, bounded: bool = True) -> float:
    """A parameter's value in its own unit; one that is not ``bounded`` may lie out of its range.

    Raises:
        ValueError: If its unit is wrong, or it is out of range.
    """
    number = quantity(value, param.unit)
    if bounded and not param.min <= number <= param.max:
        raise ValueError(
            f"{value} is out of range; allowed: {param.min:g} to {param.max:g} {param.unit}"
        )
    return number
