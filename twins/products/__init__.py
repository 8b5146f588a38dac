"""Products, found by folder: ``twins/products/<id>/product.toml`` and what lies beside it.

A companion is a product whose folder stands in its host's (``<host>/<id>``): its devices come with
those of the host, as many to each as the host's parameter ``count`` says, and share its physics.
"""

from __future__ import annotations

import functools
import importlib
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from twins.core import declared
from twins.core.commands import CORE
from twins.core.declared import Declared
from twins.core.errors import InvalidProduct
from twins.core.manifest import (
    MONTHS,
    REPORT_EVERY,
    TRIGGERS,
    ComponentSpec,
    Constant,
    FaultSpec,
    Param,
    Part,
    SignalSpec,
)
from twins.core.twin import Build, ProductTwin
from twins.core.yaml_text import parsed

ROOT = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """What a product says of itself, and where its data lie."""

    id: str
    model: str
    title: str
    firmware: str
    site_prefix: str
    device_prefix: str
    entry: str
    """``package.module:function``, a function from :class:`Build` to :class:`ProductTwin`."""
    folder: Path
    signals: Mapping[str, SignalSpec]
    components: Mapping[str, ComponentSpec]
    faults: Mapping[str, FaultSpec]
    params: Mapping[str, Param]
    parts: Mapping[str, Part]
    """Spare parts by sku (``parts.yaml``)."""
    obeys: Declared
    """Commands, settings, features, states and firmware images."""
    conditions: tuple[Mapping[str, Any], ...]
    """What a service shall compute from the signals (``conditions.yaml``), for its API."""
    metrics: tuple[Mapping[str, Any], ...] = ()
    """Signals that a service shall compute (``metrics.yaml``)."""
    sessions: tuple[Mapping[str, Any], ...] = ()
    """Kinds of jobs that a service shall see in the signals (``sessions.yaml``)."""
    diagnosis: tuple[Mapping[str, Any], ...] = ()
    """Which fault moves which signals which way (``diagnosis.yaml``)."""
    quality: tuple[Mapping[str, Any], ...] = ()
    """What readings can be true (``quality.yaml``)."""
    places: Mapping[str, str] = field(default_factory=dict)
    """Positions of parts that nobody simulates the wear of, with what sits there."""
    constants: Mapping[str, Constant] = field(default_factory=dict)
    """Numbers of the model that its rules use, by name."""
    host: str = ""
    """The product whose devices bring devices of this one with them; empty for most."""
    count: str = ""
    """The host's parameter that says how many come with each of its devices."""

    @property
    def companions(self) -> tuple[Product, ...]:
        """The products that come with this one, by name."""
        return catalog().companions_of(self.id)

    @property
    def rule_packs(self) -> Mapping[str, Path]:
        """Rule packs by name (``rules/<name>.yaml``); their unit tests end in ``_test``."""
        files = sorted((self.folder / "rules").glob("*.yaml"))
        return {file.stem: file for file in files if not file.stem.endswith("_test")}

    def build(self, build: Build) -> ProductTwin:
        """Make the twin of a fleet through the product's ``entry``."""
        module, _, function = self.entry.partition(":")
        make = getattr(importlib.import_module(module), function)
        return cast("Callable[[Build], ProductTwin]", make)(build)


class Catalog(Mapping[str, Product]):
    """Products by id, each read with its companions when it is first asked for.

    Looking one up raises InvalidProduct if its folder's files, or those of a companion, are not
    what they must be.
    """

    def __init__(self, folders: Iterable[Path]) -> None:
        self._folders = {folder.name: folder for folder in folders}
        self._read: dict[str, Product] = {}

    def __getitem__(self, name: str) -> Product:
        self.companions_of(name)
        return self._one(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._folders)

    def __len__(self) -> int:
        return len(self._folders)

    def __contains__(self, name: object) -> bool:
        return name in self._folders

    def companions_of(self, name: str) -> tuple[Product, ...]:
        """The products that come with one, by name."""
        folder = self._folders[name]
        return tuple(
            self._one(id_) for id_, other in self._folders.items() if other.parent == folder
        )

    def _one(self, name: str) -> Product:
        if name not in self._read:
            self._read[name] = load(self._folders[name])
        return self._read[name]


@functools.cache
def catalog() -> Catalog:
    """All products by id."""
    files = sorted([*ROOT.glob("*/product.toml"), *ROOT.glob("*/*/product.toml")])
    return Catalog(file.parent for file in files)


def load(folder: Path) -> Product:
    """Read one product's folder.

    Raises:
        InvalidProduct: If ``product.toml``, ``parts.yaml`` or ``conditions.yaml`` cannot be read
            as a product; the text names the file. The two lists may be left out.
    """
    file = folder / "product.toml"
    try:
        manifest = tomllib.loads(file.read_text(encoding="utf-8"))
        product = _product(folder, manifest)
    except (OSError, KeyError, TypeError, ValueError) as error:
        detail = f"missing {error}" if isinstance(error, KeyError) else str(error)
        raise InvalidProduct([f"{file}: {detail}"]) from error
    problems = _problems(product)
    if problems:
        raise InvalidProduct([f"{folder.name}: {problem}" for problem in problems])
    return product


def _product(folder: Path, manifest: Mapping[str, Any]) -> Product:
    return Product(
        id=manifest["id"],
        model=manifest["model"],
        title=manifest["title"],
        firmware=manifest["firmware"],
        site_prefix=manifest["site_prefix"],
        device_prefix=manifest["device_prefix"],
        entry=manifest["entry"],
        folder=folder,
        signals={name: SignalSpec(**spec) for name, spec in manifest["signals"].items()},
        components={name: ComponentSpec(**spec) for name, spec in manifest["components"].items()},
        faults={
            name: FaultSpec(
                title=spec["title"],
                params={key: Param(**param) for key, param in spec.get("params", {}).items()},
                rate_per_year=float(spec.get("rate_per_year", 0.0)),
                after_maintenance=float(spec.get("after_maintenance", 0.0)),
                needs=spec.get("needs", {}),
            )
            for name, spec in manifest.get("faults", {}).items()
        },
        params={name: Param(**spec) for name, spec in manifest.get("params", {}).items()},
        parts={part.sku: part for part in map(_part, _yaml(folder / "parts.yaml"))},
        obeys=declared.read(manifest),
        conditions=tuple(_yaml(folder / "conditions.yaml")),
        metrics=tuple(_yaml(folder / "metrics.yaml")),
        sessions=tuple(_yaml(folder / "sessions.yaml")),
        diagnosis=tuple(_yaml(folder / "diagnosis.yaml")),
        quality=tuple(_yaml(folder / "quality.yaml")),
        places={name: place["title"] for name, place in manifest.get("places", {}).items()},
        constants={
            name: Constant(**{**constant, "unknown_with": tuple(constant.get("unknown_with", ()))})
            for name, constant in manifest.get("constants", {}).items()
        },
        host=manifest.get("host", ""),
        count=manifest.get("count", ""),
    )


def _part(entry: Mapping[str, Any]) -> Part:
    given = dict(entry)
    lead = given.pop("lead_time_h")
    return Part(**given, lead_time_p50_h=float(lead["p50"]), lead_time_p90_h=float(lead["p90"]))


def _yaml(file: Path) -> list[dict[str, Any]]:
    if not file.is_file():
        return []
    entries = parsed(file.read_text(encoding="utf-8"))
    if not isinstance(entries, list):
        raise TypeError(f"{file.name} must hold a list")
    return entries


def _part_problems(product: Product) -> list[str]:
    positions = {spec.position for spec in product.components.values()} | product.places.keys()
    problems = [
        f"part {part.sku} is for position {part.position!r}, parts sit at {sorted(positions)}"
        for part in product.parts.values()
        if part.position not in positions
    ]
    problems += [
        f"part {part.sku}: {name!r} is no signal and not {MONTHS!r}"
        for part in product.parts.values()
        for name in part.standard_usage
        if name != MONTHS and name not in product.signals
    ]
    problems += [
        f"part {part.sku}: it revises {part.revises!r}, which is no other part of that position"
        for part in product.parts.values()
        if part.revises
        and (
            part.revises == part.sku
            or part.revises not in product.parts
            or product.parts[part.revises].position != part.position
        )
    ]
    problems += [
        f"part {part.sku}: life_factor must be more than 0, not {part.life_factor}"
        for part in product.parts.values()
        if not part.life_factor > 0.0
    ]
    problems += [
        f"part {part.sku}: trigger {part.trigger!r}; there are: {', '.join(TRIGGERS)}"
        for part in product.parts.values()
        if part.trigger not in TRIGGERS
    ]
    problems += [
        f"constant {name} follows {param!r}, which is no parameter of the product"
        for name, constant in product.constants.items()
        for param in (constant.param, *constant.unknown_with)
        if param and param != REPORT_EVERY and param not in product.params
    ]
    return problems


def _problems(product: Product) -> list[str]:
    problems = []
    if product.id != product.folder.name:
        problems.append(f"id is {product.id!r}, the folder {product.folder.name!r}")
    problems += _part_problems(product)
    problems += [
        f"fault {name}: {key} must be 0 or more, not {value}"
        for name, fault in product.faults.items()
        for key, value in (
            ("rate_per_year", fault.rate_per_year),
            ("after_maintenance", fault.after_maintenance),
        )
        if not value >= 0.0
    ]
    problems += [
        f"fault {name}: {key} is drawn from {param.drawn}, outside {param.min} to {param.max}"
        for name, fault in product.faults.items()
        for key, param in fault.params.items()
        if param.drawn is not None
        and not param.min <= param.drawn[0] <= param.drawn[1] <= param.max
    ]
    problems += [
        f"fault {name} needs {param!r}, which is no parameter of the product"
        for name, fault in product.faults.items()
        for param in fault.needs
        if param not in product.params
    ]
    readable = {*product.signals, *(metric.get("id") for metric in product.metrics)}
    for condition in product.conditions:
        signal = condition.get("params", {}).get("signal")
        if signal not in readable:
            problems.append(f"condition {condition.get('id')} reads {signal!r}, which is no signal")
    problems += declared.problems(product.obeys, product.params, CORE)
    if product.host and (product.host != product.folder.parent.name or not product.count):
        problems.append(
            f"a companion of {product.host!r} stands in that folder and names with count "
            "which of its parameters says how many there are"
        )
    if "downtime_eur_h" not in product.params:
        problems.append("the parameter downtime_eur_h (what an hour of downtime costs) is missing")
    return problems
