"""The presenter's page: play, warp time, break things, and see the difference ticking."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from nicegui import run, ui

from harness.demo.charts import damage_options, signal_options
from harness.demo.state import Arm, Curves, View
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

    def breakages(self, device: str) -> tuple[Breakage, ...]:
        """What can break in a device."""
        ...

    def pause(self) -> None:
        """Hold both worlds."""
        ...

    def resume(self) -> None:
        """Let them go on."""
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


def build(stage: Stage) -> None:
    """Register the page at ``/``."""

    def _index() -> None:
        ui.dark_mode(None)
        ui.colors(primary="#0b68a5", positive="#18794e", negative="#c62a2f", warning="#b26a00")
        Board(stage).draw()

    ui.page("/", title="Twinrig demo")(_index)


class Board:
    """One open page. Elements are made once and then filled, so that nothing flickers."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self._device = ""
        self._shown_lines = -1
        self._fills: list[Callable[[View], None]] = []

    def draw(self) -> None:
        """Lay the page out and keep it fresh."""
        with ui.column().classes("w-full max-w-screen-xl mx-auto gap-3 p-2"):
            self._header()
            self._controls()
            with ui.grid().classes("w-full grid-cols-1 md:grid-cols-3 gap-3"):
                self._arm("With the service", lambda view: view.with_service, "with")
                self._arm("Without it", lambda view: view.without, "without")
                self._difference()
            self._devices()
            with ui.grid().classes("w-full grid-cols-1 lg:grid-cols-2 gap-3"):
                self._chart("Damage and what the service believes", damage_options, "damage")
                self._chart("Measured by the device", signal_options, "signal")
            self._story()
        ui.timer(REFRESH_S, self._refresh)
        self._refresh()

    def _refresh(self) -> None:
        view = self.stage.view()
        for fill in self._fills:
            fill(view)

    def _header(self) -> None:
        with ui.row().classes("w-full items-end justify-between gap-x-6 gap-y-1"):
            with ui.column().classes("gap-0"):
                title = ui.label().classes("text-2xl font-bold").props(_tag("title"))
                story = ui.label().classes("opacity-70 max-w-3xl")
            with ui.column().classes("gap-0 items-end"):
                date = ui.label().classes("text-3xl font-mono tabular-nums").props(_tag("date"))
                pace = ui.label().classes("opacity-70")
        bar = ui.linear_progress(show_value=False, size="6px").props("instant-feedback rounded")
        trouble = ui.label().classes("text-negative font-bold").props(_tag("trouble"))

        def fill(view: View) -> None:
            title.text = view.title or "Starting ..."
            story.text = " ".join(view.story.split())
            date.text = long_stamp(view.now_ms) if view.now_ms else "–"
            pace.text = (
                f"{count(view.messages, 'message')} through the broker · seed {self.stage.seed}"
            )
            length_ms = max(1, view.until_ms - view.start_ms)
            bar.value = (view.now_ms - view.start_ms) / length_ms
            trouble.text = view.error
            trouble.visible = bool(view.error)

        self._fills.append(fill)

    def _controls(self) -> None:
        stage = self.stage
        with ui.card().classes("w-full"), ui.row().classes("w-full items-center gap-4"):
            play = ui.button(on_click=self._toggle).props(_tag("play"))
            ui.button("Step", icon="skip_next", on_click=stage.step).props("outline")
            ui.button("Reset", icon="restart_alt", on_click=self._reset).props("outline").props(
                _tag("reset")
            )
            with ui.column().classes("gap-0 grow min-w-[220px]"):
                speed = ui.label().classes("text-sm opacity-70")
                slider = ui.slider(
                    min=math.log10(SLOWEST), max=math.log10(FASTEST), step=0.01,
                    value=math.log10(stage.speed),
                    on_change=lambda event: stage.set_speed(10**event.value),
                ).props('aria-label="speed"').props(_tag("speed"))  # fmt: skip
            portal = ui.link("Open the service's portal", "", new_tab=True).props(_tag("portal"))

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

    async def _reset(self) -> None:
        self._shown_lines = -1
        await run.io_bound(self.stage.reset)

    def _arm(self, title: str, pick: Callable[[View], Arm], mark: str) -> None:
        with ui.card().classes("w-full gap-1"):
            ui.label(title).classes("text-lg font-semibold")
            with ui.row().classes("gap-8"):
                hours = _figure("hours of standstill", f"{mark}-hours")
                euros = _figure("euros", f"{mark}-euros")
            note = ui.label().classes("text-sm opacity-70")

        def fill(view: View) -> None:
            arm = pick(view)
            hours.text = f"{arm.downtime_h:,.0f}"
            euros.text = f"{arm.costs_eur:,.0f}"
            text = f"{count(arm.failures, 'failure')}, {count(arm.fitted, 'part')} fitted"
            if arm.standing:
                text += f" · stands still now: {', '.join(arm.standing)}"
            note.text = text

        self._fills.append(fill)

    def _difference(self) -> None:
        with ui.card().classes("w-full gap-1 bg-primary text-white"):
            ui.label("The difference").classes("text-lg font-semibold")
            with ui.row().classes("gap-8"):
                hours = _figure("hours saved", "saved-hours")
                euros = _figure("euros saved", "saved-euros")
            ui.label("two worlds, one seed: same wear, same weather").classes("text-sm opacity-80")

        def fill(view: View) -> None:
            good, bad = view.with_service, view.without
            hours.text = f"{bad.downtime_h - good.downtime_h:,.0f}"
            euros.text = f"{bad.costs_eur - good.costs_eur:,.0f}"

        self._fills.append(fill)

    def _devices(self) -> None:
        with ui.card().classes("w-full"), ui.row().classes("w-full items-center gap-4"):
            chosen = ui.select([], label="Device").classes("min-w-[160px]").props(_tag("device"))
            damage = (
                ui.select({}, label="What breaks").classes("min-w-[220px]").props(_tag("fault"))
            )

            def inject() -> None:
                if chosen.value and damage.value:
                    self.stage.inject(damage.value, chosen.value)
                    ui.notify(f"{plain(damage.value)}: {chosen.value}, in both worlds")

            ui.button("Break it", icon="bolt", color="negative", on_click=inject).props(
                _tag("break")
            )
            state = ui.label().classes("opacity-70").props(_tag("device-state"))

        def fill(view: View) -> None:
            if view.devices and tuple(chosen.options) != view.devices:
                first = chosen.value if chosen.value in view.devices else view.devices[0]
                chosen.set_options(list(view.devices), value=first)
                found = {b.fault: b.title for b in self.stage.breakages(first)}
                damage.set_options(found, value=next(iter(found), None))
            self._device = chosen.value or ""
            state.text = self._device_state(view)

        self._fills.append(fill)

    def _device_state(self, view: View) -> str:
        if not self._device:
            return ""
        curves = self.stage.curves(self._device)
        shown = []
        for title, points, unit in (
            ("true damage", curves.truth_pct, "%"),
            ("the service believes", curves.belief_pct, "%"),
            (curves.signal, curves.signal_values, ""),
        ):
            if points:
                shown.append(f"{title} {points[-1][1]:.3g} {unit}".rstrip())
        if self._device in view.with_service.standing:
            shown.append("stands still")
        return " · ".join(shown)

    def _chart(self, title: str, options: Callable[[Curves], Mapping[str, Any]], mark: str) -> None:
        with ui.card().classes("w-full gap-0"):
            ui.label(title).classes("text-lg font-semibold")
            chart = ui.echart({}).classes("w-full h-72").props(_tag(f"chart-{mark}"))
        drawn = (-1, "")

        def fill(view: View) -> None:
            nonlocal drawn
            if drawn == (view.steps, self._device) or not self._device:
                return
            drawn = (view.steps, self._device)
            chart.options.clear()
            chart.options.update(options(self.stage.curves(self._device)))
            chart.update()

        self._fills.append(fill)

    def _story(self) -> None:
        with ui.card().classes("w-full gap-1"):
            ui.label("What happened so far").classes("text-lg font-semibold")
            box = ui.column().classes("w-full gap-0 max-h-80 overflow-y-auto").props(_tag("story"))

        def fill(view: View) -> None:
            if len(view.lines) == self._shown_lines and self._shown_lines < 200:
                return
            self._shown_lines = len(view.lines)
            box.clear()
            with box:
                for line in view.lines:
                    with ui.row().classes("w-full gap-3 no-wrap"):
                        ui.label(stamp(line.at_ms)).classes(
                            "font-mono opacity-60 whitespace-nowrap"
                        )
                        ui.label(line.subject).classes("whitespace-nowrap")
                        ui.label(line.text).classes(TONES.get(line.tone, ""))

        self._fills.append(fill)


def _tag(name: str) -> str:
    """How tests find an element; nothing of it is seen."""
    return f'data-testid="{name}"'


def _figure(unit: str, mark: str) -> ui.label:
    with ui.column().classes("gap-0"):
        figure = ui.label("0").classes("text-4xl font-bold tabular-nums").props(_tag(mark))
        ui.label(unit).classes("text-sm opacity-70")
    return figure
