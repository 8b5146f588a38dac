"""A customer who is asked: approves soon, late, when reminded, discards, or buys elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twins.core.manifest import Param
from twins.core.pending import Row
from twins.core.ports import Fact
from twins.field.persons import ALWAYS, HOURS, Person
from twins.field.ports import (
    HOUR_MS,
    Ground,
    Handlers,
    chance,
    hours,
    into_day,
    open_slot,
    pick,
    shift_slot,
)

NAME = "customer"
PARAMS: Mapping[str, Param] = {
    "approve_p50_h": Param(unit="h", default=8.0, min=0.01, max=2160, title="approves (estimate)"),
    "approve_p90_h": Param(unit="h", default=30.0, min=0.01, max=2160, title="9 of 10 approve in"),
    "ignore_p": Param(unit="1", default=0.15, min=0.0, max=1.0, title="share ignored at first"),
    "remind_h": Param(unit="h", default=72.0, min=0.0, max=2160, title="until somebody reminds"),
    "refuse_p": Param(unit="1", default=0.0, min=0.0, max=1.0, title="share of offers refused"),
    "discard_p": Param(unit="1", default=0.0, min=0.0, max=1.0, title="share discarded"),
    "elsewhere_p": Param(unit="1", default=0.0, min=0.0, max=1.0, title="share bought elsewhere"),
    "elsewhere_p50_h": Param(unit="h", default=96.0, min=0.01, max=2160, title="comes (estimate)"),
    "elsewhere_p90_h": Param(unit="h", default=240.0, min=0.01, max=2160, title="9 of 10 come in"),
    "elsewhere_price": Param(unit="1", default=0.9, min=0.0, max=10.0, title="of the list price"),
    "own_visit_eur": Param(unit="EUR", default=150.0, min=0.0, max=100000, title="own mechanic"),
    "tells_p": Param(
        unit="1", default=0.5, min=0.0, max=1.0, title="says so when bought elsewhere"
    ),
    "spread": Param(unit="1", default=0.3, min=0.0, max=2.0, title="sd of log pace of persons"),
    "always_p": Param(unit="1", default=0.1, min=0.0, max=1.0, title="share who answer till ten"),
    "mornings_p": Param(unit="1", default=0.2, min=0.0, max=1.0, title="share: once a morning"),
    "notice_p50_h": Param(unit="h", default=24.0, min=0.01, max=2160, title="no service: notices"),
    "notice_p90_h": Param(unit="h", default=96.0, min=0.01, max=2160, title="9 of 10 notice in"),
    "phone_p50_h": Param(unit="h", default=3.0, min=0.01, max=720, title="until help is promised"),
    "phone_p90_h": Param(unit="h", default=12.0, min=0.01, max=720, title="9 of 10 promised in"),
}
"""All estimates. The last four are those of the arm without the service (``caretaker``)."""
REASONS = ("no budget this year", "machine is to be replaced anyway", "do not believe it")
ELSEWHERE = "bought elsewhere"
STEPS = ("customer.approve", "customer.discard", "customer.buy")
ANSWERS = ("customer.accept", "customer.refuse")


class Customer:
    """One buyer per site. Streams are named after the recommendation and how often it came."""

    def __init__(self, ground: Ground, params: Mapping[str, float]) -> None:
        self._ground, self._params = ground, params
        self._asked: dict[str, int] = {}
        """When a recommendation came the last time."""
        self._times: dict[str, int] = {}

    @property
    def handlers(self) -> Handlers:
        """Rows of this actor."""
        return {
            "customer.approve": self._on_approve,
            "customer.discard": self._on_discard,
            "customer.buy": self._on_buy,
            "customer.fit": self._on_fit,
            "customer.accept": self._on_answer,
            "customer.refuse": self._on_answer,
        }

    def observe(self, fact: Fact) -> None:
        """A recommendation waits for approval (again), or does so no longer."""
        if fact.kind == "recommendation.issued":
            fresh = fact.at_ms > self._asked.get(fact.subject, -1)
            if fact.data.get("policy") == "approval" and fresh:
                self._asked[fact.subject] = fact.at_ms
                self._times[fact.subject] = self._times.get(fact.subject, 0) + 1
                self._consider(fact, self._times[fact.subject])
        elif fact.kind == "order.offered":
            self._answer(fact)
        elif fact.kind in {"order.cancelled", "order.accepted"}:
            for step in ANSWERS:
                self._ground.forget(step, fact.subject)
        elif fact.kind.startswith("recommendation."):
            for step in STEPS:
                self._ground.forget(step, fact.subject)

    def dump(self) -> dict[str, Any]:
        """Recommendations heard of."""
        return {"asked": self._asked, "times": self._times}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what :meth:`dump` gave."""
        self._asked, self._times = dict(state["asked"]), dict(state["times"])

    def _consider(self, fact: Fact, times: int) -> None:
        ground, params = self._ground, self._params
        tag = fact.subject if times == 1 else f"{fact.subject}#{times}"
        person = ground.person("buyer", str(fact.data.get("site", "")))
        delay_ms = round(self._hours("approve", tag) * person.pace)
        if self._inclined(person, "ignore", tag):
            delay_ms += round(params["remind_h"] * HOUR_MS)
        names = ("thing", "position", "part")
        args: dict[str, Any] = {name: str(fact.data.get(name, "")) for name in names}
        args |= {"by": person.name, "again": times}
        step = "customer.approve"
        if self._inclined(person, "discard", tag):
            step = "customer.discard"
            args["reason"] = pick(ground.streams, f"customer/reason/{tag}", REASONS)
        elif self._inclined(person, "elsewhere", tag) and ground.fits(
            args["thing"], args["position"]
        ):
            step = "customer.buy"
        due_ms = self._awake(person, ground.soonest(fact.at_ms + delay_ms), tag)
        ground.later(due_ms, step, fact.subject, args)

    def _answer(self, fact: Fact) -> None:
        """A supplier would deliver at another price, or another quantity: yes or no."""
        if fact.data.get("policy") != "approval" or fact.subject in self._asked:
            return
        self._asked[fact.subject] = fact.at_ms
        ground, tag = self._ground, fact.subject
        person = ground.person("buyer", str(fact.data.get("site", "")))
        delay_ms = round(self._hours("approve", tag) * person.pace)
        refuses = chance(ground.streams, f"customer/refuse/{tag}", self._params["refuse_p"])
        step = ANSWERS[refuses]
        due_ms = self._awake(person, ground.soonest(fact.at_ms + delay_ms), tag)
        ground.later(due_ms, step, fact.subject, {"by": person.name})

    def _inclined(self, person: Person, habit: str, tag: str) -> bool:
        share = self._params[f"{habit}_p"] ** person.tilt  # 0 stays 0 and 1 stays 1
        return chance(self._ground.streams, f"customer/{habit}/{tag}", share)

    def _hours(self, what: str, tag: str) -> int:
        return hours(
            self._ground.streams,
            f"customer/{what}/{tag}",
            p50_h=self._params[f"{what}_p50_h"],
            p90_h=self._params[f"{what}_p90_h"],
        )

    def _awake(self, person: Person, at_ms: int, tag: str) -> int:
        """Nobody approves at three at night."""
        start_h, end_h = HOURS[person.reads]
        slot_ms = shift_slot(
            self._ground.calendar,
            at_ms,
            length_ms=0,
            start_h=start_h,
            end_h=end_h,
            every_day=person.reads == ALWAYS,
        )
        return into_day(self._ground.streams, f"customer/morning/{tag}", at_ms, slot_ms)

    def _on_approve(self, row: Row) -> None:
        self._ground.intend(
            row.due_ms, NAME, "recommendation.approve", row.subject,
            again=row.args["again"], by=row.args["by"],
        )  # fmt: skip

    def _on_discard(self, row: Row) -> None:
        self._ground.intend(
            row.due_ms, NAME, "recommendation.discard", row.subject,
            again=row.args["again"], by=row.args["by"], reason=row.args["reason"],
        )  # fmt: skip

    def _on_answer(self, row: Row) -> None:
        verb = f"order.{row.kind.removeprefix('customer.')}"
        said: dict[str, Any] = {"reason": "too dear"} if verb == "order.refuse" else {}
        self._ground.intend(row.due_ms, NAME, verb, row.subject, by=row.args["by"], **said)

    def _on_buy(self, row: Row) -> None:
        """Order from a dealer; the own mechanic fits it. The service may never hear of it."""
        ground = self._ground
        tag = f"{row.subject}#{row.args['again']}"
        ground.tell(row.due_ms, "part.ordered_elsewhere", row.args["thing"], part=row.args["part"])
        if chance(ground.streams, f"customer/tells/{tag}", self._params["tells_p"]):
            args = {**row.args, "reason": ELSEWHERE}
            ground.later(row.due_ms + 60_000, "customer.discard", row.subject, args)
        due_ms = row.due_ms + self._hours("elsewhere", tag)
        fit_ms = open_slot(ground.calendar, due_ms, start_h=8.0, end_h=16.0)
        ground.later(fit_ms, "customer.fit", row.subject, row.args)

    def _on_fit(self, row: Row) -> None:
        ground, at_ms, device = self._ground, row.due_ms, row.args["thing"]
        part = ground.parts.get(row.args["part"])
        if part is not None:
            eur = part.price_eur * part.quantity * self._params["elsewhere_price"]
            ground.book(at_ms, what="parts", eur=eur, subject=device)
        ground.book(at_ms, what="visits", eur=self._params["own_visit_eur"], subject=device)
        ground.fit(at_ms, device, position=row.args["position"], part=row.args["part"])
