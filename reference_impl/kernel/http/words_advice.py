"""Names of fields of advice and forecasts; see :mod:`vocabulary`."""

TABLE = """
addressee: Role of the customer's whom it is for
apply_by_ms: Until when it may be agreed to and done
before: What the measure was before, in its unit
before_s: How long the measure was looked at before
begun_ms: When its round began
benefit_pct: What it brought beyond what the control group changed by; null: not measured
ends: What it comes to: `full`, `flat`, or `due` (a part)
ends_ms: When it is measured
expected_pct: Expected drop of the measure, per cent
given_ms: When it was given
guards: What must not come of it; looked at once a day
interval_pct: Cases between p10 and p90
measure: What is to become less
p10_ms: One in ten cases is earlier; null: not in sight
p50_ms: Half of the cases are earlier; null: not in sight
p90_ms: Nine in ten cases are earlier; null: not in sight
parameter: Name of the parameter
per: Another signal by which it is divided
recent: How many of the last days are compared with those before
round: Number of the round, from 1
share_pct: How far it has come; null: too few readings
usual: Value of the parameter where a machine never said what it has
"""
