"""The rule packs that a run was made with, out of its folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml.error import YAMLError

from harness.engine.recipe import PACKS
from twins.core.yaml_text import parsed


def packs_of(folder: Path) -> list[Mapping[str, Any]]:
    """The packs as data, those of a fork last; what cannot be read is left out."""
    found: list[Mapping[str, Any]] = []
    for file in sorted((folder / PACKS).glob("*.y*ml")):
        try:
            body = parsed(file.read_text("utf-8"))
        except (OSError, UnicodeDecodeError, YAMLError):
            continue  # the run's end has said why
        if isinstance(body, dict):
            found.append(body)
    return found
