"""What is wrong with a check of a scenario: its name, its arguments, and whom they name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import BaseModel, ValidationError

from harness.scenario.conditions import read_condition
from harness.scenario.products import Products
from harness.scenario.said import Path, Place, Said, unknown
from harness.scenario.schema import CheckRef
from harness.scenario.steps import unread
from harness.scenario.units import FROM_FILE

ArgModels = Mapping[str, type[BaseModel]]
"""Checks by name, with the model of their arguments."""


def check_problems(
    path: Path,
    ref: CheckRef,
    checks: ArgModels,
    devices: Mapping[str, Place] | None,
    products: Products,
) -> Iterator[Said]:
    """Every mistake of one check.

    Args:
        path: Its place in the scenario.
        ref: The check.
        checks: The checks that there are.
        devices: The devices of the scenario; None if a fleet is wrong: then none is unknown.
        products: The products that there are.
    """
    name, args = ref.check, ref.args
    if name not in checks:
        yield Said((*path, "check"), False, unknown("check", name, sorted(checks)))
        return
    yield from _argument_problems(path, ref, checks[name])
    if devices is None:
        return
    for argument, value in args.items():
        found = read_condition(value).condition if isinstance(value, str) else None
        for read in found.names.values() if found is not None else ():
            for text in unread(read, devices, products, complete=True):
                yield Said((*path, argument), False, text)
    named = args.get("device")
    for device in named if isinstance(named, list) else [named]:
        if isinstance(device, str) and device not in devices:
            yield Said((*path, "device"), False, unknown("device", device, devices))


def _argument_problems(path: Path, ref: CheckRef, model: type[BaseModel]) -> Iterator[Said]:
    allowed = [field.alias or key for key, field in model.model_fields.items()]
    try:
        model.model_validate(ref.args, context={FROM_FILE: True})
    except ValidationError as error:
        for item in error.errors(include_url=False):
            where = (*path, *item["loc"])
            if item["type"] == "extra_forbidden":
                text = unknown(f"argument of {ref.check}", str(item["loc"][-1]), allowed)
                yield Said(where, True, text)
            elif item["type"] == "missing":
                yield Said(path, False, f"{ref.check} needs the argument {item['loc'][-1]!r}")
            else:
                yield Said(where, False, item["msg"].removeprefix("Value error, "))
