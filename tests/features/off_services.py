"""How the rows of tickets, remote control and selling are switched off."""

from __future__ import annotations

from reference_impl.maintenance.tickets import Tickets
from reference_impl.outcomes.selling import plans, rentals, unlocks
from reference_impl.remote import obeying


def _no_checks(mp):
    mp.setattr(obeying, "problems_of", lambda obeys, name, args: [])


def _everything_for_everybody(mp):
    mp.setattr(plans, "ENTITLED", frozenset(plans.Subscription))


def _routed_nowhere(mp):
    init = Tickets.__init__

    def built(self, **ports):
        init(self, **(ports | {"responsible": lambda conn, customer: ""}))

    mp.setattr(Tickets, "__init__", built)


def _unlocked_without_a_payment(mp):
    mp.setattr(unlocks, "STEP_OF", {**unlocks.STEP_OF, "charge.asked": unlocks.Step.SETTLE})


def _seconds_for_minutes(mp):
    mp.setattr(rentals, "MINUTE_MS", 1000)


def _never_restored(mp):
    mp.setattr(Tickets, "on_alert", lambda self, uow, event: None)


OFF = {
    "DS3": _no_checks,
    "DS10": _everything_for_everybody,
    "DS13": _routed_nowhere,
    "DS14": _unlocked_without_a_payment,
    "DS15": _seconds_for_minutes,
    "ST3": _never_restored,
}
