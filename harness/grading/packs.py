"""Rule packs as data, and a scenario with other packs in their places."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml.error import YAMLError

from harness.errors import ScenarioError
from harness.grading.grade import Scope, Thing
from harness.grading.watch import watches
from harness.scenario.products import Products
from harness.scenario.resolve import pack_paths, places, used_products
from harness.scenario.schema import Scenario
from twins.core.yaml_text import parsed

PackSet = Mapping[str, Path]
"""A pack's file by the model that it is for."""


ALARM_EUR = 20.0
"""What it costs that somebody looks at an alarm: a third of an hour at 60 EUR/h (estimate)."""


def read_pack(path: Path) -> Mapping[str, Any]:
    """A pack as data.

    Raises:
        ScenarioError: If the file cannot be read, or is no pack.
    """
    try:
        body = parsed(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise ScenarioError(f"rule pack {path} cannot be read: {error}") from error
    if not isinstance(body, dict) or not isinstance(body.get("model"), str):
        raise ScenarioError(f"rule pack {path}: it must be a mapping with pack, model, rules")
    return body


def pack_set(path: Path) -> dict[str, Path]:
    """The packs of a file, or of a folder (files that end in ``_test`` left out).

    Raises:
        ScenarioError: If there is none, two are for one model, or one cannot be read.
    """
    files = [path]
    if path.is_dir():
        files = [
            file for file in sorted([*path.glob("*.yaml"), *path.glob("*.yml")])
            if not file.stem.endswith("_test")
        ]  # fmt: skip
        if not files:
            raise ScenarioError(f"{path} holds no rule pack (*.yaml)")
    found: dict[str, Path] = {}
    for file in files:
        model = str(read_pack(file)["model"])
        if model in found:
            raise ScenarioError(f"{found[model]} and {file} are both for model {model}")
        found[model] = file.resolve()
    return found


def files_of(scenario: Scenario, products: Products) -> dict[str, Path]:
    """The packs of a scenario by model."""
    used = used_products(scenario, products)
    files = [
        file for pack in scenario.service.rules for file in pack_paths(pack, scenario.folder, used)
    ]
    return {str(read_pack(file)["model"]): file.resolve() for file in files}


def with_packs(scenario: Scenario, products: Products, packs: PackSet) -> Scenario:
    """The scenario with these packs in the places of those for the same models.

    Raises:
        ScenarioError: If none of them is for a device of the scenario.
    """
    models = {product.model for product in used_products(scenario, products)}
    if not models & set(packs):
        raise ScenarioError(
            f"{scenario.path or scenario.name} has devices of {', '.join(sorted(models))}; "
            f"the pack is for {', '.join(sorted(packs))}"
        )
    chosen = files_of(scenario, products)
    chosen |= {model: path for model, path in packs.items() if model in models}
    service = scenario.service.model_copy(update={"rules": tuple(map(str, chosen.values()))})
    changed = scenario.model_copy(update={"service": service})
    return changed.located(scenario.path) if scenario.path else changed


def scope_of(
    scenario: Scenario,
    products: Products,
    packs: Iterable[Mapping[str, Any]],
    *,
    alarm_eur: float = ALARM_EUR,
) -> Scope:
    """What grading has to know; a rule that several of the packs have is that of the last."""
    used: Sequence[Any] = used_products(scenario, products)
    positions = {
        product.model: {name: part.position for name, part in product.components.items()}
        for product in used
    }
    found = watches(
        list(packs),
        {product.model: product.conditions for product in used},
        {model: set(by.values()) for model, by in positions.items()},
    )
    return Scope(
        things={
            device: Thing(place.site, products[place.product].model)
            for device, place in places(scenario, products).items()
        },
        positions=positions,
        alarm_eur=alarm_eur,
        watches={key: watch for key, watch in found.items() if watch.model in positions},
    )
