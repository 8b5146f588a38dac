"""`twinrig run` around the engine: several files, errors, JSON, exit codes, light help."""

from __future__ import annotations

import io
import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from waiting import GUARD_S

from harness.cli import output
from harness.cli.main import main
from harness.cli.running import run_files
from harness.errors import InvalidScenario, OurBug, Problem, Spot, SutError
from harness.events import Event, RunResult


class FakeEngine:
    """Plays recorded events; a file named in ``errors`` raises instead, after ``before`` events."""

    def __init__(self, events: list[Event], errors: dict[str, Exception] | None = None) -> None:
        self.events, self.errors, self.before = events, errors or {}, 0

    def __call__(self, file: Path, handlers: Any) -> RunResult:
        error = self.errors.get(file.name)
        for event in self.events if error is None else self.events[: self.before]:
            for handler in handlers:
                handler.on_event(event)
        if error is not None:
            raise error
        return self.events[-1].result


def play(engine: FakeEngine, *names: str, **options: Any) -> tuple[Any, str]:
    out = io.StringIO()
    console = Console(file=out, width=100, highlight=False, markup=False)
    files = [Path(name) for name in names]
    return run_files(files, runner=engine, seed=7, console=console, **options), out.getvalue()


def test_a_run_leaves_its_report_and_its_event_lines_in_its_folder(tmp_path: Path, green_events):
    outcome, text = play(FakeEngine(green_events), "a.yaml")

    assert outcome.exit_code == 0
    assert (tmp_path / "report.html").is_file()
    assert (tmp_path / "events.jsonl").is_file()
    assert f"report: {tmp_path / 'report.html'}" in text


def test_json_of_one_run_is_one_flat_object_with_the_promised_fields(tmp_path, red_events):
    outcome, _ = play(FakeEngine(red_events), "a.yaml")

    said = json.loads(output.as_json(outcome.runs))
    assert said["verdict"] == "failed"
    assert said["exit_code"] == 1
    assert (said["seed"], said["link"], said["trace_hash"]) == (7, "memory", "ab" * 32)
    assert (said["simulated_s"], said["wall_s"]) == (60 * 86_400.0, 3.0)
    assert (said["messages_published"], said["messages_ingested"]) == (34_560, 34_560)
    assert (said["orders"], said["work_orders"]) == (1, 1)
    assert said["report"] == str(tmp_path / "report.html")
    [failed] = said["failed_checks"]
    assert failed["check"] == "order_delivered"
    assert failed["seen"] == "0 delivered orders <none>"


def test_json_of_several_runs_is_one_object_and_the_worst_code_wins(green_events):
    engine = FakeEngine(green_events, {"b.yaml": SutError("the DPS is silent")})
    outcome, _ = play(engine, "a.yaml", "b.yaml", "c.yaml")

    said = json.loads(output.as_json(outcome.runs))
    assert [run["verdict"] for run in said["runs"]] == ["passed", "error", "passed"]
    assert (said["verdict"], said["exit_code"]) == ("error", 4)
    assert outcome.exit_code == 4


def test_every_mistake_of_a_scenario_is_printed_with_its_place():
    problems = [
        Problem(Spot("a.yaml", 3, 5), "unknown key 'fleat'"),
        Problem(Spot("a.yaml", 9, 1), "unknown check 'x'"),
    ]
    outcome, text = play(FakeEngine([], {"a.yaml": InvalidScenario(problems)}), "a.yaml")

    assert outcome.exit_code == 2
    assert "a.yaml:3:5: unknown key 'fleat'" in text
    assert "a.yaml:9:1: unknown check 'x'" in text
    assert "replay" not in text  # nothing ran


def test_a_run_that_breaks_off_ends_with_its_replay_line(red_events):
    engine = FakeEngine(red_events, {"a.yaml": SutError("409 twice")})
    engine.before = 50
    outcome, text = play(engine, "a.yaml")

    assert outcome.exit_code == 4
    assert text.rstrip().splitlines()[-1] == "replay: twinrig run a.yaml --seed 7"


def test_junit_has_a_suite_for_a_file_that_never_ran(tmp_path: Path, green_events):
    engine = FakeEngine(green_events, {"b.yaml": SutError("silent")})
    play(engine, "a.yaml", "b.yaml", junit=tmp_path / "j.xml")

    text = (tmp_path / "j.xml").read_text()
    assert 'errors="1"' in text
    assert 'message="silent"' in text


def test_our_own_bug_is_not_swallowed():
    with pytest.raises(OurBug):
        play(FakeEngine([], {"a.yaml": OurBug("x")}), "a.yaml")


HEAVY = ("numpy", "nicegui", "fastapi", "sqlalchemy", "plotly", "jinja2", "httpx", "pydantic")


def test_help_imports_nothing_heavy():
    """It has half a second; each of these costs a good part of it."""
    code = (
        "import sys; sys.argv = ['twinrig', '--help']\n"
        "from harness.cli.main import main\n"
        "try: main()\n"
        "except SystemExit as end: assert end.code in (0, None), end.code\n"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=GUARD_S, check=False
    )

    assert done.stdout.splitlines()[-1] == "[]", done.stderr


def twinrig(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).parents[2]
    return subprocess.run(
        [sys.executable, "-m", "twinrig", *arguments],
        cwd=cwd or root, env={"PYTHONPATH": str(root), "PATH": "/usr/bin", "COLUMNS": "100"},
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip


def test_the_module_says_what_the_command_says():
    done = twinrig("--help")

    assert done.returncode == 0
    for command in ("run", "rules", "load", "demo", "up", "report"):
        assert f" {command} " in done.stdout
    assert "Exit codes: 0 passed" in done.stdout


def test_an_unknown_option_is_an_error_of_the_caller():
    done = twinrig("run", "x.yaml", "--sede", "7")

    assert done.returncode == 2
    assert "--sede" in done.stderr
    assert "Traceback" not in done.stderr


def test_report_of_a_folder_without_events_says_what_to_name(tmp_path: Path):
    done = twinrig("report", str(tmp_path))

    assert done.returncode == 2
    assert "holds no events.jsonl" in done.stderr
    assert "Traceback" not in done.stderr


def test_json_of_a_wrong_scenario_is_one_object_with_every_mistake(tmp_path: Path):
    (tmp_path / "bad.yaml").write_text("schema: 1\ntitle: x\nrun: {start: 1}\n")
    done = twinrig("run", "bad.yaml", "--seed", "7", "--json", cwd=tmp_path)

    said = json.loads(done.stdout)
    assert done.returncode == said["exit_code"] == 2
    assert said["verdict"] == "error"
    assert "bad.yaml:1:1: 'fleets' is missing" in said["error"]
    assert "bad.yaml:3:14: not a time: 1" in said["error"]
    assert list(tmp_path.iterdir()) == [tmp_path / "bad.yaml"]


def test_json_of_a_busy_port_is_one_object_that_names_the_port(tmp_path: Path):
    story = Path(__file__).parents[2] / "scenarios/pumps/bearing-wears-out.yaml"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = twinrig(
            "run", str(story), "--seed", "7", "--json", "--broker-port", port, cwd=tmp_path
        )

    said = json.loads(done.stdout)
    assert done.returncode == said["exit_code"] == 6
    assert said["verdict"] == "error"
    assert f"port {port} on 127.0.0.1 is in use" in said["error"]


def test_json_of_our_own_bug_is_one_object_too(monkeypatch, capsys):
    """Who reads JSON must not be left with nothing; the traceback follows on stderr."""

    def broken(_wish: Any) -> Any:
        def run(_file: Path, _handlers: Any) -> RunResult:
            raise ZeroDivisionError("division by zero")

        return run

    monkeypatch.setattr("harness.cli.wiring.runner", broken)
    monkeypatch.setattr(sys, "argv", ["twinrig", "run", "a.yaml", "--seed", "7", "--json"])
    with pytest.raises(SystemExit) as left:
        main()

    shown = capsys.readouterr()
    said = json.loads(shown.out)
    assert left.value.code == said["exit_code"] == OurBug.exit_code
    assert (said["verdict"], said["error"]) == ("error", "division by zero")
    assert "Traceback" in shown.err


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (("run", "x.yaml", "--json", "--jsn"), "No such option: --jsn"),
        (("run", "x.yaml", "--json", "--link", "wifi"), "'wifi' is not one of"),
        (("twins", "show", "no-such-thing", "--json"), "no-such-thing"),
    ],
)
def test_a_wrong_call_with_json_prints_one_object_and_exits_with_its_code(
    call: tuple[str, ...], said: str, monkeypatch, capsys
):
    monkeypatch.setattr(sys, "argv", ["twinrig", *call])

    with pytest.raises(SystemExit) as left:
        main()

    told = json.loads(capsys.readouterr().out)
    assert (told["verdict"], told["exit_code"]) == ("error", left.value.code)
    assert left.value.code == 2
    assert said in told["error"]


def test_a_wrong_call_without_json_leaves_stdout_empty(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["twinrig", "run", "x.yaml", "--jsn"])

    with pytest.raises(SystemExit):
        main()

    captured = capsys.readouterr()
    assert captured.out == ""
    assert "--jsn" in captured.err
