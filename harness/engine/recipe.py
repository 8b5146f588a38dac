"""The recipe of a run: all that is needed to do it again, in the run's own folder.

``run.json`` holds the scenario as data, seed and options; ``packs/`` the rule packs as they were.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec
from pydantic import ValidationError

from harness.engine.options import RunOptions
from harness.errors import ScenarioError
from harness.scenario.products import Products
from harness.scenario.resolve import pack_paths, used_products
from harness.scenario.schema import Scenario

FILE = "run.json"
PACKS = "packs"
FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A run as it was begun.

    Attributes:
        folder: The run's.
        scenario: With the packs of the run's folder.
        seed: Of the run.
        options: ``link``, ``broker``, ``mode`` and so on, as far as they can be written down.
        packs: Files of the rule packs.
        prices_eur: Prices that a fork has changed, by sku.
        origin: The scenario's file when the run was begun, if it had one.
    """

    folder: Path
    scenario: Scenario
    seed: int
    options: Mapping[str, Any]
    packs: Sequence[Path]
    prices_eur: Mapping[str, float] = field(default_factory=dict)
    origin: Path | None = None


def write(
    folder: Path, scenario: Scenario, products: Products, *, seed: int, options: RunOptions
) -> None:
    """Write the recipe of a run into its folder; a pack that cannot be copied is left out.

    (The DPS refuses such a pack with its reasons soon after.)
    """
    files = [options.rules] if options.rules is not None else []
    if options.rules is None:
        used = used_products(scenario, products)
        for pack in scenario.service.rules:
            files += pack_paths(pack, scenario.folder, used)
    copied = _copied(files, folder, "1")
    if options.changes is not None:
        _copied(options.changes.rules, folder, "2-fork")
    told = scenario.model_dump(mode="json", by_alias=True)
    for entry in _installing(told):
        entry["rules"] = [_kept(pack, scenario, folder) for pack in entry["rules"]]
    recipe = {
        "format": FORMAT,
        "twinrig": _version(),
        "scenario": told,
        "path": str(scenario.path) if scenario.path else None,
        "seed": seed,
        "packs": copied,
        "prices_eur": _prices(options),
        "options": {
            "link": options.link, "broker": options.broker, "clients": options.clients,
            "mode": options.mode, "speed": options.speed, "sut": options.sut,
        },
    }  # fmt: skip
    (folder / FILE).write_bytes(msgspec.json.format(msgspec.json.encode(recipe), indent=1))


def read(folder: Path) -> Recipe:
    """Read the recipe of a run.

    Raises:
        ScenarioError: If the folder holds none, or one of another version.
    """
    try:
        data = msgspec.json.decode((folder / FILE).read_bytes())
    except OSError as error:
        raise ScenarioError(
            f"{folder} holds no {FILE} ({error.strerror}); name the folder of a run, such as "
            "runs/<name>-<seed>-1"
        ) from error
    except msgspec.DecodeError as error:
        raise ScenarioError(f"{folder / FILE} is no JSON: {error}") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ScenarioError(f"{folder / FILE} is of another version of the rig")
    packs = [(folder / name).resolve() for name in data["packs"]]
    data["scenario"]["service"]["rules"] = [str(pack) for pack in packs]
    for entry in _installing(data["scenario"]):
        entry["rules"] = [
            str((folder / pack).resolve()) if pack.startswith(f"{PACKS}/") else pack
            for pack in entry["rules"]
        ]
    try:
        scenario = Scenario.model_validate(data["scenario"])
    except ValidationError as error:
        raise ScenarioError(f"{folder / FILE} is of another version of the rig: {error}") from error
    origin = Path(data["path"]) if data["path"] else None
    if origin is not None:
        scenario = scenario.located(folder / origin.name)
    return Recipe(
        folder=folder, scenario=scenario, seed=data["seed"], options=data["options"],
        packs=packs, prices_eur=data["prices_eur"], origin=origin,
    )  # fmt: skip


def _installing(scenario: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The services of a timeline's entries that install packs."""
    for entry in scenario["timeline"]:
        service = entry.get("service")
        if isinstance(service, dict) and service.get("rules"):
            yield service


def _kept(pack: str, scenario: Scenario, folder: Path) -> str:
    """A pack of a timeline: one by path is copied beside the others, one by name stays."""
    if "/" not in pack and not pack.endswith((".yaml", ".yml")):
        return pack
    copied = _copied([scenario.folder / pack], folder, "3-timeline")
    return copied[0] if copied else pack


def _copied(files: Sequence[Path], folder: Path, first: str) -> list[str]:
    copied = []
    for number, file in enumerate(files, 1):
        if file.is_file():
            (folder / PACKS).mkdir(exist_ok=True)
            copied.append(f"{PACKS}/{first}-{number:02d}-{_digest(file)}-{file.name}")
            shutil.copyfile(file, folder / copied[-1])
    return copied


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:8]


def _prices(options: RunOptions) -> dict[str, float]:
    changed = options.changes.prices_eur if options.changes else {}
    return {**options.prices_eur, **changed}


def _version() -> str:
    try:
        return metadata.version("twinrig")
    except metadata.PackageNotFoundError:
        return "source"
