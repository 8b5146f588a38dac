"""Strings the opened parts of a run together: world, path and DPS, and what happens to them."""

from __future__ import annotations

from functools import partial

from harness.engine.assembly import Rig
from harness.engine.options import RunOptions
from harness.engine.recorder import EngineRecorder
from harness.scenario.products import Products
from harness.scenario.schema import Scenario
from harness.sut.levels import Need
from harness.sut.setup import mid_run
from harness.world.acts import Acts
from harness.world.control import Control
from harness.world.loop import Loop
from harness.world.path import link_fault
from harness.world.timeline import Timeline


def loop_of(
    scenario: Scenario,
    products: Products,
    options: RunOptions,
    *,
    rig: Rig,
    recorder: EngineRecorder,
    control: Control,
) -> Loop:
    """The loop of a run whose parts are all up.

    Args:
        scenario: What is run.
        products: The products that there are.
        options: How it is run.
        rig: Everything that was opened.
        recorder: Told of everything.
        control: The hand on it.
    """
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
