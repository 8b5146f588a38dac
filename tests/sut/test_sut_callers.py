"""Calls over kept connections, which the other side may give up at any moment."""

from __future__ import annotations

import asyncio

import pytest

from harness.sut.callers import KEY, HttpCaller, NoAnswer


class Rude:
    """Answers a connection's first request, and takes the second for a reason to leave."""

    def __init__(self, *, politely: bool) -> None:
        self._politely = politely
        self.asked: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for number in range(2):
                head = await reader.readuntil(b"\r\n\r\n")
                self.asked.append(head.decode().split(" ")[0])
                if number == 0:
                    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
                    await writer.drain()
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close() if self._politely else writer.transport.abort()


def told(method: str, headers: dict[str, str], *, politely: bool) -> list[str]:
    """What arrives of two calls, the second over a connection that is given up."""

    async def story() -> list[str]:
        rude = Rude(politely=politely)
        server = await asyncio.start_server(rude.serve, "127.0.0.1", 0)
        caller = HttpCaller(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        try:
            await caller.call("GET", "/first", None, {})
            await caller.call(method, "/second", None, headers)
        finally:
            await caller.close()
            server.close()
            await server.wait_closed()
        return rude.asked

    return asyncio.run(story())


@pytest.mark.parametrize("politely", [True, False])
@pytest.mark.parametrize(("method", "headers"), [("GET", {}), ("PUT", {}), ("POST", {KEY: "1"})])
def test_what_may_be_said_twice_is_said_again(
    method: str, headers: dict[str, str], politely: bool
) -> None:
    assert told(method, headers, politely=politely) == ["GET", method, method]


@pytest.mark.parametrize("politely", [True, False])
def test_what_must_not_be_said_twice_is_told_as_unanswered(politely: bool) -> None:
    with pytest.raises(NoAnswer, match=r"POST .*/second: "):
        told("POST", {}, politely=politely)
