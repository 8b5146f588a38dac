"""One demo: the engine in a thread, its control, and the state that the page reads."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from harness.demo.page import Breakage
from harness.demo.state import Curves, DemoState, View
from harness.demo.twin_world import WithoutService, downtime_rates
from harness.engine import runner
from harness.errors import HarnessError
from harness.scenario.products import installed
from harness.scenario.resolve import places
from harness.scenario.schema import Scenario
from harness.world.control import Control

log = logging.getLogger(__name__)
SPEED = 86_400.0
"""Simulated seconds per second at the start: a day."""
STOPS_WITHIN_S = 20.0
"""Longest wait for a run to end after it was told to stop."""


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
        self._rates = downtime_rates(scenario, self._products)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._control = Control(speed=scenario.run.speed or SPEED)
        self._state = self._new_state()

    def _new_state(self) -> DemoState:
        return DemoState(
            other=lambda: WithoutService(self._scenario, self._products, self.seed),
            eur_per_h=self._rates,
        )

    def start(self) -> None:
        """Begin to play."""
        state, control = self._state, self._control
        self._thread = threading.Thread(
            target=self._play, args=(state, control), name="demo-engine", daemon=True
        )
        self._thread.start()

    def _play(self, state: DemoState, control: Control) -> None:
        options = runner.RunOptions(
            link="mqtt", broker="embedded", store="file", mode="paced", control=control,
            runs_dir=self._runs_dir, web=True,
        )  # fmt: skip
        try:
            runner.run_scenario(self._scenario, seed=self.seed, options=options, handlers=[state])
        except HarnessError as error:
            log.error("the demo stopped: %s", error)  # noqa: TRY400 - meant for a person
            state.fail(str(error))
        except Exception as error:
            log.exception("the demo's engine broke")
            state.fail(f"a bug in Twinrig: {error!r}; see the terminal")

    def stop(self) -> None:
        """End the run and wait until its broker and DPS are gone."""
        self._control.stop()
        self._control.resume()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(STOPS_WITHIN_S)

    def reset(self) -> None:
        """Begin again from the start, at the speed that was chosen."""
        with self._lock:
            self.stop()
            self._control = Control(speed=self._control.speed)
            self._state = self._new_state()
            self.start()

    @property
    def portal_url(self) -> str | None:
        """The DPS's own page, once it is up."""
        started = self._state.log.started
        return (started.portal_url or None) if started else None

    @property
    def paused(self) -> bool:
        """Whether the worlds are held."""
        return self._control.paused

    @property
    def speed(self) -> float:
        """Simulated seconds per second, as chosen."""
        return self._control.speed

    def view(self) -> View:
        """The moment as it is."""
        return self._state.view()

    def curves(self, device: str) -> Curves:
        """What is known of one device."""
        return self._state.curves(device)

    def breakages(self, device: str) -> tuple[Breakage, ...]:
        """What can break in a device."""
        place = places(self._scenario, self._products).get(device)
        faults = self._products[place.product].faults if place else {}
        return tuple(Breakage(fault=name, title=spec.title) for name, spec in faults.items())

    def pause(self) -> None:
        """Hold both worlds."""
        self._control.pause()

    def resume(self) -> None:
        """Let them go on."""
        self._control.resume()

    def step(self) -> None:
        """One step, then hold."""
        self._control.pause()
        self._control.step()

    def set_speed(self, speed: float) -> None:
        """Choose simulated seconds per second."""
        self._control.set_speed(speed)

    def inject(self, fault: str, device: str) -> None:
        """Break a device now, with the fault's own defaults; the other world follows."""
        self._control.inject(fault, device)
