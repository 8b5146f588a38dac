"""Bytes to messages and back, for the native profile (JSON, one object a message)."""

from __future__ import annotations

import msgspec

from broker.wire import messages as m
from broker.wire import topics

_encoder = msgspec.json.Encoder()
_up: msgspec.json.Decoder[m.Uplink] = msgspec.json.Decoder(m.Uplink)
_down: msgspec.json.Decoder[m.Downlink] = msgspec.json.Decoder(m.Downlink)


class MalformedMessage(Exception):  # noqa: N818 - it names the thing, not the act
    """A payload or topic is not what the schema says; the text names topic, place and remedy."""

    def __init__(self, topic: str, problem: str) -> None:
        super().__init__(f"{topic}: {problem}")
        self.topic, self.problem = topic, problem


def encode(message: m.Uplink | m.Downlink) -> bytes:
    """Write a message as JSON; the same message always gives the same bytes."""
    return _encoder.encode(message)


def decode(payload: bytes) -> m.Uplink:
    """Read what :func:`encode` wrote of a message of a device."""
    return _up.decode(payload)


def decode_uplink(topic: str, payload: bytes) -> tuple[str, m.Uplink]:
    """Read what a device sent, as ``(site, message)``.

    Raises:
        MalformedMessage: If the topic is none of ours, the payload is not JSON of a known type,
            or topic and payload name different devices.
    """
    address = topics.parse(topic)
    if address is None or address.direction != "up":
        raise MalformedMessage(
            topic, f"not an uplink topic; expected {topics.ROOT}/up/<site>/<device>/<kind>"
        )
    try:
        message = _up.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise MalformedMessage(topic, str(error)) from error
    if message.device != address.device:
        raise MalformedMessage(
            topic, f"payload is of device {message.device!r}, topic of {address.device!r}"
        )
    if not topics.is_id(message.device):
        raise MalformedMessage(
            topic, f"{message.device!r} is no id of a device; expected {m.ID_PATTERN}"
        )
    return address.site, message


def decode_downlink(topic: str, payload: bytes) -> m.Downlink:
    """Read what a service asked. Raises MalformedMessage as :func:`decode_uplink` does."""
    address = topics.parse(topic)
    if address is None or address.direction != "down":
        raise MalformedMessage(
            topic, f"not a downlink topic; expected {topics.ROOT}/down/<site>/<device>/<kind>"
        )
    try:
        return _down.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise MalformedMessage(topic, str(error)) from error
