"""Reports that are written in one go when a run is over."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from harness.events import Event, RunFinished, RunStarted
from harness.report.runlog import RunLog


class FinishedReport(ABC):
    """Gathers a run and writes a file at its end.

    Args:
        path: Where to write; None: ``file_name`` in the run's folder.
    """

    file_name: ClassVar[str]

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self._log = RunLog()

    @abstractmethod
    def render(self, log: RunLog) -> str:
        """What to write."""

    def on_event(self, event: Event) -> None:
        """Take note; write at the end."""
        self._log.on_event(event)
        if isinstance(event, RunStarted):
            self.path = self.path or event.run_dir / self.file_name
        elif isinstance(event, RunFinished):
            if self.path is None:
                self.path = event.result.run_dir / self.file_name
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text(self.render(self._log), encoding="utf-8")
