"""A payload tape: what real twins said, written once, played by many users at any rate.

A tape is a text file of JSON lines. Line 1 is the head ``{"tape": "twinrig.v1"}``; each further
line is ``[offset_ms, site, device, seq, topic, payload]``, with ``offset_ms`` counted from the
first message and the payload as the object that stood on the wire. A player stamps its own
``boot``, because the same (device, boot, seq) twice would be one message to any consumer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from broker.wire import codec, topics
from broker.wire import messages as m
from loadtests.errors import TapeError

HEAD = b'{"tape":"twinrig.v1"}'
Playable = m.Birth | m.Telemetry | m.CommandAck
_json = msgspec.json.Encoder()


class _Line(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    offset_ms: int
    site: str
    device: str
    seq: int
    topic: str
    payload: msgspec.Raw


_line = msgspec.json.Decoder(_Line)


class TapeItem(NamedTuple):
    """One message of a tape; ``message`` is decoded and checked."""

    offset_ms: int
    site: str
    message: Playable


class Track(NamedTuple):
    """All of one device: its birth, and what it sent after, in order."""

    site: str
    birth: m.Birth
    messages: tuple[TapeItem, ...]


def write_tape(path: Path, messages: Iterable[tuple[str, m.Uplink]]) -> int:
    """Write ``(site, message)`` pairs, sorted by time; returns how many lines stand in the file.

    Batches are written as the single reports they hold.

    Raises:
        TapeError: At a will (a link says it, not a device), or at a message before its forerunner.
    """
    first_ms: int | None = None
    last_ms = 0
    count = 0
    with path.open("wb") as file:
        file.write(HEAD + b"\n")
        for site, message in messages:
            for single in _singles(message):
                first_ms = single.at_ms if first_ms is None else first_ms
                if single.at_ms < max(first_ms, last_ms) and not isinstance(
                    message, m.TelemetryBatch
                ):
                    raise TapeError(
                        f"{path}: {single.device} seq {single.seq} is {last_ms - single.at_ms} ms"
                        " older than the message before it; sort by at_ms"
                    )
                last_ms = max(last_ms, single.at_ms)
                line = _Line(
                    max(0, single.at_ms - first_ms),
                    site,
                    single.device,
                    single.seq,
                    topics.uplink(site, single),
                    msgspec.Raw(codec.encode(single)),
                )
                file.write(_json.encode(line) + b"\n")
                count += 1
    return count


def _singles(message: m.Uplink) -> Iterator[Playable]:
    if isinstance(message, m.Will):
        raise TapeError(
            f"a will of {message.device} cannot be played: a link sends it, not a device"
        )
    if not isinstance(message, m.TelemetryBatch):
        yield message
        return
    for sample in message.samples:
        yield m.Telemetry(
            device=message.device,
            boot=message.boot,
            seq=sample.seq,
            at_ms=sample.at_ms,
            signals=sample.signals,
        )


def read_tape(path: Path) -> Iterator[TapeItem]:
    """Read a tape line by line.

    Raises:
        TapeError: If a line is not what the format says; the text names file and line.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise TapeError(f"tape {path}: {error.strerror}") from error
    with file:
        if file.readline().strip() != HEAD:
            raise TapeError(f"{path}:1: not a tape; its first line must be {HEAD.decode()}")
        for number, raw in enumerate(file, start=2):
            try:
                line = _line.decode(raw)
                site, message = codec.decode_uplink(line.topic, bytes(line.payload))
            except (msgspec.MsgspecError, UnicodeDecodeError, codec.MalformedMessage) as error:
                raise TapeError(f"{path}:{number}: {error}") from error
            if isinstance(message, m.TelemetryBatch | m.Will):
                kind = type(message).__name__
                raise TapeError(f"{path}:{number}: a tape holds single messages, not a {kind}")
            if (site, message.device, message.seq) != (line.site, line.device, line.seq):
                raise TapeError(
                    f"{path}:{number}: the line says {line.site}/{line.device} seq {line.seq}, its"
                    f" message {site}/{message.device} seq {message.seq}"
                )
            yield TapeItem(line.offset_ms, site, message)


def tracks(path: Path) -> list[Track]:
    """Read a tape as one track per device, in the order in which the devices appear.

    A birth that was said again is left out; so is a message whose number came before.

    Raises:
        TapeError: Also if a device sends something before its birth, or starts twice.
    """
    births: dict[str, TapeItem] = {}
    later: dict[str, list[TapeItem]] = {}
    seen: dict[str, set[int]] = {}
    for item in read_tape(path):
        device = item.message.device
        born = births.get(device)
        if born is None:
            if not isinstance(item.message, m.Birth):
                raise TapeError(f"{path}: {device} sends seq {item.message.seq} before its birth")
            births[device], later[device], seen[device] = item, [], {0}
            continue
        if item.message.boot != born.message.boot:
            raise TapeError(
                f"{path}: {device} starts twice (boot {born.message.boot} and {item.message.boot});"
                " a track is one boot"
            )
        if item.message.seq not in seen[device]:
            seen[device].add(item.message.seq)
            later[device].append(item)
    return [
        Track(item.site, item.message, tuple(later[device]))
        for device, item in births.items()
        if isinstance(item.message, m.Birth)
    ]
