"""The life of a route and of a stop, as tables."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Route(StrEnum):
    """Where a route stands."""

    PLANNED = "PLANNED"
    DRIVING = "DRIVING"
    DONE = "DONE"
    CANCELLED = "CANCELLED"


class RouteStep(StrEnum):
    """What moves it."""

    BEGIN = "begin"
    FINISH = "finish"
    CANCEL = "cancel"


ROUTES: Mapping[Route, Mapping[RouteStep, Route]] = {
    Route.PLANNED: {RouteStep.BEGIN: Route.DRIVING, RouteStep.CANCEL: Route.CANCELLED},
    Route.DRIVING: {RouteStep.FINISH: Route.DONE},
    Route.DONE: {},
    Route.CANCELLED: {},
}
assert ROUTES.keys() == set(Route), "every state needs a row, final ones an empty one"
OPEN_ROUTES = frozenset({Route.PLANNED, Route.DRIVING})
PAST = {RouteStep.BEGIN: "begun", RouteStep.FINISH: "done", RouteStep.CANCEL: "cancelled"}
"""The feed's word for each step."""


class StopState(StrEnum):
    """Where a stop stands."""

    PLANNED = "PLANNED"
    SERVED = "SERVED"
    SKIPPED = "SKIPPED"


class StopStep(StrEnum):
    """What moves it."""

    SERVE = "serve"
    SKIP = "skip"


STOPS: Mapping[StopState, Mapping[StopStep, StopState]] = {
    StopState.PLANNED: {
        StopStep.SERVE: StopState.SERVED,
        StopStep.SKIP: StopState.SKIPPED,
    },
    StopState.SERVED: {},
    StopState.SKIPPED: {},
}
assert STOPS.keys() == set(StopState), "every state needs a row, final ones an empty one"
