"""How the rows of the platform are switched off."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from reference_impl.outcomes.money.settlement import Settlement
from reference_impl.registry.rights import Rights

Patch = Callable[[pytest.MonkeyPatch], None]


def _everything_flows(mp: pytest.MonkeyPatch) -> None:
    """Nobody asks for consent, and nobody is told what is whose."""
    mp.setattr(Rights, "_must_consent", lambda *_: None)
    mp.setattr(Settlement, "state", lambda *_, **__: None)


OFF: dict[str, Patch] = {"ST8": _everything_flows}
