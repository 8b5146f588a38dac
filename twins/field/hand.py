"""The hand of whoever tells the story: it changes people, prices, weather and machines."""

from __future__ import annotations

from collections.abc import Mapping

from twins.core.errors import InvalidFault, InvalidWorld, named
from twins.core.pending import PendingTable
from twins.core.twin import Action
from twins.core.yard import Yard
from twins.field.people import ACTORS, AWAY, People
from twins.field.spells import Spells

FOREVER_MS = 2**60


class Hand:
    """Everything takes effect at the moment at which the world stands."""

    def __init__(
        self, *, pending: PendingTable, people: People, spells: Spells, yard: Yard
    ) -> None:
        self._pending, self._people, self._spells, self._yard = pending, people, spells, yard

    def work(self, device: str, action: Action, component: str | None = None) -> None:
        """Let somebody work on a device: on one component, or on all of them.

        Raises:
            InvalidFault: If device or component do not exist; the text names what does.
        """
        devices = self._yard.devices()
        if device not in devices:
            raise InvalidFault([f"there is no device {device!r}; there are: {named(devices)}"])
        only = None if component is None else [component]
        self._yard.maintain(self._pending.now_ms, device, [action], only)

    def change(self, who: str, params: Mapping[str, float]) -> dict[str, float]:
        """Let people or prices be other from now on (``twins.field.people.ACTORS``).

        Returns:
            What these parameters were before.

        Raises:
            InvalidWorld: If there is no such parameter, or a value is out of range.
        """
        if who not in ACTORS:
            raise InvalidWorld([f"nobody is called {who!r}; there are: {named(ACTORS)}"])
        before, problems = self._people.change(who, params)
        if problems:
            raise InvalidWorld(problems)
        return before

    def send_away(self, who: str, *, until_ms: int) -> None:
        """Let a customer, supplier, carrier or crew begin nothing before ``until_ms``.

        Raises:
            InvalidWorld: If nobody of them can be away.
        """
        if who not in AWAY:
            raise InvalidWorld([f"{who!r} cannot be away; allowed: {named(AWAY)}"])
        self._people.send_away(who, until_ms)

    def change_weather(self, values: Mapping[str, float | None], *, lasts_ms: int | None) -> None:
        """Order weather for so long (``None``: for good).

        Args:
            values: By the names of ``twins.field.spells``; ``None`` leaves things as they are.
            lasts_ms: How long.

        Raises:
            InvalidWorld: If a value is unknown or out of range.
        """
        given = {name: value for name, value in values.items() if value is not None}
        now_ms = self._pending.now_ms
        to_ms = FOREVER_MS if lasts_ms is None else now_ms + lasts_ms
        if problems := self._spells.add(now_ms, to_ms, given):
            raise InvalidWorld(problems)
