"""From a YAML file to a scenario, or to all the mistakes of the file at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Any

from pydantic import BaseModel, ValidationError

from harness.errors import InvalidScenario, Problem
from harness.scenario import base, entries, schema
from harness.scenario.checkrefs import KINDS, PHASES, normal
from harness.scenario.mend import mended
from harness.scenario.products import Products
from harness.scenario.resolve import ArgModels, find_problems
from harness.scenario.said import unknown
from harness.scenario.schema import Scenario
from harness.scenario.units import FROM_FILE
from harness.scenario.yamlspots import Path, Read, read

MODELS: dict[tuple[str, ...], type[BaseModel]] = {
    (): Scenario,
    ("run",): schema.Run,
    ("fleets", "*"): schema.Fleet,
    ("field",): schema.People,
    ("service",): schema.Service,
    ("service", "policy"): schema.Policy,
    ("service", "contract"): schema.Contract,
    **{("timeline", "*", tag): model for tag, model in schema.KINDS.values()},
    **{("timeline", "*", tag, "at"): base.At for tag, _ in schema.KINDS.values()},
    **{("timeline", "*", tag, "when"): base.When for tag, _ in schema.KINDS.values()},
    ("timeline", "*", "a change of weather", "weather"): entries.WeatherChange,
    ("timeline", "*", "a set-up", "service"): entries.Installed,
    ("timeline", "*", "a set-up", "service", "policy"): entries.PolicyChange,
}


def load(path: FilePath | str, *, products: Products, checks: ArgModels) -> Scenario:
    """Read a scenario file.

    Args:
        path: The YAML file.
        products: The products it may name.
        checks: The checks it may name, with the model of their arguments.

    Raises:
        InvalidScenario: With every mistake of the file.
    """
    path = FilePath(path)
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InvalidScenario(
            [Problem(Read(str(path)).spot(()), f"cannot be read: {why}")]
        ) from error
    return parse(text, str(path), products=products, checks=checks).located(path)


def parse(text: str, file: str, *, products: Products, checks: ArgModels) -> Scenario:
    """Read a scenario from text; ``file`` is only for the messages. Raises as :func:`load`."""
    found = read(text, file)
    problems = list(found.problems)
    if found.data is None:
        raise InvalidScenario(problems)
    data, folder = _with_places(found), FilePath(file).parent
    scenario: Scenario | None = None
    try:
        scenario = Scenario.model_validate(data, context={FROM_FILE: True})
    except ValidationError as error:
        problems += [
            _problem(found, dict(item))
            for item in error.errors(include_url=False)
            if not (item["type"] == "too_short" and item["input"])  # its items are wrong instead
        ]
        behind = mended(data, error, _TAGS)
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
        said_all = find_problems(scenario, folder=folder, products=products, checks=checks)
        problems += [Problem(found.spot(where, key=key), what) for where, key, what in said_all]
    if problems or scenario is None:
        raise InvalidScenario(problems)
    return scenario


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


def _problem(found: Read, error: Mapping[str, Any]) -> Problem:
    location = tuple(error["loc"])
    model = MODELS.get(tuple("*" if isinstance(part, int) else part for part in location[:-1]))
    path: Path = tuple(part for part in location if part not in _TAGS)
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        allowed_keys = _names(model) or [
            f"check with the arguments of that check, or a kind: {', '.join(KINDS)}"
        ]
        text = unknown("key", str(path[-1]), allowed_keys)
        return Problem(found.spot(path, key=True), text)
    if kind == "missing":
        allowed = f"; this place takes: {', '.join(_names(model))}" if model else ""
        return Problem(found.spot(path[:-1]), f"{str(path[-1])!r} is missing{allowed}")
    if kind == "value_error":
        return Problem(
            found.spot(_narrow(found, path, str(context["error"]))), str(context["error"])
        )
    if kind == "literal_error":
        return Problem(found.spot(path), f"{error['input']!r} is not one of {context['expected']}")
    text = error["msg"]
    if kind not in ("entry_kind", "model_type") and not isinstance(error["input"], dict | list):
        text = f"{text}, not {error['input']!r}"
    return Problem(found.spot(path), text[0].lower() + text[1:])


_TAGS = frozenset(tag for tag, _ in schema.KINDS.values())


def _narrow(found: Read, path: Path, text: str) -> Path:
    """Point at the value that a message begins with (``until must ...``), or at the entry."""
    words = text.split()
    if text.startswith("timeline entry "):
        return ("timeline", int(words[2]) - 1, "at")
    inner = (*path, words[0])
    return inner if inner in found.values else path


def _names(model: type[BaseModel] | None) -> list[str]:
    if model is None:
        return []
    return [field.alias or name for name, field in model.model_fields.items()]
