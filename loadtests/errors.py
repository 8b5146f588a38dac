"""What can go wrong around a load run, by who must act."""

from __future__ import annotations

from collections.abc import Sequence


class LoadError(Exception):
    """The run could not be done. ``exit_code`` says who must act (the table of exit codes)."""

    exit_code = 5


class BadRequest(LoadError):  # noqa: N818 - it names the thing, not the act
    """Options, target or tape do not fit together; all problems at once."""

    exit_code = 2

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class TapeError(BadRequest):
    """A payload tape is not what it should be; the text names file and place."""

    def __init__(self, problem: str) -> None:
        super().__init__([problem])


class ServiceAnswer(LoadError):  # noqa: N818
    """The DPS (or the witness) did not answer as the contract says."""

    exit_code = 4
