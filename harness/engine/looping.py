"""Puts the loop of a run together out of its parts."""

from __future__ import annotations

from functools import partial

from harness.engine.assembly import Rig
from harness.engine.options import LIVE_SPEED, PACED_SPEED, RunOptions
from harness.scenario.products import Products
from harness.scenario.schema import Scenario
from harness.sut.levels import Need
from harness.sut.setup import mid_run
from harness.world.acts import Acts
from harness.world.control import Control
from harness.world.loop import Loop
from harness.world.path import link_fault
from harness.world.port import Recorder
from harness.world.timeline import Timeline


def made_loop(
    scenario: Scenario,
    products: Products,
    *,
    options: RunOptions,
    rig: Rig,
    recorder: Recorder,
    control: Control,
) -> Loop:
    """The loop that drivers drive."""
    timeline = Timeline(scenario, products)
    return Loop(
        run=scenario.run,
        world=rig.world,
        path=rig.path,
        ledger=rig.ledger,
        tap=rig.tap,
        sut=rig.sut,
        timeline=timeline,
        acts=Acts(
            timeline,
            world=rig.world,
            path=rig.path,
            sut=rig.sut,
            link_fault=partial(link_fault, scenario),
            installs=partial(mid_run, scenario=scenario, products=products),
        ),
        recorder=recorder,
        control=control,
        commands_are_news=Need.FEED not in rig.reach.offers or rig.reach.level == "L0",
        wait_s=options.wait_s,
    )


def made_control(scenario: Scenario, options: RunOptions, mode: str) -> Control:
    """The hand on the clock: the one that was given, or one at the speed of mode and file."""
    default = LIVE_SPEED if mode == "live" else PACED_SPEED
    speed = options.speed or scenario.run.speed or default
    if options.control is None:
        return Control(speed=speed)
    if options.speed is not None:
        options.control.set_speed(options.speed)
    return options.control
