"""What became of the messages: asked of the DPS, or of the witness."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import httpx
import msgspec

from broker.link.address import Address
from broker.wire import messages as m
from loadtests.account import Stored
from loadtests.errors import ServiceAnswer
from loadtests.witness import Say

POLL_S = 0.1
TIMEOUT_S = 30.0


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored; ``reordered`` where somebody saw the arrival."""

    devices: Stored
    reordered: int | None = None


class Store(Protocol):
    """Somebody who knows what arrived."""

    at_least_once: bool

    def read(self) -> Reading:
        """What is stored now."""
        ...


class _Answer(msgspec.Struct):
    devices: dict[str, dict[int, list[tuple[int, int]]]]


class Service:
    """A DPS at a URL, asked by ``GET /v1/ingestion/stored``."""

    at_least_once = False

    def __init__(self, url: str, *, transport: httpx.BaseTransport | None = None) -> None:
        self._url = url.rstrip("/")
        self._http = httpx.Client(base_url=self._url, timeout=TIMEOUT_S, transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> bytes:
        try:
            answer = self._http.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise ServiceAnswer(f"{method} {self._url}{path}: {error}") from error
        if not answer.is_success:
            raise ServiceAnswer(
                f"{method} {self._url}{path}: status {answer.status_code}, {answer.text[:300]}"
            )
        return answer.content

    def read(self) -> Reading:
        """What the DPS has stored.

        Raises:
            ServiceAnswer: If it does not answer as the contract says.
        """
        raw = self._ask("GET", "/v1/ingestion/stored")
        try:
            return Reading(devices=msgspec.json.decode(raw, type=_Answer).devices)
        except msgspec.MsgspecError as error:
            raise ServiceAnswer(f"GET {self._url}/v1/ingestion/stored: {error}") from error

    def install(self, births: Iterable[tuple[str, m.Birth]]) -> int:
        """Make the devices known, as ``(site, birth)``; returns how many were new.

        What the DPS has already is left as it is, so that a tape's models keep their conditions.
        """
        things, models, sites = (self._known(kind) for kind in ("things", "models", "sites"))
        new = 0
        for site, birth in births:
            if birth.device in things:
                continue
            if birth.model not in models:
                signals = {
                    name: {"unit": s.unit, "min": s.min, "max": s.max, "title": s.title}
                    for name, s in birth.signals.items()
                }
                body = {"product": birth.product, "title": birth.model, "signals": signals}
                self._ask(
                    "PUT", f"/v1/models/{birth.model}", body | {"parts": [], "conditions": []}
                )
                models.add(birth.model)
            if site not in sites:
                if not sites & {"load"}:
                    self._ask("PUT", "/v1/customers/load", {"name": "Load test"})
                where = {"customer": "load", "name": site, "time_zone": "UTC"}
                self._ask("PUT", f"/v1/sites/{site}", where)
                sites.add(site)
            thing = {"model": birth.model, "site": site, "serial": birth.serial}
            self._ask("PUT", f"/v1/things/{birth.device}", thing | {"title": birth.device})
            things.add(birth.device)
            new += 1
        return new

    def _known(self, kind: str) -> set[str]:
        raw = self._ask("GET", f"/v1/{kind}")
        try:
            return {item.id for item in msgspec.json.decode(raw, type=_Items).items}
        except msgspec.MsgspecError as error:
            raise ServiceAnswer(f"GET {self._url}/v1/{kind}: {error}") from error


class _Item(msgspec.Struct):
    id: str


class _Items(msgspec.Struct):
    items: list[_Item]


class Witness:
    """The independent subscriber as a child process; use it as a context manager."""

    at_least_once = True

    def __init__(self, address: Address, *, boot: int, within_s: float = 10.0) -> None:
        credentials = ""
        if address.username is not None:
            credentials = f"{address.username}:{address.password or ''}@"
        url = address.url.replace("mqtt://", f"mqtt://{credentials}")
        root = str(Path(__file__).resolve().parents[1])
        # A child's own imports must not depend on where the caller stands.
        self._child = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", "loadtests.witness", url, str(boot), f"witness-{boot}",
             str(within_s)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=root,
            text=True,
        )  # fmt: skip
        try:
            first = self._line()
            if not first.ready:
                raise ServiceAnswer(f"witness at {address.url}: {first.error}")  # noqa: TRY301
        except BaseException:
            self.close()
            raise

    def _line(self) -> Say:
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        if not line:
            raise ServiceAnswer(f"the witness ended with status {self._child.wait()}")
        return msgspec.json.decode(line, type=Say)

    def read(self) -> Reading:
        """What the witness has seen so far."""
        assert self._child.stdin is not None
        try:
            self._child.stdin.write("read\n")
            self._child.stdin.flush()
        except OSError as error:
            raise ServiceAnswer(f"the witness ended with status {self._child.wait()}") from error
        said = self._line()
        return Reading(devices=said.devices, reordered=said.reordered)

    def close(self) -> None:
        """End the child; safe to call twice."""
        if self._child.stdin is not None:
            with suppress(BrokenPipeError):  # a dead child leaves a question it never read
                self._child.stdin.close()
        try:
            self._child.wait(TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        if self._child.stdout is not None:
            self._child.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def settle(store: Store, done: Callable[[Reading], bool], *, patience_s: float) -> Reading:
    """Read until ``done``, or until nothing new was stored for ``patience_s``."""
    reading = store.read()
    changed_s = time.perf_counter()
    idle = threading.Event()
    while not done(reading) and time.perf_counter() - changed_s < patience_s:
        idle.wait(POLL_S)
        newer = store.read()
        if newer.devices != reading.devices:
            changed_s = time.perf_counter()
        reading = newer
    return reading
