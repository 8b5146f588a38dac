"""How far a DPS lets the rig in: L0 reads MQTT, L1 offers the feed, L2 follows the clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Need(StrEnum):
    """What a check or a run may need of a DPS."""

    FEED = "feed"
    STORED = "stored"
    ACTS = "acts"
    INSTALLS = "installs"
    CLOCK = "clock"
    OURS = "ours"


SAID: Mapping[Need, str] = {
    Need.FEED: "the feed (GET /v1/feed, level L1) or webhooks",
    Need.STORED: "GET /v1/ingestion/stored",
    Need.ACTS: "the calls by which people act (POST /v1/orders/<id>/confirm and the like)",
    Need.INSTALLS: "the calls that install sites, models, things and rules",
    Need.CLOCK: "the clock (POST /v1/clock, level L2)",
    Need.OURS: "a DPS that the rig has started: it is killed or saved",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What a DPS offers."""

    level: str
    offers: frozenset[Need]

    def lacks(self, needs: Iterable[Need]) -> list[Need]:
        """Those needs that it does not meet, in the order of the enumeration."""
        wanted = set(needs)
        return [need for need in Need if need in wanted and need not in self.offers]


WHOLE = Reach(level="L2", offers=frozenset(Need))
"""The reference DPS, started by the rig."""


def wire_only(*, webhooks: bool) -> Reach:
    """A DPS that only reads MQTT."""
    return Reach(level="L0", offers=frozenset({Need.FEED} if webhooks else ()))


def said(needs: Iterable[Need]) -> str:
    """Needs in words."""
    return ", ".join(SAID[need] for need in needs)
