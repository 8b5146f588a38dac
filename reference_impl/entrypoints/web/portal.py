"""The customer portal: the list of machines, and one machine with wear, orders and alerts."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from reference_impl.bootstrap import Dps
from reference_impl.entrypoints.web import views
from reference_impl.kernel.errors import Unknown

REFRESH_S = 2.0
_LIST = [
    ("title", "Machine"),
    ("thing", "Id"),
    ("site", "Site"),
    ("wear", "Wear"),
    ("alerts", "Alerts"),
    ("order", "Order"),
    ("work_order", "Work order"),
    ("heard", "Last heard"),
]
_CELL = """
<q-td :props="props">
  <a :href="'/portal/things/' + props.row.thing" class="text-primary">{{ props.value }}</a>
</q-td>
"""


def add_pages(dps: Dps) -> None:
    """Serve the pages on the app of ``dps``, below ``/portal``."""

    @ui.page("/")  # type: ignore[untyped-decorator]  # NiceGUI is not followed
    def list_page() -> None:
        _machines(dps)

    @ui.page("/things/{thing}")  # type: ignore[untyped-decorator]
    def machine_page(thing: str) -> None:
        _machine(dps, thing)

    ui.run_with(
        dps.app, mount_path="/portal", title="Portal", dark=None, show_welcome_message=False
    )


def _header(dps: Dps, text: str, *, back: bool) -> None:
    with ui.header().classes("items-center gap-4"):
        if back:
            ui.link("← Machines", "/portal").classes("text-white no-underline")
        ui.label(text).classes("text-lg font-medium")
        ui.space()
        now = ui.label()

    def tick() -> None:
        now.set_text(f"{views.day_and_time(dps.now_ms() or None)} UTC")

    tick()
    ui.timer(REFRESH_S, tick)


def _columns(names: list[tuple[str, str]]) -> list[dict[str, Any]]:
    return [{"name": n, "label": t, "field": n, "align": "left"} for n, t in names]


def _machines(dps: Dps) -> None:
    _header(dps, "Machines", back=False)
    with ui.column().classes("w-full max-w-5xl mx-auto p-2"):
        table = ui.table(columns=_columns(_LIST), rows=views.machines(dps), row_key="thing")
        table.classes("w-full").add_slot("body-cell-title", _CELL)

    def refresh() -> None:
        rows = views.machines(dps)
        if rows != table.rows:
            table.rows = rows
            table.update()

    ui.timer(REFRESH_S, refresh)


def _machine(dps: Dps, thing: str) -> None:
    try:
        seen = views.machine(dps, thing)
    except Unknown as error:
        _header(dps, "No such machine", back=True)
        ui.label(error.title)
        return
    _header(dps, seen.thing["title"] or thing, back=True)
    with ui.column().classes("w-full max-w-5xl mx-auto p-2 gap-4"):
        ui.label(f"{thing} · {seen.thing['site']} · {seen.thing['model']}").classes("text-gray-500")
        with ui.card().classes("w-full"):
            ui.label("Wear").classes("text-base font-medium")
            state = ui.label()
            chart = ui.echart(_chart(seen)).classes("w-full h-72")
        with ui.row().classes("w-full gap-4 items-stretch"):
            orders = _card("Orders", [("part", "Part"), ("state", "State"), ("placed", "Placed")])
            work = _card(
                "Work orders", [("part", "Part"), ("state", "State"), ("asked", "Requested")]
            )
            alerts = _card("Alerts", [("rule", "Rule"), ("state", "State"), ("since", "Since")])
            readings = _card("Latest readings", [("title", "Signal"), ("value", "Value")])

    def refresh() -> None:
        seen = views.machine(dps, thing)
        state.set_text(_sentence(seen))
        chart.options.update(_chart(seen))
        chart.update()
        _fill(orders, [{**r, "placed": views.day_and_time(r["placed_ms"])} for r in seen.orders])
        _fill(
            work, [{**r, "asked": views.day_and_time(r["requested_ms"])} for r in seen.work_orders]
        )
        _fill(alerts, [{**r, "since": views.day_and_time(r["raised_ms"])} for r in seen.alerts])
        _fill(readings, seen.signals)

    refresh()
    ui.timer(REFRESH_S, refresh)


def _card(title: str, columns: list[tuple[str, str]]) -> ui.table:
    with ui.card().classes("grow"):
        ui.label(title).classes("text-base font-medium")
        table = ui.table(columns=_columns(columns), rows=[])
        return table.props('flat dense no-data-label="none"').classes("w-full")


def _fill(table: ui.table, rows: list[dict[str, Any]]) -> None:
    names = [column["name"] for column in table.columns]
    shown = [{name: row[name] for name in names} for row in rows]
    if shown != table.rows:
        table.rows = shown
        table.update()


def _sentence(seen: views.Machine) -> str:
    parts = []
    for k in seen.conditions:
        wear = "not known yet" if k["wear_pct"] is None else f"{k['wear_pct']:.0f} %"
        text = f"{k['position']}: {wear}, part number {k['cycle']}"
        if k.get("runout_p50_ms") is not None:
            text += f", used up about {views.day_and_time(k['runout_p50_ms'])[:10]}"
            text += f" (not before {views.day_and_time(k['runout_p10_ms'])[:10]})"
        parts.append(text)
    return "; ".join(parts) or "nothing is computed for this model"


def _chart(seen: views.Machine) -> dict[str, Any]:
    series = [
        {
            "name": name,
            "type": "line",
            "showSymbol": False,
            "connectNulls": False,
            "data": [list(point) for point in points],
            "markLine": {
                "silent": True,
                "symbol": "none",
                "data": [{"yAxis": 100, "name": "limit"}],
                "lineStyle": {"color": "#c10015"},
                "label": {"show": False},
            },
        }
        for name, points in seen.wear.items()
    ]
    return {
        "animation": False,
        "tooltip": {"trigger": "axis"},
        "grid": {"left": 48, "right": 24, "top": 24, "bottom": 32},
        "xAxis": {"type": "time", "axisLabel": {"formatter": "{d} {MMM}", "hideOverlap": True}},
        "yAxis": {"type": "value", "min": 0, "max": 110, "name": "%"},
        "series": series,
    }
