"""The events of a run, where reports look for them; ``harness.events`` defines them.

They are defined below the checks and drivers, which speak them too (layers: docs/adr).
"""

from harness.events import (
    ActorActed,
    CheckDecided,
    Event,
    EventHandler,
    FaultApplied,
    FeedSeen,
    RunFinished,
    RunResult,
    RunStarted,
    StepDone,
    TelemetrySeen,
    TruthHappened,
    TruthSampled,
)

__all__ = [
    "ActorActed",
    "CheckDecided",
    "Event",
    "EventHandler",
    "FaultApplied",
    "FeedSeen",
    "RunFinished",
    "RunResult",
    "RunStarted",
    "StepDone",
    "TelemetrySeen",
    "TruthHappened",
    "TruthSampled",
]
