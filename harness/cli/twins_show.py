"""What ``twinrig twins list`` and ``show`` print."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import typer
from rich.table import Table

from harness.cli.twins_wanted import find
from harness.report.console import make_console
from harness.scenario.products import installed
from twins.core.commands import CORE
from twins.core.common_faults import faults_of
from twins.core.fleet import Fleet
from twins.core.realism import Wanted
from twins.core.wear import WearLaw
from twins.core.yaml_text import parsed
from twins.history import world_spec
from twins.products import Product
from twins.world import World


def show_all(*, as_json: bool) -> None:
    """Every product on one line.

    Raises:
        TwinAuthorError: If a product's folder is wrong.
    """
    rows = [
        {
            "product": product.id,
            "comes_with": product.host,
            "title": product.title,
            "model": product.model,
            "signals": len(product.signals),
            "components": len(product.components),
            "faults": len(product.faults),
            "parts": len(product.parts),
        }
        for product in installed().values()
    ]
    if as_json:
        _print_json({"products": rows})
        return
    _print_table("", [*rows[0]], rows)
    typer.echo("More of one: twinrig twins show PRODUCT")


def show_one(name: str, *, as_json: bool) -> None:
    """All of one product.

    Raises:
        ScenarioError: If there is no such product.
        TwinAuthorError: If a product's folder is wrong.
    """
    product = find(name)
    data = describe(product)
    if as_json:
        _print_json(data)
        return
    typer.echo(f"{product.id}: {product.title}")
    typer.echo(
        f"model {product.model}, firmware {product.firmware}, {product.folder.name}/README.md"
    )
    for title, columns, rows in _tables(data):
        _print_table(title, columns, rows)


def describe(product: Product) -> dict[str, Any]:
    """Everything that a product says of itself, as plain data."""
    faults = faults_of(product)
    rules = [
        {"pack": pack, "version": data["version"], **_rule(rule)}
        for pack, path in product.rule_packs.items()
        for data in (parsed(path.read_text(encoding="utf-8")),)
        for rule in data["rules"]
    ]
    return {
        "product": product.id,
        "title": product.title,
        "model": product.model,
        "firmware": product.firmware,
        "signals": _by_name(product.signals),
        "truth": list(example(product).twin.truth()),
        "components": list(_components(product)),
        "faults": [
            {
                **fault,
                "params": _by_name(faults[fault["name"]].params),
                "of": "product" if fault["name"] in product.faults else "every device",
            }
            for fault in _by_name(faults)
        ],
        "params": _by_name(product.params),
        "parts": [dataclasses.asdict(part) for part in product.parts.values()],
        "conditions": [dict(condition) for condition in product.conditions],
        "rules": rules,
        "commands": [
            {**command, "args": _by_name(spec.args)}
            for command in _by_name({**CORE, **product.obeys.commands})
            for spec in ({**CORE, **product.obeys.commands}[command["name"]],)
        ],
        "settings": _by_name(product.obeys.settings),
        "features": _by_name(product.obeys.features),
        "states": _by_name(product.obeys.states),
    }


def example(product: Product) -> Fleet:
    """The smallest fleet of this product, in a world of its own or with its host's."""
    wanted = Wanted(product=product.host or product.id, sites=1, devices_per_site=1, days=1.0)
    fleets = World(world_spec(wanted), seed=1).fleets
    return next(fleet for fleet in fleets if fleet.manifest.id == product.id)


def _by_name(things: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"name": name, **msgspec.to_builtins(thing)} for name, thing in things.items()]


def _components(product: Product) -> Iterator[dict[str, Any]]:
    """Components with the law they wear by, and the parameters (with sources) behind it."""
    laws = example(product).twin.laws
    for name, spec in product.components.items():
        law = laws[name]
        drawn = isinstance(law, WearLaw)
        yield {
            "name": name,
            **msgspec.to_builtins(spec),
            "law": "drawn life: onset by Weibull, growth by gamma" if drawn else _physics(law),
            "figures": msgspec.to_builtins(law) if isinstance(law, WearLaw) else {},
            "source": [
                f"{key}: {param.title}"
                for key, param in product.params.items()
                if key.startswith(f"{name}_")
            ],
        }


def _physics(law: object) -> str:
    """The law of what wears by the physics: how its class begins, up to the first colon."""
    begins = (type(law).__doc__ or "").strip().split("\n")[0].split(": ")[0].rstrip(".")
    return f"physics: {begins[:1].lower()}{begins[1:]}"


def _rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("id", "when", "for", "severity", "why")
    return {key: rule[key] for key in kept if key in rule}


def _tables(data: Mapping[str, Any]) -> Iterator[tuple[str, list[str], list[dict[str, Any]]]]:
    """Tables for a reader: title, columns, rows of text."""
    yield "Signals", ["name", "unit", "range", "quantum", "sensor", "title"], [
        {**row, "range": _range(row), "quantum": f"{1 / row['steps_per_unit']:g}",
         "sensor": _sensor(row)}
        for row in data["signals"]
    ]  # fmt: skip
    yield "Components that wear", ["name", "position", "law", "stops", "source"], [
        {**row, "stops": "device stops" if row["stops_device"] else "device works on",
         "law": _law(row), "source": "\n".join(row["source"]) or "see the product's README.md"}
        for row in data["components"]
    ]  # fmt: skip
    yield "Faults", ["name", "of", "parameters", "rate", "title"], [
        {**row, "parameters": "\n".join(_fault_params(row)) or "none", "rate": _rate(row)}
        for row in data["faults"]
    ]  # fmt: skip
    yield "Parts", ["sku", "price", "lead time", "position", "supplier", "title"], [
        {**row, "price": f"{row['price_eur']:,.2f} EUR",
         "lead time": f"{row['lead_time_p50_h']:g} h (p90 {row['lead_time_p90_h']:g} h)"}
        for row in data["parts"]
    ]  # fmt: skip
    yield "Commands", ["name", "arguments", "title"], [
        {**row, "arguments": ", ".join(arg["name"] for arg in row["args"]) or "none"}
        for row in data["commands"]
    ]  # fmt: skip
    yield "Settings", ["name", "unit", "range", "title"], [
        {**row, "range": _range(row)} for row in data["settings"]
    ]  # fmt: skip
    yield "Features sold by themselves", ["name", "title"], data["features"]
    yield "States and interlocks", ["name", "blocks", "title"], [
        {**row, "blocks": ", ".join(row["blocks"]) or "nothing"} for row in data["states"]
    ]  # fmt: skip
    yield "Conditions that a service computes", ["id", "position", "algorithm", "signal"], [
        {**row, "signal": row.get("params", {}).get("signal", "")} for row in data["conditions"]
    ]  # fmt: skip
    yield "Rules", ["pack", "id", "when", "for", "severity", "why"], data["rules"]
    yield "Parameters", ["name", "default", "range", "title"], [
        {**row, "default": f"{row['default']:g} {row['unit']}", "range": _range(row)}
        for row in data["params"]
    ]  # fmt: skip


def _range(row: Mapping[str, Any]) -> str:
    return f"{row['min']:g} to {row['max']:g}"


def _sensor(row: Mapping[str, Any]) -> str:
    """The sensor's figures that are not zero: absolute, and as a share of the value."""
    said = [
        f"{effect} {row[effect]:g} {row['unit']}"
        for effect in ("noise", "slow", "bias", "drift")
        if row[effect]
    ]
    said += [
        f"{effect} {100 * row[f'{effect}_rel']:g} %"
        for effect in ("noise", "slow", "bias", "drift")
        if row[f"{effect}_rel"]
    ]
    said += [f"lag {row['lag_s']:g} s"] if row["lag_s"] else []
    said += [f"every {row['sample_s']:g} s"] if row["sample_s"] else []
    return ", ".join(said) or "exact"


def _law(row: Mapping[str, Any]) -> str:
    figures = row["figures"]
    if not figures:
        return str(row["law"])
    unit = "uses" if figures.get("per_use") else "h"
    return (
        f"Weibull eta {figures['life_h']:g} {unit}, beta {figures['life_shape']:g}; "
        f"P-F {figures['pf_min_h']:g} to {figures['pf_max_h']:g} {unit}; "
        f"k {figures['curvature']:g}"
    )


def _fault_params(row: Mapping[str, Any]) -> list[str]:
    said = [f"{name} = a signal" for name in row["signals"]] + list(map(_param, row["params"]))
    return said + [f"only with {name} = {value:g}" for name, value in row["needs"].items()]


def _param(row: Mapping[str, Any]) -> str:
    return f"{row['name']} = {row['default']:g} {row['unit']} ({_range(row)})"


def _rate(row: Mapping[str, Any]) -> str:
    rate, visits = row["rate_per_year"], row["after_maintenance"]
    said = [f"{rate:g} a year"] if rate else []
    said += [f"after visits, weight {visits:g}"] if visits else []
    return "; ".join(said) or "by hand"


def _print_table(title: str, columns: list[str], rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    console = make_console()
    table = Table(title=title or None, title_justify="left", title_style="bold", box=None)
    for number, column in enumerate(columns):
        table.add_column(column, no_wrap=number == 0)  # a name is there to be copied
    for row in rows:
        table.add_row(*(str(row.get(column, "")) for column in columns))
    console.print()
    console.print(table, markup=False)


def _print_json(data: object) -> None:
    typer.echo(msgspec.json.format(msgspec.json.encode(data), indent=2).decode())
