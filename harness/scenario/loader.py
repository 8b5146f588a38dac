"""From a YAML file to a scenario, or to all the mistakes of the file at once."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path as FilePath
from typing import Any, NamedTuple

from pydantic import ValidationError

from harness.errors import InvalidScenario, Problem
from harness.scenario.checkproblems import ArgModels
from harness.scenario.checkrefs import PHASES, normal
from harness.scenario.everyone import everyone_problems
from harness.scenario.include import read_text, read_whole
from harness.scenario.mend import mended
from harness.scenario.products import Products
from harness.scenario.resolve import find_problems
from harness.scenario.said import Said, unknown
from harness.scenario.schema import Scenario
from harness.scenario.shapes import TAGS, problem
from harness.scenario.units import FROM_FILE
from harness.scenario.variants import MATRIX, PARAMETERS, Filler, Open, Scalar, read_open
from harness.scenario.yamlspots import Path, Read, read


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person says besides the file: values of parameters, and which variant."""

    sets: Mapping[str, str] = field(default_factory=dict)
    variant: str | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """The same as options of ``twinrig run``."""
        words = [word for name, value in self.sets.items() for word in ("--set", f"{name}={value}")]
        return (*words, *(("--variant", self.variant) if self.variant else ()))


class Variant(NamedTuple):
    """One run that a file asks for; a file without a matrix asks for one without a name."""

    name: str
    scenario: Scenario
    seed_offset: int
    """Added to the seed of the call."""


def load(
    path: FilePath | str, *, products: Products, checks: ArgModels, choice: Choice | None = None
) -> Scenario:
    """Read a scenario file.

    Args:
        path: The YAML file.
        products: The products it may name.
        checks: The checks it may name, with the model of their arguments.
        choice: Values of its parameters; defaults without it (and no variant of its matrix).

    Raises:
        InvalidScenario: With every mistake of the file, and of those that it includes.
    """
    path, choice = FilePath(path), choice or Choice()
    scenario = parse(
        _text(path), str(path), products=products, checks=checks, choice=choice
    )  # fmt: skip
    return scenario.located(path, variant=choice.variant or "", words=choice.words)


def load_all(
    path: FilePath | str, *, products: Products, checks: ArgModels, choice: Choice | None = None
) -> list[Variant]:
    """Every variant of a scenario file, or the one that is chosen. Raises as :func:`load`."""
    path, choice = FilePath(path), choice or Choice()
    text = _text(path)
    found = read_whole(text, str(path), values=_own_values(text, str(path), choice))
    left_open, _ = read_open(found.data if isinstance(found.data, dict) else {})
    if choice.variant is not None or not left_open.variants:
        scenario = load(path, products=products, checks=checks, choice=choice)
        return [Variant(choice.variant or "", scenario, 0)]
    variants, problems = [], []
    same = left_open.matrix is not None and left_open.matrix.seeds == "same"
    for number, name in enumerate(left_open.variants):
        try:
            one = replace(choice, variant=name)
            scenario = load(path, products=products, checks=checks, choice=one)
        except InvalidScenario as error:
            problems += [problem for problem in error.problems if problem not in problems]
        else:
            variants.append(Variant(name, scenario, 0 if same else number))
    if problems:
        raise InvalidScenario(problems)
    return variants


def _text(path: FilePath) -> str:
    try:
        return read_text(path)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        spot = Read(str(path)).spot(())
        raise InvalidScenario([Problem(spot, f"cannot be read: {why}")]) from error


def parse(
    text: str, file: str, *, products: Products, checks: ArgModels, choice: Choice | None = None
) -> Scenario:
    """Read a scenario from text; ``file`` is only for the messages. Raises as :func:`load`."""
    choice = choice or Choice()
    found = read_whole(text, file, values=_own_values(text, file, choice))
    problems = list(found.problems)
    if found.data is None:
        raise InvalidScenario(problems)
    filled = _fill(found, choice)
    problems += [Problem(found.spot(said.path, key=said.key), said.text) for said in filled.said]
    told = set(problems)
    unsettled = {found.spot(path) for path in filled.unsettled}
    data, folder = _with_places(found), FilePath(file).parent
    scenario: Scenario | None = None
    try:
        scenario = Scenario.model_validate(data, context={FROM_FILE: True})
    except ValidationError as error:
        problems += [
            problem(found, dict(item))
            for item in error.errors(include_url=False)
            if not (item["type"] == "too_short" and item["input"])  # its items are wrong instead
        ]
        behind = mended(data, error, TAGS)
        if behind is not None:
            problems += [
                Problem(found.spot(said.path, key=said.key), said.text)
                for said in find_problems(
                    behind.scenario, folder=folder, products=products, checks=checks,
                    devices_known=behind.knows_devices,
                )
                if behind.means(said.path)
            ]  # fmt: skip
    if scenario is not None:
        said_all = [
            *find_problems(scenario, folder=folder, products=products, checks=checks),
            *everyone_problems(scenario, products),
        ]
        problems += [Problem(found.spot(where, key=key), what) for where, key, what in said_all]
    problems = [one for one in problems if one in told or one.spot not in unsettled]
    if problems or scenario is None:
        raise InvalidScenario(list(dict.fromkeys(problems)))
    return scenario


@lru_cache(maxsize=64)
def _own(text: str, file: str) -> Open:
    """What a file itself leaves open; all variants of a matrix ask for it."""
    data = read(text, file).data
    return read_open(data if isinstance(data, dict) else {})[0]


def _own_values(text: str, file: str, choice: Choice) -> dict[str, Scalar]:
    """Values of what the file itself declares; what is wrong with them is said elsewhere."""
    left_open = _own(text, file)
    values = {name: one.default for name, one in left_open.parameters.items()}
    values |= left_open.variants.get(choice.variant or "", {})
    for name in choice.sets.keys() & left_open.parameters.keys():
        with suppress(ValueError):
            values[name] = left_open.parameters[name].read(choice.sets[name])
    return values


class _Filled(NamedTuple):
    said: list[Said]
    unsettled: list[Path]
    """Places whose parameter has no value: what is said about them means nothing."""


def _fill(found: Read, choice: Choice) -> _Filled:
    """Put values in place of ``$(name)``; what is left is a scenario as any other."""
    if not isinstance(found.data, dict):
        return _Filled([], [])
    left_open, said = read_open(found.data)
    declared = found.data.get(PARAMETERS)
    wrong = {one.path[1] for one in said if one.path[0] == PARAMETERS and len(one.path) > 1}
    values = {n: one.default for n, one in left_open.parameters.items() if n not in wrong}
    if choice.variant is not None and not said:
        if choice.variant in left_open.variants:
            values |= left_open.variants[choice.variant]
        else:
            text = unknown("variant", choice.variant, left_open.variants)
            said.append(Said((MATRIX,), True, text))
    axes = left_open.matrix.axes if left_open.matrix else {}
    for name, given in choice.sets.items():
        if name not in left_open.parameters:
            text = f"--set {name}={given}: {unknown('parameter', name, left_open.parameters)}"
            said.append(Said((PARAMETERS,), True, text))
        elif name in axes:
            text = f"--set {name}={given}: the matrix sets it; choose with --variant"
            said.append(Said((MATRIX, "axes", name), True, text))
        else:
            try:
                values[name] = left_open.parameters[name].read(given)
            except ValueError as error:
                text = f"--set {name}={given}: {error}"
                said.append(Said((PARAMETERS, name), True, text))
    filler = Filler(values, declared if isinstance(declared, dict) else ())
    found.data = filler.filled(found.data)
    said += [
        *filler.said,
        *(
            Said((PARAMETERS, name), True, f"parameter {name!r} is used nowhere; write $({name})")
            for name in left_open.parameters
            if name not in filler.used | found.used
            and found.spot((PARAMETERS, name), key=True).file == found.file  # others may offer more
        ),
    ]
    for key in (PARAMETERS, MATRIX):
        found.data.pop(key, None)
    return _Filled(said, filler.unsettled)


def _with_places(found: Read) -> Any:  # noqa: ANN401
    """The data with each check written out, and told where it stands."""
    if not isinstance(found.data, dict):
        return found.data
    data = dict(found.data)
    for phase in PHASES:
        if isinstance(data.get(phase), list):
            data[phase] = [
                normal(item, phase, str(found.spot((phase, i))))
                for i, item in enumerate(data[phase])
            ]
    return data
