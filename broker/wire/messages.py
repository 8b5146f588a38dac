"""Every message that a device and a service exchange.

All times are simulated milliseconds since the Unix epoch. A message from a device is known by
``(device, boot, seq)``, so that loss, duplicates and order can be counted anywhere on its way:

* a birth has ``seq`` 0 of its boot, also when it is sent again on request;
* telemetry and acknowledgements count up from 1 within a boot;
* a will has ``seq = -n`` for the n-th connection of that boot, because it is written before the
  connection has sent anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

ID_PATTERN = r"^[a-z0-9][a-z0-9-]{1,62}$"
DeviceId = Annotated[str, Meta(pattern=ID_PATTERN)]
"""Lower-case letters, digits and hyphens, 2 to 63 of them. Sites follow the same pattern."""
KnownId = Annotated[str, Meta(extra_json_schema={"pattern": ID_PATTERN})]
"""The same in a report. The codec looks at it together with the topic, once for each device: at
every report the pattern would cost a quarter of the decoding."""
SignalName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
"""``snake_case``, the unit at the end: ``vibration_mm_s``."""
AtMs = Annotated[int, Meta(ge=0)]
Count = Annotated[int, Meta(ge=0)]
Seq = Annotated[int, Meta(ge=1)]
Value = float | int | bool | str


class Signal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one signal of a device means. ``min`` and ``max`` are in ``unit``."""

    unit: str
    min: float
    max: float
    title: str = ""


class Birth(msgspec.Struct, frozen=True, kw_only=True, tag="birth.v1", tag_field="type"):
    """A device says what it is; first in a boot, and the answer to a rebirth request."""

    device: DeviceId
    boot: Count
    seq: Literal[0] = 0
    at_ms: AtMs
    product: str
    model: str
    serial: str
    firmware: str
    signals: dict[SignalName, Signal]


class Telemetry(msgspec.Struct, frozen=True, kw_only=True, tag="telemetry.v1", tag_field="type"):
    """One report of one device. A signal that was not measured is absent, never null.

    Names of signals are checked where they are announced, at the birth: a pattern on every key of
    every report costs several times the rest of the decoding.
    """

    device: KnownId
    boot: Count
    seq: Seq
    at_ms: AtMs
    signals: Mapping[str, float]


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """A report inside a batch; device and boot stand once, at the batch."""

    seq: Seq
    at_ms: AtMs
    signals: Mapping[str, float]


class TelemetryBatch(msgspec.Struct, frozen=True, kw_only=True, tag="batch.v1", tag_field="type"):
    """Reports that waited in the device (outage, resend), oldest first, with their own times."""

    device: DeviceId
    boot: Count
    samples: Annotated[list[Sample], Meta(min_length=1)]


class Will(msgspec.Struct, frozen=True, kw_only=True, tag="will.v1", tag_field="type"):
    """The connection of a device ended with no goodbye; ``seq`` is minus the connection."""

    device: DeviceId
    boot: Count
    seq: Annotated[int, Meta(le=-1)]
    at_ms: AtMs | None = None
    """When the loss was noticed; absent where a broker publishes a stored will by itself."""


class CommandAck(msgspec.Struct, frozen=True, kw_only=True, tag="ack.v1", tag_field="type"):
    """What became of a command.

    ``running`` says that it was accepted and takes its time; others of the same command follow,
    the last of which is another status. ``detail`` is a text, or a JSON object where a command
    answers with data.
    """

    device: DeviceId
    boot: Count
    seq: Seq
    at_ms: AtMs
    command_id: str
    status: Literal["running", "done", "refused", "expired"]
    detail: str = ""


class Command(msgspec.Struct, frozen=True, kw_only=True, tag="command.v1", tag_field="type"):
    """Ask a device to do something. A device obeys an id once, and not after ``expires_ms``."""

    command_id: str
    device: DeviceId
    name: str
    args: dict[str, Value] = {}
    issued_ms: AtMs
    expires_ms: AtMs


class RebirthRequest(msgspec.Struct, frozen=True, kw_only=True, tag="rebirth.v1", tag_field="type"):
    """Ask a device (or, on the broadcast topic, all) to send its birth again."""

    command_id: str
    device: DeviceId | None = None


class ResendRequest(msgspec.Struct, frozen=True, kw_only=True, tag="resend.v1", tag_field="type"):
    """Ask a device to send again what it still holds, ``from_seq`` to ``to_seq`` included."""

    command_id: str
    device: DeviceId
    boot: Count
    from_seq: Count
    to_seq: Count


Uplink = Birth | Telemetry | TelemetryBatch | Will | CommandAck


def samples_of(message: Uplink) -> Sequence[Telemetry | Sample]:
    """The reports of a message, one or many; of a message that is no report: none."""
    if isinstance(message, TelemetryBatch):
        return message.samples
    return (message,) if isinstance(message, Telemetry) else ()


Downlink = Command | RebirthRequest | ResendRequest
