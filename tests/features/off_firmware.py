"""How the rows of remote control and firmware are switched off."""

from __future__ import annotations

from reference_impl.remote import updates
from reference_impl.remote.resolving import Resolving


def _whatever_a_device_says(mp):
    mp.setattr(updates.Updates, "reported", lambda self, conn, thing, at_ms: "")


def _done_is_well(mp):
    mp.setattr(Resolving, "_is_well", lambda *_: True)


OFF = {"CC8": _whatever_a_device_says, "FS12": _done_is_well}
