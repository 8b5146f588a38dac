"""What the DPS itself says of its decisions (``GET /v1/explain/{id}``), kept with a run.

It is asked once, when the run is over: later there is nobody to ask. Asking costs a request each,
so only the newest decisions are asked about, and only in runs that somebody watches.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from harness.errors import HarnessError
from harness.events import Event, FeedSeen
from harness.sut.port import SystemUnderTest

FILE = "accounts.jsonl"
MOST = 24
"""A run of weeks has some ten decisions; of months, the newest are asked about."""
ASKED = ("order", "work_order", "recommendation", "outcome")
"""Families of feed events whose subjects are asked about; alerts are many, and in their chain."""
NOT_ASKED = "this run did not ask the DPS for its own account (`twinrig run` does, at its end)"


class Accounts:
    """Hears which decisions there are; asks about the newest when the run is over."""

    def __init__(self) -> None:
        self._subjects: dict[str, None] = {}

    def on_event(self, event: Event) -> None:
        """Take note of a decision."""
        if isinstance(event, FeedSeen) and event.kind.partition(".")[0] in ASKED:
            self._subjects.pop(event.subject, None)
            self._subjects[event.subject] = None

    async def record(self, sut: SystemUnderTest, folder: Path) -> None:
        """Ask, and write the answers (or why there is none) into the folder of the run."""
        names = list(self._subjects)
        asked, rest = names[-MOST:], names[:-MOST]
        lines: list[Mapping[str, Any]] = [
            {"id": name, "missing": f"only the newest {MOST} decisions were asked about"}
            for name in rest
        ]
        for name in asked:
            try:
                account = await sut.get(f"/v1/explain/{quote(name)}")
            except HarnessError as error:
                lines.append({"id": name, "missing": f"the DPS gave none: {error}"})
            else:
                lines.append({"id": name, "account": account})
        (folder / FILE).write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in lines))


def account_of(folder: Path, ident: str) -> tuple[Mapping[str, Any] | None, str]:
    """The DPS's own account of a decision, and if there is none, why not."""
    file = folder / FILE
    if not file.is_file():
        return None, NOT_ASKED
    for line in file.read_bytes().splitlines():
        one = msgspec.json.decode(line)
        if one["id"] == ident:
            return one.get("account"), str(one.get("missing", ""))
    return None, f"only {', '.join(ASKED)} events were asked about"
