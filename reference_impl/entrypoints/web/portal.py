"""The customer portal: the list of machines, and one machine with wear, orders and alerts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nicegui import ui

from reference_impl.bootstrap import Dps
from reference_impl.entrypoints.web import charts, views
from reference_impl.kernel.errors import Unknown

REFRESH_S = 2.0
_WIDE_ONLY = "max-md:hidden"
_LIST = [
    ("title", "Machine", ""),
    ("site", "Site", _WIDE_ONLY),
    ("wear", "Wear", ""),
    ("runout", "Used up about", ""),
    ("alerts", "Alerts", ""),
    ("order", "Open order", _WIDE_ONLY),
    ("work_order", "Open work order", _WIDE_ONLY),
    ("heard", "Last heard", _WIDE_ONLY),
]
"""Columns of the list: field, title, classes. A telephone shows the short ones."""
_CELL = """
<q-td :props="props">
  <a :href="'/portal/things/' + props.row.thing" class="thing-link font-bold">
    {{ props.value }}
  </a>
</q-td>
"""
_LINKS = ".thing-link { color: #0b68a5 } .body--dark .thing-link { color: #5eb1ef }"
"""The blue of the header is too dark for words on dark ground."""
_WEAR = """
<q-td :props="props">
  <div class="flex items-center gap-2 no-wrap">
    <q-linear-progress :value="props.row.wear_pct / 100" :color="props.row.tone" size="8px"
      rounded style="width: 64px" class="max-sm:hidden" />
    <span class="whitespace-nowrap">{{ props.value }}</span>
  </div>
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
    ui.colors(primary="#0b68a5", positive="#18794e", negative="#c62a2f", warning="#b26a00")
    ui.add_css(_LINKS)
    with ui.header().classes("items-center gap-x-4 gap-y-0 py-3"):
        if back:
            ui.link("← Machines", "/portal").classes("text-white no-underline whitespace-nowrap")
        ui.label(text).classes("text-lg font-medium")
        ui.space()
        now = ui.label().classes("whitespace-nowrap tabular-nums")

    def tick() -> None:
        at_ms = dps.now_ms()
        now.set_text(f"{views.day_and_time(at_ms)} UTC" if at_ms else "no data yet")

    tick()
    ui.timer(REFRESH_S, tick)


def _machines(dps: Dps) -> None:
    _header(dps, "Machines", back=False)
    columns = [
        {"name": n, "label": t, "field": n, "align": "left", "classes": c, "headerClasses": c}
        for n, t, c in _LIST
    ]
    with ui.column().classes("w-full max-w-6xl mx-auto p-2"):
        table = ui.table(columns=columns, rows=views.machines(dps), row_key="thing")
        table.classes("w-full").props('no-data-label="No machine is installed yet"')
        table.add_slot("body-cell-title", _CELL)
        table.add_slot("body-cell-wear", _WEAR)

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
    title = seen.thing["title"] or thing
    _header(dps, title, back=True)
    names = dict.fromkeys([title, thing, seen.thing["site"], seen.thing["model"]])
    with ui.column().classes("w-full max-w-6xl mx-auto p-2 gap-4"):
        ui.label(" · ".join(list(names)[1:])).classes("opacity-70")
        with ui.card().classes("w-full gap-1"):
            ui.label("Wear").classes("text-lg font-medium")
            state = ui.column().classes("gap-0")
            chart = ui.echart(charts.wear(seen)).classes("w-full h-72")
        with ui.grid().classes("w-full grid-cols-1 lg:grid-cols-2 gap-4"):
            orders = _card("Orders", "Nothing was ordered yet")
            work = _card("Work orders", "No visit was needed yet")
            alerts = _card("Alerts", "No alert so far")
            readings = _card("Latest readings", "Nothing was heard yet")

    shown: list[views.Machine] = []

    def refresh() -> None:
        seen = views.machine(dps, thing)
        if shown == [seen]:
            return
        shown[:] = [seen]
        state.clear()
        with state:
            for sentence in _sentences(seen):
                ui.label(sentence)
        chart.options.clear()
        chart.options.update(charts.wear(seen))
        chart.update()
        orders([_deal(row, f"{row['total_eur']:,.2f} EUR") for row in seen.orders])
        work([_deal(row, _visit(row)) for row in seen.work_orders])
        alerts([_alert(row) for row in seen.alerts])
        readings([_Entry(row["title"], row["value"]) for row in seen.signals])

    refresh()
    ui.timer(REFRESH_S, refresh)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A row of a card: what, in which state, and when it took which step."""

    title: str
    state: str
    steps: tuple[tuple[str, int], ...] = ()
    done: bool = False


def _card(title: str, empty: str) -> Callable[[list[_Entry]], None]:
    """A card that is filled with entries, or says that there is nothing."""
    with ui.card().classes("w-full min-w-0 gap-1"):
        ui.label(title).classes("text-lg font-medium")
        box = ui.column().classes("w-full gap-0")

    def fill(entries: list[_Entry]) -> None:
        box.clear()
        with box:
            if not entries:
                ui.label(empty).classes("opacity-70")
            for entry in entries:
                _row(entry)

    return fill


def _row(entry: _Entry) -> None:
    with ui.column().classes("w-full gap-0 py-1"):
        with ui.row().classes("w-full justify-between gap-x-4 gap-y-0 flex-nowrap"):
            ui.label(entry.title).classes("min-w-0")
            tone = "opacity-70" if entry.done else "font-bold"
            ui.label(entry.state).classes(f"{tone} whitespace-nowrap tabular-nums")
        if entry.steps:
            with ui.row().classes("gap-x-4 gap-y-0 text-sm opacity-70"):
                for name, at_ms in entry.steps:
                    ui.label(f"{name} {views.day_and_time(at_ms)}").classes("whitespace-nowrap")


def _deal(row: dict[str, Any], detail: str) -> _Entry:
    title = f"{row['part']} · {detail}" if detail else row["part"]
    steps = tuple((views.words(name), at_ms) for name, at_ms in row["steps"].items())
    return _Entry(title, views.words(row["state"]), steps, row["state"] in views.FINAL)


def _visit(row: dict[str, Any]) -> str:
    """What is known of a visit beside its steps: who comes, and when."""
    known = [row["crew"] or ""]
    if row["start_ms"] and row["state"] not in views.FINAL:
        known.append(f"visit {views.day_and_time(row['start_ms'])}")
    return " · ".join(text for text in known if text)


def _alert(row: dict[str, Any]) -> _Entry:
    steps = [("raised", row["raised_ms"]), ("cleared", row["cleared_ms"])]
    given = tuple((name, at_ms) for name, at_ms in steps if at_ms is not None)
    return _Entry(row["rule"], views.words(row["state"]), given, row["state"] != "ACTIVE")


def _sentences(seen: views.Machine) -> list[str]:
    said = []
    for k in seen.conditions:
        wear = "not known yet" if k["wear_pct"] is None else f"{k['wear_pct']:.0f} %"
        text = f"{views.words(k['position'])}: {wear}, part number {k['cycle']}"
        if k.get("runout_p50_ms") is not None:
            text += f", used up about {views.day(k['runout_p50_ms'])}"
            text += f" ({views.day(k['runout_p10_ms'])} to {views.day(k['runout_p90_ms'])})"
        elif k["wear_pct"] is not None:
            text += ", no end in sight"
        said.append(text[0].upper() + text[1:])
    return said or ["Nothing is computed for this model"]
