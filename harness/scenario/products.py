"""What a scenario may say about products: names, parameters and faults, as their folders tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness.errors import TwinAuthorError
from harness.scenario.units import quantity
from twins.core.errors import TwinError
from twins.core.manifest import Param
from twins.products import Product, catalog

Products = Mapping[str, Product]


class Installed(Mapping[str, Product]):
    """Every product that comes with the twins.

    Looking one up raises TwinAuthorError if its folder is not what it must be.
    """

    def __getitem__(self, name: str) -> Product:
        try:
            return catalog()[name]
        except TwinError as error:
            raise TwinAuthorError(str(error)) from error

    def __iter__(self) -> Iterator[str]:
        return iter(catalog())

    def __len__(self) -> int:
        return len(catalog())

    def __contains__(self, name: object) -> bool:
        return name in catalog()


def installed() -> Products:
    """Every product that comes with the twins; see :class:`Installed`."""
    return Installed()


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
