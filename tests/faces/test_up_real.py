"""`twinrig up` for real: its addresses work, and Ctrl-C leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
from waiting import GUARD_S

STORY = """\
schema: 1
title: Something to develop against
run: {start: 2026-01-05T00:00:00Z, until: 1d, sync: 1h}
fleets: [{product: pump, sites: 1, devices_per_site: 2}]
"""


def test_up_prints_addresses_that_work_and_leaves_nothing_after_ctrl_c(tmp_path: Path):
    story = tmp_path / "story.yaml"
    story.write_text(STORY)
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-m", "twinrig", "up", "--scenario", str(story), "--speed", "600"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(root), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        told = ""
        while "Ctrl-C ends it" not in told:
            line = process.stdout.readline()
            assert line, process.stderr.read()
            told += line
        broker = re.search(r"^broker +mqtt://(127\.0\.0\.1):(\d+)", told, re.MULTILINE)
        dps = re.search(r"^DPS +(http://127\.0\.0\.1:\d+)$", told, re.MULTILINE)
        portal = re.search(r"^portal +(http://\S+)$", told, re.MULTILINE)
        assert None not in (broker, dps, portal), told
        assert re.search(r"^devices +pump-01-1, pump-01-2$", told, re.MULTILINE)
        address = (broker[1], int(broker[2]))
        socket.create_connection(address, timeout=GUARD_S).close()
        assert httpx.get(f"{dps[1]}/v1/info", trust_env=False).json()["clock"] == "live"
        assert "Machines" in httpx.get(portal[1], trust_env=False, follow_redirects=True).text

        children = psutil.Process(process.pid).children(recursive=True)
        assert len(children) >= 2  # a broker and a DPS
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=GUARD_S)
    finally:
        process.kill()
        process.communicate()

    assert process.returncode == 0, errors
    assert "stopped in order" in rest
    assert "Traceback" not in errors
    _, alive = psutil.wait_procs(children, timeout=GUARD_S)
    assert alive == []
    with socket.socket() as probe:
        assert probe.connect_ex(address) != 0
