"""Money: decimal euros inside, whole cents in the store, a JSON number with two places outside.

Nothing is computed in binary fractions: a sum of cents is the same on every database and machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Any

import sqlalchemy as sa
from pydantic import BeforeValidator, Field

CENT = Decimal("0.01")
ZERO = Decimal("0.00")
LIMIT = Decimal("1e12")
"""Nothing here costs more; it keeps cents within 64 bits and JSON numbers exact."""


def euros(value: Decimal | float | str) -> Decimal:
    """An amount in whole cents, half a cent rounded up (away from zero).

    A float is read as it is written (0.15 is fifteen cents).

    Raises:
        decimal.InvalidOperation: If ``value`` is no finite number.
    """
    return Decimal(str(value)).quantize(CENT, rounding=ROUND_HALF_UP)


def times(unit: Decimal, quantity: int | Decimal) -> Decimal:
    """``quantity`` times ``unit``, to the cent."""
    return euros(unit * quantity)


def total(amounts: Iterable[Decimal]) -> Decimal:
    """The sum; 0.00 of nothing."""
    return sum(amounts, ZERO)


def wire(value: Decimal) -> float:
    """An amount as it goes out: the number whose shortest form has at most two places."""
    return float(value.quantize(CENT, rounding=ROUND_HALF_UP))


def plain(value: Any) -> Any:  # noqa: ANN401 - rows and what is in them
    """Data as they go out: every amount in them as :func:`wire` gives it."""
    if isinstance(value, Decimal):
        return wire(value)
    if isinstance(value, Mapping):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value


def _whole_cents(value: object) -> object:
    """A number of a request as a Decimal; what is none is left for pydantic to refuse."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    exact = Decimal(str(value))
    if exact.is_finite() and abs(exact) < LIMIT and exact != exact.quantize(CENT):
        raise ValueError(f"{value!r} EUR has parts of a cent; allowed: two places")
    return exact


Amount = Annotated[
    Decimal, BeforeValidator(_whole_cents), Field(ge=0, lt=LIMIT, allow_inf_nan=False)
]
"""An amount in a request body: a JSON number, not negative, in whole cents."""


class Euros(sa.types.TypeDecorator[Decimal]):
    """A column of euros, kept as a whole number of cents: SQLite has no decimals, only floats."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> int | None:  # noqa: ANN401
        """Euros to cents."""
        del dialect
        return None if value is None else int(euros(value) * 100)

    def process_result_value(
        self,
        value: Any,  # noqa: ANN401
        dialect: sa.Dialect,
    ) -> Decimal | None:
        """Cents to euros."""
        del dialect
        return None if value is None else Decimal(value).scaleb(-2)
