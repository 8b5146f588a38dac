"""Parameters of a scenario, and the matrix that makes variants of them."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Literal, NamedTuple, TypeVar

from pydantic import Field, ValidationError

from harness.scenario.base import NAME_PATTERN, Model
from harness.scenario.said import Path, Said, unknown
from harness.scenario.units import parse_duration

PARAMETERS, MATRIX = "parameters", "matrix"
VARIANTS_MAX = 200
NUMBER_MAX = 1e15
"""Beyond it floats skip integers."""
_WHOLE = re.compile(r"\$\(([^()]*)\)\Z")
_INSIDE = re.compile(r"\$(\$)?\(([^()]*)\)")
Scalar = bool | int | float | str
M = TypeVar("M", bound=Model)


class Parameter(Model):
    """Something that a scenario leaves open: ``$(name)`` stands for it."""

    type: Literal["number", "integer", "duration", "text", "boolean"]
    default: Scalar
    min: Scalar | None = None
    max: Scalar | None = None
    allowed: tuple[Scalar, ...] | None = Field(default=None, min_length=1)
    title: str = ""

    def read(self, given: object) -> Scalar:
        """``given`` as a value of this parameter; text is read as on a command line.

        Raises:
            ValueError: If it is of another type or out of range; the text says what is allowed.
        """
        value = _typed(self.type, given)
        size = _size(self.type, value)
        for bound, sign in ((self.min, "at least"), (self.max, "at most")):
            if bound is None:
                continue
            limit = _size(self.type, _typed(self.type, bound))
            if (size < limit) if sign == "at least" else (size > limit):
                raise ValueError(f"{given!r} is out of range; allowed: {self.span()}")
        if self.allowed is not None and value not in self.allowed:
            shown = ", ".join(str(one) for one in self.allowed)
            raise ValueError(f"{given!r} is not allowed here; allowed: {shown}")
        return value

    def span(self) -> str:
        """The range in words."""
        parts = [f"at least {self.min}"] if self.min is not None else []
        parts += [f"at most {self.max}"] if self.max is not None else []
        return " and ".join(parts) or f"any {self.type}"


def _typed(kind: str, given: object) -> Scalar:
    words = {"true": True, "false": False}
    if kind == "boolean":
        found = words.get(str(given).lower()) if isinstance(given, bool | str) else None
        if found is None:
            raise ValueError(f"{given!r} is neither true nor false")
        return found
    if kind == "text":
        if isinstance(given, bool) or not isinstance(given, str | int | float):
            raise ValueError(f"{given!r} is no text")
        return str(given)
    if kind == "duration":
        parse_duration(given if isinstance(given, str) else f"{given}")
        return str(given)
    try:
        value = math.nan if isinstance(given, bool) else float(given)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        value = math.nan
    if not abs(value) < NUMBER_MAX:
        raise ValueError(f"{given!r} is no {kind}")
    if kind == "integer" and value != int(value):
        raise ValueError(f"{given!r} is no integer")
    return int(value) if value == int(value) else value


def _size(kind: str, value: Scalar) -> float:
    if kind == "duration":
        return float(parse_duration(value))
    return 0.0 if isinstance(value, str) else float(value)


class Matrix(Model):
    """Runs of one scenario with different values of its parameters."""

    axes: dict[str, tuple[Scalar, ...]] = Field(min_length=1)
    """By parameter: the values that are tried, each with each of the others."""
    leave_out: tuple[dict[str, Scalar], ...] = ()
    """Combinations that make no sense: all that have these values."""
    seeds: Literal["own", "same"] = "own"
    """Whether variant k runs with the seed plus k, or all with the same (paired runs)."""


class Open(NamedTuple):
    """What a file leaves open."""

    parameters: Mapping[str, Parameter]
    matrix: Matrix | None
    variants: Mapping[str, Mapping[str, Scalar]]
    """By name, in the order in which they are run; empty without a matrix."""


def read_open(data: Mapping[str, Any]) -> tuple[Open, list[Said]]:
    """The parameters and the matrix of a file, and all that is wrong with them."""
    said: list[Said] = []
    parameters: dict[str, Parameter] = {}
    declared = data.get(PARAMETERS, {})
    if not isinstance(declared, dict):
        said.append(Said((PARAMETERS,), False, "parameters must be a mapping, such as "
                         "delay: {type: duration, default: 4d}"))  # fmt: skip
        declared = {}
    for name, value in declared.items():
        at: Path = (PARAMETERS, name)
        if not re.match(NAME_PATTERN, name):
            text = f"{name!r} is no name: a letter, then letters, digits, - and _"
            said.append(Said(at, True, text))
            continue
        one = _model(Parameter, value, at, said)
        if one is not None:
            said += _wrong_bounds(one, at)
            parameters[name] = one
    matrix = None
    if MATRIX in data:
        matrix = _model(Matrix, data[MATRIX], (MATRIX,), said)
    variants: dict[str, Mapping[str, Scalar]] = {}
    if matrix is not None:
        said += _wrong_axes(matrix, parameters, known=not said)
        if not said:
            variants = {variant_name(row): row for row in rows(matrix)}
            if not 0 < len(variants) <= VARIANTS_MAX:
                text = f"the matrix has {len(variants)} variants; allowed: 1 to {VARIANTS_MAX}"
                said.append(Said((MATRIX,), True, text))
    return Open(parameters, matrix, variants), said


def _model(model: type[M], value: object, at: Path, said: list[Said]) -> M | None:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        keys = list(model.model_fields)
        for item in error.errors(include_url=False):
            loc = [part for part in item["loc"] if part not in _SCALARS]
            if item["type"] == "extra_forbidden":
                said.append(Said((*at, *loc), True, unknown("key", str(loc[-1]), keys)))
            elif item["type"] == "missing":
                text = f"{loc[-1]!r} is missing; this place takes: {', '.join(keys)}"
                said.append(Said((*at, *loc[:-1]), False, text))
            elif not any(one.path == (*at, *loc) for one in said):  # a union fails many times
                text = item["msg"][0].lower() + item["msg"][1:]
                said.append(Said((*at, *loc), False, text))
        return None


_SCALARS = frozenset({"bool", "int", "float", "str"})


def _wrong_bounds(one: Parameter, at: Path) -> Iterator[Said]:
    for key in ("min", "max", "default"):
        value = getattr(one, key)
        if key != "default" and value is not None and one.type in ("text", "boolean"):
            yield Said((*at, key), False, f"a {one.type} has no {key}; write allowed: [...]")
            return
        try:
            if value is not None:
                _ = one.read(value) if key == "default" else _typed(one.type, value)
        except ValueError as error:
            yield Said((*at, key), False, str(error))
            return


def _wrong_axes(
    matrix: Matrix, parameters: Mapping[str, Parameter], *, known: bool
) -> Iterator[Said]:
    for name, values in matrix.axes.items():
        at: Path = (MATRIX, "axes", name)
        if name not in parameters:
            if known:
                yield Said(at, True, unknown("parameter", name, sorted(parameters)))
            continue
        if not values:
            yield Said(at, False, "an axis needs at least one value")
        for place, value in enumerate(values):
            try:
                parameters[name].read(value)
            except ValueError as error:
                yield Said((*at, place), False, str(error))
            if value in values[:place]:
                yield Said((*at, place), False, f"{value!r} stands twice")
    for number, combination in enumerate(matrix.leave_out):
        for name, value in combination.items():
            where: Path = (MATRIX, "leave_out", number, name)
            if name not in matrix.axes:
                yield Said(where, True, unknown("axis", name, sorted(matrix.axes)))
            elif value not in matrix.axes[name]:
                shown = [str(one) for one in matrix.axes[name]]
                yield Said(where, False, unknown("value", str(value), shown))


def rows(matrix: Matrix) -> Iterator[dict[str, Scalar]]:
    """Every combination that is run, the last axis changing fastest."""
    total = 0
    for values in itertools.product(*matrix.axes.values()):
        row = dict(zip(matrix.axes, values, strict=True))
        if any(left.items() <= row.items() for left in matrix.leave_out):
            continue
        total += 1
        if total > VARIANTS_MAX + 1:
            return
        yield row


def variant_name(row: Mapping[str, Scalar]) -> str:
    """``habit=difficult,onset=4d``."""
    return ",".join(f"{name}={_shown(value)}" for name, value in row.items())


def _shown(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


class Filler:
    """Puts values in the places that say ``$(name)``; ``$$(`` stands for ``$(``.

    Args:
        values: By name.
        declared: Names that there are, also those without a value because they are wrong.
    """

    def __init__(self, values: Mapping[str, Scalar], declared: Collection[str] = ()) -> None:
        self._values, self._declared = values, {*values, *declared}
        self.unsettled: list[Path] = []
        self.said: list[Said] = []
        self.used: set[str] = set()

    def filled(self, data: Any, at: Path = ()) -> Any:  # noqa: ANN401 - data of any shape
        """The data that stand at ``at``, with values."""
        if isinstance(data, dict):
            left = (PARAMETERS, MATRIX) if not at else ()
            return {
                key: value if key in left else self.filled(value, (*at, key))
                for key, value in data.items()
            }
        if isinstance(data, list):
            return [self.filled(value, (*at, number)) for number, value in enumerate(data)]
        if not isinstance(data, str) or "$" not in data:
            return data
        whole = _WHOLE.match(data)
        if whole:
            return self._value(whole[1], at)
        return _INSIDE.sub(lambda m: f"$({m[2]})" if m[1] else _shown(self._value(m[2], at)), data)

    def _value(self, name: str, at: Path) -> Scalar:
        self.used.add(name)
        if name in self._values:
            return self._values[name]
        self.unsettled.append(at)
        if name not in self._declared:
            text = unknown("parameter", name, sorted(self._declared))
            self.said.append(Said(at, False, text))
        return ""
