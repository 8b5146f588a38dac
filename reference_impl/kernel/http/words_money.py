"""Names of fields of money and of business cases; see :mod:`vocabulary`."""

TABLE = """
again: Whether its lines come again on the next invoice
corrects: Line of an earlier invoice that it corrects; empty: none
credits: Invoice that a credit note takes back; empty: it is none
drafted_ms: When it was drafted
draws: How many draws
effects_eur: Effect at each site
energy_eur_per_kwh: Price of energy, euros
energy_growth_pct: Growth of the price of energy a year
energy_kwh_per_year: Energy used
eur: Amount each time, euros
every: Months from one time to the next; 0: once
every_years: Years from one replacement to the next
evidence: What stands behind it
fee_eur_per_month: Fee, euros
first: First month, from 0
follows: Pricing that it took the place of; empty: none
form: csv or json
growth_pct: Growth of the amount a year
high_eur: Where the promised band ends
high_pct: Highest deviation from what is said
invoice: Id of an invoice; empty: it is on none yet
issued_ms: When it was sent out
key: What is charged, for good
last: Last month; null: the end
level_pct: Level of the interval
low_eur: Where the promised band begins
low_pct: Lowest deviation from what is said
month: Calendar month in UTC, such as 2026-01
pricing: Id of a pricing
purchase_eur: What is paid at the start
rate_pct: Yearly rate at which cash is discounted
records: How many records
renewals: What is replaced now and then
rest_value_eur: What it is worth at the end
safety_alerts: What becomes of safety alerts while the plan is not paid for, or whether they go out
seed: Seed of chance; the same one gives the same answer
service: Service that it pays for; pricings of one service of one thing never overlap
shares: Percent by party, together 100
terms: Terms of the model
to: Id of the pricing that takes its place
upkeep_eur_per_year: Upkeep, euros
upkeep_growth_pct: Growth of upkeep a year
value: Value
ways: Ways to have a product
with_project: Cash flows with the project
without_project: Cash flows without it
years: Years
"""
