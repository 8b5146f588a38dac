"""What truth tells, in words. Product-agnostic: what is not named here is told by its own name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from harness.report.words import euros, pairs, plain, span

HOUR_MS = 3_600_000
SAME_AGAIN = frozenset({"sensor_", "modem_", "power_", "clock_"})
"""Faults by the beginning of their names whose begin truth tells twice: as what they do, too."""

Words = tuple[str, str]
"""A sentence and its tone."""
Teller = Callable[[Mapping[str, Any]], Words]


def _component(data: Mapping[str, Any]) -> str:
    return plain(str(data.get("component") or data.get("position") or "component"))


def _of(data: Mapping[str, Any], key: str) -> str:
    return plain(str(data.get(key, "")))


def _up(data: Mapping[str, Any]) -> Words:
    for key, unit_ms in (("down_ms", 1.0), ("down_h", HOUR_MS)):
        if data.get(key):
            return f"runs again after {span(float(data[key]) * unit_ms)}", "good"
    return "runs again", "good"


def _begun(data: Mapping[str, Any]) -> Words:
    left = data.get("cause") == "maintenance"
    how = "is left by a visit" if left else "begins by itself"
    return f"{_of(data, 'fault')} {how}", "warn"


def _hours(data: Mapping[str, Any], key: str) -> str:
    return span(float(data.get(key) or 0.0) * HOUR_MS)


TRUTHS: Mapping[str, Teller] = {
    "damage.onset": lambda d: (f"the {_component(d)} starts to wear", "warn"),
    "component.failed": lambda d: (f"the {_component(d)} fails", "bad"),
    "component.maintained": lambda d: (f"the {_component(d)} is worked on", "good"),
    "part.fitted": lambda d: (f"a new {_component(d)} is fitted", "good"),
    "part.ordered_elsewhere": lambda d: (f"{d.get('part')} is bought elsewhere", "warn"),
    "fault.begun": _begun,
    "device.down": lambda _: ("stands still", "bad"),
    "device.up": _up,
    "interlock.tripped": lambda d: (f"local safety acts: {_of(d, 'interlock')}", "warn"),
    "interlock.cleared": lambda d: (f"local safety lets go: {_of(d, 'interlock')}", "good"),
    "sensor.faulty": lambda d: (f"{_of(d, 'fault')} at {d.get('signal')}", "warn"),
    "sensor.mended": lambda d: (f"{d.get('signal')} is right again", "good"),
    "link.down": lambda _: ("has no connection", "warn"),
    "link.up": lambda _: ("is connected again", "good"),
    "power.cut": lambda _: ("its electronics have no power", "warn"),
    "power.back": lambda _: ("its electronics have power again", "good"),
    "clock.wrong": lambda d: (f"its clock is wrong ({_of(d, 'fault')})", "warn"),
    "clock.right": lambda _: ("its clock is right again", "good"),
    "buffer.overflowed": lambda d: (f"its memory is full: {d.get('reports')} reports gone", "bad"),
    "order.late": lambda d: (f"the order will be late: {d.get('reason')}", "warn"),
    "order.mislaid": lambda d: (
        f"the supplier mislays the order for {_hours(d, 'found_after_h')}", "warn",
    ),
    "order.price_changed": lambda d: (
        f"the supplier takes {euros(float(d['now_eur']))} instead of {euros(float(d['was_eur']))}",
        "warn",
    ),
    "order.partial": lambda d: (
        f"only a part is shipped, the rest {_hours(d, 'rest_after_h')} later", "warn",
    ),
    "order.wrong_part": lambda d: (f"what is shipped is no {d.get('part')}", "warn"),
    "parcel.delayed": lambda d: (f"the parcel is {_hours(d, 'delay_h')} late", "warn"),
    "parcel.redelivered": lambda d: (f"the parcel comes again: {d.get('reason')}", "warn"),
    "parcel.lost": lambda _: ("the parcel is lost", "bad"),
    "parcel.incomplete": lambda d: (f"the parcel lacks a part of the {d.get('part')}", "warn"),
    "parcel.replaced": lambda _: ("the right part has come", "good"),
}  # fmt: skip
"""By the kind of a truth."""
QUIET = frozenset({"cost.booked"})
"""Truths that are no news."""


def said(kind: str, data: Mapping[str, Any]) -> Words | None:
    """The sentence and tone of a truth, or None if something else tells it."""
    if kind in QUIET or data.get("cause") == "injected":
        return None
    fault = str(data.get("fault", ""))
    if kind == "fault.begun" and fault.startswith(tuple(SAME_AGAIN)):
        return None
    if kind in TRUTHS:
        return TRUTHS[kind](data)
    detail = pairs(data)
    return plain(kind) + (f": {detail}" if detail else ""), "plain"
