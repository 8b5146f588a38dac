"""Names of fields of advice; see :mod:`vocabulary`."""

TABLE = """
addressee: Role of the customer's whom it is for
apply_by_ms: Until when it may be agreed to and done
before: What the measure was before, in its unit
before_s: How long the measure was looked at before
begun_ms: When its round began
benefit_pct: What it brought beyond what the control group changed by; null: not measured
ends_ms: When it is measured
expected_pct: Expected drop of the measure
given_ms: When it was given
guards: What must not come of it; looked at once a day
measure: What is to become less
parameter: Name of the parameter
per: Another signal by which it is divided
round: Number of the round, from 1
usual: Value of the parameter where a machine never said what it has
"""
