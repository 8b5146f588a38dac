"""How the rows of contracts and measured outcomes are switched off."""

from __future__ import annotations

from reference_impl.outcomes.contracts import classes, domain, margins, periods, risks
from reference_impl.outcomes.contracts.amending import Amendments
from reference_impl.outcomes.contracts.domain import Interval, Klass


def _nothing_is_planned_or_excluded(mp):
    mp.setattr(periods, "_agreed", lambda frozen, terms, thing: [])


def _no_reasons(mp):
    plain = periods.plain
    keys = ("from_ms", "to_ms", "class")
    mp.setattr(periods, "plain", lambda spans: [{k: one[k] for k in keys} for one in plain(spans)])


def _nobody_looks_ahead(mp):
    mp.setattr(risks, "outlook", lambda terms, frozen, period: None)


def _nothing_is_booked(mp):
    mp.setattr(margins.Margins, "_book", lambda *args, **named: None)


def _nothing_grows_old(mp):
    mp.setattr(Amendments, "_on_replace", lambda self, uow, timer: None)


def _amendments_are_forgotten(mp):
    mp.setattr(Amendments, "_on_amend", lambda self, uow, timer: None)


def _no_credit(mp):
    due = domain.due
    mp.setattr(periods, "due", lambda *args, **named: due(*args, **named)._replace(credit_eur=0.0))


def _averages(mp):
    """A group is up while one of its things is, whatever was agreed."""

    def together(group, members):
        return [Interval(spans[0].from_ms, spans[-1].to_ms, Klass.UP) for spans in members[:1]]

    mp.setattr(classes, "together", together)


OFF = {
    "AS1": _nothing_is_planned_or_excluded,
    "AS2": _no_reasons,
    "AS4": _nobody_looks_ahead,
    "AS6": _nothing_is_booked,
    "AS7": _nothing_grows_old,
    "AS9": _amendments_are_forgotten,
    "ST6": _no_credit,
    "ST7": _averages,
}
