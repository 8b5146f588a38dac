"""The customer portal: the list of machines, and one machine with wear, orders and alerts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from nicegui import ui
from starlette.requests import Request

from reference_impl.bootstrap import Dps
from reference_impl.entrypoints.web import charts, views
from reference_impl.entrypoints.web.door import BELOW, Door, Guarded, sign_in_url, sign_out_form
from reference_impl.kernel.access import acting_as
from reference_impl.kernel.errors import Forbidden, Unknown

T = TypeVar("T")
REFRESH_S = 2.0
MOST = 12
"""Rows of a card; the API has them all."""
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
_LINKS = """
.thing-link { color: #0b68a5 } .body--dark .thing-link { color: #5eb1ef }
.sign-out { margin-left: auto; display: flex; gap: .75rem; align-items: center }
.sign-out button { padding: .25rem .7rem; border: 1px solid #ffffff80; border-radius: .4rem;
  cursor: pointer }
.sign-out button:focus-visible { outline: 3px solid #fff; outline-offset: 1px }
"""
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
    door = Door(dps)

    @ui.page("/")  # type: ignore[untyped-decorator]  # NiceGUI is not followed
    def list_page(request: Request) -> None:
        _machines(_Visit(dps, door, request))

    @ui.page("/things/{thing}")  # type: ignore[untyped-decorator]
    def machine_page(request: Request, thing: str) -> None:
        _machine(_Visit(dps, door, request), thing)

    if not door.open:
        dps.app.router.routes.extend(door.routes())
        dps.app.add_middleware(Guarded, door=door)
    ui.run_with(dps.app, mount_path=BELOW, title="Portal", dark=None, show_welcome_message=False)


class _Visit:
    """Somebody looks at a page: every reading of it runs as who he is by then."""

    def __init__(self, dps: Dps, door: Door, request: Request) -> None:
        self.dps, self._door, self._path = dps, door, request.url.path
        self._token = door.token(request.headers)

    def read(
        self, show: Callable[[], T], *, refused: Callable[[str], None] | None = None
    ) -> T | None:
        """What ``show`` gives as the caller; None if he may not, or his session has ended."""
        who = self._door.still(self._token)
        if who is None:
            ui.navigate.to(sign_in_url(self._path).removeprefix(BELOW))  # NiceGUI puts it before
            return None
        try:
            with acting_as(who):
                return show()
        except (Forbidden, Unknown) as error:
            if refused is not None:
                refused(error.title)
            return None

    def signed_in(self) -> str:
        """Who has signed in; empty where nobody need."""
        who = None if self._door.open else self._door.still(self._token)
        return "" if who is None else who.user


def _header(visit: _Visit, text: str, *, back: bool) -> None:
    ui.colors(primary="#0b68a5", positive="#18794e", negative="#c62a2f", warning="#b26a00")
    ui.add_css(_LINKS)
    with ui.header().classes("items-center gap-x-4 gap-y-0 py-3"):
        if back:
            ui.link("← Machines", "/").classes("text-white no-underline whitespace-nowrap")
        ui.label(text).classes("text-lg font-medium")
        ui.space()
        now = ui.label().classes("whitespace-nowrap tabular-nums")
        if name := visit.signed_in():
            ui.html(sign_out_form(name), sanitize=False)

    def tick() -> None:
        at_ms = visit.dps.now_ms()
        now.set_text(f"{views.day_and_time(at_ms)} UTC" if at_ms else "no data yet")

    tick()
    ui.timer(REFRESH_S, tick)


def _nothing(visit: _Visit, title: str, why: str) -> None:
    _header(visit, title, back=False)
    ui.label(why[0].upper() + why[1:]).classes("p-4")


def _machines(visit: _Visit) -> None:
    def look() -> list[dict[str, Any]]:
        return views.machines(visit.dps)

    first = visit.read(look, refused=lambda why: _nothing(visit, "No page for your role", why))
    if first is None:
        return
    _header(visit, "Machines", back=False)
    columns = [
        {"name": n, "label": t, "field": n, "align": "left", "classes": c, "headerClasses": c}
        for n, t, c in _LIST
    ]
    with ui.column().classes("w-full max-w-6xl mx-auto p-2"):
        table = ui.table(columns=columns, rows=first, row_key="thing")
        table.classes("w-full").props('no-data-label="No machine is installed yet"')
        table.add_slot("body-cell-title", _CELL)
        table.add_slot("body-cell-wear", _WEAR)

    def refresh() -> None:
        rows = visit.read(look)
        if rows is not None and rows != table.rows:
            table.rows = rows
            table.update()

    ui.timer(REFRESH_S, refresh)


def _machine(visit: _Visit, thing: str) -> None:
    shown: list[views.Machine] = []

    def look() -> views.Machine:
        return views.machine(visit.dps, thing, *shown)

    def unknown(why: str) -> None:
        _header(visit, "No such machine", back=True)
        ui.label(why)

    seen = visit.read(look, refused=unknown)
    if seen is None:
        return
    shown.append(seen)
    title = seen.thing["title"] or thing
    _header(visit, title, back=True)
    names = dict.fromkeys([title, thing, seen.thing["site"], seen.thing["model"]])
    with ui.column().classes("w-full max-w-6xl mx-auto p-2 gap-4"):
        ui.label(" · ".join(list(names)[1:])).classes("opacity-70")
        fill = _cards(seen)
    fill(seen)

    def refresh() -> None:
        seen = visit.read(look)
        if seen is not None and shown != [seen]:
            shown[:] = [seen]
            fill(seen)

    ui.timer(REFRESH_S, refresh)


def _cards(seen: views.Machine) -> Callable[[views.Machine], None]:
    """The cards of what the caller may read; gives what fills them."""
    chart: Any = None
    if seen.conditions is not None:
        with ui.card().classes("w-full gap-1"):
            ui.label("Wear").classes("text-lg font-medium")
            state = ui.column().classes("gap-0")
            chart = ui.echart(charts.wear(seen)).classes("w-full h-72")
    fills: list[Callable[[views.Machine], None]] = []
    with ui.grid().classes("w-full grid-cols-1 lg:grid-cols-2 gap-4"):
        for title, empty, rows in _CARDS:
            if rows(seen) is not None:
                fills.append(_filling(_card(title, empty), rows))

    def fill(seen: views.Machine) -> None:
        if chart is not None:
            state.clear()
            with state:
                for sentence in _sentences(seen):
                    ui.label(sentence)
            chart.options.clear()
            chart.options.update(charts.wear(seen))
            chart.update()
        for one in fills:
            one(seen)

    return fill


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


def _forecast(row: dict[str, Any]) -> _Entry:
    """When something ends; eight times of ten between early and late, where that is not known."""
    title = row["title"] or views.words(row["forecast"])
    if row["level"] is None:
        return _Entry(title, "not known yet", done=True)
    if row["p50_ms"] is None and row["ends"] == "flat":
        return _Entry(title, row["now"])
    title = f"{title} · now {row['now']}"
    if row["p50_ms"] is None:
        return _Entry(title, "no end in sight", done=True)
    if row["p10_ms"] == row["p90_ms"]:
        return _Entry(title, views.day(row["p50_ms"]))
    steps = (("early", row["p10_ms"]), ("late", row["p90_ms"]))
    return _Entry(title, f"about {views.day(row['p50_ms'])}", steps)


def _order(row: dict[str, Any]) -> _Entry:
    """An order; who sees only a part of it is not shown what it costs, or what is in it."""
    price = row.get("total_eur")
    shown = {"part": row["id"], **row}
    return _deal(shown, "" if price is None else f"{price:,.2f} EUR")


def _each(
    rows: list[dict[str, Any]] | None, entry: Callable[[dict[str, Any]], _Entry]
) -> list[_Entry] | None:
    """The first of ``rows`` as entries, and how many more there are."""
    if rows is None:
        return None
    more = len(rows) - MOST
    rest = [_Entry(f"and {more:,} before", "", done=True)] if more > 0 else []
    return [entry(row) for row in rows[:MOST]] + rest


_Rows = Callable[[views.Machine], list[_Entry] | None]
_CARDS: tuple[tuple[str, str, _Rows], ...] = (
    ("Foreseen", "Nothing is foreseen yet", lambda m: _each(m.foreseen, _forecast)),
    ("Orders", "Nothing was ordered yet", lambda m: _each(m.orders, _order)),
    (
        "Work orders",
        "No visit was needed yet",
        lambda m: _each(m.work_orders, lambda row: _deal(row, _visit(row))),
    ),
    ("Alerts", "No alert so far", lambda m: _each(m.alerts, _alert)),
    (
        "Latest readings",
        "Nothing was heard yet",
        lambda m: None if m.signals is None else [_Entry(*row) for row in m.signals],
    ),
)
"""Cards of a machine: title, what to say of nothing, entries; None: the caller may not read it."""


def _filling(fill: Callable[[list[_Entry]], None], rows: _Rows) -> Callable[[views.Machine], None]:
    return lambda seen: fill(rows(seen) or [])


def _sentences(seen: views.Machine) -> list[str]:
    said = []
    for k in seen.conditions or []:
        wear = "not known yet" if k["wear_pct"] is None else f"{k['wear_pct']:.0f} %"
        text = f"{views.words(k['position'])}: {wear}, part number {k['cycle']}"
        if k.get("runout_p50_ms") is not None:
            text += f", used up about {views.day(k['runout_p50_ms'])}"
            text += f" ({views.day(k['runout_p10_ms'])} to {views.day(k['runout_p90_ms'])})"
        elif k["wear_pct"] is not None:
            text += ", no end in sight"
        said.append(text[0].upper() + text[1:])
    return said or ["Nothing is computed for this model"]
