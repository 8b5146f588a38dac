"""Writes ``scenarios/schema.json``: ``python -m harness.engine.schema_file``."""

from __future__ import annotations

from pathlib import Path

from harness.checks.base import arguments
from harness.scenario.json_schema import scenario_schema_text

FILE = Path(__file__).parents[2] / "scenarios" / "schema.json"


def text() -> str:
    """What the file has to hold."""
    return scenario_schema_text(arguments())


if __name__ == "__main__":
    FILE.write_text(text(), "utf-8")
