"""Any DPS that offers the contract at a URL."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from harness.errors import InvalidRun, ScenarioError, SutError
from harness.events import FeedSeen
from harness.sut.callers import KEY, Answer, Caller, HttpCaller, NoAnswer
from harness.sut.port import Call, ClockAnswer, FeedPage, Info, Short, Stored
from twins.core.ports import Intent

FEED_PAGE = 1000
KEY_VARIABLE = "TWINRIG_DPS_KEY"
"""The environment variable with the key that the rig sends, as ``Authorization: Bearer <key>``."""
_JSON = {"content-type": "application/json", "accept": "application/json"}


class HttpSut:
    """The port over HTTP. ``reference.py`` builds on it; alone it is a DPS that others started."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._whole = True
        self.untaken: list[str] = []
        """What could not be installed, because it takes no such call (below level L2 only)."""

    @classmethod
    def at(cls, url: str) -> HttpSut:
        """The DPS at a URL such as ``http://127.0.0.1:9000``; the environment may have its key."""
        return cls(HttpCaller(url.rstrip("/"), key=os.environ.get(KEY_VARIABLE) or None))

    async def open(self) -> None:
        """See SystemUnderTest; a DPS of somebody else must be there already."""
        said = await self._get("/v1/info")
        if not said.get("ready", True):
            raise SutError("GET /v1/info: the DPS says that it is not ready")
        self._whole = said.get("level", "L0") == "L2"

    async def close(self) -> None:
        """See SystemUnderTest."""
        await self._caller.close()

    async def info(self) -> Info:
        """See SystemUnderTest."""
        said = await self._get("/v1/info")
        return Info(
            name=str(said.get("name", "?")),
            version=str(said.get("version", "?")),
            level=str(said.get("level", "L0")),
            driven=said.get("clock") == "driven",
        )

    async def install(self, calls: Sequence[Call]) -> None:
        """See SystemUnderTest."""
        refused = []
        for call in calls:
            answer = await self._call(call.method, call.path, call.body)
            if self._not_offered(answer):
                self.untaken.append(call.about)
            elif call.refused:
                if f'"{call.refused}"'.encode() not in answer.body or answer.status < 400:
                    must = f"{call.about} must be refused as {call.refused}"
                    raise SutError(f"{must}: {_unexpected(call.method, call.path, answer)}")
            elif answer.status in (400, 404, 409, 422):
                refused.append(f"the DPS refuses {call.about}: {_why(answer)}")
            elif answer.status >= 300:
                raise SutError(_unexpected(call.method, call.path, answer))
        if refused:
            raise ScenarioError("\n".join(refused))

    async def clock(
        self, now_ms: int, delivered: Mapping[str, int], wait_s: float
    ) -> ClockAnswer | Short:
        """See SystemUnderTest."""
        body = {"now_ms": now_ms, "delivered": dict(delivered), "wait_s": wait_s}
        answer = await self._call("POST", "/v1/clock", body)
        said = _json("POST /v1/clock", answer)
        if answer.status == 409 and "short" in said:
            return Short(missing=said["short"])
        if answer.status != 200:
            raise SutError(_unexpected("POST", "/v1/clock", answer))
        try:
            return ClockAnswer(
                now_ms=said["now_ms"],
                commands=tuple(said["commands"]),
                next_due_ms=said["next_due_ms"],
                feed_cursor=str(said["feed_cursor"]),
                ingested=said["ingested"],
            )
        except KeyError as error:
            raise SutError(f"POST /v1/clock: the answer lacks {error}") from error

    async def feed(self, after: str) -> FeedPage:
        """See SystemUnderTest."""
        events: list[FeedSeen] = []
        while True:
            since = f"after={quote(after)}&" if after else ""
            page = await self._get(f"/v1/feed?{since}limit={FEED_PAGE}")
            try:
                events += [_event(item) for item in page["events"]]
                after = str(page["cursor"])
            except (KeyError, TypeError) as error:
                raise SutError(f"GET /v1/feed: the answer lacks {error}") from error
            if len(page["events"]) < FEED_PAGE:
                return FeedPage(events, after)

    async def act(self, intent: Intent) -> str | None:
        """See SystemUnderTest. ``order.ship`` becomes ``POST /v1/orders/<id>/ship``."""
        what, _, step = intent.verb.partition(".")
        path = f"/v1/{what.replace('_', '-')}s/{quote(intent.subject, safe='')}/{step}"
        body = {"by": intent.actor, **intent.data}
        answer = await self._call("POST", path, body, {KEY: intent.intent_id})
        if answer.status < 300:
            return None
        if self._not_offered(answer):
            return f"the DPS has no {path} (status {answer.status})"
        if answer.status in (400, 404, 409, 422):
            return _why(answer)
        raise SutError(_unexpected("POST", path, answer))

    async def stored(self) -> Stored:
        """See SystemUnderTest."""
        answer = await self._call("GET", "/v1/ingestion/stored", None)
        if self._not_offered(answer):
            return Stored(known=False)
        said = _read("/v1/ingestion/stored", answer)
        devices = {
            device: {int(boot): [(a, b) for a, b in ranges] for boot, ranges in boots.items()}
            for device, boots in said["devices"].items()
        }
        return Stored(devices=devices, dead=said["dead"], total=said["total"])

    async def get(self, path: str) -> Any:  # noqa: ANN401
        """See SystemUnderTest."""
        return await self._get(path)

    async def ask(self, method: str, path: str, body: Any) -> tuple[int, Any]:  # noqa: ANN401
        """Call anything of its API; status and decoded answer, also of a refusal."""
        answer = await self._call(method, path, body)
        return answer.status, _json(f"{method} {path}", answer)

    async def answer(self, method: str, path: str, body: Any) -> Answer:  # noqa: ANN401
        """Call anything of its API; the answer as it came. Raises NoAnswer."""
        data = None if body is None else msgspec.json.encode(body)
        return await self._caller.call(method, path, data, _JSON)

    async def snapshot(self, path: Path) -> None:
        """See SystemUnderTest."""
        answer = await self._call("POST", "/v1/snapshot", {"path": str(path)})
        if answer.status >= 300:
            raise SutError(_unexpected("POST", "/v1/snapshot", answer))

    async def go_live(self) -> None:
        """See SystemUnderTest."""
        raise InvalidRun("this run starts the DPS again with another clock, but it runs elsewhere")

    async def kill(self, point: str) -> None:
        """See SystemUnderTest; only a DPS that the harness started can be killed by it."""
        raise InvalidRun(f"this scenario kills the DPS ({point}), but it runs elsewhere")

    async def leave(self, how: str) -> None:
        """See SystemUnderTest; see kill."""
        raise InvalidRun(f"this scenario takes the DPS away ({how}), but it runs elsewhere")

    async def come_back(self) -> None:
        """See SystemUnderTest; see kill."""
        raise InvalidRun("this scenario takes the DPS away, but it runs elsewhere")

    async def _get(self, path: str) -> Any:  # noqa: ANN401
        return _read(path, await self._call("GET", path, None))

    def _not_offered(self, answer: Answer) -> bool:
        """Whether a DPS below L2 has no such call; above, every call of the contract is there."""
        return not self._whole and not_offered(answer)

    async def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        data = None if body is None else msgspec.json.encode(body)
        try:
            return await self._caller.call(method, path, data, {**_JSON, **(headers or {})})
        except NoAnswer as error:
            raise SutError(f"the DPS does not answer: {error}") from error


def not_offered(answer: Answer) -> bool:
    """Whether an answer says that there is no such call, and not that the thing is unknown."""
    if answer.status not in (404, 405, 501):
        return False
    try:
        return "code" not in msgspec.json.decode(answer.body)["error"]
    except (msgspec.DecodeError, KeyError, TypeError):
        return True


def _read(path: str, answer: Answer) -> Any:  # noqa: ANN401
    if answer.status != 200:
        raise SutError(_unexpected("GET", path, answer))
    return _json(f"GET {path}", answer)


def _event(item: Mapping[str, Any]) -> FeedSeen:
    return FeedSeen(
        at_ms=item["at_ms"],
        kind=item["type"],
        subject=item["subject"],
        data=item.get("data") or {},
        event_id=str(item["id"]),
    )


def _json(what: str, answer: Answer) -> Any:  # noqa: ANN401
    try:
        return msgspec.json.decode(answer.body)
    except msgspec.DecodeError as error:
        raise SutError(f"{what}: status {answer.status}, and the body is no JSON") from error


def _why(answer: Answer) -> str:
    try:
        error = msgspec.json.decode(answer.body)["error"]
        lines = [error["title"]]
        for problem in error.get("problems", ()):
            allowed = f"; allowed: {problem['allowed']}" if problem.get("allowed") else ""
            lines.append(f"  {problem['where']}: {problem['what']}{allowed}")
        return "\n".join(lines)
    except (msgspec.DecodeError, KeyError, TypeError):
        return f"status {answer.status}: {answer.body[:300].decode(errors='replace')}"


def _unexpected(method: str, path: str, answer: Answer) -> str:
    return f"{method} {path}: unexpected status {answer.status}: {_why(answer)}"
