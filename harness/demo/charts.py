"""ECharts options of the demo's charts, from curves. Pure data."""

from __future__ import annotations

from typing import Any

from harness.demo.state import Curves

TRUTH, BELIEF, WITHOUT, SIGNAL = "#a25cd6", "#2b8bd0", "#98a2ae", "#2a9d6f"
GREY = "#888"
DAY_MS = 86_400_000
SOLID = "path://M0 4H24V7H0Z"
DASHED = "path://M0 4H6V7H0ZM9 4H15V7H9ZM18 4H24V7H18Z"
"""What stands in the legend: a piece of the line, not a square of its colour."""
LABEL_AT_PX = {"order": 3, "new part": 16}
"""Heights of the moments' names above the plot, so that two close ones do not overlap."""


def damage_options(curves: Curves) -> dict[str, Any]:
    """True damage in both worlds beside the service's belief, percent over simulated time."""
    series = [
        # The broad one lies below: where both worlds agree, both are seen.
        _line("true, without service", curves.without_pct, WITHOUT, "solid", 5),
        _line("true, with service", curves.truth_pct, TRUTH, "solid", 2),
        _line("service's belief", curves.belief_pct, BELIEF, "dashed", 2),
    ]
    series[1]["markLine"] = {
        "symbol": "none", "animation": False, "silent": True,
        "lineStyle": {"color": GREY, "type": "dotted"},
        "data": [
            {
                "xAxis": at_ms,
                "label": {
                    "formatter": name, "color": GREY, "fontSize": 10,
                    "distance": LABEL_AT_PX.get(name, 3),
                },
            }
            for at_ms, name in curves.moments
        ],
    }  # fmt: skip
    return _options(series, "%", {"min": 0, "max": 100}, digits=0, top_px=78)


def signal_options(curves: Curves, title: str) -> dict[str, Any]:
    """The signal that the service's condition watches, in its unit."""
    series = [_line(title, curves.signal_values, SIGNAL, "solid", 2)]
    return _options(series, "", {"scale": True}, digits=2, top_px=40)


def _line(
    name: str, points: list[tuple[int, float]], color: str, kind: str, width_px: int
) -> dict[str, Any]:
    return {
        "name": name, "type": "line", "showSymbol": False, "animation": False,
        "color": color, "lineStyle": {"width": width_px, "type": kind},
        "data": [list(point) for point in points],
    }  # fmt: skip


def _options(
    series: list[dict[str, Any]], unit: str, scale: dict[str, Any], *, digits: int, top_px: int
) -> dict[str, Any]:
    grey = {"color": GREY}
    legend = [
        {"name": s["name"], "icon": DASHED if s["lineStyle"]["type"] == "dashed" else SOLID}
        for s in series
    ]
    number = f"value => value == null ? '-' : value.toFixed({digits}) + '{unit and ' ' + unit}'"
    return {
        "animation": False,
        "useUTC": True,
        "grid": {"left": 44, "right": 30, "top": top_px, "bottom": 28},
        "legend": {"data": legend, "top": 0, "left": 0, "itemGap": 14, "textStyle": grey},
        "tooltip": {"trigger": "axis", ":valueFormatter": number},
        "xAxis": {
            "type": "time", "minInterval": DAY_MS,
            "axisLabel": {"formatter": "{d} {MMM}", "hideOverlap": True, **grey},
        },
        "yAxis": {
            "type": "value", "axisLabel": {"formatter": f"{{value}} {unit}".rstrip(), **grey},
            "splitLine": {"lineStyle": {"color": "rgba(128,128,128,0.25)"}}, **scale,
        },
        "series": series,
    }  # fmt: skip
