"""A small DPS of somebody else: its own code, with nothing of Twinrig in it.

It listens to vibration, learns each machine's healthy level from its first day, and once the mean
of six hours is half as much again it raises an alert, takes note with the machine (a command) and
orders a spare part. Whatever it decides, it decides at the end of a six-hour slot of *event* time.

``--level L0``: MQTT only, decisions as commands and webhooks. ``L1``: also an HTTP API with the
feed. ``L2``: also the clock.
"""

import argparse
import json
import sys
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import paho.mqtt.client as mqtt

SLOT_MS = 6 * 3_600_000
BASE_SLOTS = 4
RISE = 1.5
STEPS = {"confirm": "confirmed", "ship": "shipped", "deliver": "delivered", "reject": "rejected"}


class Service:
    """What it knows and decides."""

    def __init__(self, level, tell):
        self.level, self.tell = level, tell
        self.lock = threading.Condition()
        self.seen = set()
        self.counts = {}
        self.slots = {}
        self.closed = {}
        self.sites = {}
        self.ordered = {}
        self.feed = []
        self.commands = []
        self.now_ms = -1
        self.answer = None

    def message(self, topic, payload):
        """Take a message in, once."""
        _, _, _, site, device, _ = topic.split("/")
        said = json.loads(payload)
        with self.lock:
            self.sites[device] = site
            for report in said.get("samples", [said]):
                key = (device, said["boot"], report["seq"])
                if key in self.seen:
                    continue
                self.seen.add(key)
                self.counts[site] = self.counts.get(site, 0) + 1
                value = report.get("signals", {}).get("vibration_mm_s")
                if isinstance(value, float):
                    slot = report["at_ms"] // SLOT_MS
                    self.slots.setdefault(device, {}).setdefault(slot, {})[key] = value
                    if self.level != "L2":  # its own time: what the device has reached
                        self.decide(device, report["at_ms"])
            self.lock.notify_all()

    def decide(self, device, now_ms):
        """Close every slot of a device that ended before ``now_ms``."""
        slots = self.slots.get(device, {})
        for slot in sorted(slots):
            end_ms = (slot + 1) * SLOT_MS
            if end_ms >= now_ms or slot <= self.closed.get(device, -1):
                continue
            self.closed[device] = slot
            begin = sorted(slots)[1 : 1 + BASE_SLOTS]
            if slot <= begin[-1] or device in self.ordered:
                continue
            base = sum(self.mean(slots[s]) for s in begin) / len(begin)
            mean = self.mean(slots[slot])
            if mean > RISE * base:
                self.act(device, end_ms, {"mean_mm_s": mean, "healthy_mm_s": base})

    @staticmethod
    def mean(values):
        """The same whatever the order of arrival."""
        return sum(values[key] for key in sorted(values)) / len(values)

    def act(self, device, at_ms, values):
        """Alert, note, order."""
        site, order = self.sites[device], f"small-{device}"
        self.ordered[device] = order
        alert = {"thing": device, "rule": "rough", "severity": "minor", "why": "rough"}
        alert["values"] = values
        self.publish(at_ms, "alert.raised", f"alert-{device}", alert)
        command = {
            "type": "command.v1", "command_id": f"note-{device}", "device": device,
            "name": "reset_starts", "args": {}, "issued_ms": at_ms, "expires_ms": at_ms + 10**12,
        }  # fmt: skip
        self.tell(f"twinrig/v1/down/{site}/{device}/command", command)
        self.commands.append(command["command_id"])
        advice = self.order(device, "approved") | {
            "position": "bearing", "cycle": 1, "rule": "rough", "pack": "small",
            "pack_version": "1", "policy": "auto", "why": "rough", "reason": "", "by": "policy",
            "values": values,
        }  # fmt: skip
        self.publish(at_ms, "recommendation.issued", f"rec-{device}", advice)
        self.publish(at_ms, "recommendation.approved", f"rec-{device}", advice)
        self.publish(at_ms, "order.placed", order, self.order(device, "placed"))

    def order(self, device, state):
        """An order as the feed tells it."""
        return {
            "need_key": f"{device}/bearing/1", "thing": device, "site": self.sites[device],
            "customer": "customer-01", "supplier": "kugel-supply", "part": "bearing-set",
            "quantity": 1, "unit_price_eur": 350.0, "total_eur": 350.0, "by": "small",
            "state": state,
        }  # fmt: skip

    def publish(self, at_ms, kind, subject, data):
        """Tell whoever listens."""
        event = {
            "specversion": "1.0", "id": f"{kind}/{subject}", "source": "small", "type": kind,
            "subject": subject, "at_ms": at_ms, "data": data,
        }  # fmt: skip
        self.feed.append(event)
        if self.level == "L0":
            self.tell("webhook", event)

    def clock(self, body):
        """Wait for what was delivered, decide up to the time, answer; the same again if asked."""
        now_ms = body["now_ms"]
        with self.lock:
            if now_ms < self.now_ms:
                return 409, {
                    "error": {"code": "time_goes_forward", "title": "past", "problems": []}
                }
            if now_ms == self.now_ms and self.answer:
                return 200, self.answer

            def short():
                gaps = {s: n - self.counts.get(s, 0) for s, n in body["delivered"].items()}
                return {site: gap for site, gap in gaps.items() if gap > 0}

            if not self.lock.wait_for(lambda: not short(), body["wait_s"]):
                return 409, {"short": short()}
            self.now_ms = now_ms
            for device in sorted(self.slots):
                self.decide(device, now_ms)
            told, self.commands = self.commands, []
            self.answer = {
                "now_ms": now_ms, "commands": told, "next_due_ms": None,
                "feed_cursor": str(len(self.feed)), "ingested": sum(self.counts.values()),
            }  # fmt: skip
            return 200, self.answer

    def get(self, path, query):
        """Reading."""
        if path == "/v1/info":
            clock = "driven" if self.level == "L2" else "live"
            return 200, {
                "name": "small", "version": "1", "level": self.level, "clock": clock, "ready": True
            }  # fmt: skip
        with self.lock:
            if path == "/v1/feed":
                after = int(query.get("after", ["0"])[0])
                page = self.feed[after : after + int(query.get("limit", ["1000"])[0])]
                return 200, {"events": page, "cursor": str(after + len(page))}
            if path == "/v1/ingestion/stored":
                devices = {}
                for device, boot, seq in sorted(self.seen):
                    devices.setdefault(device, {}).setdefault(str(boot), []).append([seq, seq])
                return 200, {"devices": devices, "dead": 0, "total": len(self.seen)}
        return 404, {"detail": "Not Found"}

    def step(self, order, verb, body):
        """Somebody does something with an order."""
        device = order.removeprefix("small-")
        if self.ordered.get(device) != order or verb not in STEPS:
            return 404, {"error": {"code": "unknown", "title": f"no {order}", "problems": []}}
        state = STEPS[verb]
        with self.lock:
            at_ms = self.now_ms if self.level == "L2" else self.feed[-1]["at_ms"]
            self.publish(at_ms, f"order.{state}", order, self.order(device, state))
        return 200, {}


def handler(service):
    """HTTP in front of it."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self, status, data):
            body = json.dumps(data).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def body(self):
            return json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")

        def do_GET(self):
            parts = urlsplit(self.path)
            self.answer(*service.get(parts.path, parse_qs(parts.query)))

        def do_PUT(self):
            self.body()
            if service.level == "L1":  # its machines are entered by hand
                self.answer(404, {"detail": "Not Found"})
            else:
                self.answer(200, {})

        def do_POST(self):
            body, words = self.body(), urlsplit(self.path).path.split("/")
            if self.path == "/v1/clock" and service.level == "L2":
                self.answer(*service.clock(body))
            elif words[2:3] == ["orders"] and len(words) == 5:
                self.answer(*service.step(words[3], words[4], body))
            else:
                self.answer(404, {"detail": "Not Found"})

        def log_message(self, *_):
            pass

    return Handler


def main():
    """Run until standard input ends."""
    options = argparse.ArgumentParser()
    options.add_argument("--broker", required=True, help="host:port")
    options.add_argument("--level", choices=("L0", "L1", "L2"), required=True)
    options.add_argument("--webhook", default="")
    wanted = options.parse_args()
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "small-dps", clean_session=False)

    def tell(where, what):
        if where != "webhook":
            client.publish(where, json.dumps(what), qos=1)
        elif wanted.webhook:
            head = {"content-type": "application/cloudevents+json"}
            data = json.dumps(what).encode()
            request = urllib.request.Request(wanted.webhook, data, head)
            urllib.request.urlopen(request, timeout=10).close()

    service = Service(wanted.level, tell)
    server = None
    if wanted.level != "L0":
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler(service))
        server.daemon_threads = True

    def subscribed(*_):
        client.publish(
            "twinrig/v1/down/_all/_all/request",
            json.dumps({"type": "rebirth.v1", "command_id": "small-hello", "device": None}),
            qos=1,
        )
        url = f"http://127.0.0.1:{server.server_address[1]}" if server else ""
        print(json.dumps({"url": url}), flush=True)

    client.on_connect = lambda *_: client.subscribe("twinrig/v1/up/#", 1)
    client.on_subscribe = subscribed
    client.on_message = lambda _c, _d, message: service.message(message.topic, message.payload)
    host, _, port = wanted.broker.partition(":")
    client.connect(host, int(port))
    client.loop_start()
    if server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()
    client.loop_stop()


if __name__ == "__main__":
    main()
