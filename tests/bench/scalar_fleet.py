"""What the twins are compared with: one SimPy process per device, and NASA's ProgPy in a loop.

The scalar step is the least that a wastewater pump's physics can be: wet well, duty point,
temperature, damage and noise, one float at a time.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator

import simpy

STEP_S = 10.0
SIMPY_CHANNELS = 6
"""What ``ScalarPump.seen`` holds."""
PROGPY_CHANNELS = 5
"""Outputs of ProgPy's CentrifugalPump: w, Qout, Tt, Tr, To (progpy, models/centrifugal_pump.py)."""


class ScalarPump:
    """One pump in its own wet well."""

    __slots__ = ("chance", "damage", "inflow", "level", "running", "seen", "temp")

    def __init__(self, number: int) -> None:
        self.chance = random.Random(number)
        self.level, self.temp, self.damage = 1.0, 20.0, 0.0
        self.running, self.inflow = False, 0.004
        self.seen: tuple[float, ...] = ()

    def step(self, at_s: float) -> None:
        """Ten seconds: six channels."""
        inflow = self.inflow * (1.0 + 0.3 * math.sin(at_s / 13750.0))
        flow = power = 0.0
        if self.running:
            head = 10.0 - self.level
            flow = math.sqrt(max(0.0, (16.0 - head) / 60_000.0))
            share = flow / 0.01
            power = 9.81 * flow * (head + 20_000.0 * flow * flow) / (0.72 * (2 * share - share**2))
            self.damage += 1e-7 * self.chance.gammavariate(0.5, 2.0)
        self.level += STEP_S * (inflow - flow) / 6.0
        if self.level > 1.5:
            self.running = True
        elif self.level < 0.5:
            self.running = False
        self.temp += (20.0 + 40.0 * self.running - self.temp) * STEP_S / 1217.0
        rise = math.expm1(3.6 * self.damage) / 35.6
        noise = self.chance.gauss
        self.seen = (
            self.level + noise(0.0, 0.003),
            flow * (1.0 + noise(0.0, 0.0045)),
            power * (1.0 + noise(0.0, 0.003)),
            1.9 * power * (1.0 + noise(0.0, 0.005)),
            math.hypot(1.1, 5.0 * rise) * (1.0 + noise(0.0, 0.006)),
            self.temp + noise(0.0, 0.16),
        )


def _live(env: simpy.Environment, machine: ScalarPump) -> Iterator[simpy.Event]:
    while True:
        machine.step(env.now)
        yield env.timeout(STEP_S)


def simpy_steps_per_s(devices: int, steps: int = 30) -> float:
    """Device-steps a second of one core, one process per device."""
    env = simpy.Environment()
    for number in range(devices):
        env.process(_live(env, ScalarPump(number)))
    env.run(until=STEP_S)  # the first step of all
    begun = time.process_time()
    env.run(until=STEP_S * (steps + 1))
    return devices * steps / (time.process_time() - begun)


def progpy_steps_per_s(steps: int = 5_000) -> float | None:
    """Steps a second of ProgPy's CentrifugalPump at 1 s; None if it is not installed."""
    try:
        from progpy.models import CentrifugalPump
    except ImportError:
        return None
    pump = CentrifugalPump(process_noise=0, measurement_noise=0)
    load = {
        "Tamb": 290, "V": 471.2389, "pdisch": 928654, "psuc": 239179, "wsync": 376.991118431,
    }  # fmt: skip
    inputs = pump.InputContainer(load)
    state = pump.initialize(inputs, {})
    begun = time.process_time()
    for _ in range(steps):
        state = pump.next_state(state, inputs, 1.0)
        pump.output(state)
    return steps / (time.process_time() - begun)
