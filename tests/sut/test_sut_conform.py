"""``twinrig conform`` asks and does not believe; the template to copy is at L2."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from typer.testing import CliRunner

from harness.cli.main import app
from harness.engine.bench import DpsBench
from harness.errors import SutError
from harness.scenario import build as b

SMALL = Path(__file__).with_name("small_dps.py")
TEMPLATE = Path(__file__).parents[2] / "docs/howto/adapter.py"
STORIES = Path(__file__).parents[2] / "scenarios" / "links"


def conform(*words: str) -> Any:
    """What ``twinrig conform --json`` prints; raises what it raises."""
    call = ["conform", *words, "--json", "--scenarios", str(STORIES)]
    result = CliRunner().invoke(app, call)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return json.loads(result.stdout)


@pytest.mark.parametrize(
    ("level", "missing"),
    [("L1", {"PUT /v1/customers/<id>", "POST /v1/clock"}), ("L2", set())],
)
def test_a_small_dps_is_at_the_level_that_it_offers(start, level: str, missing: set[str]) -> None:
    found = conform(start(SMALL, "--level", level))
    assert found["level"] == found["claims"] == level
    assert {f["call"] for f in found["findings"] if not f["ok"]} == missing


def test_the_reference_dps_offers_everything(broker, tmp_path: Path) -> None:
    dps = DpsBench(broker.url, tmp_path, clock="driven")
    dps.open()
    try:
        found = conform(dps.url)
        assert (found["level"], [f for f in found["findings"] if not f["ok"]]) == ("L2", [])
        (links,) = found["families"]
        assert sorted(links["whole"]) == ["every-third-acknowledgement-lost", "exact-numbers"]
    finally:
        dps.close()


def test_at_l0_it_says_what_cannot_be_judged_and_why() -> None:
    found = conform("none")
    assert found["level"] == "L0"
    (links,) = found["families"]
    assert not links["whole"]
    reasons = {**links["partly"], **links["not_at_all"]}
    assert reasons["exact-numbers"] == "GET /v1/ingestion/stored"
    assert "the feed (GET /v1/feed, level L1)" in reasons["every-third-acknowledgement-lost"]


def test_people_get_lines_and_scripts_an_exit_code(start) -> None:
    url = start(SMALL, "--level", "L1")
    call = ["conform", url, "--scenarios", str(STORIES)]
    text = CliRunner().invoke(app, call).stdout
    assert "small 1: L1, it offers the feed" in text
    assert "miss POST /v1/clock" in text
    with pytest.raises(SutError, match="the DPS is at L1, not at L2"):
        conform(url, "--level", "L2")
    assert SutError.exit_code == 4


class Liar(BaseHTTPRequestHandler):
    """Says that it is at L2, and keeps none of its promises."""

    protocol_version = "HTTP/1.1"
    calls = 0

    def answer(self, status: int, data: Any) -> None:
        body = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        if self.path == "/v1/info":
            said = {"name": "liar", "version": "9", "level": "L2", "clock": "driven"}
            self.answer(200, said)
        elif self.path.startswith("/v1/feed"):
            event = {"id": "1", "type": "alert.raised", "subject": "x", "at_ms": 1, "data": {}}
            self.answer(200, {"events": [event], "cursor": "1"})
        else:
            self.answer(200, {"devices": {"x": {"1": [[1, 2]]}}})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        Liar.calls += 1
        clock = {"now_ms": 0, "commands": [], "next_due_ms": None, "feed_cursor": "1"}
        self.answer(200, clock | {"ingested": Liar.calls})

    def do_PUT(self) -> None:
        self.do_POST()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def liar() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Liar)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_dps_that_claims_more_than_it_keeps_is_found_out(liar: str) -> None:
    found = conform(liar)
    wrong = {(f["call"], f["wanted"]): f["seen"] for f in found["findings"] if not f["ok"]}
    assert found["claims"] == "L2"
    assert found["level"] == "L0"
    said = " / ".join(wrong.values())
    assert "an event comes again after the cursor" in said
    assert "it lacks dead or total" in said
    assert "asked again it answers" in said
    assert "status 200 though three messages are missing" in said
    assert wrong["POST /v1/clock", "a time in the past is refused (409)"] == "status 200"


def test_nobody_there_is_told_in_words() -> None:
    with pytest.raises(
        SutError, match=r"the DPS does not answer: GET http://127\.0\.0\.1:9/v1/info"
    ):
        conform("http://127.0.0.1:9")


def story(sync: str) -> b.Scenario:
    return b.Scenario(
        title="A rough machine on a bad line",
        run=b.run("2026-01-05T00:00:00Z", "5d", sync=sync),
        fleets=(b.fleet("pump", sites=2, devices_per_site=1, report_every="30m"),),
        timeline=(
            b.fault("bearing_wear", "pump-01-1", at="1d", onset="0h", pf_interval="4d"),
            b.link("loss", at="1h", lasts="2d", ratio=0.0),
            b.link("duplicate", at="0h", lasts="5d", ratio=0.2),
        ),
        eventually=(
            b.check("alert_raised", device="pump-01-1"),
            b.check("nothing_lost"),
            b.check("no_dead_letters"),
        ),
    )


def test_the_template_is_at_l2_as_it_stands_and_drives_a_scenario_in_lock_step(
    start, alone
) -> None:
    found = conform(start(TEMPLATE))
    assert found["level"] == "L2", [f for f in found["findings"] if not f["ok"]]

    result, _ = alone(story("6h"), TEMPLATE)
    assert (result.verdict, result.mode) == ("passed", "virtual"), (
        result.error, result.failed_checks,
    )  # fmt: skip
    other, _ = alone(story("12h"), TEMPLATE)
    assert other.outcome_hash == result.outcome_hash, "it decides by the time of its readings"


def test_the_template_is_for_copying_and_short() -> None:
    text = TEMPLATE.read_text()
    assert len(text.splitlines()) < 250
    assert "import harness" not in text
    assert "from broker" not in text
