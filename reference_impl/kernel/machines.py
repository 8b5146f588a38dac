"""State machines as tables: who may go where. Nobody sets a state; :func:`after` looks it up."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import TypeVar

from reference_impl.kernel.errors import IllegalStep

S = TypeVar("S", bound=StrEnum)
T = TypeVar("T", bound=StrEnum)


def after(table: Mapping[S, Mapping[T, S]], *, subject: str, state: S, step: T) -> S:
    """The state that ``step`` leads to.

    Raises:
        IllegalStep: If the table has no such step from ``state``; it names those that exist.
    """
    target = table[state].get(step)
    if target is None:
        raise IllegalStep(subject, state.value, step.value, [s.value for s in table[state]])
    return target


def way(
    table: Mapping[S, Mapping[T, S]], state: S, goal: S, *, through: Collection[T]
) -> list[T] | None:
    """The fewest steps of ``through`` that lead from ``state`` to ``goal``; None if none do."""
    ways: dict[S, list[T]] = {state: []}
    for here in (ahead := [state]):
        for step, target in table[here].items():
            if step in through and target not in ways:
                ways[target] = [*ways[here], step]
                ahead.append(target)
    return ways.get(goal)
