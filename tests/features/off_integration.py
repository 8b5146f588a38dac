"""How the rows of the integration context are switched off."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from reference_impl.integration.courier import Courier


def _unsigned(mp: pytest.MonkeyPatch) -> None:
    """Webhooks are recorded and never carried out."""

    async def nothing(_self: Courier) -> int:
        return 0

    mp.setattr(Courier, "flush", nothing)


OFF: dict[str, Callable[[pytest.MonkeyPatch], None]] = {"CC17": _unsigned}
