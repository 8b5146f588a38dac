"""What a pump does when it is told to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twins.products.pump.works import Works

COMMANDS = ("reset_starts", "reverse", "start", "stop")


def obey(works: Works, device: int, name: str, args: Mapping[str, Any]) -> str | None:
    """``stop``, ``start`` (leave it to the level control again), ``reverse``, ``reset_starts``.

    ``reverse`` runs the impeller backwards for a moment, which throws off most rags or few.

    Returns:
        Why not, or ``None`` when done.
    """
    at, pumps = works.place(device), works.stations.pumps
    refusal = _refusal(works, at, name, args)
    if refusal is not None:
        return refusal
    if name == "reset_starts":
        pumps["starts"][at] = 0.0
        works.counter_reset(device)
    elif name == "reverse":
        works.rags.reverse(device)
        pumps["starts"][at] += 1.0
        pumps["reversals"][at] += 1.0
    else:
        pumps["stopped"][at] = name == "stop"
    return None


def _refusal(works: Works, at: tuple[int, int], name: str, args: Mapping[str, Any]) -> str | None:
    if args:
        return f"{name} takes no arguments, got {', '.join(sorted(args))}"
    if name not in COMMANDS:
        return f"unknown command {name!r}; there are: {', '.join(COMMANDS)}"
    if name in ("start", "reverse") and not works.stations.pumps["able"][at]:
        return "the pump is broken and cannot start"
    if name == "reverse" and works.stations.wells["dead"][at[0]]:
        return "the station has no mains"
    return None
