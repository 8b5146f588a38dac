"""The rows of the feature list (``features.yaml`` beside this file), by their IDs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from harness.scenario.said import Said, unknown
from twins.core.yaml_text import parsed

FILE = Path(__file__).with_name("features.yaml")


@cache
def rows() -> Mapping[str, str]:
    """Every row's title by its ID (``SP9``), in the order of the specification."""
    return dict(parsed(FILE.read_text("utf-8"))["rows"])


@cache
def invariants() -> Mapping[str, str]:
    """Every numbered invariant's sentence by its ID (``O13``)."""
    return dict(parsed(FILE.read_text("utf-8"))["invariants"])


def allowed() -> tuple[str, ...]:
    """Every ID that a test or a scenario may name."""
    return (*rows(), *invariants())


def feature_problems(features: Sequence[str]) -> Iterator[Said]:
    """Rows that there are not."""
    known = allowed() if features else ()
    for i, name in enumerate(features):
        if name not in known:
            yield Said(("features", i), False, unknown("row", name, known))
