"""Runs a scenario from the first birth to the verdict."""

from __future__ import annotations

import asyncio
import re
import shlex
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

from broker.link.port import LinkLost
from harness.checks.base import Ending, arguments
from harness.engine import backfill, changes, recipe, snapshot
from harness.engine import folder as run_folder
from harness.engine.accounts import Accounts
from harness.engine.assembly import Rig, assemble, wait_for_service
from harness.engine.checking import decided, made_checks, wanted_checks
from harness.engine.looping import made_control, made_loop
from harness.engine.needs import OF_THE_STORE, judged, refuse_by_level
from harness.engine.options import RunOptions
from harness.engine.recorder import EngineRecorder
from harness.engine.trace import Trace
from harness.errors import HarnessError, InvalidRun, InvalidScenario, Problem, ScenarioError, Spot
from harness.events import CheckDecided, EventHandler, RunFinished, RunResult, RunStarted
from harness.scenario import loader
from harness.scenario.everyone import spelled_out
from harness.scenario.products import Products, installed
from harness.scenario.resolve import find_problems
from harness.scenario.schema import CheckRef, Scenario
from harness.sut.setup import installation
from harness.world.live import drive_live
from harness.world.loop import Loop
from harness.world.paced import drive_paced
from harness.world.virtual import Between, drive
from twins.core.compiled import telling_of_compiling

COMPILING = "compiling the twins' kernels, once: about 20 s"
DELIVERIES_MAX = 200
"""Lines of the ledger that a result carries, one per device and boot."""
__all__ = ["RunOptions", "load", "load_all", "run", "run_scenario"]


def load(path: Path | str, choice: loader.Choice | None = None) -> Scenario:
    """Read a scenario file against the installed products and checks.

    Raises:
        InvalidScenario: With every mistake of the file.
    """
    return loader.load(path, products=installed(), checks=arguments(), choice=choice)


def load_all(path: Path | str, choice: loader.Choice | None = None) -> list[loader.Variant]:
    """Every variant of a scenario file, or the one that is chosen; raises as :func:`load`."""
    return loader.load_all(path, products=installed(), checks=arguments(), choice=choice)


def run_scenario(
    scenario: Scenario | Path | str,
    *,
    seed: int,
    options: RunOptions | None = None,
    handlers: Sequence[EventHandler] = (),
) -> RunResult:
    """Run a scenario (or its file) to the end, from code that is not asynchronous.

    See :func:`run`. Uses uvloop where it is installed.
    """
    if not isinstance(scenario, Scenario):
        scenario = load(scenario)
    with asyncio.Runner(loop_factory=_new_loop) as runner:
        return runner.run(
            run(scenario, seed=seed, options=options or RunOptions(), handlers=handlers)
        )


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop  # noqa: PLC0415 - not on every platform
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


async def run(
    scenario: Scenario, *, seed: int, options: RunOptions, handlers: Sequence[EventHandler] = ()
) -> RunResult:
    """Run a scenario.

    Args:
        scenario: From :func:`load`, or built in Python.
        seed: Two runs with one seed have one trace hash.
        options: Link, broker, mode and the rest.
        handlers: Told of everything, in order.

    Returns:
        The result; ``verdict`` is ``error`` if DPS or broker fell away after the start.

    Raises:
        ScenarioError: If scenario, rules or parameters are wrong.
        InvalidRun: If broker or DPS cannot do what is asked for.
        SutError: If the DPS does not come up.
    """
    products = installed()
    _check_built(scenario, products)
    scenario = spelled_out(scenario, products)
    folder = run_folder.make(options.runs_dir, scenario, seed)
    recipe.write(folder, scenario, products, seed=seed, options=options)
    world_data = snapshot.read_world(options.resume_from) if options.resume_from else None
    async with AsyncExitStack() as stack:
        if options.notice is not None:
            stack.enter_context(telling_of_compiling(partial(options.notice, COMPILING)))
        rig = await stack.enter_async_context(
            assemble(
                scenario, products, seed=seed, options=options, folder=folder, world_data=world_data
            )
        )
        calls = installation(scenario, products, rules=options.rules)
        control = made_control(scenario, options, rig.mode)
        refuse_by_level(rig.reach, options, speed=control.speed, calls=calls)
        if options.resume_from is None:
            await rig.sut.install(calls)
        trace_file = stack.enter_context((folder / "trace.jsonl").open("wb"))
        refs, unjudged = judged(wanted_checks(scenario), rig.reach)
        rig.notes += unjudged
        checks = made_checks(scenario, refs, products, calls)
        accounts = Accounts()
        recorder = EngineRecorder(
            trace=Trace(),
            checks=checks,
            handlers=[*handlers, accounts] if options.accounts else handlers,
            trace_file=trace_file,
            begun_s=time.perf_counter(),
        )
        recorder.windows.learn(calls)
        loop = made_loop(
            scenario, products, options=options, rig=rig, recorder=recorder, control=control
        )
        session = _Session(
            scenario=scenario,
            seed=seed,
            options=options,
            folder=folder,
            rig=rig,
            loop=loop,
            recorder=recorder,
            refs=refs,
            accounts=accounts,
        )
        return await session.run()


def _check_built(scenario: Scenario, products: Products) -> None:
    """What a file's loader has seen already is looked at once more for scenarios made in Python."""
    said = find_problems(scenario, folder=scenario.folder, products=products, checks=arguments())
    file = str(scenario.path or "scenario")
    problems = [
        Problem(Spot(file, 1, 1), f"{'.'.join(map(str, where))}: {what}") for where, _, what in said
    ]
    if problems:
        raise InvalidScenario(problems)


class _Session:
    """A run whose parts are all up."""

    def __init__(
        self,
        *,
        scenario: Scenario,
        seed: int,
        options: RunOptions,
        folder: Path,
        rig: Rig,
        loop: Loop,
        recorder: EngineRecorder,
        refs: Sequence[tuple[str, CheckRef]],
        accounts: Accounts,
    ) -> None:
        self.scenario, self.seed, self.options, self.folder = scenario, seed, options, folder
        self.rig, self.loop, self.recorder, self.refs = rig, loop, recorder, refs
        self.accounts = accounts
        self.begun_s = time.perf_counter()
        self._saves = self._wanted_saves()

    async def run(self) -> RunResult:
        resumed = self.options.resume_from
        if resumed is not None:
            snapshot.restore(resumed, rig=self.rig, loop=self.loop, recorder=self.recorder)
            changes.reprice(self.rig, self.options.prices_eur)
        self.recorder.emit(self._started())
        error: HarnessError | None = None
        try:
            await self.rig.path.open(list(self.rig.world.sites))
            await wait_for_service(self.rig, self.options)
            if self.options.changes:
                await changes.apply(
                    self.options.changes, scenario=self.scenario, products=installed(),
                    rig=self.rig, loop=self.loop, windows=self.recorder.windows,
                )  # fmt: skip
            if resumed is None:
                await self.loop.begin()
            await self._drive()
            await self.loop.finish()
            if self.options.accounts:
                await self.accounts.record(self.rig.sut, self.folder)
        except LinkLost as lost:
            error = InvalidRun(str(lost))
        except ScenarioError:
            raise
        except HarnessError as wrong:
            error = self._with_hint(wrong)
        ending = await self._ending(error)
        result = self._result(ending, self._decide(ending, error), error)
        run_folder.write_result(result)
        self.recorder.emit(RunFinished(result=result))
        return result

    def _with_hint(self, error: HarnessError) -> HarnessError:
        """A DPS elsewhere that stored nothing at all most likely listens to another broker."""
        if self.options.sut is None or self.loop.progress.ingested or not self.recorder.published:
            return error
        return type(error)(
            f"{error}; it has stored nothing so far: does it listen to the broker at "
            f"{self.rig.broker_url}?"
        )

    async def _drive(self) -> None:
        until_ms = self.scenario.run.until_ms
        if self.options.backfill is not None:
            await backfill.fill(self.loop, self.options.backfill)
        if self.rig.mode == "live":
            await drive_live(self.loop, until_ms)
        elif self.rig.mode == "paced":
            await drive_paced(self.loop, until_ms, between=self._between())
        else:
            await drive(self.loop, until_ms, between=self._between())

    def _between(self) -> Between | None:
        return self._save if self._saves else None

    def _wanted_saves(self) -> list[tuple[int, Path]]:
        """When to save and where to, from the start on; what lies before a snapshot is done."""
        options = self.options
        wanted = [(save.at_ms, self.folder / snapshot.FOLDER / save.name) for save in options.saves]
        if options.snapshot_at_ms is not None:
            if options.snapshot_dir is None:
                raise ScenarioError("snapshot_at_ms needs snapshot_dir, the folder to save to")
            wanted.append((options.snapshot_at_ms, options.snapshot_dir))
        return sorted(wanted)

    async def _save(self) -> None:
        passed_ms = self.loop.progress.now_ms - self.scenario.run.start
        if self.loop.dps_away:
            return
        while self._saves and self._saves[0][0] <= passed_ms:
            wanted_ms, folder = self._saves.pop(0)
            await snapshot.save(
                folder, rig=self.rig, loop=self.loop, recorder=self.recorder, wanted_ms=wanted_ms
            )

    def _started(self) -> RunStarted:
        scenario, world = self.scenario, self.rig.world
        return RunStarted(
            title=scenario.title,
            story=scenario.story,
            scenario=str(scenario.path or scenario.name),
            seed=self.seed,
            mode=self.rig.mode,
            link=self.options.link,
            broker=self.rig.broker,
            start_ms=scenario.run.start,
            until_ms=scenario.run.until_ms,
            sites=len(world.sites),
            devices=len(world.devices),
            run_dir=self.folder,
            notes=tuple(self.rig.notes),
            broker_url=self.rig.broker_url,
            dps_url=self.rig.dps_url,
            portal_url=self.rig.portal_url,
            replay=replay(scenario, self.seed, self.options),
        )

    async def _ending(self, error: HarnessError | None) -> Ending:
        now_ms, ledger = self.loop.progress.now_ms, self.rig.ledger
        if error is not None:
            return Ending(at_ms=now_ms, ledger=ledger.counts().as_dict())
        stored = await self.rig.sut.stored()
        sites = {device: site for site, names in self.rig.world.sites.items() for device in names}
        for device, boots in stored.devices.items():
            for boot, ranges in boots.items():
                ledger.stored_ranges(sites.get(device, "?"), device, boot, ranges)
        lost = [
            f"{gap.device} boot {gap.boot}: " + ", ".join(f"{a}-{b}" for a, b in gap.ranges)
            for gap in ledger.lost()
        ]
        counts = {**ledger.counts().as_dict(), "dead_letters": stored.dead}
        if not stored.known:
            counts = {name: n for name, n in counts.items() if name not in OF_THE_STORE}
        return Ending(
            at_ms=now_ms,
            ledger=counts,
            lost=lost,
            deliveries=tuple(ledger.deliveries()),
            stored=stored,
            published=self.recorder.published,
            costs_eur=self.rig.world.costs_eur(),
        )

    def _decide(self, ending: Ending, error: HarnessError | None) -> tuple[CheckDecided, ...]:
        if error is not None:
            return ()
        events = decided(
            self.refs,
            self.recorder.checks,
            ending,
            history=self.recorder.history,
            where=str(self.scenario.path or self.scenario.name),
            replay=replay(self.scenario, self.seed, self.options),
        )
        for event in events:
            self.recorder.emit(event)
        return tuple(events)

    def _result(
        self, ending: Ending, checks: tuple[CheckDecided, ...], error: HarnessError | None
    ) -> RunResult:
        passed = all(check.passed for check in checks)
        trace_hash, outcome_hash = self.recorder.trace.hashes()
        counts, now_ms = self.recorder.counts, self.loop.progress.now_ms
        return RunResult(
            verdict="error" if error else "passed" if passed else "failed",
            exit_code=error.exit_code if error else 0 if passed else 1,
            scenario=str(self.scenario.path or self.scenario.name),
            title=self.scenario.title,
            seed=self.seed,
            mode=self.rig.mode,
            link=self.options.link,
            broker=self.rig.broker,
            trace_hash=trace_hash,
            outcome_hash=outcome_hash,
            start_ms=self.scenario.run.start,
            end_ms=now_ms,
            simulated_s=(now_ms - self.scenario.run.start) / 1000,
            wall_s=time.perf_counter() - self.begun_s,
            published=self.recorder.published,
            ingested=ending.stored.total or self.recorder.ingested,
            ledger=ending.ledger,
            deliveries=tuple(map(str, ending.deliveries[:DELIVERIES_MAX])),
            orders=counts.get("order.placed", 0),
            work_orders=counts.get("work_order.requested", 0),
            costs_eur=self.rig.world.costs_eur(),
            checks=checks,
            replay=replay(self.scenario, self.seed, self.options),
            run_dir=self.folder,
            error=str(error) if error else "",
            notes=(*self.rig.notes, *self.loop.unseen()),
        )


def _without_password(store: str | None) -> str | None:
    """What may stand in a report."""
    return None if store is None else re.sub(r"(://[^:/@]*):[^@/]*@", r"\1@", store)


def replay(scenario: Scenario, seed: int, options: RunOptions) -> str:
    """The command that does the same again."""
    if options.replay:
        return options.replay
    path = scenario.path or Path(f"{scenario.name}.yaml")
    words = ["twinrig", "run", str(path), *scenario.words, "--seed", str(seed)]
    default = RunOptions()
    for flag, value, usual in (
        ("--link", options.link, default.link),
        ("--broker", options.broker, default.broker),
        ("--sut", options.sut, None),
        ("--webhooks", options.webhooks, None),
        ("--clients", options.clients, default.clients),
        ("--mode", options.mode, None),
        ("--speed", options.speed, None),
        ("--store", _without_password(options.store), None),
        ("--rules", options.rules, None),
    ):
        if value != usual:
            words += [flag, str(value)]
    return shlex.join(words)
