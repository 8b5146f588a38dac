"""The words of contracts, as :mod:`words` has those of everything else."""

from __future__ import annotations

TABLE = """
asked_by: Who asked for it
baseline_days: How many days at least the baseline is taken for, before credits count; 0: none
bonus_cap_pct: The most that the bonus can be, of the fee
bonus_eur: What is paid beyond the fee
bonus_pct_per_step: Bonus for each whole step above the target, of the fee
connectivity: Whose the network is that reports come through
corrections: What stretches of the period really were
costs: What a visit costs the provider
counts_when: CEL over the signals: when time counts at all; empty: always
degraded_weight: What a degraded hour costs of one that is down, 0 to 1
degraded_when: CEL over the signals: when what is not up still works, less well; empty: never
demand: How much is asked for
eur_per_unit: Price of a unit of what is used, euros
evidence: What shows it
exclusions: Reasons for which time may be excluded
from_period: The month from whose begin on it counts
gain: The gain share; null: none
k: How many must be up
limit_per_day: The most that can be used in a day; what a day without data counts as
night_visit_eur: A visit between 22 and 6 o'clock
objection_s: How long one may object to a result; null: nobody may, it is final at once
place: The place, named after its first thing
updates_are_planned: Whether the downtime of an update of firmware is planned
planned_allowance_s: How much planned work of a period is not charged; null: all that was agreed
rectify_s: A failure mended within it counts as available for its whole time
renews: Whether it is followed by one like it when it ends
replace_after_days: After how many days a thing is due for replacement; null: never
shortfall_share: What the provider bears of what is used beyond the baseline, 0 to 1
side: Whom one speaks for
terms: Clauses
tier: Name of the tier; empty: none
used: What is used
warn_every_s: How often an open period is looked at for what is at risk; null: never
"""
