"""Who the people are: names by Faker, a telephone, and how each is in the habit of reading mail."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from twins.core.streams import Streams

if TYPE_CHECKING:
    from faker import Generator

ALWAYS, MORNINGS, OFFICE = "always", "mornings", "office"
"""Reads the telephone from seven to ten every day; the mail once a morning; in office hours."""
HOURS = {ALWAYS: (7.0, 22.0), MORNINGS: (8.0, 9.0), OFFICE: (8.0, 17.0)}
"""When somebody of that habit answers, local time. Estimates."""


class Person(NamedTuple):
    """One of the people; a function of the seed, the role and what the role is for."""

    name: str
    role: str
    phone: str
    reads: str
    """``always``, ``mornings`` or ``office``."""
    pace: float
    """How much longer than the median person everything takes."""
    tilt: float
    """Exponent of every share of a habit: below 1 more, above 1 less inclined than others."""


class Directory:
    """All persons of a world. A new one shifts nobody's draws."""

    def __init__(self, streams: Streams, *, locale: str, habits: Mapping[str, float]) -> None:
        self._streams, self._locale, self._habits = streams, locale, habits
        self._known: dict[tuple[str, str], Person] = {}

    def person(self, role: str, of: str) -> Person:
        """The person who has ``role`` for ``of`` (a site, a supplier, a van)."""
        if (role, of) not in self._known:
            self._known[role, of] = self._draw(role, of)
        return self._known[role, of]

    def known(self) -> list[Person]:
        """Who has come up so far, by role and name."""
        return sorted(self._known.values(), key=lambda person: (person.role, person.name))

    def _draw(self, role: str, of: str) -> Person:
        draws = self._streams.open(f"person/{role}/{of}")
        seed = int(draws.integers(2**62))
        answers = float(draws.random())
        pace, tilt = draws.standard_normal(2).tolist()
        always, mornings = self._habits["always_p"], self._habits["mornings_p"]
        reads = ALWAYS if answers < always else OFFICE
        if always <= answers < always + mornings:
            reads = MORNINGS
        fake = _generator(self._locale)
        fake.seed_instance(seed)
        return Person(
            name=f"{fake.format('first_name')} {fake.format('last_name')}",
            role=role,
            phone=str(fake.format("phone_number")),
            reads=reads,
            pace=math.exp(self._habits["spread"] * pace),
            tilt=math.exp(self._habits["spread"] * tilt),
        )


@cache
def _generator(locale: str) -> Generator:
    # Imported when the first name is needed: Faker takes a tenth of a second to load.
    from faker import Factory  # noqa: PLC0415

    return Factory.create(locale, ["faker.providers.person", "faker.providers.phone_number"])
