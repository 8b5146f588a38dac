"""A paced run hears HTTP on loopback: it is looked at, stepped, warped; its hash stays."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from waiting import GUARD_S

from harness.cli import wiring
from harness.errors import InvalidRun

STORY = """schema: 1
title: Two days
run: {start: 2026-01-05T00:00:00Z, until: 2d, sync: 6h}
fleets: [{product: pump, sites: 1, devices_per_site: 1, report_every: 1h}]
"""


def asked(url: str, body: Any = None, **headers: str) -> tuple[int, dict[str, Any]]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=GUARD_S) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)


@pytest.fixture
def run(tmp_path: Path):
    (tmp_path / "story.yaml").write_text(STORY, "utf-8")

    def go(**wish: Any):
        told = {
            "seed": 7, "link": "memory", "broker": "embedded", "broker_port": None, "sut": None,
            "webhooks": None, "clients": "site", "mode": None, "speed": None, "store": None,
            "rules": None, "runs_dir": tmp_path / "runs", "notice": lambda _: None, **wish,
        }  # fmt: skip
        return wiring.runner(wiring.RunWish(**told))(tmp_path / "story.yaml", [])

    return go


def test_a_run_that_stands_still_is_moved_by_requests_to_the_hash_of_virtual(run) -> None:
    answers: list[tuple[int, dict[str, Any]]] = []
    hands: list[threading.Thread] = []

    def move(url: str) -> None:
        try:
            answers.append(asked(f"{url}/"))
            answers.append(asked(f"{url}/speed", {"speed": 0}))
            answers.append(asked(f"{url}/pause", {}, Origin="http://elsewhere"))
            answers.append(asked(f"{url}/nothing", {}))
            answers.append(asked(f"{url}/pause", {}))
            answers.append(asked(f"{url}/step", {}))
            answers.append(asked(f"{url}/resume", {}))
        finally:  # whatever failed, the run must come to its end
            answers.append(asked(f"{url}/jump", {"by": "9d"}))

    def notice(text: str) -> None:
        if text.startswith("control: "):
            hands.append(threading.Thread(target=move, args=(text.split()[1],)))
            hands[-1].start()

    paced = run(mode="paced", speed=0.001, control_port=0, notice=notice)
    hands[0].join(30)

    assert [status for status, _ in answers] == [200, 422, 403, 404, 200, 200, 200, 200]
    assert answers[0][1]["speed"] == 0.001
    assert "above 0" in answers[1][1]["error"]
    assert [said["paused"] for _, said in answers[4:7]] == [True, True, False]
    assert paced.verdict == "passed"
    assert paced.trace_hash == run().trace_hash


def test_a_hand_on_a_run_that_is_not_paced_is_refused(run) -> None:
    with pytest.raises(InvalidRun, match="give --mode paced"):
        run(control_port=0)
