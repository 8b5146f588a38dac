"""Why something was decided: chain of causes, rule as it was, readings in its window, truth.

Pure: events of a run and its rule packs in, an explanation out. ``twinrig explain`` and the HTML
report show the same.
"""

from __future__ import annotations

import difflib
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.engine.causes import Cause, chain
from harness.engine.history import History, thing_of
from harness.events import Event, FaultApplied, FeedSeen, TruthSampled, WindowSeen
from harness.grading.record import Foresight, Record
from harness.scenario.units import show_duration, show_instant

SUBJECTS = ("order", "work_order", "alert", "recommendation", "command", "outcome")
"""Families of feed events whose subjects can be asked for."""
SHOWN_DAMAGE = 0.005
"""Components with less damage than this are told only if they are what it is about."""
LINKS_MAX = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleText:
    """A rule as its pack has it."""

    rule: str
    pack: str
    version: str
    model: str
    body: Mapping[str, Any] = field(default_factory=dict)
    """``let``, ``when``, ``for`` and so on; empty if the run's folder has no such pack."""

    def lines(self) -> list[str]:
        """The rule for a person."""
        if not self.body:
            return []
        body = self.body
        held = f" for {body['for']}" if body.get("for") not in (None, "0s", 0) else ""
        lines = [f"when {body.get('when', '?')}{held}"]
        for name, entry in (body.get("let") or {}).items():
            told = " ".join(f"{key} {value}" for key, value in entry.items())
            lines.append(f"{name}: {told}")
        return lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """All that is known of why. ``decided_ms`` is when the rule at its root fired."""

    ident: str
    thing: str
    chain: tuple[Cause, ...]
    decided_ms: int
    rule: RuleText | None = None
    values: Mapping[str, float] = field(default_factory=dict)
    """What the service said that the rule's variables were."""
    windows: tuple[WindowSeen, ...] = ()
    truth: tuple[str, ...] = ()

    @property
    def is_alert(self) -> bool:
        """Alerts are many; pages put them together."""
        return bool(self.chain) and self.chain[0].what == "alert"

    def readings(self) -> list[str]:
        """The windows as lines: each variable with what it comes to from the readings."""
        lines = []
        for window in self.windows:
            for name, seen in window.inputs.items():
                lines.append(f"{name} = {_taken(seen)}{self._said(name)}")
                at, values = seen.get("at_ms") or (), seen.get("values") or ()
                lines += [
                    f"  {show_instant(ms)} {seen['signal']} {value:g}"
                    for ms, value in zip(at, values, strict=True)
                ]
        return lines

    def _said(self, name: str) -> str:
        return f"; the service took {self.values[name]:g}" if name in self.values else ""


def _taken(seen: Mapping[str, Any]) -> str:
    take, over = seen["take"], show_duration(seen["over_ms"])
    if not seen["count"]:
        return f"{take} of {seen['signal']} over {over}: no reading is kept"
    if take not in seen:  # a word that needs more than the readings that are kept
        return f"{take} of {seen['signal']} over {over} ({seen['count']} readings)"
    value = float(seen[take])
    many = f"{seen['count']} reading{'s' if seen['count'] != 1 else ''}"
    return f"{take} of {seen['signal']} over {over} = {value:g} ({many})"


class Explainer:
    """Listens to a run, or is given its events; then answers for any decision.

    Args:
        packs: The rule packs of the run as data; those that a fork brought come last.
    """

    def __init__(self, packs: Sequence[Mapping[str, Any]] = ()) -> None:
        self.packs: Sequence[Mapping[str, Any]] = packs
        self._history, self._record = History(), Record()
        self._windows: dict[str, list[WindowSeen]] = {}
        self._subjects: dict[str, FeedSeen] = {}
        self._needs: dict[str, FeedSeen] = {}
        self._replaced_ms: int | None = None

    def on_event(self, event: Event) -> None:
        """Take note of one event."""
        self._history.add(event)
        self._record.on_event(event)
        if isinstance(event, TruthSampled):
            return
        if isinstance(event, WindowSeen):
            self._windows.setdefault(event.subject, []).append(event)
        elif isinstance(event, FaultApplied) and event.kind == "rules.replaced":
            self._replaced_ms = event.at_ms
        elif isinstance(event, FeedSeen) and event.kind.partition(".")[0] in SUBJECTS:
            self._subjects[event.subject] = event
            if (need := event.data.get("need_key")) is not None:
                self._needs[str(need)] = event

    def names(self) -> list[str]:
        """Everything that can be asked for, oldest first."""
        return list(self._subjects)

    def listed(self) -> list[FeedSeen]:
        """The latest event of everything that can be asked for: alerts, which are many, first."""
        events = self._subjects.values()
        return sorted(events, key=lambda event: (not event.kind.startswith("alert."), event.at_ms))

    def find(self, ident: str) -> FeedSeen | None:
        """The latest event of an id, of a need, or of the only id that contains the text.

        A need is written ``thing/position/cycle``.
        """
        found = self._subjects.get(ident) or self._needs.get(ident)
        if found is not None:
            return found
        like = [name for name in self._subjects if ident in name]
        return self._subjects[like[0]] if len(like) == 1 else None

    def near(self, ident: str) -> list[str]:
        """Names that a person may have meant."""
        inside = [name for name in self._subjects if ident in name]
        close = difflib.get_close_matches(ident, self._subjects, n=5, cutoff=0.4)
        return inside[:12] or close or list(self._subjects)[:8]

    def explain(self, ident: str) -> Explanation | None:
        """Why there is an order, work order, alert, need, recommendation, command or credit.

        None if nothing of that name is there, or several are.
        """
        event = self.find(ident)
        if event is None:
            return None
        links = tuple(chain(self._history, event))[:LINKS_MAX]
        root = self._root(links) or event
        thing = thing_of(root) or str(root.data.get("thing", ""))
        rule = self._rule(root)
        values = root.data.get("values") if isinstance(root.data.get("values"), Mapping) else {}
        return Explanation(
            ident=event.subject, thing=thing, chain=links, decided_ms=root.at_ms, rule=rule,
            values={k: float(v) for k, v in (values or {}).items() if _number(v)},
            windows=tuple(
                w for w in self._windows.get(root.subject, ()) if w.at_ms == root.at_ms
            ),
            truth=tuple(self._truth(thing, root)),
        )  # fmt: skip

    def _root(self, links: Iterable[Cause]) -> FeedSeen | None:
        for link in links:
            if link.what == "rule" and isinstance(link.event, FeedSeen):
                return link.event
        return None

    def _rule(self, event: FeedSeen) -> RuleText | None:
        name, pack = event.data.get("rule"), str(event.data.get("pack", "?"))
        if name is None:
            return None
        after = self._replaced_ms is not None and event.at_ms >= self._replaced_ms
        for body in reversed(self.packs) if after else self.packs:
            for rule in body.get("rules") or ():
                if rule.get("id") == name and (body.get("pack") == pack or after):
                    version = event.data.get("pack_version") or body.get("version", "?")
                    return RuleText(
                        rule=str(name), pack=pack, version=str(version),
                        model=str(body.get("model", "?")), body=rule,
                    )  # fmt: skip
        version = str(event.data.get("pack_version", "?"))
        return RuleText(rule=str(name), pack=pack, version=version, model="?")

    def _truth(self, thing: str, root: FeedSeen) -> Iterable[str]:
        about = str(root.data.get("position", ""))
        rows = []
        for (device, component), samples in self._record.samples.items():
            if device == thing and (state := between(samples, root.at_ms)) is not None:
                rows.append((state.damage, component, state))
        for damage, component, state in sorted(rows, key=lambda row: (-row[0], row[1])):
            if damage < SHOWN_DAMAGE and component != about:
                continue
            left = "" if state.remaining_h is None else _left(state.remaining_h)
            yield f"{thing} {component}: damage {100 * damage:.1f} %{left}"


def _left(hours: float) -> str:
    return f", {hours / 24:.1f} d of service left" if hours >= 48 else f", {hours:.1f} h left"


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def between(samples: Sequence[Foresight], at_ms: int) -> Foresight | None:
    """The true state at a time, on a straight line between the samples around it.

    Where damage falls in between (a repair), it is that of the sample before.
    """
    place = bisect_right(samples, at_ms, key=lambda sample: sample.at_ms)
    if place == 0:
        return None
    before = samples[place - 1]
    after = samples[place] if place < len(samples) else before
    if after.at_ms == before.at_ms or after.damage < before.damage:
        return Foresight(at_ms, before.damage, before.remaining_h)
    share = (at_ms - before.at_ms) / (after.at_ms - before.at_ms)
    left = before.remaining_h
    if left is not None and after.remaining_h is not None:
        left += share * (after.remaining_h - left)
    return Foresight(at_ms, before.damage + share * (after.damage - before.damage), left)
