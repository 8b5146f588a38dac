"""What every product's folder must do, whoever wrote it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from broker.wire.messages import Command
from twins.core.realism import History, Injected, Wanted
from twins.core.yaml_text import parsed
from twins.history import DAY_MS, HOUR_MS, Recorder, record, world_spec
from twins.products import Product, catalog
from twins.world import World

HOSTS = {name: product for name, product in catalog().items() if not product.host}
"""Companions come with their hosts and need not be worlds of their own."""
pytestmark = pytest.mark.parametrize("product", list(HOSTS.values()), ids=list(HOSTS))


def wanted(product: Product, **changes: Any) -> Wanted:
    """Two sites with a device each, for a day."""
    small = Wanted(
        product=product.id, sites=2, devices_per_site=1, days=1.0, report_every_s=3600, seed=5
    )
    return replace(small, **changes)


def yaml(path: Path) -> dict[str, Any]:
    return dict(parsed(path.read_text(encoding="utf-8")))


def test_it_says_who_it_is(product: Product) -> None:
    assert product.id == product.folder.name
    assert product.components
    assert product.faults
    assert product.parts
    assert product.conditions
    assert "standard" in product.rule_packs
    assert (product.folder / "rules" / "standard_test.yaml").is_file()
    assert all(spec.title and spec.min < spec.max for spec in product.signals.values())
    for param in product.params.values():
        assert param.min <= param.default <= param.max, param


def test_telemetry_lies_in_its_range_and_truth_is_whole(product: Product) -> None:
    history = record(wanted(product))
    assert set(history.telemetry) == set(product.signals)
    for name, column in history.telemetry.items():
        spec = product.signals[name]
        known = column[np.isfinite(column)]
        assert column.shape == (24, 2)
        assert np.all((known >= spec.min) & (known <= spec.max)), name
    for name, column in history.truth.items():
        assert column.shape == (24, 2)
        assert np.isfinite(column).any(), name
    assert list(history.damage) == list(product.components)
    assert all((column >= 0.0).all() for column in history.damage.values())


def test_each_fault_can_be_injected_and_leaves_the_other_site_alone(product: Product) -> None:
    kinds: dict[tuple[tuple[str, float], ...], History] = {}
    for name, spec in product.faults.items():
        kind = tuple(spec.needs.items())
        if kind not in kinds:
            kinds[kind] = record(wanted(product, params=dict(kind)))
        healthy = kinds[kind]
        params = {key: next(iter(product.signals)) for key in spec.signals}
        fault = Injected(fault=name, device=0, after_h=2.5, params=params)
        history = record(wanted(product, params=dict(kind), faults=(fault,)))
        for signal, column in healthy.telemetry.items():
            seen = history.telemetry[signal]
            np.testing.assert_array_equal(seen[:, 1], column[:, 1], err_msg=f"{name}: {signal}")
            np.testing.assert_array_equal(seen[:2], column[:2], err_msg=f"{name}: {signal}")


def test_a_site_more_leaves_the_others_alone(product: Product) -> None:
    two, three = record(wanted(product)), record(wanted(product, sites=3))
    for name, column in two.telemetry.items():
        np.testing.assert_array_equal(three.telemetry[name][:, :2], column, err_msg=name)


def test_a_snapshot_goes_on_byte_by_byte(product: Product) -> None:
    usual = {name: param.default for name, param in product.params.items()}
    faults = [name for name, spec in product.faults.items() if spec.needs.items() <= usual.items()]
    spec, start_ms = world_spec(wanted(product)), world_spec(wanted(product)).start_ms
    first = World(spec, seed=5)
    first.start()
    first.run_until(start_ms + 5 * HOUR_MS)
    for fault in faults:
        first.inject(fault, next(iter(first.devices)), {})
    first.run_until(start_ms + 9 * HOUR_MS + 7)
    again = World.restore(spec, seed=5, data=first.snapshot())
    ours, theirs = first.run_until(start_ms + DAY_MS), again.run_until(start_ms + DAY_MS)
    assert ours.messages
    assert msgspec.json.encode(ours) == msgspec.json.encode(theirs)
    assert first.snapshot() == again.snapshot()


def test_a_command_that_it_does_not_know_is_refused_with_what_there_is(product: Product) -> None:
    world = World(world_spec(wanted(product)), seed=5)
    world.start()
    site, (device, *_) = next(iter(world.sites.items()))
    command = Command(
        device=device,
        command_id="c-1",
        name="fly",
        args={},
        issued_ms=world.now_ms,
        expires_ms=world.now_ms + 1000,
    )
    [(_, ack)] = world.obey(site, command)
    assert ack.status == "refused"
    assert "there are" in ack.detail


def read_by(rule: dict[str, Any]) -> str:
    """All conditions of a rule: for firing, for clearing, for what closes an action."""
    done = [str(r["action"].get("done_when", "")) for r in rule["then"] if "action" in r]
    return " ".join([rule["when"], rule.get("clear_when", ""), *done])


def test_rules_name_only_what_it_has_and_each_fires_in_some_test(product: Product) -> None:
    positions = {spec.position for spec in product.components.values()} | product.places.keys()
    conditions = {condition["id"] for condition in product.conditions}
    for name, path in product.rule_packs.items():
        pack = yaml(path)
        assert pack["model"] == product.model
        for rule in pack["rules"]:
            for variable, source in rule["let"].items():
                assert re.search(rf"\b{variable}\b", read_by(rule)), rule["id"]
                assert "signal" not in source or source["signal"] in product.signals
                assert "condition" not in source or source["condition"] in conditions
                assert "part" not in source or source["part"] in product.parts
            for action in rule["then"]:
                ordered = action.get("recommend")
                assert not ordered or product.parts[ordered["part"]].position in positions
        tests = yaml(path.with_name(f"{name}_test.yaml"))["tests"]
        fired = {rule for test in tests for at in test["expect"] for rule in at["firing"]}
        assert fired == {rule["id"] for rule in pack["rules"]}
        assert {signal for test in tests for signal in test["signals"]} <= set(product.signals)


def test_its_readme_explains_every_name(product: Product) -> None:
    text = (product.folder / "README.md").read_text(encoding="utf-8")
    names = [*product.signals, *product.params, *product.faults]
    names += product.obeys.commands
    assert [name for name in names if f"`{name}`" not in text] == []
    told = text.replace("_", " ")
    assert [name for name in product.components if name.replace("_", " ") not in told] == []


def test_pages_of_a_history_hold_its_companions_too(product: Product) -> None:
    whole = record(wanted(product))
    first, second = Recorder(wanted(product)).pages(days=0.5)

    def rows(history: History) -> dict[str, int]:
        return {name: page.at_ms.size for name, page in history.companions.items()}

    assert {name: rows(first)[name] + rows(second)[name] for name in rows(first)} == rows(whole)
