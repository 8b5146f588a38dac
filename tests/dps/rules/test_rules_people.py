"""Actions, automations and notices, through the API, to servers that are real."""

from __future__ import annotations

import http.server
import json
import socket
import string
import threading

import pytest
import stamina
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message

from reference_impl.rules.notice_texts import PLACEHOLDERS, TEXTS, WHATS, written
from reference_impl.rules.notices import after_quiet

NIGHT_MS = 22 * 3_600_000
"""After the start (midnight UTC): 23:00 in Rome."""


def task(**more):
    body = {"title": "Clean", "topic": "maintenance", "due": "1h", "instructions": "Wipe."}
    return {"action": {**body, **more}}


@pytest.mark.feature("DS7", "C6")
def test_an_action_is_closed_by_the_metric_or_by_a_person_who_says_why(room, kit):
    dirty = kit.rule("dirty", "dirt > 50.0", then=[task(done_when="dirt < 5.0")])
    hot = kit.rule("hot", "heat > 50.0", then=[task(title="Cool", discard_reason="required")])
    room.install(kit.pack(dirty, hot))
    room.minutes(1, dirt=60, heat=60)
    page = room.call("GET", "/actions")
    assert page["badge"] == {"todo": 2, "overdue": 0}
    cool = next(row for row in page["items"] if row["title"] == "Cool")
    room.minutes(1, dirt=20, heat=60)
    assert room.call("GET", "/actions")["badge"]["todo"] == 2, "20 is not clean"
    room.minutes(1, dirt=2, heat=60)
    (cleaned,) = room.items("/actions?state=DONE")
    assert (cleaned["title"], cleaned["by"]) == ("Clean", "metric")

    refused = room.call("POST", f"/actions/{cool['id']}/discard", {"by": "anna"}, status=422)
    assert refused["error"]["problems"][0]["where"] == "reason"
    room.clock(room.now_ms + 2 * kit.HOUR_MS)
    assert room.call("GET", "/actions")["badge"] == {"todo": 1, "overdue": 1}
    body = {"by": "anna", "reason": "it is summer"}
    closed = room.call("POST", f"/actions/{cool['id']}/discard", body)
    assert (closed["state"], closed["reason"]) == ("DISCARDED", "it is summer")
    room.call("POST", f"/actions/{cool['id']}/done", {"by": "anna"}, status=409)


@pytest.mark.feature("CC6")
def test_the_published_trace_fires_an_automation_exactly_twice(room, kit):
    room.install()
    over = {
        "model": "mixer-1",
        "let": {"c": {"signal": "heat", "take": "last"}},
        "when": "c > 50.0",
    }
    body = {"on": {**over, "every": "60s"}, "then": [{"callback": {"name": "fsm"}}]}
    room.call("PUT", "/automations/too-hot", body)
    told = []
    for degrees in (40, 50, 55, 65, 40, 55, 57):
        told += room.minutes(1, heat=degrees)
    ran = [e["at_ms"] for e in told if e["type"] == "automation.ran"]
    assert ran == [kit.START_MS + n * kit.MINUTE_MS for n in (4, 7)], "with 65, and with 57"
    called = [e for e in told if e["type"] == "callback.wanted"]
    assert [(e["subject"], e["data"]["thing"]) for e in called] == [("fsm", "mixer-01")] * 2
    room.call("DELETE", "/automations/too-hot")
    assert kit.kinds(room.minutes(3, heat=60), "automation.") == []


@pytest.mark.feature("CC6", "R5")
def test_an_automation_that_causes_itself_is_stopped_after_three_rounds_an_hour(room, kit):
    room.install(kit.pack(kit.rule("hot", "heat > 50.0")))
    body = {
        "on": {"event": "alert.raised", "where": {"rule": "hot"}},
        "then": [{"command": {"name": "stop"}}],
    }
    room.call("PUT", "/automations/stop-it", body)
    told = []
    for _ in range(5):
        told += room.minutes(1, heat=60)
        told += room.minutes(1, heat=10)
    ran = [e["type"] for e in told if e["type"].startswith("automation.")]
    assert ran == ["automation.ran"] * 3 + ["automation.stopped"] * 2
    assert len([e for e in told if e["type"] == "command.requested"]) == 3
    room.clock(room.now_ms + kit.HOUR_MS)
    assert "automation.ran" in kit.kinds(room.minutes(1, heat=60), "automation.")
    wrong = {"on": {"event": "weather.*"}, "then": [{"recommend": {}}, {"alert": {}}]}
    refused = room.call("PUT", "/automations/bad", wrong, status=422)["error"]["problems"]
    assert {"on.event", "then[0].recommend.part", "then[1]"} <= {p["where"] for p in refused}


class Mailbox(Message):
    """What a mail server was given."""

    def __init__(self):
        super().__init__()
        self.mails = []

    def handle_message(self, message):
        self.mails.append(message)


@pytest.fixture
def mailbox():
    box = Mailbox()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = Controller(box, hostname="127.0.0.1", port=port)
    server.start()
    box.url = f"smtp://127.0.0.1:{port}"
    yield box
    server.stop()


@pytest.fixture
def gateway():
    """An SMS gateway that fails as often as it is told to."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            text = self.rfile.read(int(self.headers["Content-Length"]))
            server.posts.append((self.headers["Idempotency-Key"], json.loads(text)))
            server.failing -= 1
            self.send_response(503 if server.failing >= 0 else 200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    server.posts, server.failing = [], 0
    server.url = f"http://127.0.0.1:{server.server_port}/sms"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


ANNA = {
    "email": "anna@acme.example",
    "phone": "+39055",
    "language": "it",
    "channels": ["web", "email", "sms"],
    "customers": ["acme"],
}


@pytest.mark.feature("CC7", "DS4", "A3")
def test_each_contact_gets_one_notice_at_the_begin_and_one_at_the_end_per_channel(
    make_room, kit, mailbox, gateway
):
    room = make_room(smtp=mailbox.url, sms_gateway=gateway.url)
    alert = {"alert": {"notify": ["web", "email", "sms"], "at_night": True}}
    room.install(kit.pack(kit.rule("hot", "heat > 50.0", then=[alert], why="Troppo caldo")))
    room.call("PUT", "/contacts/anna", ANNA)
    room.call("PUT", "/contacts/bolt", {**ANNA, "customers": ["bolt"], "email": "b@bolt.example"})
    gateway.failing = 1
    room.minutes(4, heat=60)
    room.minutes(1, heat=10)
    room.clock(room.now_ms + kit.HOUR_MS)

    told = [(row["what"], row["channel"], row["state"]) for row in room.items("/notices")]
    both = [(w, c, "SENT") for w in ("cleared", "raised") for c in ("email", "sms", "web")]
    assert sorted(told) == both, "and nobody of the other customer"
    assert [mail["Subject"] for mail in mailbox.mails] == [
        "Anomalia grave: mixer-01",
        "Rientrato: mixer-01",
    ]
    body = mailbox.mails[0].get_payload(decode=True).decode()
    assert "Troppo caldo. Dal 01/01/2026, 01:01" in body, "local time, not UTC"
    keys = [key for key, _ in gateway.posts]
    assert len(keys) == 3, "the first was refused once and tried again, under the same key"
    assert keys.count(keys[0]) == 2
    assert len(set(keys)) == 2


@pytest.mark.feature("CC7")
def test_a_channel_that_is_down_holds_no_other_up_and_is_given_up_at_last(make_room, kit, gateway):
    no_pauses = stamina.set_testing(True, attempts=3, cap=True)
    with no_pauses, socket.socket() as closed:  # nobody listens there
        closed.bind(("127.0.0.1", 0))
        room = make_room(
            smtp=f"smtp://127.0.0.1:{closed.getsockname()[1]}", sms_gateway=gateway.url
        )
        alert = {"alert": {"notify": ["email", "sms"], "at_night": True}}
        room.install(kit.pack(kit.rule("hot", "heat > 50.0", then=[alert])))
        room.call("PUT", "/contacts/anna", ANNA)
        room.minutes(1, heat=60)
        states = {row["channel"]: row for row in room.items("/notices")}
        assert (states["sms"]["state"], len(gateway.posts)) == ("SENT", 1)
        assert (states["email"]["state"], states["email"]["attempts"]) == ("WAITING", 1)
        for _ in range(7):
            room.clock(room.now_ms + kit.HOUR_MS)
        (mail,) = room.items("/notices?channel=email")
        assert (mail["state"], mail["attempts"]) == ("FAILED", 8)
        assert "Connect" in mail["error"]
        assert len(gateway.posts) == 1


@pytest.mark.feature("A3")
def test_what_clears_before_the_delay_is_told_to_nobody(room, kit):
    late = kit.rule("hot", "heat > 50.0", then=[{"alert": {"delay": "5m"}}])
    room.install(kit.pack(late))
    room.call("PUT", "/contacts/anna", ANNA)
    room.minutes(3, heat=60)
    room.minutes(5, heat=10)
    assert room.items("/notices") == []
    told = room.minutes(6, heat=60)
    assert [e["data"]["what"] for e in told if e["type"] == "notice.written"] == ["raised"]


@pytest.mark.feature("CC7")
def test_at_night_only_what_cannot_wait_until_seven_goes_out(room, kit):
    def rule(name, signal, severity):
        then = [{"alert": {"notify": ["web", "sms"]}}]
        return kit.rule(name, f"{signal} > 50.0", severity=severity, then=then)

    room.install(kit.pack(rule("fire", "heat", "failure"), rule("dust", "dirt", "minor")))
    room.call("PUT", "/contacts/anna", ANNA)
    room.clock(kit.START_MS + NIGHT_MS)
    room.minutes(1, heat=60, dirt=60)
    room.minutes(1, heat=60, dirt=60)
    state = {
        (row["alert"].split("-")[-2], row["channel"]): (row["state"], row["due_ms"])
        for row in room.items("/notices")
    }
    seven_ms = kit.START_MS + 30 * kit.HOUR_MS  # 06:00 UTC
    assert state["fire", "sms"][0] == "SENT"
    assert state["dust", "web"][0] == "SENT"
    assert state["dust", "sms"] == ("WAITING", seven_ms)
    room.clock(seven_ms - 1)
    assert {r["state"] for r in room.items("/notices?channel=sms")} == {"SENT", "WAITING"}
    room.clock(seven_ms)
    assert {r["state"] for r in room.items("/notices?channel=sms")} == {"SENT"}


@pytest.mark.deep
def test_what_is_over_before_the_morning_is_not_told_by_phone_at_all(room, kit):
    then = [{"alert": {"notify": ["web", "sms"]}}]
    room.install(kit.pack(kit.rule("dust", "dirt > 50.0", severity="minor", then=then)))
    room.call("PUT", "/contacts/anna", ANNA)
    room.clock(kit.START_MS + NIGHT_MS)
    room.minutes(2, dirt=60)
    room.minutes(1, dirt=10)
    room.clock(kit.START_MS + 40 * kit.HOUR_MS)
    found = [(row["what"], row["channel"], row["state"]) for row in room.items("/notices")]
    assert sorted(found) == [
        ("cleared", "web", "SENT"),
        ("raised", "sms", "DROPPED"),
        ("raised", "web", "SENT"),
    ]


@pytest.mark.deep
def test_a_reminder_comes_while_nobody_has_it_in_hand(room, kit):
    room.install(kit.pack(kit.rule("hot", "heat > 50.0", then=[{"alert": {"remind": "5m"}}])))
    room.call("PUT", "/contacts/anna", ANNA)
    told = room.minutes(12, heat=60)
    written_now = [e["data"]["what"] for e in told if e["type"] == "notice.written"]
    assert written_now == ["raised", "reminder", "reminder"]
    (alert,) = room.items("/alerts?state=open")
    room.call("POST", f"/alerts/{alert['id']}/take-over", {"by": "anna"})
    assert kit.kinds(room.minutes(12, heat=60), "notice.") == []


def test_no_text_of_a_notice_is_untranslated_and_each_placeholder_is_filled():
    english = TEXTS["en"]
    assert {"en", "it", "de"} <= set(TEXTS)
    facts = {"thing": "T", "site": "S", "why": "W"}
    for language, words in TEXTS.items():
        assert set(words) == set(english), language
        assert all(words.values())
        for key, text in words.items():
            named = {name for _, name, _, _ in string.Formatter().parse(text) if name}
            assert named <= {*PLACEHOLDERS, "hours", "minutes"}, (language, key)
        for what in WHATS:
            told = written(
                what, language, "Europe/Rome", facts, severity="major", since_ms=0, at_ms=90_000
            )
            assert "{" not in "".join(told)
            if language != "en":
                english_told = written(
                    what, "en", "Europe/Rome", facts, severity="major", since_ms=0, at_ms=90_000
                )
                assert told != english_told


@pytest.mark.parametrize(
    ("at", "quiet", "until"),
    [
        (1774731600000, "22:00-07:00", 1774760400000),  # 28 Mar 2026 22:00 Rome; clocks go forward
        (1774749600000, "22:00-07:00", 1774760400000),  # 29 Mar, 04:00: until 07:00 all the same
        (1774760400000, "22:00-07:00", 1774760400000),  # 07:00 itself is day
        (1774695600000, "12:00-14:00", 1774702800000),  # 12:00 to 14:00
        (1774731600000, "", 1774731600000),
    ],
)
def test_quiet_hours_end_on_the_clock_on_the_wall(at: int, quiet: str, until: int) -> None:
    assert after_quiet(at, quiet, "Europe/Rome") == until
