"""Brokers of ours come up fast, say what is wrong, and leave nothing behind."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from waiting import GUARD_S

import broker
from broker import servers
from broker.servers import BrokerError, mosquitto, rumqttd

ROOT = Path(__file__).parents[2]
OURS = ["rumqttd", "amqtt", "mosquitto"]


@pytest.fixture(params=OURS)
def kind(request: pytest.FixtureRequest) -> str:
    if request.param == "mosquitto" and mosquitto.find() is None:
        pytest.skip("mosquitto is not installed (on Debian: apt-get install mosquitto)")
    return request.param


def answers(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def test_a_broker_runs_inside_the_context_and_is_gone_behind_it(kind):
    threads = set(threading.enumerate())
    with broker.open(kind) as running:
        assert (running.kind, running.host) == (kind, "127.0.0.1")
        assert running.url == f"mqtt://127.0.0.1:{running.port}"
        assert answers(running.port)
    assert not answers(running.port)
    assert set(threading.enumerate()) == threads


def test_a_broker_is_gone_after_an_exception(kind):
    with pytest.raises(ZeroDivisionError), broker.open(kind) as running:
        1 / 0  # noqa: B018
    assert not answers(running.port)


def test_only_brokers_that_keep_sessions_say_so(kind):
    with broker.open(kind) as running:
        assert running.keeps_sessions == (kind != "amqtt")


def test_the_embedded_broker_is_up_within_200_ms():
    times_s = []
    for _ in range(5):
        start_s = time.perf_counter()
        with broker.open("embedded"):
            times_s.append(time.perf_counter() - start_s)
    assert min(times_s) <= 0.2


def test_embedded_is_rumqttd_and_amqtt_stands_in_with_a_note(monkeypatch):
    with broker.open() as running:
        assert (running.kind, running.note) == ("rumqttd", "")
    monkeypatch.setattr(rumqttd, "find_spec", lambda _: None)
    with broker.open() as running:
        assert running.kind == "amqtt"
        assert "rumqttd has no wheel here, amqtt stands in" in running.note
    with pytest.raises(BrokerError, match="iotcore is not installed"), broker.open("rumqttd"):
        pass


def test_a_fixed_port_is_taken_and_is_free_again_afterwards(kind):
    with broker.open(kind) as running:
        port = running.port
    for _ in range(2):
        with broker.open(kind, port=port) as running:
            assert running.port == port


def test_a_busy_port_is_named_with_what_to_do(kind):
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        with pytest.raises(BrokerError) as refused, broker.open(kind, port=port):
            pass
    assert str(refused.value) == (
        f"port {port} on 127.0.0.1 is in use by another program; stop that program, name another "
        "port with --broker-port, or leave the option out for a free one"
    )


def test_a_port_that_cannot_be_is_refused():
    with pytest.raises(BrokerError, match="port 70000 does not exist; allowed: 1 to"):
        broker.open("rumqttd", port=70000).__enter__()


def test_a_free_port_that_got_lost_is_replaced_by_another(monkeypatch):
    tried = []

    class Unlucky:
        keeps_sessions = True

        def start(self, port: int) -> None:
            tried.append(port)
            if len(tried) < 3:
                raise BrokerError("taken in the meantime")

        def kill(self) -> None:
            tried.append(-1)

    monkeypatch.setattr(rumqttd, "server", Unlucky)
    with broker.open("rumqttd") as running:
        assert running.port == tried[2]
    assert len(tried) == 4
    monkeypatch.setattr(Unlucky, "start", lambda *_: (_ for _ in ()).throw(BrokerError("no")))
    with pytest.raises(BrokerError, match=r"^no$"), broker.open("rumqttd"):
        pass


def test_an_unknown_broker_is_refused_with_what_is_allowed():
    with pytest.raises(BrokerError) as refused:
        broker.open("mosquito")
    assert str(refused.value) == (
        "unknown broker 'mosquito'; allowed: embedded, rumqttd, amqtt, mosquitto, or a URL as "
        "mqtt://host:port"
    )


def test_a_program_that_is_not_installed_is_said_to_be(monkeypatch):
    monkeypatch.setattr(mosquitto, "find", lambda: None)
    with pytest.raises(BrokerError, match="mosquitto is not installed"), broker.open("mosquitto"):
        pass


def test_restart_gives_an_empty_broker_on_the_same_port(kind):
    with broker.open(kind) as running:
        running.kill()
        running.kill()
        assert not answers(running.port)
        running.restart()
        assert answers(running.port)


def test_another_broker_is_taken_by_its_url_and_is_not_ours_to_end(kind):
    with broker.open(kind) as ours, broker.open(ours.url) as other:
        assert (other.kind, other.port) == ("external", ours.port)
        with pytest.raises(BrokerError, match="is not ours to end or restart"):
            other.kill()
        with pytest.raises(BrokerError, match="its own port"):
            broker.open(ours.url, port=1).__enter__()


def test_a_url_where_nobody_answers_is_named():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"mqtt://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(BrokerError) as refused, broker.open(url):
            pass
    assert str(refused.value) == (
        f"no broker to use at {url}: Connection refused; start it, mend the URL, or leave "
        "--broker out for the embedded one"
    )


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", "what listens there does not speak MQTT"),
        (b"", "what listens there does not speak MQTT"),
        (b"\x20\x02\x00\x05", "it lets nobody in without rights"),
        (b"\x20\x02\x00\x04", "user name or password are wrong"),
    ],
)
def test_what_listens_at_a_url_must_be_a_broker_that_lets_us_in(answer, text):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            sock, _ = server.accept()
            with sock:
                sock.recv(1000)
                sock.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"mqtt://somebody:secret@127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(BrokerError, match=text) as refused, broker.open(url):
            pass
        thread.join()
    assert "secret" not in str(refused.value)


CRASHER = """
import sys, broker
with broker.open(sys.argv[1]) as running:
    print(running.port, getattr(running.server, "pid", 0), flush=True)
    sys.stdin.read()
"""


def test_nothing_is_left_when_the_owner_is_killed(kind, tmp_path):
    owner = subprocess.Popen(
        [sys.executable, "-c", CRASHER, kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)},
    )
    with ExitStack() as stack:
        stack.enter_context(owner)
        port, pid = map(int, owner.stdout.readline().split())
        watch = os.pidfd_open(pid) if pid else None
        # The broker's own end of this connection closes when the broker, not its guard, is gone.
        sock = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=GUARD_S))
        owner.send_signal(signal.SIGKILL)
        owner.wait()
        with suppress(ConnectionResetError):
            assert sock.recv(1) == b""
        if watch is not None:
            assert select.select([watch], [], [], 10)[0], "the child outlived its parent"
            os.close(watch)
    assert not answers(port)
    assert list(tmp_path.iterdir()) == []


def test_a_child_that_ends_at_once_is_reported_with_its_last_words():
    child = servers.child.ChildServer(
        "sandbox",
        lambda _: [sys.executable, "-c", "import sys; sys.exit('no such option')"],
        keeps_sessions=True,
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(BrokerError, match="sandbox ended at once with exit code 1: no such opt"):
        child.start(port)
    assert child.pid is None


def test_reading_the_wire_loads_no_broker_and_no_client():
    heavy = "{'gmqtt', 'paho', 'amqtt', 'iotcore', 'broker.servers', 'asyncio'} & set(sys.modules)"
    out = subprocess.run(
        [sys.executable, "-c", f"import sys, broker.wire.codec; print({heavy})"],
        capture_output=True,
        check=True,
        cwd=ROOT,
        text=True,
    )
    assert out.stdout.strip() == "set()"
