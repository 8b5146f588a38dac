"""Who is told of which events."""

from __future__ import annotations

import io

from harness.engine.recorder import EngineRecorder
from harness.engine.trace import Trace
from harness.events import RunFinished, StepDone, TelemetrySeen


class Ear:
    """Keeps the kinds of events that it is told of."""

    def __init__(self) -> None:
        self.told: list[type] = []

    def on_event(self, event) -> None:
        self.told.append(type(event))


class StepsOnly(Ear):
    """One that says what it looks at."""

    hears = (StepDone, RunFinished)


def test_a_handler_that_names_kinds_of_events_is_told_of_those_and_others_of_all():
    everything, steps = Ear(), StepsOnly()
    recorder = EngineRecorder(
        trace=Trace(), checks=[], handlers=[everything, steps], trace_file=io.BytesIO(), begun_s=0.0
    )
    for at_ms in (0, 1):
        recorder.emit(TelemetrySeen(at_ms=at_ms, device="d-1", signals={}))
        recorder.step(at_ms, 0)
    assert everything.told == [TelemetrySeen, StepDone] * 2
    assert steps.told == [StepDone] * 2
