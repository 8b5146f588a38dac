"""Habits by name: a handful of parameters at once, for scenarios that read well."""

from __future__ import annotations

from collections.abc import Mapping

from twins.core.errors import named

NORMAL, DIFFICULT = "normal", "difficult"
HABITS: Mapping[str, Mapping[str, Mapping[str, float]]] = {
    "customer": {
        NORMAL: {},
        DIFFICULT: {"ignore_p": 0.35, "discard_p": 0.10, "elsewhere_p": 0.15, "spread": 0.6},
    },
    "supplier": {
        NORMAL: {},
        DIFFICULT: {
            "refuse_p": 0.10,
            "mislay_p": 0.10,
            "price_p": 0.25,
            "quantity_p": 0.05,
            "late_p": 0.30,
            "partial_p": 0.10,
            "wrong_part_p": 0.08,
        },
    },
    "carrier": {NORMAL: {}, DIFFICULT: {"lose_p": 0.05, "delay_p": 0.20, "absent_p": 0.15}},
    "crew": {NORMAL: {}, DIFFICULT: {"forget_p": 0.15, "wrong_fit_p": 0.05, "tail_p": 0.10}},
}
"""Shares are estimates of a bad partner. ``normal`` is the default of every parameter."""


def apply_habits(
    chosen: Mapping[str, str], given: Mapping[str, Mapping[str, float]]
) -> tuple[dict[str, dict[str, float]], list[str]]:
    """The given parameters of every actor on top of those of the habits chosen.

    Returns:
        Parameters by actor, and a problem per actor or habit that does not exist.
    """
    merged = {actor: dict(values) for actor, values in given.items()}
    problems = []
    for actor, habit in chosen.items():
        if actor not in HABITS:
            there_are = named(HABITS)
            problems.append(f"field.habits: {actor!r} has no habits; there are: {there_are}")
        elif habit not in HABITS[actor]:
            there_are = named(HABITS[actor])
            problems.append(f"field.habits: unknown habit {habit!r}; there are: {there_are}")
        else:
            merged[actor] = {**HABITS[actor][habit], **merged.get(actor, {})}
    return merged, problems
