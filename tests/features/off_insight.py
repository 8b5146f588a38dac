"""How the rows of insight are switched off: each patch takes one behaviour away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from reference_impl.insight import revising, usage, views
from reference_impl.insight.computing import Computing
from reference_impl.insight.domain import Runout
from reference_impl.insight.filling import FillForecast
from reference_impl.insight.usage import LinearUse

Patch = Callable[[pytest.MonkeyPatch], None]


def _filled_in(mp: pytest.MonkeyPatch) -> None:
    """A line is drawn through what is missing."""
    mp.setattr(views, "gaps", lambda _at_ms: [])


def _no_insight(mp: pytest.MonkeyPatch) -> None:
    """No metric is computed, and comparisons know no period before."""
    mp.setattr(Computing, "compute", lambda *_: None)
    mp.setattr(views, "compared", lambda now, _before: {"value": now, "before": None})
    mp.setattr(views, "aggregate", lambda *_, **__: [{"value": None, "from_ms": 0}])


def _no_sessions(mp: pytest.MonkeyPatch) -> None:
    mp.setattr(views, "detect", lambda *_, **__: [])


def _no_use(mp: pytest.MonkeyPatch) -> None:
    """Nothing is counted."""
    mp.setattr(LinearUse, "estimate", lambda *_: None)


def _at_once(mp: pytest.MonkeyPatch) -> None:
    """A revision that is installed drives decisions at once, and history follows it."""
    mp.setattr(revising, "install", _active_install)


def _active_install(rows: Any, uow: Any, **more: Any) -> Any:
    from reference_impl.insight.revisions import activate, install

    row = install(rows, uow, **more)
    moved, _ = activate(rows, uow, row, at_ms=more["at_ms"], by=more["by"], why="")
    return moved


def _one_band(mp: pytest.MonkeyPatch) -> None:
    mp.setattr(views, "band", lambda *_: "good")


def _no_connection(mp: pytest.MonkeyPatch) -> None:
    """Conclusions are drawn from whatever there is."""
    mp.setattr(views, "connection_index_pct", lambda *_, **__: 100.0)


def _all_continuous(mp: pytest.MonkeyPatch) -> None:
    """Sampled evaluation that looks at every point."""
    mp.setattr(Computing, "_sample", lambda *_: None)


def _no_aggregates(mp: pytest.MonkeyPatch) -> None:
    mp.setattr(views, "aggregate", lambda *_, **__: [])
    mp.setattr(Computing, "_daily", lambda *_: None)


def _any_cause(mp: pytest.MonkeyPatch) -> None:
    """Signs are not looked at."""
    mp.setattr(views, "score", lambda *_: 0.0)


def _no_interval(mp: pytest.MonkeyPatch) -> None:
    """A forecast is one number."""
    original = usage.by_use
    fill = FillForecast.estimate

    def narrow(found: Runout | None) -> Runout | None:
        return found and found._replace(p10_ms=found.p50_ms, p90_ms=found.p50_ms)

    mp.setattr(usage, "by_use", lambda *args, **more: narrow(original(*args, **more)))

    def estimate(self: Any, *args: Any) -> Any:
        found = fill(self, *args)
        return found and found._replace(runout=narrow(found.runout))

    mp.setattr(FillForecast, "estimate", estimate)


OFF: dict[str, Patch] = {
    "DS2": _filled_in,
    "DS8": _no_insight,
    "DS9": _no_sessions,
    "SP7": _no_use,
    "SP8": _at_once,
    "SP14": _one_band,
    "FS3": _no_connection,
    "CC5": _all_continuous,
    "AN2": _no_aggregates,
    "AN3": _any_cause,
    "AN4": _no_interval,
}
