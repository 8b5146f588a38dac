"""The whole door: Locust as a child, a real broker, and somebody who says what was stored."""

import json
import re
import socket
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion
from waiting import GUARD_S

from broker.servers import open_broker
from broker.wire import codec, topics
from broker.wire import messages as m
from loadtests.run import main
from loadtests.tape import write_tape

ROOT = Path(__file__).resolve().parents[2]


class Consumer:
    """A DPS that loses every ``drop``-th and stores every ``double``-th number twice."""

    def __init__(self, broker, *, drop=0, double=0):
        self.counts: dict[str, dict[int, Counter]] = {}
        self.installed: list[str] = []
        self.first = threading.Event()
        self.drop, self.double = drop, double
        self._client = None if broker is None else self._subscribe(broker)
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def _subscribe(self, broker):
        subscribed = threading.Event()
        client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv311)
        client.on_connect = lambda client, *_: client.subscribe(topics.UP_ALL, qos=1)
        client.on_subscribe = lambda *_: subscribed.set()
        client.on_message = lambda _c, _u, message: self.store(message)
        client.connect(broker.host, broker.port)
        client.loop_start()
        assert subscribed.wait(5)
        return client

    def store(self, message):
        _, uplink = codec.decode_uplink(message.topic, bytes(message.payload))
        if uplink.seq:
            self.first.set()
        if self.drop and uplink.seq and uplink.seq % self.drop == 0:
            return
        times = 2 if self.double and uplink.seq and uplink.seq % self.double == 0 else 1
        boots = self.counts.setdefault(uplink.device, {})
        boots.setdefault(uplink.boot, Counter())[uplink.seq] += times

    def stored(self):
        return {
            device: {
                str(boot): [[seq, seq] for seq in list(counts.elements())]
                for boot, counts in list(boots.items())
            }
            for device, boots in list(self.counts.items())
        }

    def _handler(self):
        consumer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                body = {"items": []}
                if self.path == "/v1/ingestion/stored":
                    body = {"devices": consumer.stored(), "dead": 0, "total": 0}
                self.answer(body)

            def do_PUT(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                consumer.installed.append(self.path)
                self.answer({})

            def answer(self, body):
                raw = json.dumps(body).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_):
                pass

        return Handler

    def close(self):
        if self._client is not None:
            self._client.disconnect()
            self._client.loop_stop()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


def load(tmp_path, broker, *arguments):
    """Run, and give back exit code and ledger. Generous where a busy machine must not matter."""
    path = tmp_path / "ledger.json"
    code = main(
        [
            "--target",
            broker.url,
            "--json",
            str(path),
            "--tolerance",
            "20",
            "--late-ms",
            "2000",
            *arguments,
        ]
    )
    return code, json.loads(path.read_text())


def test_a_small_constant_run_loses_nothing_and_every_count_agrees(tmp_path, broker, capsys):
    code, ledger = load(
        tmp_path, broker, "--users", "8", "--rate", "80", "--duration", "2", "--processes", "2"
    )

    assert (code, ledger["verdict"]) == (0, "passed"), ledger["reasons"]
    counts = [ledger[name] for name in ("asked", "sent", "acknowledged", "stored")]
    assert counts == [160] * 4
    assert [ledger[name] for name in ("lost", "doubled", "unexpected", "reordered")] == [0] * 4
    assert (ledger["connections_asked"], ledger["connections_confirmed"]) == (8, 8)
    due, send = ledger["ack_from_due_ms"], ledger["ack_from_send_ms"]
    assert due["count"] == send["count"] == 160
    assert due["p50"] >= send["p50"] > 0
    assert "Delivery ledger" in capsys.readouterr().out


def test_a_consumer_that_drops_and_doubles_is_reported_exactly(tmp_path, broker):
    consumer = Consumer(broker, drop=7, double=5)
    try:
        code, ledger = load(
            tmp_path, broker, "--sut", consumer.url, "--users", "2", "--rate", "40",
            "--duration", "1", "--settle", "0.5",
        )  # fmt: skip
    finally:
        consumer.close()

    assert (code, ledger["verdict"]) == (1, "failed")
    # Each of the 2 devices sends 1 to 20: 7 and 14 vanish; 5, 10, 15 and 20 are there twice.
    assert (ledger["asked"], ledger["acknowledged"], ledger["stored"]) == (40, 40, 36)
    assert (ledger["lost"], ledger["doubled"]) == (4, 8)
    assert sorted(example.split(" boot")[0] for example in ledger["lost_examples"]) == [
        "load-00000",
        "load-00001",
    ]
    assert consumer.installed == [
        "/v1/models/load-generator",
        "/v1/customers/load",
        "/v1/sites/load-site-000",
        "/v1/things/load-00000",
        "/v1/things/load-00001",
    ]


def test_a_ramp_sends_what_its_plan_asks(tmp_path, broker):
    code, ledger = load(
        tmp_path, broker, "--users", "10", "--rate", "200", "--duration", "1", "--shape", "ramp"
    )

    assert code == 0, ledger["reasons"]
    assert ledger["asked"] == ledger["stored"]
    assert 100 < ledger["asked"] < 120  # a constant run would be 200


def test_a_tape_is_played_under_a_boot_of_its_own(tmp_path, broker):
    tape = tmp_path / "twins.tape"
    said = [("station-01", _birth(n)) for n in range(2)]
    said += [("station-01", _report(n, seq)) for seq in range(1, 11) for n in range(2)]
    write_tape(tape, said)

    code, ledger = load(
        tmp_path, broker, "--tape", str(tape), "--users", "2", "--rate", "20", "--duration", "1"
    )

    assert (code, ledger["stored"]) == (0, 20), ledger["reasons"]


def _birth(number):
    return m.Birth(
        device=f"dev-{number:02d}",
        boot=1,
        at_ms=0,
        product="p",
        model="p-1",
        serial="1",
        firmware="1",
        signals={},
    )


def _report(number, seq):
    return m.Telemetry(device=f"dev-{number:02d}", boot=1, seq=seq, at_ms=seq, signals={"a": 1.0})


def test_a_rate_that_the_generator_cannot_reach_makes_the_run_invalid(tmp_path, broker):
    code, ledger = load(
        tmp_path, broker, "--users", "4", "--rate", "400000", "--duration", "0.5", "--drain", "0.1"
    )

    assert (code, ledger["verdict"]) == (6, "invalid")
    assert ledger["asked"] == 200_000
    assert ledger["sent"] < 100_000
    assert ledger["lost"] == 0
    assert any("of 200,000 messages were sent" in reason for reason in ledger["reasons"])
    assert ledger["ack_from_due_ms"]["p99"] > 200  # what was due and never left counts too


def test_devices_come_back_after_the_broker_died_and_send_what_was_not_acknowledged(tmp_path):
    """The broker forgets what it held; the generator must not: it still sends all that was due."""
    consumer = Consumer(None)
    with open_broker("rumqttd") as own, ThreadPoolExecutor(1) as pool:
        flowing = Consumer(own)
        try:
            run = pool.submit(
                load, tmp_path, own, "--sut", consumer.url, "--users", "4", "--rate", "80",
                "--duration", "2", "--settle", "0",
            )  # fmt: skip
            assert flowing.first.wait(20)
            own.kill()
            own.restart()
            code, ledger = run.result()
        finally:
            flowing.close()
            consumer.close()

    assert ledger["disconnects"] >= 4
    assert (ledger["asked"], ledger["sent"], ledger["acknowledged"]) == (160, 160, 160)
    assert (code, ledger["lost"]) == (1, 160)  # this DPS never stored anything


def test_users_without_connack_are_counted_and_make_the_run_invalid(tmp_path):
    """A listener that accepts and says nothing: the trap where others report no failure at all."""
    consumer = Consumer(None)
    try:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            code, ledger = load(
                tmp_path, _at(silent), "--sut", consumer.url, "--users", "3", "--connect", "0.3",
                "--duration", "1", "--settle", "0",
            )  # fmt: skip
    finally:
        consumer.close()

    assert (code, ledger["connections_confirmed"], ledger["sent"]) == (6, 0, 0)
    assert ledger["reasons"][0] == "0 of 3 connections were confirmed (3 x no CONNACK in time)"


def test_a_witness_that_cannot_subscribe_or_a_dps_that_is_away_ends_with_exit_4(capsys):
    with socket.create_server(("127.0.0.1", 0)) as silent, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        away = f"http://127.0.0.1:{closed.getsockname()[1]}"
        target = _at(silent).url
        assert main(["--target", target, "--connect", "0.2"]) == 4
        assert main(["--target", target, "--sut", away]) == 4

    first, second = capsys.readouterr().err.splitlines()
    assert first.endswith("no answer to the subscription within 0.2 s")
    assert f"GET {away}/v1/things: " in second


def _at(listener):
    return SimpleNamespace(url=f"mqtt://127.0.0.1:{listener.getsockname()[1]}")


def test_all_that_is_wrong_with_the_options_is_said_at_once(tmp_path, capsys):
    code = main(
        ["--target", "mqtt://example.com", "--users", "0", "--rate", "-1", "--sut", "ftp://x",
         "--tape", str(tmp_path / "none.tape")]
    )  # fmt: skip

    said = capsys.readouterr().err.splitlines()
    assert code == 2
    assert said == [
        "error: --users 0: must be more than 0",
        "error: --rate -1: must be more than 0",
        "error: --sut 'ftp://x': allowed: none, or the URL of a DPS, http://...",
        (
            "error: target example.com is not this machine, and a load test can harm it. If you are"
            " allowed to, say so by name: --i-may-load example.com"
        ),
        f"error: tape {tmp_path / 'none.tape'}: No such file or directory",
    ]


def test_a_tape_too_small_for_what_is_asked_is_refused_with_the_numbers(tmp_path, capsys):
    tape = tmp_path / "short.tape"
    write_tape(tape, [("s1", _birth(0)), ("s1", _report(0, 1))])
    line = ["--target", "mqtt://127.0.0.1:1", "--tape", str(tape), "--rate", "3", "--duration", "1"]

    assert main([*line, "--users", "2"]) == 2
    assert main([*line, "--users", "1"]) == 2

    first, second = capsys.readouterr().err.splitlines()
    assert "has 1 devices, --users asks for 2" in first
    assert "dev-00 has 1 messages and 3 are asked" in second


def _locust(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "locust", "-f", "loadtests/locustfile.py", "--headless", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=GUARD_S,
    )


def test_plain_locust_runs_the_same_devices_and_sums_up(broker):
    done = _locust("--host", broker.url, "-u", "5", "-r", "50", "-t", "6s", "--every", "0.05")

    assert done.returncode == 0, done.stderr
    found = re.search(
        r"connections: 5 asked, 5 confirmed; messages: (\d+) asked, (\d+) sent, (\d+) ack",
        done.stderr,
    )
    assert found is not None, done.stderr
    asked, sent, acknowledged = (int(count) for count in found.groups())
    assert asked >= sent >= acknowledged >= 5
    assert "telemetry, due to PUBACK" in done.stdout + done.stderr


def test_plain_locust_refuses_a_foreign_target():
    done = _locust("--host", "mqtt://example.com", "-u", "1", "-t", "5s")

    assert done.returncode == 2
    assert "say so by name: --i-may-load example.com" in done.stderr


def test_a_connection_works_above_file_descriptor_1024(broker):
    """select() cannot: the reason why other tools stop at about 340 devices without a word."""
    code = f"""
import os, resource, time
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
for _ in range(1100):
    os.dup(0)
from broker.link.address import parse
from loadtests.users.connection import Connection
acknowledged = []
connection = Connection("high", address=parse({broker.url!r}), on_ack=acknowledged.append)
until_s = time.perf_counter() + 10
connection.open(until_s=until_s)
sent = connection.publish("twinrig/v1/up/s1/d1/telemetry", b"x")
while not acknowledged and time.perf_counter() < until_s:
    connection.wait(until_s=until_s)
assert acknowledged == [sent], acknowledged
connection.close()
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT
    )

    assert done.returncode == 0, done.stderr
