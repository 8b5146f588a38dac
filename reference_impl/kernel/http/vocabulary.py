"""What fields mean, by name, and their units by what the name ends with (style: unit last).

One name means one thing throughout the API, so that its words stand once. A model that says more of
a field says it itself, and that is kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from reference_impl.kernel.http import (
    words,
    words_advice,
    words_collection,
    words_contracts,
    words_ecosystem,
    words_links,
    words_money,
    words_remote,
    words_work,
)

SINCE = "ms since 1970 UTC (simulated)"
UNITS: Mapping[str, str] = {
    "_eur": "euros, two places",
    "_pct": "percent",
    "_h": "hours",
    "_s": "seconds",
    "_days": "days",
    "_rate": "share from 0 to 1",
    "_share": "share from 0 to 1",
}
SPANS = frozenset(
    {"batch_ms", "cancel_window_ms", "duration_ms", "late_ms", "limit_ms", "paused_ms", "travel_ms"}
)
"""Names that end with ``_ms`` and say how long, not when."""
_PAST = re.compile(r"([a-z_]+ed|sent|taken|seen)_ms")
_TABLES = (
    words, words_advice, words_collection, words_contracts, words_ecosystem, words_links,
    words_money, words_remote, words_work,
)  # fmt: skip
MEANINGS: Mapping[str, str] = dict(
    line.split(": ", 1) for module in _TABLES for line in module.TABLE.strip().splitlines()
)


def meaning_of(name: str) -> str:
    """What a field means, with its unit.

    Raises:
        KeyError: If nobody has said what the name means.
    """
    text = MEANINGS.get(name) or _of_time(name)
    if name.endswith("_ms"):
        return f"{text}, {'ms' if name in SPANS else SINCE}"
    unit = next((unit for end, unit in UNITS.items() if name.endswith(end)), "")
    return f"{text}, {unit}" if unit else text


def _of_time(name: str) -> str:
    """``When it was placed`` of ``placed_ms``."""
    found = _PAST.fullmatch(name)
    if found is None:
        raise KeyError(f"nobody has said what {name!r} means")
    return f"When it was {found[1].replace('_', ' ')}"
