"""Asks a DPS what it offers, call by call, and says what is missing (``twinrig conform``)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from harness.errors import SutError
from harness.sut.callers import Answer, NoAnswer
from harness.sut.http import HttpSut, not_offered
from harness.sut.levels import Need, Reach
from harness.sut.webhooks import event_of

PROBE_MS = 1_767_225_600_000
"""2026-01-01T00:00:00Z: before any scenario that comes with the rig."""
NAME = "conform-probe"
"""Of the customer and the order that are asked for."""
WAIT_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was asked, and what came of it."""

    call: str
    wanted: str
    ok: bool
    seen: str = ""
    need: Need | None = None
    """What it is needed for; None: for everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conformance:
    """What a DPS offers, and the level that follows from it."""

    name: str
    claims: str
    """The level that it says it has."""
    reach: Reach
    findings: tuple[Finding, ...]

    @property
    def missing(self) -> tuple[Finding, ...]:
        """What was asked in vain."""
        return tuple(finding for finding in self.findings if not finding.ok)


class Prober:
    """Asks one DPS that was freshly started and has no run behind it.

    Args:
        sut: How it is reached.
    """

    def __init__(self, sut: HttpSut) -> None:
        self._sut = sut
        self._findings: list[Finding] = []

    async def examine(self) -> Conformance:
        """Ask for everything.

        Raises:
            SutError: If nobody answers there.
        """
        info = await self._info()
        if info is not None:
            await self._ask(self._feed, "GET /v1/feed", "events after a cursor", Need.FEED)
            await self._ask(
                self._stored, "GET /v1/ingestion/stored", "what is stored, by number", Need.STORED
            )
            await self._ask(
                self._installs, "PUT /v1/customers/<id>", "taken, also twice", Need.INSTALLS
            )
            await self._ask(
                self._acts, "POST /v1/orders/<id>/confirm", "an unknown order refused", Need.ACTS
            )
            await self._clock(driven=info.get("clock") == "driven")
        return self._conclude(info or {})

    def _conclude(self, info: dict[str, Any]) -> Conformance:
        bad = {finding.need for finding in self._findings if not finding.ok}
        asked = {finding.need for finding in self._findings}
        offers = {need for need in Need if need in asked and need not in bad}
        level = "L0"
        if Need.FEED in offers:
            level = "L2" if set(Need) - {Need.OURS} <= offers else "L1"
        return Conformance(
            name=f"{info.get('name', '?')} {info.get('version', '?')}",
            claims=str(info.get("level", "L0")),
            reach=Reach(level=level, offers=frozenset(offers)),
            findings=tuple(self._findings),
        )

    async def _call(self, method: str, path: str, body: Any = None) -> Answer:  # noqa: ANN401
        return await self._sut.answer(method, path, body)

    def _note(self, call: str, wanted: str, problem: str, need: Need | None) -> None:
        self._findings.append(
            Finding(call=call, wanted=wanted, ok=not problem, seen=problem, need=need)
        )

    async def _ask(
        self, probe: Callable[[], Awaitable[str]], call: str, wanted: str, need: Need | None
    ) -> None:
        try:
            problem = await probe()
        except NoAnswer as error:
            raise SutError(f"the DPS does not answer: {error}") from error
        except (msgspec.DecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
            problem = f"the answer is not as the contract says: {type(error).__name__}: {error}"
        self._note(call, wanted, problem, need)

    async def _info(self) -> dict[str, Any] | None:
        found: dict[str, Any] = {}

        async def probe() -> str:
            answer = await self._call("GET", "/v1/info")
            if answer.status != 200:
                return f"status {answer.status}"
            found.update(msgspec.json.decode(answer.body))
            lacking = [key for key in ("name", "version", "level", "clock") if key not in found]
            if lacking:
                return f"it lacks {', '.join(lacking)}"
            return "" if found.get("ready", True) else "it says that it is not ready"

        await self._ask(probe, "GET /v1/info", "name, version, level, clock, ready", None)
        return found or None

    async def _feed(self) -> str:
        answer = await self._call("GET", "/v1/feed?limit=2")
        if answer.status != 200:
            return f"status {answer.status}"
        page = msgspec.json.decode(answer.body)
        for item in page["events"]:
            event_of(item)
        if len(page["events"]) > 2:
            return f"limit=2 gave {len(page['events'])} events"
        again = await self._call("GET", f"/v1/feed?after={page['cursor']}&limit=1")
        if again.status != 200:
            return f"status {again.status} after its own cursor {page['cursor']!r}"
        first = msgspec.json.decode(again.body)["events"]
        known = {item["id"] for item in page["events"]}
        return "an event comes again after the cursor" if {e["id"] for e in first} & known else ""

    async def _stored(self) -> str:
        answer = await self._call("GET", "/v1/ingestion/stored")
        if answer.status != 200:
            return f"status {answer.status}"
        said = msgspec.json.decode(answer.body)
        for boots in said["devices"].values():
            for boot, ranges in boots.items():
                int(boot)
                [(int(first), int(last)) for first, last in ranges]
        return "" if {"dead", "total"} <= set(said) else "it lacks dead or total"

    async def _installs(self) -> str:
        body = {"name": "A customer that only asks"}
        statuses = [
            (await self._call("PUT", f"/v1/customers/{NAME}", body)).status for _ in range(2)
        ]
        return "" if all(200 <= status < 300 for status in statuses) else f"status {statuses[0]}"

    async def _acts(self) -> str:
        answer = await self._call("POST", f"/v1/orders/{NAME}/confirm", {"by": NAME})
        if not_offered(answer):
            return f"status {answer.status}, and no error of the contract's shape"
        return "" if answer.status in (404, 409, 422) else f"status {answer.status}"

    # The clock.

    async def _clock(self, *, driven: bool) -> None:
        if not driven:
            self._note(
                "POST /v1/clock", "time is told", "GET /v1/info says that its clock is live",
                Need.CLOCK,
            )  # fmt: skip
            return
        for probe, wanted in (
            (self._ticks, "one answer for one time, also when asked again"),
            (self._goes_forward, "a time in the past is refused (409)"),
            (self._waits, "messages that are missing are told (409 short)"),
        ):
            await self._ask(probe, "POST /v1/clock", wanted, Need.CLOCK)

    async def _tell(self, now_ms: int, delivered: dict[str, int]) -> Answer:
        body = {"now_ms": now_ms, "delivered": delivered, "wait_s": WAIT_S}
        return await self._call("POST", "/v1/clock", body)

    async def _ticks(self) -> str:
        answers = [await self._tell(PROBE_MS, {}) for _ in range(2)]
        if answers[0].status == 409:
            return "status 409: it was driven before; start it afresh"
        if answers[0].status != 200:
            return f"status {answers[0].status}"
        first, second = (msgspec.json.decode(answer.body) for answer in answers)
        keys = ("now_ms", "commands", "next_due_ms", "feed_cursor", "ingested")
        lacking = [key for key in keys if key not in first]
        if lacking:
            return f"the answer lacks {', '.join(lacking)}"
        return "" if first == second else f"asked again it answers {second}, before {first}"

    async def _goes_forward(self) -> str:
        answer = await self._tell(PROBE_MS - 1, {})
        return "" if answer.status == 409 else f"status {answer.status}"

    async def _waits(self) -> str:
        answer = await self._tell(PROBE_MS + 1, {NAME: 3})
        if answer.status != 409:
            return f"status {answer.status} though three messages are missing"
        short = msgspec.json.decode(answer.body)["short"]
        return "" if short == {NAME: 3} else f"short is {short}, not {{{NAME!r}: 3}}"
