"""ECharts options of the portal's charts, from what a machine is known by. Pure data."""

from __future__ import annotations

from typing import Any

from reference_impl.entrypoints.web.views import Machine

COLORS = ("#0b68a5", "#8e4ec6", "#18794e", "#b26a00")
GREY = "#888"
LIMIT_PCT = 100
SOLID = "path://M0 4H24V7H0Z"
DASHED = "path://M0 4H6V7H0ZM9 4H15V7H9ZM18 4H24V7H18Z"
DAY = "{d} {MMM}"


def wear(seen: Machine) -> dict[str, Any]:
    """Wear of each condition in percent over time, and dashed how it is thought to go on.

    The forecast runs from the newest value to 100 % at the median run-out; the band beside it
    begins at the early (p10) and ends at the late (p90) run-out.
    """
    series: list[dict[str, Any]] = []
    for number, k in enumerate(seen.conditions or []):
        color = COLORS[number % len(COLORS)]
        points = seen.wear.get(k["condition"], [])
        series.append(_line(k["position"], [list(p) for p in points], color, "solid"))
        ends = [k.get(f"runout_{p}_ms") for p in ("p10", "p50", "p90")]
        if not points or points[-1][1] is None or None in ends:
            continue
        forecast = _line(
            f"{k['position']}, forecast", [list(points[-1]), [ends[1], LIMIT_PCT]], color, "dashed"
        )
        forecast["markArea"] = {
            "silent": True,
            "itemStyle": {"color": color, "opacity": 0.15},
            "data": [[{"xAxis": ends[0]}, {"xAxis": ends[2]}]],
        }
        series.append(forecast)
    if series:
        series[0]["markLine"] = {
            "silent": True,
            "symbol": "none",
            "animation": False,
            "data": [{"yAxis": LIMIT_PCT}],
            "lineStyle": {"color": "#c62a2f"},
            "label": {"formatter": "used up", "position": "insideStartTop", "color": GREY},
        }
    return _options(series)


def _line(name: str, points: list[list[Any]], color: str, kind: str) -> dict[str, Any]:
    return {
        "name": name,
        "type": "line",
        "showSymbol": False,
        "connectNulls": False,
        "animation": False,
        "color": color,
        "lineStyle": {"width": 2, "type": kind},
        "data": points,
    }


def _options(series: list[dict[str, Any]]) -> dict[str, Any]:
    legend = [
        {"name": s["name"], "icon": DASHED if s["lineStyle"]["type"] == "dashed" else SOLID}
        for s in series
    ]
    return {
        "animation": False,
        "useUTC": True,
        "tooltip": {
            "trigger": "axis",
            ":valueFormatter": "value => value == null ? '-' : value.toFixed(0) + ' %'",
        },
        "legend": {"data": legend, "top": 0, "left": 0, "textStyle": {"color": GREY}},
        "grid": {"left": 40, "right": 20, "top": 44, "bottom": 28},
        "xAxis": {
            "type": "time",
            "minInterval": 86_400_000,
            "axisLabel": {"formatter": DAY, "hideOverlap": True, "color": GREY},
        },
        "yAxis": {
            "type": "value",
            "min": 0,
            "max": 110,
            "axisLabel": {"formatter": "{value} %", "showMaxLabel": False, "color": GREY},
            "splitLine": {"lineStyle": {"color": "rgba(128,128,128,0.25)"}},
        },
        "series": series,
    }
