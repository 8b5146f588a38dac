"""A broker that runs elsewhere: asked once whether it is there and lets us in."""

from __future__ import annotations

import socket

from broker.link.address import Address
from broker.servers.model import BrokerError

_ANSWER_WITHIN_S = 3.0
_REFUSALS = {
    1: "it does not speak MQTT 3.1.1",
    2: "it refuses the client id",
    3: "it says that it is unavailable",
    4: "user name or password are wrong; allowed: mqtt://user:password@host:port",
    5: "it lets nobody in without rights; allowed: mqtt://user:password@host:port",
}


def check(address: Address) -> None:
    """Connect and say goodbye (MQTT 3.1.1, sections 3.1, 3.2 and 3.14).

    Raises:
        BrokerError: If nobody answers there, or not as an MQTT broker does.
    """
    where = f"no broker to use at {address.url}"
    instead = "start it, mend the URL, or leave --broker out for the embedded one"
    try:
        with socket.create_connection((address.host, address.port), _ANSWER_WITHIN_S) as sock:
            sock.sendall(_connect_packet(address))
            answer = b""
            while len(answer) < 4 and (more := sock.recv(4 - len(answer))):
                answer += more
            if len(answer) == 4 and answer[:2] == b"\x20\x02" and answer[3] == 0:
                sock.sendall(b"\xe0\x00")
                return
    except OSError as error:
        raise BrokerError(f"{where}: {error.strerror or error}; {instead}") from error
    if len(answer) == 4 and answer[:2] == b"\x20\x02":
        why = _REFUSALS.get(answer[3], f"it refuses with code {answer[3]}")
        raise BrokerError(f"{where}: {why}")
    raise BrokerError(f"{where}: what listens there does not speak MQTT; {instead}")


def _connect_packet(address: Address) -> bytes:
    def text(value: str) -> bytes:
        raw = value.encode()
        return len(raw).to_bytes(2, "big") + raw

    flags, credentials = 0x02, b""
    if address.username is not None:
        flags, credentials = flags | 0x80, text(address.username)
        if address.password is not None:
            flags, credentials = flags | 0x40, credentials + text(address.password)
    body = text("MQTT") + bytes([4, flags]) + (60).to_bytes(2, "big") + text("twinrig-probe")
    body += credentials
    size = len(body)
    length = bytes([size]) if size < 128 else bytes([size & 0x7F | 0x80, size >> 7])
    return b"\x10" + length + body
