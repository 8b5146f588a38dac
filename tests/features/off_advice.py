"""How advice is switched off: measured against nobody, or never given."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from reference_impl.insight import advice
from reference_impl.insight.advising import Advising

Patch = Callable[[pytest.MonkeyPatch], None]


def _before_and_after_only(mp: pytest.MonkeyPatch) -> None:
    """What fell for everybody counts as an effect."""
    effect = advice.effect
    mp.setattr(advice, "effect", lambda treated, _control: effect(treated, []))


def _no_advice(mp: pytest.MonkeyPatch) -> None:
    """Machines are found, and nobody is told."""
    mp.setattr(Advising, "_give", lambda *_: None)


OFF: dict[str, Patch] = {"AS8": _before_and_after_only, "ST5": _no_advice}
