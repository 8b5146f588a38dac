"""Events between contexts, delivered inside the transaction that publishes them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from reference_impl.kernel.store import UnitOfWork


class DomainEvent:
    """Marker for the events of ``reference_impl.published``; each is a frozen dataclass."""

    __slots__ = ()


E = TypeVar("E", bound=DomainEvent)
Handler = Callable[["UnitOfWork", Any], None]


class Bus:
    """Who wants to know what. What a handler publishes waits its turn (first in, first out)."""

    def __init__(self) -> None:
        self._handlers: dict[type[DomainEvent], list[Handler]] = {}
        self._everything: list[Handler] = []
        self._waiting: deque[tuple[UnitOfWork, DomainEvent]] = deque()
        self._busy = False

    def subscribe(self, kind: type[E], handler: Callable[[UnitOfWork, E], None]) -> None:
        """Call ``handler(uow, event)`` for each event of exactly this type."""
        self._handlers.setdefault(kind, []).append(handler)

    def subscribe_all(self, handler: Handler) -> None:
        """Call ``handler`` for every event, before the others (the feed listens so)."""
        self._everything.append(handler)

    def dispatch(self, uow: UnitOfWork, event: DomainEvent) -> None:
        """Deliver now, or after the event that is being delivered."""
        self._waiting.append((uow, event))
        if self._busy:
            return
        self._busy = True
        try:
            while self._waiting:
                unit, current = self._waiting.popleft()
                for handler in (*self._everything, *self._handlers.get(type(current), ())):
                    handler(unit, current)
        finally:
            self._waiting.clear()
            self._busy = False
