"""Bugs of commands and firmware, planted in the reference DPS."""

from __future__ import annotations

from dataclasses import replace

import msgspec
from planting import HOUR_MS, mutant, wrap

from reference_impl.ingestion.service import Ingestion
from reference_impl.insight.service import Insight
from reference_impl.kernel.store import UnitOfWork
from reference_impl.outcomes.contracts.amending import Amendments
from reference_impl.published import CommandChanged, FirmwareChanged, PartFitted
from reference_impl.remote import firmware, gates
from reference_impl.remote.parameters import Parameters
from reference_impl.remote.rollouts import Rollouts
from reference_impl.remote.service import Remote
from reference_impl.remote.updates import Updates
from reference_impl.rules import automations


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


@mutant
def goes_on_with_an_image_that_was_refused(mp):
    def failed(original, self, uow, order, row, report, at_ms):
        original(self, uow, order, row, report, at_ms)
        if row["state"] in firmware.ERRORS:
            row |= {"state": firmware.Device.VERIFIED.value}
            self.move(uow, order, row, firmware.Move.UPDATE, "", at_ms=at_ms)

    wrap(mp, Updates, "_failed", failed)


@mutant
def goes_down_unasked(mp):
    mp.setattr(firmware, "version_key", lambda _version: ())


@mutant
def mistakes_what_boots(mp):
    """While an update is under way it takes every birth for one of no image."""

    def seen(original, self, uow, birth, log, at_ms):
        if birth.boot > 1:
            birth = msgspec.structs.replace(birth, firmware="0.0.0")
        original(self, uow, birth, log, at_ms)

    wrap(mp, Ingestion, "_birth", seen)


@mutant
def plans_every_update(mp):
    mp.setattr(Amendments, "_plans_updates", lambda *_: True)


@mutant
def takes_an_update_for_a_new_part(mp):
    def subscribe(original, self, bus):
        def on_update(uow, event):
            if event.kind == "firmware.updated":
                about = {"position": "bearing", "cycle": 2}
                thing, at_ms = event.data["thing"], event.at_ms
                fitted = PartFitted(at_ms=at_ms, kind="part.fitted", subject=thing, data=about)
                self.on_fitted(uow, fitted)

        original(self, bus)
        bus.subscribe(FirmwareChanged, on_update)

    wrap(mp, Insight, "subscribe", subscribe)


@mutant
def goes_on_with_what_is_unhealthy(mp):
    def move(original, self, uow, row, step, *, reason, **more):
        if not reason.startswith("health"):
            original(self, uow, row, step, reason=reason, **more)

    def skip_rest(original, self, uow, row, at_ms):
        if row["state"] == firmware.Rollout.STOPPED:
            original(self, uow, row, at_ms)
        else:
            self._look(uow, row["id"], at_ms)

    wrap(mp, Rollouts, "_move", move)
    wrap(mp, Rollouts, "_skip_rest", skip_rest)


@mutant
def asks_whatever_the_hardware(mp):
    mp.setattr(firmware, "fits", lambda *_: True)


@mutant
def asks_at_any_hour(mp):
    mp.setattr(gates, "closes_ms", lambda _hours, _days, at_ms, _zone: at_ms + HOUR_MS)


@mutant
def asks_all_at_once(mp):
    def release(original, self, uow, row, order, devices, at_ms):
        plan = {**row["plan"], "in_flight": 1000, "per_minute": 1000}
        return original(self, uow, {**row, "plan": plan}, order, devices, at_ms)

    wrap(mp, Rollouts, "_release", release)


@mutant
def waits_for_ever(mp):
    """Every command is kept for whoever is away, as if it were durable."""

    def send(original, self, uow, ref, row, at_ms):
        original(self, uow, ref, {**row, "expires_ms": at_ms + 720 * HOUR_MS}, at_ms)

    wrap(mp, Remote, "_send", send)
    mp.setattr(Remote, "_on_expiry", lambda *_: None)


@mutant
def keeps_what_was_confirmed_first(mp):
    def report(original, self, uow, command, name, value, **more):
        known = self.reported(uow.conn, command["thing"], name)
        original(self, uow, command, name, value if known is None else known, **more)

    wrap(mp, Parameters, "_report", report)


@mutant
def goes_round_and_round(mp):
    mp.setattr(automations, "RUNS_PER_H_MAX", 99)
