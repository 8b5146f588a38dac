"""The story that plays where nobody names a scenario."""

from __future__ import annotations

from pathlib import Path

STORY = Path(__file__).with_name("story.yaml")
"""Data like any other scenario; it ships inside the package, so that a wheel has it too."""
