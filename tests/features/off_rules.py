"""Switches of what rules, alerts, actions, automations, notices and their views do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Switch = Callable[[pytest.MonkeyPatch], None]
RULES = "reference_impl.rules"


def nothing(*_: Any, **__: Any) -> None:
    """Instead of what a row does."""


def silent(place: str) -> Switch:
    return lambda mp: mp.setattr(f"{RULES}.{place}", nothing)


def without(place: str, change: Callable[[Any], Any]) -> Switch:
    """Let a method answer, and change the answer."""

    def off(mp: pytest.MonkeyPatch) -> None:
        from reference_impl.rules.views import Views

        original = getattr(Views, place)
        mp.setattr(Views, place, lambda *args, **more: change(original(*args, **more)))

    return off


def unmarked(view: dict[str, Any]) -> dict[str, Any]:
    return {**view, "markers": [{**marker, "worst": None} for marker in view["markers"]]}


def fires_at_once(mp: pytest.MonkeyPatch) -> None:
    from reference_impl.rules import (
        automations,
        service,
    )

    def pack(ident: str, body: Any) -> dict[str, Any]:
        found = automations.as_pack(ident, body)
        return {**found, "rules": [{**rule, "for": "0s"} for rule in found["rules"]]}

    mp.setattr(service, "as_pack", pack)


OFF: dict[str, Switch] = {
    "DS1": without("overview", lambda view: {**view, "alerts": []}),
    "DS4": silent("notices.Notices.ended"),
    "DS7": silent("reacting.Reacting.done_by_metric"),
    "FS1": without("control_room", unmarked),
    "FS2": without("_checks", lambda _: []),
    "FS4": silent("alerts.Alerts.tried"),
    "FS5": silent("alerts.Alerts.raise_alert"),
    "CC6": fires_at_once,
    "CC7": lambda mp: mp.setattr(f"{RULES}.notices.after_quiet", lambda at_ms, *_: at_ms),
    "SP10": lambda mp: mp.setattr(f"{RULES}.engine._yields", lambda *_: False),
    "AN1": silent("notices.Notices._first"),
}
