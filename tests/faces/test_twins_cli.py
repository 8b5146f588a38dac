"""``twinrig twins``: what it prints, draws and writes, and what it says to a wrong call."""

from __future__ import annotations

import csv
import json
import math
import os
import re
import resource
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from harness.cli import twins_export, twins_files, twins_realism, twins_wanted
from harness.cli.main import app
from harness.cli.twins_files import texts, unit_of
from harness.errors import InvalidRun, ScenarioError
from harness.report.twins_page import MOST_POINTS, thin
from twins.core.common_faults import faults_of
from twins.core.realism import Check, Figure, Histories
from twins.history import Owned, Verdict, listed, record
from twins.products import catalog

WEAR = "bearing_wear:after=1d,pf_interval=24h,device=2"


def call(*words: str) -> str:
    """What a command prints on stdout; anything but exit code 0 fails."""
    result = CliRunner().invoke(app, ["twins", *words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def wrong(*words: str) -> list[str]:
    """The problems that a wrong call is answered with."""
    result = CliRunner().invoke(app, ["twins", *words])
    assert isinstance(result.exception, ScenarioError), result.output
    return str(result.exception).split("\nerror: ")


def test_list_names_every_product() -> None:
    told = json.loads(call("list", "--json"))["products"]
    assert [row["product"] for row in told] == list(catalog())
    assert all(product in call("list") for product in catalog())


@pytest.mark.parametrize("name", list(catalog()))
def test_show_tells_all_of_a_product(name: str) -> None:
    product = catalog()[name]
    told, text = json.loads(call("show", name, "--json")), call("show", name)
    assert {row["name"] for row in told["signals"]} == set(product.signals)
    assert {row["name"] for row in told["faults"]} == set(faults_of(product))
    assert {row["sku"] for row in told["parts"]} == set(product.parts)
    assert {row["name"] for row in told["components"]} == set(product.components)
    assert all(row["law"] for row in told["components"])
    assert bool(told["rules"]) == bool(product.rule_packs)
    assert len(told["conditions"]) == len(product.conditions)
    for title in ("Signals", "Components that wear", "Faults", "Parts", "Commands"):
        assert re.search(rf"^{title} *$", text, re.MULTILINE), title


def test_plot_draws_truth_telemetry_and_the_begin_of_the_fault(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    names = "vibration_mm_s,level_m"
    call("plot", "pump", "--days", "4", "--fault", WEAR, "--no-open", "--out", str(page),
         "--signals", names)  # fmt: skip
    text = page.read_text()
    data = json.loads(re.search(r'id="data" type="application/json">(.*?)</script>', text)[1])
    panels = data["panels"]
    assert [panel["unit"] for panel in panels] == ["%", "mm/s", "m"]
    assert 1 in [curve["device"] for curve in panels[0]["curves"]]
    assert {curve["kind"] for curve in panels[1]["curves"]} == {"signal", "truth"}
    [begin] = [mark for mark in data["marks"] if mark["tone"] == "warn"]
    assert begin["device"] == "pump-01-2"
    assert begin["at_ms"] == data["from_ms"] - 900_000 + 86_400_000
    assert "http" not in re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)


def test_plot_chooses_the_signals_that_the_fault_moves(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    call("plot", "pump", "--days", "4", "--fault", WEAR, "--no-open", "--out", str(page))
    assert "Vibration velocity RMS" in page.read_text()


def test_all_that_is_wrong_with_a_call_is_told_at_once() -> None:
    assert wrong("plot", "pmp", "--no-open") == [
        f"unknown product 'pmp'; did you mean 'pump'? allowed: {', '.join(sorted(catalog()))}"
    ]
    said = wrong(
        "plot", "pump", "--no-open", "--days", "3", "--report-every", "10", "--start", "monday",
        "--fault", "bearing_waer", "--fault", "bearing_wear:foo=1,device=9,after=5d",
        "--param", "inflow_l_s=-1", "--signals", "vibration",
    )  # fmt: skip
    expected = [
        "--report-every: '10' lacks a unit", "--start: 'monday' is no date", "--param: inflow_l_s",
        "--fault: unknown fault of pump 'bearing_waer'; did you mean 'bearing_wear'?",
        "--fault bearing_wear: unknown parameter 'foo'",
        "--fault bearing_wear: after: 5d is later than the 3 days",
        "--fault bearing_wear: device: 9 is not 1 to 2", "--signals: unknown signal 'vibration'",
    ]  # fmt: skip
    assert len(said) == len(expected)
    for text, begin in zip(said, expected, strict=True):
        assert text.startswith(begin)


def export(folder: Path, kind: str) -> dict[str, Any]:
    call("export", "pump", "--devices", "4", "--days", "3", "--format", kind, "--out", str(folder),
         "--report-every", "1h", "--fault", WEAR, "--seed", "3", "--quiet")  # fmt: skip
    told: dict[str, Any] = json.loads((folder / "dataset.json").read_text())
    return told


def history_of(folder: Path) -> Any:
    wish = twins_wanted.Wish(
        product="pump", devices=4, per_site=2, days=3.0, report_every="1h", seed=3,
        start="2026-01-05", faults=[WEAR], params=(), random_faults=0.0, link="wired", signals=None,
    )  # fmt: skip
    return record(twins_wanted.resolve(wish)[0])


def test_a_csv_data_set_holds_the_history_and_explains_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(twins_export, "PAGE_ROWS", 100)
    told, history = export(tmp_path / "set", "csv"), history_of(tmp_path)
    files = {entry["file"]: entry for entry in told["files"]}
    for file, columns in (("telemetry.csv", history.telemetry), ("truth.csv", history.truth)):
        rows = list(csv.DictReader((tmp_path / "set" / file).read_text().splitlines()))
        assert len(rows) == files[file]["rows"] == 72 * 4
        assert [column["name"] for column in files[file]["columns"]] == list(rows[0])
        for at, row in enumerate(rows):
            assert int(row["at_ms"]) == history.at_ms[at // 4]
            assert row["device"] == history.devices[at % 4]
            for name, column in columns.items():
                value = column[at // 4, at % 4]
                said = float(row[name]) if row[name] else math.nan
                assert said == pytest.approx(value, rel=1e-5, abs=1e-5, nan_ok=True)
    events = [
        json.loads(line) for line in (tmp_path / "set" / "events.jsonl").read_text().splitlines()
    ]
    assert [event["kind"] for event in events] == [event.kind for event in history.events]
    assert told["devices"] == {"pump": 4}
    assert told["seed"] == 3
    assert told["faults"][0]["device"] == 1
    units = {column["name"]: column["unit"] for column in files["truth.csv"]["columns"]}
    assert units["inflow_m3_h"] == "m3/h"
    assert units["damage_bearing"] == "1"


@pytest.mark.parametrize(
    ("group_rows", "groups"), [(1, [100, 100, 88]), (150, [200, 88]), (1000, [288])]
)
def test_a_parquet_data_set_holds_the_same_values_as_csv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group_rows: int, groups: list[int]
) -> None:
    """Small pages wait for each other; what they lie in is used again meanwhile."""
    pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    monkeypatch.setattr(twins_export, "PAGE_ROWS", 100)
    monkeypatch.setattr(twins_files, "GROUP_ROWS", group_rows)
    monkeypatch.setattr(twins_files, "LEAVE_BYTES", 1)
    told, plain = export(tmp_path / "p", "parquet"), export(tmp_path / "c", "csv")
    assert told["fingerprint"] == plain["fingerprint"]
    table = pq.read_table(tmp_path / "p" / "telemetry.parquet")
    history = history_of(tmp_path)
    footer = pq.read_metadata(tmp_path / "p" / "telemetry.parquet")
    assert [footer.row_group(n).num_rows for n in range(footer.num_row_groups)] == groups
    np.testing.assert_array_equal(table.column("at_ms").cast("int64"), history.at_ms.repeat(4))
    assert table.column("device").to_pylist() == list(history.devices) * 72
    assert table.schema.field("flow_m3_h").metadata[b"unit"] == b"m3/h"
    for name, column in history.telemetry.items():
        seen = table.column(name).to_numpy()
        np.testing.assert_allclose(seen, column.reshape(-1), rtol=1e-6)
        assert table.column(name).null_count == np.isnan(column).sum()


def test_a_data_set_writes_over_nothing_and_leaves_nothing_unfinished(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("kept")
    words = ("export", "pump", "--devices", "2", "--days", "1", "--format", "csv", "--quiet")
    assert "not empty" in wrong(*words, "--out", str(tmp_path / "full"))[0]
    assert "sites of 2" in wrong(*words, "--devices", "3", "--out", str(tmp_path / "new"))[0]
    assert "link" in wrong(*words, "--link", "smoke", "--out", str(tmp_path / "new"))[0]
    assert [path.name for path in tmp_path.rglob("*")] == ["full", "mine.txt"]


@pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="this system takes no such advice")
def test_what_is_written_of_a_data_set_need_not_stay_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pyarrow")
    left: list[tuple[int, int, int]] = []
    monkeypatch.setattr(os, "posix_fadvise", lambda _file, *what: left.append(what))
    monkeypatch.setattr(twins_export, "PAGE_ROWS", 100)
    monkeypatch.setattr(twins_files, "GROUP_ROWS", 1)
    export(tmp_path / "usual", "parquet")
    assert left == [], "small files stay"
    monkeypatch.setattr(twins_files, "LEAVE_BYTES", 1)
    export(tmp_path / "p", "parquet")
    assert len(left) == 3 * 2, "each row group of each of two files"
    assert {(begin, advice) for begin, _, advice in left} == {(0, os.POSIX_FADV_DONTNEED)}
    assert left[0][1] < left[2][1] < left[4][1], "as far as the file goes"


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_an_export_to_a_full_disk_says_so_and_leaves_nothing(tmp_path: Path, kind: str) -> None:
    pytest.importorskip("pyarrow")
    out = tmp_path / "set"
    words = ("twins", "export", "pump", "--devices", "20", "--days", "3", "--format", kind)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        result = CliRunner().invoke(app, [*words, "--out", str(out)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert isinstance(result.exception, InvalidRun)
    assert "File too large" in str(result.exception)
    assert not out.exists()


def test_without_pyarrow_parquet_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(twins_export.importlib.util, "find_spec", lambda name: None)
    result = CliRunner().invoke(app, ["twins", "export", "pump", "--out", str(tmp_path / "new")])
    assert isinstance(result.exception, InvalidRun)
    assert "twinrig[parquet]" in str(result.exception)


def test_numbers_as_text_have_the_places_of_their_quantum() -> None:
    values = np.array([1.25, np.nan, -0.5, 1.25], dtype=np.float32)
    assert texts(values, 2) == ["1.25", "", "-0.50", "1.25"]
    assert texts(np.array([123456.789, 0.1]), None) == ["123457", "0.1"]
    assert [unit_of(name) for name in ("flow_m3_h", "run_h", "colour")] == ["m3/h", "h", ""]


def test_thinning_keeps_every_peak() -> None:
    values = np.zeros(50_000)
    values[[7, 20_000, 49_999]] = [5.0, -3.0, 4.0]
    x, y = thin(np.arange(50_000), values)
    assert len(x) <= MOST_POINTS
    assert {5.0, -3.0, 4.0} <= set(y.tolist())


def measured(value: float, number: int = 9) -> Owned:
    def measure(histories: Histories) -> list[Figure]:
        return [Figure(name="share", value=value, low=0.2, high=0.4, unit="1/h")]

    check = Check(
        number=number, title=listed()[number].title, expected="0.2-0.4", source="E", measure=measure
    )
    return Owned(owner="thing", check=check)


def test_realism_exits_1_when_a_figure_lies_outside_its_band(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(twins_realism, "collect", lambda: (measured(0.3), measured(0.5, 10)))
    result = CliRunner().invoke(app, ["twins", "realism", "--json"], catch_exceptions=False)
    told = json.loads(result.stdout)
    assert (result.exit_code, told["failed"]) == (1, [10])
    assert [check["ok"] for check in told["checks"]] == [True, False]
    assert len(told["missing"]) == 52
    plain = CliRunner().invoke(app, ["twins", "realism", "--check", "9"], catch_exceptions=False)
    assert plain.exit_code == 0
    assert "share: 0.3 1/h in 0.2 to 0.4" in plain.stdout


def test_the_table_for_the_docs_goes_between_its_marks_only(tmp_path: Path) -> None:
    path = tmp_path / "doc.md"
    path.write_text(f"before\n{twins_realism.BEGIN}\nold\n{twins_realism.END}\nafter\n")
    owned = measured(0.5)
    verdict = Verdict(owned=owned, figures=tuple(owned.check.measure(None)))
    twins_realism.insert(path, twins_realism.table([verdict]))
    text = path.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    [row] = [line for line in text.splitlines() if line.startswith("| 9 |")]
    assert row.endswith("share: 0.5 1/h in 0.2 to 0.4 | **fails** |")
    assert len(re.findall(r"^\| \d+ \|", text, re.MULTILINE)) == 54


def test_realism_refuses_a_table_of_half_the_list() -> None:
    assert "--deep" in wrong("realism", "--markdown", "docs/realism.md")[0]
    assert len(wrong("realism", "--check", "99", "--product", "thing")) == 2
