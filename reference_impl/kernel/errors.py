"""Refusals, by what the caller can do about them. HTTP statuses are the entrypoint's business."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong: where, what, and what is allowed."""

    where: str
    what: str
    allowed: str = ""


class DpsError(Exception):
    """The root. ``code`` is stable and part of the API; ``title`` is for people."""

    code = "error"

    def __init__(self, title: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(title)
        self.title, self.problems = title, tuple(problems)


class Unknown(DpsError):  # noqa: N818
    """The thing named does not exist."""

    code = "unknown"


class IllegalStep(DpsError):  # noqa: N818
    """The state of the subject forbids the step."""

    code = "illegal_step"

    def __init__(self, subject: str, state: str, step: str, allowed: Sequence[str]) -> None:
        allows = ", ".join(allowed) or "nothing: it is final"
        super().__init__(
            f"{subject} is {state}: {step} refused",
            [Problem(where=subject, what=f"{step} is not a step from {state}", allowed=allows)],
        )


class Invalid(DpsError):  # noqa: N818
    """The request says something that cannot be; ``problems`` has all of it at once."""

    code = "invalid"


class Unauthenticated(DpsError):  # noqa: N818
    """Nobody knows who is calling."""

    code = "unauthenticated"


class Forbidden(DpsError):  # noqa: N818
    """The caller lacks a permission."""

    code = "forbidden"


class TooMany(DpsError):  # noqa: N818
    """The caller asks too often, or for too much; ``retry_after_s`` says when again."""

    code = "too_many"

    def __init__(
        self, title: str, problems: Sequence[Problem] = (), *, retry_after_s: int | None = None
    ) -> None:
        super().__init__(title, problems)
        self.retry_after_s = retry_after_s


class TimeGoesForward(DpsError):  # noqa: N818
    """A clock call named a time before the present."""

    code = "time_goes_forward"


class StoreUnusable(Exception):  # noqa: N818 - it names what is wrong
    """The store cannot be worked with; the text says why and is for the person who chose it."""
