"""Every event a line of JSON, for programs that want to look closer."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any, TextIO

import msgspec

from harness.engine.events import Event, RunFinished, RunResult


def as_record(event: Event) -> dict[str, Any]:
    """``{"event": <type>, ...its fields}`` with paths as text."""
    record: dict[str, Any] = {"event": type(event).__name__}
    for item in fields(event):
        value = getattr(event, item.name)
        record[item.name] = as_data(value) if isinstance(value, RunResult) else value
    return record


def as_data(result: RunResult) -> dict[str, Any]:
    """A run result as plain data."""
    data: dict[str, Any] = msgspec.to_builtins(result, enc_hook=str)
    return data


class JsonLinesReport:
    """Writes ``path`` line by line while the run goes on; closed after the last event."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: TextIO | None = None
        self._encode = msgspec.json.Encoder(enc_hook=str).encode

    def on_event(self, event: Event) -> None:
        """Append one line."""
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("w", encoding="utf-8")
        self._file.write(self._encode(as_record(event)).decode() + "\n")
        if isinstance(event, RunFinished):
            self.close()

    def close(self) -> None:
        """Close the file; safe to call twice (a run may end without its last event)."""
        if self._file is not None and not self._file.closed:
            self._file.close()
