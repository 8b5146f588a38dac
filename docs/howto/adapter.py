"""A template: copy it, put your service in place of ``Service``, and you have a DPS at level L2.

    python adapter.py --broker 127.0.0.1:1883 --port 9000

It needs fastapi, uvicorn and paho-mqtt, and nothing of Twinrig. The contract that it fulfils is
docs/reference/dps-contract.md; what a message looks like, broker/wire/schema/. Everything is kept
in memory: keep ``seen`` and ``events`` where you keep your data, in the same transaction.
"""

import argparse
import json
import socket
import sys
import threading

import paho.mqtt.client as mqtt
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

# ----- yours: what you know and decide ---------------------------------------------------------

LIMIT_MM_S = 3.0


class Service:
    """Replace this. It may look at ``at_ms`` only, never at a clock or at the order of arrival."""

    def __init__(self) -> None:
        self.installed = {}  # ("things", id) -> what the rig told of it before the first clock call
        self.readings = {}  # device -> {at_ms: signals}
        self.alarmed = set()

    def take(self, site: str, device: str, at_ms: int, signals: dict) -> None:
        """A report has come, once."""
        self.readings.setdefault(device, {})[at_ms] = signals

    def decide(self, until_ms: int) -> tuple[list, list]:
        """All that is due up to ``until_ms``, on data up to then: ``(events, commands)``.

        An event is ``(at_ms, type, subject, data)``; its time is that of the reading that caused
        it, so that it is the same however often the clock is told. A command is a pair of site and
        message.
        """
        events = []
        for device in sorted(set(self.readings) - self.alarmed):
            for at_ms, signals in sorted(self.readings[device].items()):
                if at_ms <= until_ms and signals.get("vibration_mm_s", 0.0) > LIMIT_MM_S:
                    self.alarmed.add(device)
                    data = {"thing": device, "rule": "rough", "severity": "minor", "why": "rough"}
                    events.append((at_ms, "alert.raised", f"alert-{device}", data))
                    break
        return events, []

    def act(self, what: str, subject: str, step: str, body: dict) -> list | None:
        """A person does something (``orders``, id, ``confirm``); events, or None if unknown."""
        return None


# ----- the door: leave it as it is -------------------------------------------------------------


class Door:
    """Counts what has come, lets time go on, and keeps what was told."""

    def __init__(self, service: Service, publish) -> None:
        self.service, self.publish = service, publish
        self.changed = threading.Condition()
        self.seen, self.counts, self.events = {}, {}, []
        self.now_ms, self.answer = -1, None

    def message(self, topic: str, payload: bytes) -> None:
        """Take in a message; a number that came before changes nothing."""
        _, _, _, site, device, _ = topic.split("/")
        with self.changed:
            try:
                said = json.loads(payload)
                reports = [(said["boot"], one["seq"], one) for one in said.get("samples", [said])]
            except (ValueError, KeyError):  # not readable: counts once by topic and payload
                reports = [(topic, payload, {})]
            for boot, seq, report in reports:
                if (device, boot, seq) in self.seen:
                    continue
                self.seen[device, boot, seq] = True
                self.counts[site] = self.counts.get(site, 0) + 1
                if "signals" in report and seq:  # a birth has signals too, and number 0
                    self.service.take(site, device, report["at_ms"], report["signals"])
            self.changed.notify_all()

    def short(self, delivered: dict) -> dict:
        """How many messages are missing, by site."""
        missing = {site: n - self.counts.get(site, 0) for site, n in delivered.items()}
        return {site: n for site, n in missing.items() if n > 0}

    def tell(self, events: list) -> None:
        """Put events into the feed."""
        for at_ms, kind, subject, data in events:
            number = len(self.events) + 1
            self.events.append({
                "specversion": "1.0", "id": f"{number}", "source": "adapter", "type": kind,
                "subject": subject, "at_ms": at_ms, "data": data,
            })  # fmt: skip

    def clock(self, body: dict) -> tuple[int, dict]:
        """Wait for what was delivered, decide up to ``now_ms``, answer; the same if asked again."""
        now_ms = body["now_ms"]
        with self.changed:
            if now_ms < self.now_ms:
                return 409, problem("time_goes_forward", f"it is {self.now_ms} already")
            if now_ms == self.now_ms:
                return 200, self.answer
            if not self.changed.wait_for(lambda: not self.short(body["delivered"]), body["wait_s"]):
                return 409, {"short": self.short(body["delivered"])}
            events, commands = self.service.decide(now_ms)
            self.tell(events)
            self.now_ms = now_ms
            self.answer = {
                "now_ms": now_ms, "commands": [message["command_id"] for _, message in commands],
                "next_due_ms": None, "feed_cursor": str(len(self.events)),
                "ingested": len(self.seen),
            }  # fmt: skip
        for site, message in commands:
            self.publish(f"twinrig/v1/down/{site}/{message['device']}/command", message)
        return 200, self.answer


def problem(code: str, title: str) -> dict:
    """An error of the contract's shape."""
    return {"error": {"code": code, "title": title, "problems": []}}


def application(door: Door) -> FastAPI:
    """The HTTP side."""
    app = FastAPI()

    @app.get("/v1/info")
    def info():
        return {"name": "adapter", "version": "1", "level": "L2", "clock": "driven", "ready": True}

    @app.post("/v1/clock")
    def clock(body: dict):
        status, said = door.clock(body)
        return JSONResponse(said, status)

    @app.get("/v1/feed")
    def feed(after: int = 0, limit: int = 1000):
        page = door.events[after : after + limit]
        return {"events": page, "cursor": str(after + len(page))}

    @app.get("/v1/ingestion/stored")
    def stored():
        devices = {}
        for device, boot, seq in list(door.seen):
            if isinstance(seq, int):
                devices.setdefault(device, {}).setdefault(str(boot), []).append([seq, seq])
        dead = sum(not isinstance(seq, int) for _, _, seq in door.seen)
        return {"devices": devices, "dead": dead, "total": len(door.seen)}

    @app.put("/v1/{kind}/{subject}")
    async def install(kind: str, subject: str, request: Request):
        door.service.installed[kind, subject] = await request.json()
        return {}

    @app.post("/v1/rule-packs")
    async def rules(request: Request):
        door.service.installed["rules", len(door.service.installed)] = await request.json()
        return {}

    @app.post("/v1/{what}/{subject}/{step}")
    def act(what: str, subject: str, step: str, body: dict):
        with door.changed:
            events = door.service.act(what, subject, step, body)
            door.tell(events or [])
        if events is None:
            return JSONResponse(problem("unknown", f"there is no {what} {subject}"), 404)
        return {}

    return app


def main() -> None:
    """Subscribe, then serve; the line on standard output says where."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--broker", required=True, help="HOST:PORT")
    options.add_argument("--port", type=int, default=0, help="of the API; 0: a free one")
    wanted = options.parse_args()
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "my-dps", clean_session=False)
    door = Door(Service(), lambda topic, message: client.publish(topic, json.dumps(message), 1))
    subscribed = threading.Event()
    client.on_connect = lambda *_: client.subscribe("twinrig/v1/up/#", 1)
    client.on_subscribe = lambda *_: subscribed.set()
    client.on_message = lambda _client, _data, message: door.message(message.topic, message.payload)
    host, _, port = wanted.broker.partition(":")
    client.connect(host, int(port or 1883))
    client.loop_start()
    subscribed.wait(30)
    listening = socket.create_server(("127.0.0.1", wanted.port))
    print(json.dumps({"url": f"http://127.0.0.1:{listening.getsockname()[1]}"}), flush=True)
    server = uvicorn.Server(uvicorn.Config(application(door), log_level="warning"))
    threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True).start()
    sys.stdin.read()  # until whoever started it ends


if __name__ == "__main__":
    main()
