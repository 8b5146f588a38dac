"""mosquitto, where it is installed: the yardstick among the brokers."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from broker.servers.child import ChildServer
from broker.servers.model import HOST, BrokerError

_GUARD = Path(__file__).with_name("guard.py")

# Its defaults (20 in flight, 1,000 queued) lose most of a burst at QoS 1 and say nothing.
_CONFIG = """\
listener {port} {host}
allow_anonymous true
persistence false
set_tcp_nodelay true
max_inflight_messages 1000
max_queued_messages 1000000
log_dest stderr
log_type error
"""


def find() -> str | None:
    """Path of the program, also where the system folders are not on the PATH."""
    places = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin"
    return shutil.which("mosquitto", path=places)


def server() -> ChildServer:
    """Build the server, not yet started.

    Raises:
        BrokerError: If mosquitto is not installed.
    """
    program = find()
    if program is None:
        raise BrokerError(
            "mosquitto is not installed (on Debian: apt-get install mosquitto); "
            "allowed without it: embedded, rumqttd, amqtt, or a broker's URL"
        )
    return ChildServer(
        "mosquitto",
        lambda port: [
            *(sys.executable, "-P", str(_GUARD), _CONFIG.format(port=port, host=HOST)),
            *(program, "-c", "{config}"),
        ],
        keeps_sessions=True,
        kill_by_pipe=True,
    )
