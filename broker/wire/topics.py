"""Topics of the native profile: ``twinrig/v1/up|down/<site>/<device>/<kind>``.

The site is the partition: a consumer owns whole sites, and a site's messages stay in order.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from broker.wire import messages as m

ROOT = "twinrig/v1"
ALL = "_all"
"""Stands for every site and every device in a broadcast topic; no id may look like this."""

UP_ALL = f"{ROOT}/up/#"
DOWN_BROADCAST = f"{ROOT}/down/{ALL}/{ALL}/request"

_KINDS: dict[type, str] = {
    m.Birth: "birth",
    m.Telemetry: "telemetry",
    m.TelemetryBatch: "batch",
    m.Will: "will",
    m.CommandAck: "ack",
    m.Command: "command",
    m.RebirthRequest: "request",
    m.ResendRequest: "request",
}


class Address(NamedTuple):
    """Where a topic leads: ``direction`` is ``up`` or ``down``."""

    direction: str
    site: str
    device: str
    kind: str


def uplink(site: str, message: m.Uplink) -> str:
    """Topic on which a device of ``site`` publishes ``message``."""
    return f"{ROOT}/up/{site}/{message.device}/{_KINDS[type(message)]}"


@lru_cache(maxsize=16_384)  # the same devices come for ever
def telemetry(site: str, device: str) -> str:
    """Topic on which a device of ``site`` publishes its reports."""
    return f"{ROOT}/up/{site}/{device}/{_KINDS[m.Telemetry]}"


def downlink(site: str, message: m.Downlink) -> str:
    """Topic on which the service publishes ``message`` for a device of ``site``."""
    return f"{ROOT}/down/{site}/{message.device or ALL}/{_KINDS[type(message)]}"


def up_of_site(site: str) -> str:
    """Filter for all that the devices of one site publish."""
    return f"{ROOT}/up/{site}/#"


def down_of_site(site: str) -> str:
    """Filter for all that is said to the devices of one site."""
    return f"{ROOT}/down/{site}/#"


def down_of_device(site: str, device: str) -> str:
    """Filter for all that is said to one device."""
    return f"{ROOT}/down/{site}/{device}/#"


@lru_cache(maxsize=16_384)  # the same devices come for ever
def is_id(text: str) -> bool:
    """Whether a text can be the id of a device or a site."""
    return re.search(m.ID_PATTERN, text) is not None


@lru_cache(maxsize=16_384)  # the same topics come for ever
def parse(topic: str) -> Address | None:
    """Take a topic apart; ``None`` if it is none of ours."""
    parts = topic.split("/")
    if len(parts) != 6 or f"{parts[0]}/{parts[1]}" != ROOT or parts[2] not in ("up", "down"):
        return None
    return Address(*parts[2:])
