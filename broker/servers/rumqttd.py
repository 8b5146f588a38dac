"""rumqttd, a broker in Rust that comes in the wheel ``iotcore``: the embedded default."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

from broker.servers.child import ChildServer
from broker.servers.model import MAX_PACKET_BYTES, BrokerError

_CHILD = Path(__file__).with_name("rumqttd_child.py")


def available() -> bool:
    """Whether the wheel is installed; there is none for some processors."""
    return find_spec("iotcore") is not None


def server() -> ChildServer:
    """Build the server, not yet started.

    Raises:
        BrokerError: If the wheel is not installed.
    """
    if not available():
        raise BrokerError(
            "rumqttd is not here: the package iotcore is not installed, or has no wheel for this "
            "machine; allowed here: embedded (amqtt stands in), amqtt, or a broker's URL"
        )
    return ChildServer(
        "rumqttd",
        # -P: the folder of the script, with its amqtt.py, must not shadow installed packages.
        lambda port: [sys.executable, "-P", str(_CHILD), str(port), str(MAX_PACKET_BYTES)],
        keeps_sessions=True,
    )
