"""How the rows of integration, and those that only the devices have, are switched off."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from reference_impl.integration.courier import Courier
from reference_impl.kernel.bus import DomainEvent
from reference_impl.kernel.store import UnitOfWork
from reference_impl.published import DeviceSeen, ReplacementAdvised
from twins.products.ventilation import faults
from twins.products.ventilation.mesh import Mesh

Patch = Callable[[pytest.MonkeyPatch], None]


def _nothing_delivered(mp: pytest.MonkeyPatch) -> None:
    """Webhooks are recorded and never carried out."""

    async def nothing(_self: Courier) -> int:
        return 0

    mp.setattr(Courier, "flush", nothing)


def _unheard(kind: type[DomainEvent]) -> Patch:
    """Nobody hears of such events."""

    def patch(mp: pytest.MonkeyPatch) -> None:
        original = UnitOfWork.publish

        def publish(self: UnitOfWork, event: DomainEvent) -> None:
            if not isinstance(event, kind):
                original(self, event)

        mp.setattr(UnitOfWork, "publish", publish)

    return patch


def _no_local_safety(mp: pytest.MonkeyPatch) -> None:
    """The detector trips and the unit runs on."""
    mp.setitem(faults.FAULTS, "smoke_alarm", lambda *_: None)


def _no_new_paths(mp: pytest.MonkeyPatch) -> None:
    """A node dies and the others go on talking to it."""
    mp.setattr(Mesh, "heal", lambda self, unit: None)


OFF: dict[str, Patch] = {
    "CC17": _nothing_delivered,
    "AN5": _unheard(ReplacementAdvised),
    "ST1": _unheard(DeviceSeen),
    "ST2": _unheard(ReplacementAdvised),
    "CC9": _no_local_safety,
    "CC24": _no_new_paths,
}
