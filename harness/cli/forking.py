"""What ``twinrig fork`` does: one past, two branches, a table."""

from __future__ import annotations

import multiprocessing
import shlex
import shutil
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec
from ruamel.yaml.error import YAMLError

from harness.cli.folders import finished_events, read_run
from harness.engine import changes, recipe, snapshot
from harness.engine.options import Changes, RunOptions, Save
from harness.engine.runner import run_scenario
from harness.errors import HarnessError, InvalidRun, ScenarioError
from harness.events import Event, EventHandler, RunResult, RunStarted, StepDone
from harness.grading.arms import cores
from harness.grading.difference import first_difference, past, summary, traced
from harness.report import side_by_side
from harness.report.console import make_console, say
from harness.report.html import HtmlReport
from harness.report.jsonl import JsonLinesReport
from harness.report.words import long_stamp
from harness.scenario.products import installed
from harness.scenario.schema import Fault
from harness.scenario.units import parse_duration, show_duration
from harness.world.control import Control
from twins.core.yaml_text import parsed

BRANCHES = ("unchanged", "changed")


@dataclass(frozen=True, slots=True, kw_only=True)
class ForkWish:
    """The options of ``twinrig fork``, as given."""

    run: Path
    at: str
    rules: Sequence[Path]
    prices: Sequence[str]
    faults: Sequence[str]
    settings: Sequence[str]
    runs_dir: Path | None
    markdown: Path | None
    jobs: int | None
    link: Literal["memory", "mqtt"] = "memory"
    broker: str = "embedded"


def read_changes(wish: ForkWish, at_ms: int) -> Changes:
    """What a person wants changed, read from words.

    Raises:
        ScenarioError: With everything that cannot be read.
    """
    problems: list[str] = []
    prices: dict[str, float] = {}
    policy: dict[str, object] = {}
    faults: list[Fault] = []
    for text in wish.prices:
        sku, _, eur = text.partition("=")
        try:
            prices[sku] = float(eur)
        except ValueError:
            problems.append(f"--price {text!r}: allowed: SKU=EUR, such as part-1=12.50")
    for text in wish.settings:
        key, _, value = text.partition("=")
        name = key.removeprefix("service.").removeprefix("policy.")
        if not key.removeprefix("service.").startswith("policy.") or not value:
            problems.append(f"--set {text!r}: allowed: policy.KEY=VALUE")
            continue
        policy[name] = _value(value)
    for text in wish.faults:
        name, _, rest = text.partition(":")
        pairs = dict(pair.partition("=")[::2] for pair in rest.split(",") if pair)
        device = pairs.pop("device", "")
        if not device:
            problems.append(f"--fault {text!r}: allowed: NAME:device=ID,key=value")
            continue
        params = {key: _value(value) for key, value in pairs.items()}
        faults.append(Fault.model_validate(
            {"at": at_ms, "fault": name, "device": device, "params": params}
        ))  # fmt: skip
    if problems:
        raise ScenarioError("\n".join(problems))
    return Changes(rules=wish.rules, prices_eur=prices, policy=policy, faults=faults)


def _value(text: str) -> object:
    try:
        return parsed(text)
    except YAMLError:
        return text


def main(wish: ForkWish) -> int:
    """Fork, run both branches, print; returns the exit code.

    Raises:
        HarnessError: If run or changes are wrong, or a branch came to no end.
    """
    made = recipe.read(wish.run)
    try:
        at_ms = parse_duration(wish.at)
    except ValueError as error:
        raise ScenarioError(f"--at {wish.at!r}: {error}") from error
    if not 0 < at_ms < made.scenario.run.until:
        length = show_duration(made.scenario.run.until)
        raise ScenarioError(
            f"--at {wish.at}: allowed: above 0 and below {length}, the run's length"
        )
    wanted = read_changes(wish, at_ms)
    problems = changes.check(wanted, made.scenario, installed())
    if not wanted:
        problems.append("nothing is changed; give --rules, --price, --fault or --set")
    if problems:
        raise ScenarioError("\n".join(problems))
    console = make_console()
    place = saved_at(made, at_ms)
    if place is None:
        say(console, f"no snapshot at {wish.at} in {wish.run}: its past is run again", "dim")
        place = save_past(made, at_ms)
    meta = snapshot.read_meta(place)
    assert meta is not None
    say(
        console, f"the branches part at {long_stamp(meta.at_ms)}; common past {meta.past_hash[:16]}"
    )
    results = run_branches(made, place, wanted, wish)
    return _tell(wish, results, meta)


def _tell(wish: ForkWish, results: Sequence[RunResult], meta: snapshot.Meta) -> int:
    console = make_console()
    events = [finished_events(result.run_dir) for result in results]
    sums = summary(events[0]), summary(events[1])
    difference = first_difference(traced(events[0]), traced(events[1]))
    side_by_side.show_difference(console, BRANCHES, difference)
    side_by_side.show(console, BRANCHES, *sums)
    ended = summary(read_run(wish.run)).result
    if ended is not None and ended.trace_hash != results[0].trace_hash and not ended.error:
        raise InvalidRun(
            f"the unchanged branch ends with another trace hash than {wish.run}; was it made by "
            "another version, or changed by hand while it ran?"
        )
    if ended is not None:
        say(console, f"the unchanged branch ends as the run did: {ended.trace_hash[:16]}")
    if difference is not None and difference.at_ms < meta.at_ms:
        raise InvalidRun("the branches differ before they part; please report this")
    for name, result in zip(BRANCHES, results, strict=True):
        say(console, f"{name}: {result.run_dir}")
    if wish.markdown is not None:
        wish.markdown.parent.mkdir(parents=True, exist_ok=True)
        text = side_by_side.markdown(BRANCHES, *sums, difference)
        wish.markdown.write_text(text, "utf-8")
        say(console, f"markdown: {wish.markdown}")
    return 0


def saved_at(made: recipe.Recipe, at_ms: int) -> Path | None:
    """The snapshot in a run's folder that was wanted at that time, if there is one."""
    for folder in sorted((made.folder / snapshot.FOLDER).glob("*")):
        meta = snapshot.read_meta(folder)
        if meta is not None and meta.wanted_ms == at_ms:
            return folder
    return None


class _StopAt:
    """Ends a run with the step that reaches a time: the snapshot is taken right after it."""

    def __init__(self, control: Control, at_ms: int) -> None:
        self._control, self._at_ms = control, at_ms

    def on_event(self, event: Event) -> None:
        if isinstance(event, StepDone) and event.now_ms >= self._at_ms:
            self._control.stop()


def save_past(made: recipe.Recipe, at_ms: int) -> Path:
    """Run the past of a run again up to a time, and keep the snapshot in the run's folder.

    Raises:
        InvalidRun: If other things happened than in the run.
    """
    control, name = Control(), show_duration(at_ms).replace(" ", "")
    with tempfile.TemporaryDirectory(prefix="twinrig-") as spare:
        lines = JsonLinesReport()
        options = RunOptions(
            link="memory", mode="virtual", runs_dir=Path(spare), control=control,
            saves=(Save(at_ms, name),),
        )  # fmt: skip
        stop = _StopAt(control, made.scenario.run.start + at_ms)
        result = run_scenario(
            made.scenario, seed=made.seed, options=options, handlers=[lines, stop]
        )
        lines.close()
        saved = result.run_dir / snapshot.FOLDER / name
        meta = snapshot.read_meta(saved)
        if meta is None:
            raise InvalidRun(f"the past of {made.folder} could not be run again: {result.error}")
        again = traced(past(read_run(result.run_dir), meta.at_ms))
        parted = first_difference(again, traced(past(read_run(made.folder), meta.at_ms)))
        if parted is not None:
            raise InvalidRun(
                f"the past of {made.folder} does not come again: now {parted.one or '(nothing)'}, "
                f"then {parted.other or '(nothing)'}"
            )
        target = made.folder / snapshot.FOLDER / name
        target.parent.mkdir(exist_ok=True)
        shutil.move(saved, target)
    return target


class Branch(NamedTuple):
    """One branch to run."""

    run: Path
    place: Path
    changes: Changes | None
    runs_dir: Path
    replay: str
    link: Literal["memory", "mqtt"]
    broker: str


class _Whole:
    """Lets handlers see a branch as a whole run: its beginning, the common past, the rest."""

    def __init__(self, handlers: Sequence[EventHandler], before: Sequence[Event]) -> None:
        self._handlers, self._before = handlers, before

    def on_event(self, event: Event) -> None:
        self._tell(event)
        if isinstance(event, RunStarted):
            for old in self._before:
                if not isinstance(old, RunStarted):
                    self._tell(old)

    def _tell(self, event: Event) -> None:
        for handler in self._handlers:
            handler.on_event(event)


def run_branch(branch: Branch) -> RunResult | str:
    """Run one branch to the end, with its reports; an error comes back as text."""
    try:
        made, meta = recipe.read(branch.run), snapshot.read_meta(branch.place)
        assert meta is not None
        lines = JsonLinesReport()
        handlers: list[EventHandler] = [lines, HtmlReport()]
        options = RunOptions(
            link=branch.link, broker=branch.broker, mode="virtual", runs_dir=branch.runs_dir,
            resume_from=branch.place, changes=branch.changes, prices_eur=made.prices_eur,
            replay=branch.replay,
        )  # fmt: skip
        whole = _Whole(handlers, past(read_run(branch.run), meta.at_ms))
        result = run_scenario(made.scenario, seed=made.seed, options=options, handlers=[whole])
        lines.close()
    except HarnessError as error:
        return str(error)
    return result.error or replace(result, report=None)


def run_branches(
    made: recipe.Recipe, place: Path, wanted: Changes, wish: ForkWish
) -> list[RunResult]:
    """Run both branches, at once where there are cores.

    Raises:
        InvalidRun: If one came to no end.
    """
    runs_dir = wish.runs_dir or made.folder.parent
    words = ["twinrig", "fork", str(wish.run), "--at", wish.at]
    for flag, values in (("--rules", wish.rules), ("--price", wish.prices),
                         ("--fault", wish.faults), ("--set", wish.settings)):  # fmt: skip
        words += [word for value in values for word in (flag, str(value))]
    words += ["--link", wish.link, "--broker", wish.broker] if wish.link == "mqtt" else []
    both = [
        Branch(made.folder, place, told, runs_dir, shlex.join(words), wish.link, wish.broker)
        for told in (None, wanted)
    ]
    if (wish.jobs or cores()) == 1:
        told = [run_branch(branch) for branch in both]
    else:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(2, mp_context=context) as pool:
            told = list(pool.map(run_branch, both))
    results = []
    for name, said in zip(BRANCHES, told, strict=True):
        if isinstance(said, str):
            raise InvalidRun(f"the {name} branch came to no end: {said}")
        results.append(said)
        _mark(said.run_dir, made, place, name)
    return results


def _mark(folder: Path, made: recipe.Recipe, place: Path, name: str) -> None:
    """Note in a branch's folder where it comes from."""
    about = {"run": str(made.folder), "snapshot": str(place), "branch": name}
    (folder / "fork.json").write_bytes(msgspec.json.encode(about))
