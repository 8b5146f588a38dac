"""Bugs of commands and firmware, planted in the reference DPS."""

from __future__ import annotations

from dataclasses import replace

from planting import mutant, wrap

from reference_impl.kernel.store import UnitOfWork
from reference_impl.published import CommandChanged, FirmwareChanged
from reference_impl.remote import firmware
from reference_impl.remote.updates import Updates


@mutant
def believes_what_a_device_tried(mp):
    def move(original, self, uow, order, row, step, why, *, at_ms):
        back = step is firmware.Move.ROLL_BACK
        original(self, uow, order, row, firmware.Move.SUCCEED if back else step, why, at_ms=at_ms)

    wrap(mp, Updates, "move", move)


@mutant
def begins_a_second_update_meanwhile(mp):
    def publish(original, self, event):
        original(self, event)
        if isinstance(event, FirmwareChanged) and event.kind == "firmware.initiated":
            original(self, replace(event, subject=f"other/{event.data['thing']}"))

    wrap(mp, UnitOfWork, "publish", publish)


@mutant
def knows_no_emergency_stop(mp):
    wrap(mp, firmware.Tally, "too_many_errors", lambda original, self, error_share: False)


@mutant
def confirms_twice(mp):
    def publish(original, self, event):
        original(self, event)
        if isinstance(event, CommandChanged) and event.kind == "command.failed":
            original(self, replace(event, kind="command.confirmed"))

    wrap(mp, UnitOfWork, "publish", publish)


@mutant
def tries_again_blindly(mp):
    def publish(original, self, event):
        original(self, event)
        if isinstance(event, CommandChanged) and event.kind == "command.requested":
            original(self, replace(event, kind="command.retried"))

    wrap(mp, UnitOfWork, "publish", publish)
