"""ECharts options of the demo's charts, from curves. Pure data."""

from __future__ import annotations

from typing import Any

from harness.demo.state import Curves

TRUTH, BELIEF, WITHOUT, SIGNAL = "#8e4ec6", "#0b68a5", "#98a2ae", "#18794e"


def damage_options(curves: Curves) -> dict[str, Any]:
    """True damage in both worlds beside the service's belief, percent over simulated time."""
    series = [
        _line("truth, with the service", curves.truth_pct, TRUTH, "solid"),
        _line("truth, without it", curves.without_pct, WITHOUT, "solid"),
        _line("what the service believes", curves.belief_pct, BELIEF, "dashed"),
    ]
    series[0]["markLine"] = {
        "symbol": "none", "animation": False, "lineStyle": {"color": BELIEF, "type": "dotted"},
        "data": [
            {"xAxis": at_ms, "label": {"formatter": name, "color": "#888", "fontSize": 10}}
            for at_ms, name in curves.moments
        ],
    }  # fmt: skip
    return _options(series, "%", {"min": 0, "max": 100})


def signal_options(curves: Curves) -> dict[str, Any]:
    """The signal that the service's condition watches, in its unit."""
    return _options(
        [_line(curves.signal, curves.signal_values, SIGNAL, "solid")], "", {"scale": True}
    )


def _line(name: str, points: list[tuple[int, float]], color: str, kind: str) -> dict[str, Any]:
    return {
        "name": name, "type": "line", "showSymbol": False, "animation": False,
        "color": color, "lineStyle": {"width": 2, "type": kind},
        "data": [list(point) for point in points],
    }  # fmt: skip


def _options(series: list[dict[str, Any]], unit: str, scale: dict[str, Any]) -> dict[str, Any]:
    grey = {"color": "#888"}
    return {
        "animation": False,
        "useUTC": True,
        "grid": {"left": 44, "right": 14, "top": 56, "bottom": 28},
        "legend": {"type": "scroll", "top": 0, "left": 0, "icon": "roundRect", "textStyle": grey},
        "tooltip": {"trigger": "axis"},
        "xAxis": {"type": "time", "axisLabel": {"hideOverlap": True, **grey}},
        "yAxis": {
            "type": "value", "name": unit, "axisLabel": grey, "nameTextStyle": grey,
            "splitLine": {"lineStyle": {"color": "rgba(128,128,128,0.25)"}}, **scale,
        },
        "series": series,
    }  # fmt: skip
