"""Every event a line of JSON, for programs that want to look closer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, get_args

import msgspec

from harness.events import Event, RunFinished, RunResult, RunStarted

_TYPES: dict[str, Any] = {kind.__name__: kind for kind in get_args(Event)}


def read_events(path: Path) -> Iterator[Event]:
    """The events of a file that :class:`JsonLinesReport` wrote.

    Raises:
        ValueError: With the number of the first line that is no event.
    """
    with path.open(encoding="utf-8") as lines:
        for count, line in enumerate(lines, start=1):
            try:
                record = msgspec.json.decode(line)
                kind = _TYPES[record.pop("event")]
                yield msgspec.convert(record, kind, dec_hook=lambda into, value: into(value))
            except (msgspec.MsgspecError, KeyError, AttributeError, TypeError) as error:
                raise ValueError(f"{path}:{count}: this is no event of a run: {error}") from error


def as_data(result: RunResult) -> dict[str, Any]:
    """A run result as plain data."""
    data: dict[str, Any] = msgspec.to_builtins(result, enc_hook=str)
    return data


class JsonLinesReport:
    """Writes ``path`` line by line while the run goes on; closed after the last event.

    Args:
        path: Where to write; None: ``events.jsonl`` in the run's folder.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self._file: BinaryIO | None = None
        self._encode = msgspec.json.Encoder(enc_hook=str).encode  # paths as text

    def on_event(self, event: Event) -> None:
        """Append ``{"event": <type>, ...its fields}``."""
        if self._file is None:
            if self.path is None:
                if not isinstance(event, RunStarted):
                    return  # nobody knows the folder yet
                self.path = event.run_dir / "events.jsonl"
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("wb")
        name = type(event).__name__.encode()
        self._file.write(b'{"event":"%b",%b\n' % (name, self._encode(event)[1:]))  # all have fields
        if isinstance(event, RunFinished):
            self.close()

    def close(self) -> None:
        """Close the file; safe to call twice (a run may end without its last event)."""
        if self._file is not None and not self._file.closed:
            self._file.close()
