"""One demo: the engine in a thread, its control, and the state that the page reads."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from pathlib import Path

from harness.demo.page import Breakage
from harness.demo.state import Curves, DemoState, View
from harness.demo.twin_world import WithoutService, downtime_rates
from harness.engine import runner
from harness.errors import HarnessError
from harness.report.words import DAY_MS
from harness.scenario.products import installed
from harness.scenario.resolve import places
from harness.scenario.schema import Scenario
from harness.world.control import Control
from twins.core.common_faults import faults_of

log = logging.getLogger(__name__)
SPEED = 86_400.0
"""Simulated seconds per second at the start: a day."""
STOPS_WITHIN_S = 20.0
"""Longest wait for a run to end after it was told to stop."""


@dataclass(slots=True)
class _Play:
    """One run of the story: its state, the hand on it, and the thread that it lives on."""

    state: DemoState
    control: Control
    thread: threading.Thread | None = None


class DemoSession:
    """Two worlds of one scenario and seed, played at a pace. Safe from any thread.

    Args:
        scenario: The story.
        seed: Same seed, same story.
        runs_dir: Where the runs' folders go.
    """

    def __init__(self, scenario: Scenario, *, seed: int, runs_dir: Path) -> None:
        self.seed = seed
        self._scenario, self._runs_dir = scenario, runs_dir
        self._products = installed()
        self._rates = downtime_rates(scenario, self._products, seed=seed)
        self._places = places(scenario, self._products)
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._now = self._new(scenario.run.speed or SPEED)

    def _new(self, speed: float) -> _Play:
        state = DemoState(
            other=lambda: WithoutService(self._scenario, self._products, self.seed),
            eur_per_h=self._rates,
        )
        return _Play(state, Control(speed=speed, on_refused=state.refused))

    def start(self) -> None:
        """Begin to play."""
        play = self._now
        play.thread = threading.Thread(
            target=self._run, args=(play,), name="demo-engine", daemon=True
        )
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        self._threads.append(play.thread)
        play.thread.start()

    def _run(self, play: _Play) -> None:
        options = runner.RunOptions(
            link="mqtt", broker="embedded", store="file", mode="paced", control=play.control,
            runs_dir=self._runs_dir, web=True,
        )  # fmt: skip
        state = play.state
        try:
            runner.run_scenario(self._scenario, seed=self.seed, options=options, handlers=[state])
        except HarnessError as error:
            log.error("the demo stopped: %s", error)  # noqa: TRY400 - meant for a person
            state.fail(str(error))
        except Exception as error:
            log.exception("the demo's engine broke")
            state.fail(f"a bug in Twinrig: {error!r}; see the terminal")

    def stop(self) -> None:
        """End every run and wait until its broker and DPS are gone."""
        self._now.control.stop()
        for thread in self._threads:
            thread.join(STOPS_WITHIN_S)

    def reset(self) -> None:
        """Begin again from the start, at the speed that was chosen.

        The page has the new story at once; the old one takes its broker and DPS down beside it.
        """
        with self._lock:
            if self._now.state.beginning:
                return
            old, self._now = self._now, self._new(self._now.control.speed)
            old.control.stop()
            self.start()

    @property
    def portal_url(self) -> str | None:
        """The DPS's own page, once it is up."""
        started = self._now.state.log.started
        return (started.portal_url or None) if started else None

    @property
    def paused(self) -> bool:
        """Whether the worlds are held."""
        return self._now.control.paused

    @property
    def speed(self) -> float:
        """Simulated seconds per second, as chosen."""
        return self._now.control.speed

    def view(self) -> View:
        """The moment as it is."""
        return self._now.state.view()

    def curves(self, device: str) -> Curves:
        """What is known of one device."""
        return self._now.state.curves(device)

    def signal_words(self, device: str, signal: str) -> tuple[str, str]:
        """A signal's name for people, and its unit: ``Vibration velocity RMS``, ``mm/s``."""
        place = self._places.get(device)
        known = self._products[place.product].signals.get(signal) if place else None
        if known is None:
            return signal, ""
        # How it is sampled stands after the first comma of its title; that is for engineers.
        return known.title.partition(",")[0] or signal, "" if known.unit == "1" else known.unit

    def breakages(self, device: str) -> tuple[Breakage, ...]:
        """What can break in a device."""
        place = self._places.get(device)
        if place is None:
            return ()
        product = self._products[place.product]
        faults = {**product.faults, **faults_of(product)}  # the product's own stand first
        return tuple(Breakage(fault=name, title=spec.title) for name, spec in faults.items())

    def pause(self) -> None:
        """Hold both worlds."""
        self._now.control.pause()

    def resume(self) -> None:
        """Let them go on."""
        self._now.control.resume()

    def step(self) -> None:
        """One step, then hold."""
        self._now.control.pause()
        self._now.control.step()

    def jump_days(self, days: float) -> None:
        """Go so far on as fast as it goes, then hold or play as before."""
        now_ms = self._now.state.view().now_ms
        self._now.control.jump(now_ms + round(days * DAY_MS))

    def set_speed(self, speed: float) -> None:
        """Choose simulated seconds per second."""
        self._now.control.set_speed(speed)

    def inject(self, fault: str, device: str) -> None:
        """Break a device now, with the fault's own defaults; the other world follows."""
        self._now.control.inject(fault, device)
