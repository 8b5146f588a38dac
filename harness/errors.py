"""What can go wrong in a run, by who must act. The exit code says it to scripts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class HarnessError(Exception):
    """The root. ``str(error)`` is meant for a person and needs no traceback."""

    exit_code = 5


class Spot(NamedTuple):
    """A place in a file, counted from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Problem(NamedTuple):
    """One mistake: where it stands and what to do about it."""

    spot: Spot
    text: str

    def __str__(self) -> str:
        return f"{self.spot}: {self.text}"


class ScenarioError(HarnessError):
    """The scenario is wrong; its author can mend it."""

    exit_code = 2


class InvalidScenario(ScenarioError):  # noqa: N818 - it names the thing, as MalformedMessage does
    """A scenario file has mistakes; ``problems`` has all of them, in the order of the file."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class TwinAuthorError(HarnessError):
    """A product's folder or model is wrong; the product's author can mend it."""

    exit_code = 3


class SutError(HarnessError):
    """The DPS did not answer as docs/reference/dps-contract.md says."""

    exit_code = 4


class OurBug(HarnessError):  # noqa: N818
    """The harness itself went wrong; please report it."""

    exit_code = 5


class InvalidRun(HarnessError):  # noqa: N818
    """The run cannot mean anything: a precondition, a broker or a generator fell short."""

    exit_code = 6
