"""The presenter's page: play, warp time, break things, and see the difference ticking."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from nicegui import ui

from harness.demo.charts import damage_options, signal_options
from harness.demo.state import Arm, Curves, View
from harness.report.story import Line
from harness.report.words import count, long_stamp, plain, span, stamp

REFRESH_S = 0.4
SLOWEST, FASTEST = 600.0, 1_209_600.0
"""Ends of the speed slider, simulated seconds per second: 10 minutes to 2 weeks."""
TONES = {"good": "text-positive", "warn": "text-warning", "bad": "text-negative font-bold"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakage:
    """A fault that the page can inject."""

    fault: str
    title: str


class Stage(Protocol):
    """What the page needs of the demo's session."""

    seed: int

    @property
    def portal_url(self) -> str | None:
        """The DPS's own page, once it is up."""
        ...

    @property
    def paused(self) -> bool:
        """Whether the worlds are held."""
        ...

    @property
    def speed(self) -> float:
        """Simulated seconds per second, as chosen."""
        ...

    def view(self) -> View:
        """The moment as it is."""
        ...

    def curves(self, device: str) -> Curves:
        """What is known of one device."""
        ...

    def signal_words(self, device: str, signal: str) -> tuple[str, str]:
        """A signal's name for people, and its unit."""
        ...

    def breakages(self, device: str) -> tuple[Breakage, ...]:
        """What can break in a device."""
        ...

    def pause(self) -> None:
        """Hold both worlds."""
        ...

    def resume(self) -> None:
        """Let them go on."""
        ...

    def jump_days(self, days: float) -> None:
        """Go so far on as fast as it goes."""
        ...

    def step(self) -> None:
        """One step, then hold."""
        ...

    def set_speed(self, speed: float) -> None:
        """Choose simulated seconds per second."""
        ...

    def inject(self, fault: str, device: str) -> None:
        """Break a device now."""
        ...

    def reset(self) -> None:
        """Begin again from the start."""
        ...


LINKS = ".nicegui-link { color: #0b68a5 } .body--dark .nicegui-link { color: #5eb1ef }"
"""Colours of links that can be read on light and on dark ground."""


def _kinds(costs_eur: Mapping[str, float]) -> str:
    """``parts 350 · visits 280``: what the euros went into."""
    return " · ".join(f"{plain(name)} {_whole(eur)}" for name, eur in costs_eur.items() if eur > 0)


def build(stage: Stage) -> None:
    """Register the page at ``/``."""

    def _index() -> None:
        ui.dark_mode(None)
        ui.colors(primary="#0b68a5", positive="#18794e", negative="#c62a2f", warning="#b26a00")
        ui.add_css(LINKS)
        Board(stage).draw()

    ui.page("/", title="Twinrig demo")(_index)


class Board:
    """One open page. Elements are made once and then filled, so that nothing flickers."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self._device = ""
        self._shown: tuple[Line, ...] | None = None
        self._noticed = len(stage.view().notices)
        self._fills: list[Callable[[View], None]] = []

    def draw(self) -> None:
        """Lay the page out and keep it fresh."""
        with ui.column().classes("w-full max-w-screen-xl mx-auto gap-3 p-1 sm:p-2"):
            self._header()
            with ui.grid().classes("w-full grid-cols-2 md:grid-cols-3 gap-3"):
                self._difference()
                self._arm("Without the service", lambda view: view.without, "without")
                self._arm("With the service", lambda view: view.with_service, "with")
            self._controls()
            self._devices()
            with ui.grid().classes("w-full grid-cols-1 lg:grid-cols-2 gap-3"):
                self._chart(
                    "Damage, and what the service believes", lambda c, _: damage_options(c),
                    "damage",
                )  # fmt: skip
                self._chart("What the device measures", signal_options, "signal")
            self._story()
        ui.timer(REFRESH_S, self._refresh)
        self._refresh()

    def _refresh(self) -> None:
        view = self.stage.view()
        for fill in self._fills:
            fill(view)
        self._noticed = min(self._noticed, len(view.notices))  # after a reset there are none
        for notice in view.notices[self._noticed :]:
            ui.notify(notice.text, type="positive" if notice.good else "warning", timeout=8000)
        self._noticed = len(view.notices)

    def _header(self) -> None:
        with ui.row().classes("w-full items-end justify-between gap-x-6 gap-y-1"):
            with ui.column().classes("gap-0 min-w-0"):
                title = ui.label().classes("text-xl sm:text-2xl font-bold").props(_tag("title"))
                story = ui.label().classes("opacity-70 max-w-3xl max-sm:hidden")
            with ui.column().classes("gap-0 sm:items-end"):
                date = ui.label().classes("text-2xl sm:text-3xl tabular-nums").props(_tag("date"))
                pace = ui.label().classes("opacity-70 text-sm")
        bar = ui.linear_progress(show_value=False, size="6px").props("instant-feedback rounded")
        trouble = ui.label().classes("text-negative font-bold").props(_tag("trouble"))

        def fill(view: View) -> None:
            title.text = view.title or "Two worlds on one seed"
            story.text = " ".join(view.story.split())
            date.text = long_stamp(view.now_ms) if view.now_ms else "starting ..."
            pace.text = (
                f"{count(view.messages, 'message')} through the broker · seed {self.stage.seed}"
                if view.now_ms
                else "broker and service come up"
            )
            length_ms = max(1, view.until_ms - view.start_ms)
            bar.value = (view.now_ms - view.start_ms) / length_ms
            trouble.text = view.error
            trouble.visible = bool(view.error)

        self._fills.append(fill)

    def _controls(self) -> None:
        stage = self.stage
        with ui.card().classes("w-full py-3"), ui.row().classes("w-full items-center gap-3"):
            play = ui.button(on_click=self._toggle).props(_tag("play"))
            ui.button("Step", on_click=stage.step).props("outline").classes("max-sm:hidden")
            jump = ui.button("A day on", on_click=lambda: stage.jump_days(1)).props("outline")
            jump.props(_tag("jump")).classes("max-sm:hidden")
            ui.button("Reset", on_click=self._reset).props("outline").props(_tag("reset"))
            with ui.column().classes("gap-0 grow min-w-[220px] px-2"):
                speed = ui.label().classes("text-sm opacity-70")
                slider = ui.slider(
                    min=math.log10(SLOWEST), max=math.log10(FASTEST), step=0.01,
                    value=math.log10(stage.speed),
                    on_change=lambda event: stage.set_speed(10**event.value),
                ).props('aria-label="speed"').props(_tag("speed"))  # fmt: skip
            portal = ui.link("The service's portal ↗", "", new_tab=True).props(_tag("portal"))
            portal.classes("whitespace-nowrap")

        def fill(view: View) -> None:
            over = view.result is not None
            play.text = "Over" if over else "Play" if stage.paused else "Pause"
            play.props(f"icon={'play_arrow' if stage.paused else 'pause'}")
            play.enabled = not over
            speed.text = f"one second shows {span(1000 * 10 ** float(slider.value))}"
            url = stage.portal_url
            portal.visible = url is not None
            portal.props(f'href="{url or ""}"')

        self._fills.append(fill)

    def _toggle(self) -> None:
        (self.stage.resume if self.stage.paused else self.stage.pause)()
        self._refresh()

    def _reset(self) -> None:
        self.stage.reset()
        self._refresh()

    def _difference(self) -> None:
        card = ui.card().classes("w-full gap-1 bg-primary text-white col-span-2 md:col-span-1")
        with card:
            ui.label("The service saves").classes("text-lg font-semibold")
            with ui.row().classes("gap-8"):
                hours = _figure("hours of standstill", "saved-hours")
                euros = _figure("euros", "saved-euros")
            ui.label("two worlds, one seed: same wear, same weather").classes("text-sm opacity-80")

        def fill(view: View) -> None:
            good, bad = view.with_service, view.without
            hours.text = _whole(bad.downtime_h - good.downtime_h)
            euros.text = _whole(bad.costs_eur - good.costs_eur)

        self._fills.append(fill)

    def _arm(self, title: str, pick: Callable[[View], Arm], mark: str) -> None:
        with ui.card().classes("w-full gap-1"):
            ui.label(title).classes("text-lg font-semibold")
            with ui.row().classes("gap-x-8 gap-y-1"):
                hours = _figure("hours of standstill", f"{mark}-hours")
                euros = _figure("euros spent or missed", f"{mark}-euros")
            kinds = ui.label().classes("text-sm opacity-70").props(_tag(f"{mark}-kinds"))
            note = ui.label().classes("text-sm opacity-70")
            down = ui.label().classes("text-sm text-negative font-bold")

        def fill(view: View) -> None:
            arm = pick(view)
            hours.text = _whole(arm.downtime_h)
            euros.text = _whole(arm.costs_eur)
            kinds.text = _kinds(arm.costs_by_kind_eur)
            note.text = f"{count(arm.failures, 'failure')}, {count(arm.fitted, 'part')} fitted"
            down.text = f"stands still now: {', '.join(arm.standing)}"
            down.visible = bool(arm.standing)

        self._fills.append(fill)

    def _devices(self) -> None:
        with ui.card().classes("w-full py-3"), ui.row().classes("w-full items-center gap-4"):
            chosen = ui.select([], label="Device", on_change=self._refresh)
            chosen.classes("min-w-[140px]").props(_tag("device"))
            damage = ui.select({}, label="What breaks").classes("min-w-[140px] max-w-[320px] grow")
            damage.props(_tag("fault"))

            def inject() -> None:
                if chosen.value and damage.value:
                    self.stage.inject(damage.value, chosen.value)

            ui.button("Break it", icon="bolt", color="negative", on_click=inject).props(
                _tag("break")
            )
            state = ui.label().classes("tabular-nums").props(_tag("device-state"))

        def fill(view: View) -> None:
            if view.devices and tuple(chosen.options) != view.devices:
                first = chosen.value if chosen.value in view.devices else view.devices[0]
                chosen.set_options(list(view.devices), value=first)
            self._device = chosen.value or ""
            found = {b.fault: b.title for b in self.stage.breakages(self._device)}
            if found != damage.options:
                damage.set_options(found, value=next(iter(found), None))
            state.text = self._device_state(view)

        self._fills.append(fill)

    def _device_state(self, view: View) -> str:
        if not self._device:
            return ""
        curves = self.stage.curves(self._device)
        signal, unit = self.stage.signal_words(self._device, curves.signal)
        shown = []
        for title, points, of, digits in (
            ("true damage", curves.truth_pct, "%", 0),
            ("the service believes", curves.belief_pct, "%", 0),
            (signal, curves.signal_values, unit, 2),
        ):
            if points:
                shown.append(f"{title} {points[-1][1]:.{digits}f} {of}".rstrip())
        if self._device in view.with_service.standing:
            shown.append("stands still")
        return " · ".join(shown)

    def _chart(
        self, title: str, options: Callable[[Curves, str], Mapping[str, Any]], mark: str
    ) -> None:
        with ui.card().classes("w-full gap-1"):
            ui.label(title).classes("text-lg font-semibold")
            chart = ui.echart({}).classes("w-full h-72").props(_tag(f"chart-{mark}"))
        drawn = (-1, "")

        def fill(view: View) -> None:
            nonlocal drawn
            if drawn == (view.steps, self._device) or not self._device:
                return
            drawn = (view.steps, self._device)
            curves = self.stage.curves(self._device)
            chart.options.clear()
            name, unit = self.stage.signal_words(self._device, curves.signal)
            chart.options.update(options(curves, f"{name}, {unit}" if unit else name))
            chart.update()

        self._fills.append(fill)

    def _story(self) -> None:
        with ui.card().classes("w-full gap-1"):
            ui.label("What happened so far").classes("text-lg font-semibold")
            box = ui.column().classes("w-full gap-0 max-h-80 overflow-y-auto").props(_tag("story"))

        def fill(view: View) -> None:
            if view.lines == self._shown:
                return
            self._shown = view.lines
            box.clear()
            with box:
                if not view.lines:
                    ui.label("Nothing yet: everything runs as new.").classes("opacity-70")
                for line in view.lines:
                    _line(line)

        self._fills.append(fill)


def _line(line: Line) -> None:
    row = ui.row().classes("w-full gap-x-3 gap-y-0 py-px flex-wrap sm:flex-nowrap")
    with row:
        ui.label(stamp(line.at_ms)).classes("tabular-nums opacity-60 whitespace-nowrap w-24")
        ui.label(line.subject).classes("whitespace-nowrap w-28 max-sm:grow")
        text = line.text.replace("DPS: ", "service: ", 1)
        ui.label(text).classes(f"max-sm:basis-full {TONES.get(line.tone, '')}")


def _tag(name: str) -> str:
    """How tests find an element; nothing of it is seen."""
    return f'data-testid="{name}"'


def _whole(value: float) -> str:
    """``1,204``; never ``-0``."""
    return f"{round(value):,}"


def _figure(unit: str, mark: str) -> ui.label:
    with ui.column().classes("gap-0"):
        figure = ui.label("0").classes("text-3xl sm:text-4xl font-bold tabular-nums")
        figure.props(_tag(mark))
        ui.label(unit).classes("text-sm opacity-80")
    return figure
