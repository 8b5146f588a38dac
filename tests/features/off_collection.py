"""How the row of collection rounds is switched off."""

from __future__ import annotations

from reference_impl.maintenance.collection import needs


def _nothing_is_worth_a_stop(mp):
    mp.setattr(needs, "wants", lambda *_args, **_named: [])


OFF = {"CC25": _nothing_is_worth_a_stop}
