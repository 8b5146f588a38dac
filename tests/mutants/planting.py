"""What planting a bug takes: a patch by its name, and a way to wrap what is there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Patch = Callable[[pytest.MonkeyPatch], None]
MUTANTS: dict[str, Patch] = {}
HOUR_MS = 3_600_000


def mutant(patch: Patch) -> Patch:
    """Register a patch under its name."""
    MUTANTS[patch.__name__] = patch
    return patch


def wrap(mp: pytest.MonkeyPatch, owner: Any, name: str, around: Callable[..., Any]) -> None:
    """Replace ``owner.name`` by a function that gets the original first."""
    original = getattr(owner, name)

    def instead(*args: Any, **named: Any) -> Any:
        return around(original, *args, **named)

    kind = vars(owner).get(name)
    mp.setattr(owner, name, staticmethod(instead) if isinstance(kind, staticmethod) else instead)


class Told:
    """A unit of work that remembers what was published."""

    def __init__(self, uow):
        self.uow, self.events = uow, []

    def __getattr__(self, name):
        return getattr(self.uow, name)

    def publish(self, event):
        self.events.append(event)
        self.uow.publish(event)
