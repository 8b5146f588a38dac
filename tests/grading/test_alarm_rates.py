"""How often each rule fires where nothing is broken, beside what its pack says (domain 6.4).

Run by itself (``python tests/grading/test_alarm_rates.py``) it lives through the long seasons and
writes docs/rules.md anew.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from ruamel.yaml import YAML

from harness.engine.runner import RunOptions, run_scenario
from harness.scenario import build as b
from twins.products import catalog

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "rules.md"
YEAR_DAYS = 365.25
REVIEWED_ABOVE = 3.0
"""A rule that fires so many times as often as expected is reviewed (domain 6.4)."""
OFTEN = 20.0
"""From so many expected firings a year on, a third of them has to come."""
FLEETS: Mapping[str, Mapping[str, Any]] = {
    "pump": {"sites": 5, "devices_per_site": 2, "bearing_life_h": 1e6},
    "ventilation": {"sites": 3, "devices_per_site": 1, "rooms": 2},
    "bin": {
        "sites": 3, "devices_per_site": 3, "drive_life_strokes": 1e6, "fill_sensor_life_h": 1e6,
    },
}  # fmt: skip
LONG = (("2026-01-05T00:00:00Z", 1), ("2026-06-01T00:00:00Z", 2))
"""Winter and summer: begin and seed of the seasons on the page."""
LONG_DAYS = {"pump": 120, "ventilation": 90, "bin": 120}
SHORT_DAYS = 30
HEAD = """# How often rules fire

What each pack expects of a rule per thing and year (`expected_per_year`, with the faults that come
by themselves), and what came where nothing was broken: no faults, natural wear of seals, filters
and batteries, all packs of the product, a report every half hour, nothing bought. A rule that fires
more than three times as often as expected is reviewed (`GET /v1/rules/supervision`).

Written by `python tests/grading/test_alarm_rates.py`. A deep test holds each rule to three times
its figure on another seed, and those expected twenty times a year or more to a third of it."""


class Season(NamedTuple):
    """What fired in a healthy time."""

    fired: Counter[str]
    thing_years: Mapping[str, float]
    """By model."""


def live(folder: Path, product: str, start: str, days: int, seed: int) -> Season:
    """A fleet without a fault, with all packs of its product, and people who buy nothing."""
    story = b.Scenario(
        title="A healthy season",
        run=b.run(start, f"{days}d", sync="12h"),
        fleets=(b.fleet(product, report_every="30m", **FLEETS[product]),),
        service=b.Service(rules=("standard", "daily"), policy=b.Policy(mode="off")),
    )
    options = RunOptions(link="memory", runs_dir=folder, store="file")
    run_scenario(story, seed=seed, options=options)
    [store] = [
        path
        for path in folder.rglob("*")
        if path.is_file() and path.read_bytes()[:13] == b"SQLite format"
    ]
    with closing(sqlite3.connect(store)) as rows:
        told = rows.execute("select pack, rule from rule_firings")
        fired = Counter(f"{pack}/{rule}" for pack, rule in told)
        things = Counter(model for (model,) in rows.execute("select model from things"))
    return Season(fired, {model: count * days / YEAR_DAYS for model, count in things.items()})


def declared(product: str) -> dict[str, tuple[str, float]]:
    """Model and expected firings per thing-year, by pack and rule; those of companions too."""
    found = {}
    for one in catalog().values():
        if product not in (one.id, one.host):
            continue
        for path in one.rule_packs.values():
            pack = YAML(typ="safe", pure=True).load(path.read_text("utf-8"))
            for rule in pack["rules"]:
                expected = float(rule["expected_per_year"])
                found[f"{pack['pack']}/{rule['id']}"] = (pack["model"], expected)
    return found


def too_many(fired: int, expected: float) -> bool:
    """Whether so many are more than the expected, four standard deviations of a count included."""
    return fired > REVIEWED_ABOVE * expected + 4.0 * (REVIEWED_ABOVE * expected) ** 0.5 + 2.0


@pytest.mark.deep
@pytest.mark.timeout(600)
@pytest.mark.parametrize("product", list(FLEETS))
def test_where_nothing_is_broken_no_rule_fires_three_times_as_often_as_its_pack_expects(
    tmp_path: Path, product: str
) -> None:
    """One month of another seed than those of the page; frequent rules do come."""
    season = live(tmp_path, product, "2026-04-06T00:00:00Z", SHORT_DAYS, 11)
    wrong = []
    for rule, (model, expected) in declared(product).items():
        count, years = season.fired[rule], season.thing_years[model]
        if too_many(count, expected * years):
            wrong.append(f"{rule}: {count} in {years:.2f} thing-years, expected {expected} a year")
        if expected >= OFTEN and count < expected * years / REVIEWED_ABOVE - 2.0:
            wrong.append(f"{rule}: only {count} in {years:.2f} thing-years, expected {expected}")
    assert wrong == []
    assert set(season.fired) <= set(declared(product))


def page(measured: Mapping[str, Season]) -> str:
    """docs/rules.md: every rule with what is expected, and what came where nothing is broken."""
    lines = [HEAD]
    for product, season in measured.items():
        years = ", ".join(f"{model} {y:.1f}" for model, y in sorted(season.thing_years.items()))
        lines += ["", f"## {product}", "", f"Thing-years: {years}; winter and summer.", ""]
        lines += ["| rule | expected | measured | times |", "|---|---:|---:|---:|"]
        for rule, (model, expected) in declared(product).items():
            count = season.fired[rule]
            rate = count / season.thing_years[model]
            lines.append(f"| `{rule}` | {expected:g} | {rate:.3g} | {count} |")
    return "\n".join(lines) + "\n"


def rows_of_the_page() -> dict[str, float]:
    """What the page says is expected, by pack and rule."""
    rows = [line.split("|") for line in PAGE.read_text("utf-8").splitlines() if "/" in line[:60]]
    return {row[1].strip(" `"): float(row[2]) for row in rows if len(row) > 4}


def test_the_page_of_rules_says_of_every_rule_what_its_pack_expects() -> None:
    told = {rule: exp for product in FLEETS for rule, (_, exp) in declared(product).items()}
    assert rows_of_the_page() == told, "write it: python tests/grading/test_alarm_rates.py"


def write() -> None:
    """Live through the seasons, and write the page."""
    measured = {}
    for product in FLEETS:
        seasons = []
        for start, seed in LONG:
            with tempfile.TemporaryDirectory() as folder:
                seasons.append(live(Path(folder), product, start, LONG_DAYS[product], seed))
        measured[product] = together(seasons)
    PAGE.write_text(page(measured), "utf-8")


def together(seasons: Sequence[Season]) -> Season:
    """Several seasons as one."""
    years = {m: sum(one.thing_years[m] for one in seasons) for m in seasons[0].thing_years}
    return Season(sum((one.fired for one in seasons), Counter()), years)


if __name__ == "__main__":
    write()
