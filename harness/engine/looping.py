"""Makes the loop of a run out of a rig: what the timeline does reaches world, path and DPS."""

from __future__ import annotations

from functools import partial

from harness.engine.assembly import Rig
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


def new_loop(
    scenario: Scenario,
    products: Products,
    *,
    rig: Rig,
    recorder: EngineRecorder,
    control: Control,
    wait_s: float,
) -> Loop:
    """The loop that drivers step; see :class:`harness.world.loop.Loop` for its parts."""
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
        wait_s=wait_s,
    )
