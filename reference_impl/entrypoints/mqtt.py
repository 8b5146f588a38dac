"""The MQTT end: which link belongs to a broker's address."""

from __future__ import annotations

from broker.link.mqtt import MqttServiceLink
from broker.link.port import ServiceLink

CLIENT_ID = "twinrig-dps"
"""Names the session that the broker keeps while this DPS is away."""


def service_link(url: str, *, client_id: str = CLIENT_ID, patience_s: float = 30.0) -> ServiceLink:
    """The service's end of a link to ``mqtt://host:port``, not yet open.

    Raises:
        ValueError: If the URL is none of MQTT.
    """
    return MqttServiceLink(url, client_id, patience_s=patience_s)
