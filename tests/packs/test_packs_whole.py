"""The rule tables of the three machines are whole, and each threshold is held by a unit test."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest
from ruamel.yaml import YAML

from reference_impl.rules import packs, unit_tests
from reference_impl.rules.pack_variables import Known
from twins.products import Product, catalog

ROWS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "P": {
        "1": ("alert", "action"), "2": ("alert", "action", "callback"),
        "3": ("alert", "command", "action"), "4": ("alert", "action"),
        "5": ("alert", "recommend", "action"), "6": ("alert", "action"), "7": ("alert", "action"),
        "8": ("alert", "action"), "9": ("alert", "recommend", "action"),
        "10": ("alert", "command"), "11": ("alert", "action", "command"), "12": ("alert", "action"),
        "13": ("alert", "command", "action"), "14": ("alert",),
    },
    "V": {
        "1": ("recommend",), "2": ("alert", "action"), "3": ("alert", "action"),
        "4": ("alert", "action"), "5": ("alert", "action"), "6": ("alert", "action"),
        "7": ("alert", "action"), "8": ("alert", "command"), "9": ("alert", "action"),
        "10": ("alert", "recommend", "action"), "11": ("alert", "action"),
        "12": ("alert", "action"), "13": ("alert",),
    },
    "B": {
        "1": ("alert", "action"), "2": ("alert", "action"), "3": ("alert", "action"),
        "4": ("alert", "action"), "5": ("alert", "callback"), "6": ("alert",),
        "7": ("alert", "action", "command"), "8": ("alert", "command", "recommend"),
        "9": ("alert", "action"), "10": ("alert", "action"),
        "11": ("alert", "command", "callback"), "12": ("alert", "action"), "13": ("alert",),
    },
}  # fmt: skip
"""What each row of tables 6.1 to 6.3 asks for as reactions, over all of its rules."""
IDS = [letter + number for letter, rows in ROWS.items() for number in rows]
FLAGS = {0.0, 0.5, 1.0, -1.0}
"""Numbers of conditions that are no thresholds: flags, counts of none and one."""
_NUMBER = re.compile(r"(?<![\w.])\d+\.\d+(?![\w.])")


class Shelf:
    """A pack with its tests."""

    def __init__(self, product: Product, name: str) -> None:
        path = product.rule_packs[name]
        self.body, self.tests = _yaml(path), _yaml(path.with_name(f"{name}_test.yaml"))["tests"]
        parts = product.parts.values()
        self.known = Known(
            signals=list(product.signals),
            conditions=[condition["id"] for condition in product.conditions],
            parts=list(product.parts),
            places=[(part.sku, part.position) for part in parts],
            constants=list(product.constants),
        )
        self.parts = {
            part.sku: {
                "lead_time_p50_h": part.lead_time_p50_h,
                "lead_time_p90_h": part.lead_time_p90_h,
                "price_eur": part.price_eur,
            }
            for part in parts
        }
        self.constants = {name: one.value for name, one in product.constants.items()}

    def failed(self, body: Mapping[str, Any], about: str) -> list[str]:
        """The names of the tests that a pack fails, of those that speak of a rule's signals."""
        pack, problems = packs.read(body, {body["model"]: self.known})
        assert pack is not None, problems
        rule = next(r for r in self.body["rules"] if r["id"] == about)
        read = {s["signal"] for s in rule["let"].values() if "signal" in s}
        read |= {s["condition"] for s in rule["let"].values() if "condition" in s}
        some = [
            test
            for test in self.tests
            if any(about in e["firing"] for e in test["expect"])
            or read
            & {*test.get("signals", {}), *(c.split(".")[0] for c in test.get("conditions", {}))}
            or not read
        ]
        cases, problems = unit_tests.read(some, pack, self.parts, self.constants)
        assert not problems
        return [case.name for case in cases if not unit_tests.run(pack, case)["passed"]]


def _yaml(path: Any) -> Any:
    return YAML(typ="safe", pure=True).load(path.read_text("utf-8"))


@cache
def shelves() -> list[Shelf]:
    return [Shelf(product, name) for product in catalog().values() for name in product.rule_packs]


def rules_of(row: str) -> list[tuple[Shelf, Mapping[str, Any]]]:
    """The rules of a row: ``P1-high-level`` is of P1."""
    return [
        (shelf, rule)
        for shelf in shelves()
        for rule in shelf.body["rules"]
        if rule["id"].startswith(f"{row}-")
    ]


@pytest.mark.parametrize("row", IDS)
def test_each_row_has_its_reactions_and_tests_that_fire_and_that_do_not(row: str) -> None:
    found = rules_of(row)
    assert found, f"no rule of {row}"
    done = {kind for _, rule in found for reaction in rule["then"] for kind in reaction}
    assert set(ROWS[row[0]][row[1:]]) <= done
    for shelf, rule in found:
        expected = [e for test in shelf.tests for e in test["expect"]]
        assert any(rule["id"] in e["firing"] for e in expected), rule["id"]
        assert any(rule["id"] not in e["firing"] for e in expected), rule["id"]


def test_every_rule_has_owner_purpose_and_an_expected_frequency() -> None:
    for shelf in shelves():
        assert shelf.body["owner"]
        for rule in shelf.body["rules"]:
            assert rule["purpose"], rule["id"]
            assert rule["expected_per_year"] > 0.0, rule["id"]
            assert rule["why"], rule["id"]


def thresholds(rule: Mapping[str, Any]) -> Iterator[tuple[str, int, int]]:
    """Which condition of a rule, and where in it a threshold stands."""
    for found in _NUMBER.finditer(rule["when"]):
        if float(found[0]) not in FLAGS:
            yield "when", found.start(), found.end()


def mutated(shelf: Shelf, rule_id: str, place: tuple[str, int, int], factor: float) -> Any:
    """The pack with one threshold moved."""
    key, start, end = place
    rules = []
    for rule in shelf.body["rules"]:
        if rule["id"] == rule_id:
            text = rule[key]
            moved = f"{float(text[start:end]) * factor:.6f}"
            rule = {**rule, key: text[:start] + moved + text[end:]}  # noqa: PLW2901
        rules.append(rule)
    return {**shelf.body, "rules": rules}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("row", IDS)
@pytest.mark.deep
@pytest.mark.timeout(300)
def test_a_threshold_that_is_moved_by_a_fifth_breaks_a_unit_test(row: str) -> None:
    """A row whose rules have thresholds has one that is held from both sides."""
    found = [(shelf, rule, place) for shelf, rule in rules_of(row) for place in thresholds(rule)]
    held = (
        place
        for shelf, rule, place in found
        if shelf.failed(mutated(shelf, rule["id"], place, 1.2), rule["id"])
        and shelf.failed(mutated(shelf, rule["id"], place, 0.8), rule["id"])
    )
    assert not found or next(held, None) is not None, row
