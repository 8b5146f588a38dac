"""Names of fields and what they mean, one a line; see :mod:`vocabulary`."""

TABLE = """
accept: Agreements that are accepted with it: version by id
account: Bank account that invoices name
activation: Whether it is bought per thing or for all
active: Whether it is the version that is evaluated
added: How many are new
address: Where it goes: mail address, telephone number; empty on the web
after_ms: The last reading before the gap
alert: Id of an alert
alerts: Alerts that stand
algorithm: Name of an algorithm (GET /v1/algorithms)
allowed: What is allowed instead
allowed_parts: Codes that may be ordered; null: all
amount_eur: What is asked for
api_calls_per_minute: Calls per minute and caller
approver: Who is asked; empty: whoever may
args: Arguments by name, each in the unit that its model declares
at_ms: When it happened
attempt: How many visits there were for this need, this one too
attempts: How often it was tried
auth: `open`: who sends nothing is the operator; `key`: everybody says who calls
automation: Name of an automation
backorder: Whether the rest comes later than said
band: Whether it is good, due or overdue
batch_h: Orders within so long are put together
batch_ms: Orders within so long are put together
before_from_ms: Begin of the period before
before_ms: The first reading behind the gap
before_to_ms: End of the period before
begin_ms: When it began
blackout: Times in which nothing is ordered: from (included), to (not included)
body: What was installed
broker: Which broker it listens to
buyer: Customer, or partner, that buys
by: Who did it
by_itself: Whether it is closed when its alert clears
bytes: Size of the copy, bytes
cancel_window_h: How long an automatic order may still be cancelled
cancel_window_ms: How long an automatic order may still be cancelled
cap_pct: Highest credit, of the fee of the period
category: Category of parts; empty: none
cause: Id of the cause
causes: Causes by likelihood
chain: Decisions that belong together, oldest first
change_pct: Difference, of the period before
changed: How many are changed
changed_ms: When it last changed
channel: web, email or sms
channels: web, email, sms
class: Class of it, final once it is there
clock: `driven` by clock calls, `live` by what arrives
code: What kind of refusal; stable
commands: Commands: ids that went out, or declarations by name
compliance: How it was followed; null: nothing is known
compliance_rate: Ordered in time, as recommended or changed, of those judged
condition: Name of a condition of the model
conditions: Wear levels that are computed
connection: Whether it reported lately
constants: Figures by name
contact: Who is told; of a supplier: how to reach it
contract: Id of the contract that pays or measures; empty: none
contracts: Kinds of contract
cost_eur: What the contract that covers it bears
credit_eur: What is paid back
credit_pct_per_step: Credit for each whole step below the target, of the fee
crew: Who comes
csv: A table with a header line
currency: Three letters, ISO 4217
cursor: What to give as `after` for what comes next
customer: Id of a customer
customer_pays_for: What the customer pays for
customers: Ids of customers; null: all
cycle: Number of the part in this position, 1 is the first
cycles: Cycles that ended
daily_at: Time of day of the place, `HH:MM`; null: on the grid of `every_s`
daily_max_pct: Most wear that a day can bring; 0: no limit
data: What belongs to its kind (docs/reference/dps-contract.md, feed)
data_used_to: What data are used for
days: How many days were looked at
dead: How many messages were put aside
decided_ms: When the rule at its root fired
deleted: What is no more
delivered: Distinct messages handed to the broker so far, by site
detail: What the device, or the receiver, said
devices: Ranges of numbers, by device and boot
diagnosis: Causes with their signs
digest: Digest of the message
discount_eur: Discount on the goods
discount_pct: Discount on the goods
dry_run: Only check it
due_days: Days until it is due
due_ms: When it is due
duration_ms: How long it lasted
early_waste_eur: Value of what was replaced before it was used up
email: Mail address
end_ms: When it ended; null: not yet
ended_by: Who or what ended it
ended_ms: When it arrived or was lost; null: on its way
error: What went wrong; empty: nothing
eta_ms: When it will be there; null: not known
evaluations: How many evaluations of the cycle there were
event_id: Id of the event in the feed
events: What happened, oldest first
every_s: How often it is evaluated
expires_at_ms: When it ends to be valid; null: never
expires_ms: After this the device does not obey it any more
expires_s: How long the device may still obey it
express: Whether it is an express delivery
factor: So many times the normal number trips it
failed: Whether it failed before it was replaced; null: not known
failures: How many alerts of severity failure stand
failures_compliant: Failures where advice was followed, share from 0 to 1
failures_others: Failures where it was not, share from 0 to 1
family: Alerts of one family have one action
feature: Name of a feature
features: Names of features
fee_eur: Fee of the period (of a contract: per calendar month)
feed_cursor: Where the feed ends now
field_teams: Teams in the field that it needs
figure: How a day of readings becomes one number
fired: How often it fired
first_time_fix: Whether the first visit did it; null: not known yet
flag: Why it is not to be believed
flags: Signals that are not to be believed now
for_order: Order of an end customer that this line serves (M3); empty: none
forecast: What was forecast when it was issued
forecasts: What the conditions said that the rule read
free: On the shelf and promised to nobody
from_ms: Begin, included
gaps: Stretches without readings
goal: What it is for
grace_s: How long after a period late readings still count
granted: Whether the customer consents
group: Group of callers, buyers or parts
groups: Groups of users that must accept it
handling_h: Handling between delivery and fitting
held: How long it must have held
history: What happened to the chain, oldest first
id: Id, a function of what it stands for
images: Addresses of pictures
ingested: Messages taken in so far
initiatives: Initiatives that are on
inputs: Values of the rule's variables when it fired
instructions: What to do
internal: Whether the customer does not see it
items: What was asked for
kind: What kind it is
kinds: Kinds of events, `order.*` for a family, `*` for all
kits: Conditions that are watched by themselves
kpi: How readings become one number
language: Two letters, such as `de`
last_used_ms: When it was last used; null: never
last_report_ms: When it last reported; null: never
lead_time_h: Order to delivery, hours: half and nine of ten arrive within
lead_time_p50_h: Order to delivery: half arrive within
lead_time_p90_h: Order to delivery: nine of ten arrive within
led_by: Role that leads it
let: Variables of the rule, as the pack declares them
level: What the algorithm says beside wear, in its own unit; of a DPS: what it offers
limits: How much a tenant may have
line: Number of a line, from 1
lines: Lines
list: Group of buyers: M1, M2, M3
list_eur: List price of one
load: Whether people can manage so many
location: Where it stands
machine: Title of the machine
machines: Machines
markers: Machines on the map
max: The most that is allowed, in `unit`
max_open_orders: How many orders may be open; null: any number
max_unit_price_eur: Highest price of one; null: any
max_usage: Usage at 100 % wear, in `usage_unit`
method: POST, PUT, DELETE or PATCH
metrics: Signals that are computed
min: The least that is allowed, in `unit`
minutes: Minutes that count; null: not ended
mode: auto, approval or off
model: Kind of thing; of an order: stakeholder model; of terms: supply
models: Models that it fits
monthly_budget_eur: Most in a calendar month; null: any
months: Length of a period, months
name: Name for people
need_key: `<thing>/<position>/<cycle>`
newest_ms: When the newest reading was taken; null: none
next: What to give as `after` for the next page; null: this is the last
next_due_ms: When the DPS has something to do; null: nothing is planned
next_plan: Plan from the next period on; null: the same
normal_per_day: Recommendations of a normal day; null: judged by history
note: What else is to be said
notes: What was said, oldest first
now_ms: What time it is
number: Number in its list, from 1
obeys: Commands, settings and features
of: What uses it
off_platform: Whether the part came from elsewhere; null: not known
off_platform_share: Parts from elsewhere, share from 0 to 1
offer: What the provider would deliver instead; null: nothing else
ok: Whether nothing is wrong
old_until_ms: Until when the secret before is valid, too; null: there is none
on_hand: How many lie there
one_of: Words that are allowed; empty: any
open: How many have no class yet
opened_by: Who asked
operating: Whether it works, stands by or fails
order: Id of an order; empty: none
order_when: By which rule it is recommended (SP9)
organisation: Id of an organisation or branch
organisations: Ids of organisations
outcome: fixed, helped, no_effect or not_possible
outlook: Newest forecast; empty: none yet
overdue: Whether, or how many, are past due
owner: Who owns it; of a need: which owner of the thing, from 1
p50: Half arrive within, hours
p90: Nine of ten arrive within, hours
pack: Name of a rule pack
pack_version: Version of the pack when it fired
params: Parameters
parent: What it stands below; empty: at the top
part: Code of a part
partner: Id of a partner; empty: none
partners: Ids of partners that serve it
parts: Parts, or their codes
party: Id of the organisation, partner or customer that it belongs to
passed: Whether all expectations held
password: Kept as a digest, never answered
path: Path of a file on the computer of the DPS; of a write: what was called
paused: Whether nothing is ordered for now
payload: The beginning of the message, as text
payment: Id of the payment at its provider
per_minute_eur: Price of a minute
period: Calendar month, `YYYY-MM`
permissions: `<what>:<read, write, delete, import or approve>`
personal: Whether it tells of persons
phone: Telephone number
plan: Id of a plan
policy: What was decided by: auto or approval; empty: nothing
position: Place of the part in the model
premature_share: Replaced long before they were used up
price_eur: Price of one
priority: How urgent it is
problems: All that is wrong
product: Product, of which there are models
properties: Custom properties (CC22), by name
provider: Who sells: `organisation` or a partner
purpose: What data are used for; of a rule: why it is there
purposes: What it may be used for
quality: Checks of readings
quantity: How many
quiet: Hours in which only what is urgent is told, `22:00-07:00`
raised_ms: When the alert was raised
raw_months: Months for which raw data are kept, of 31 days; null: for good
raw_pct: Wear before it was bounded
readings: How many readings; of a visit: what was measured, by signal
ready: Whether it has subscribed
reason: Why; empty: not said
reason_forced: Whether it may not be discarded without a reason
received_ms: When it came in; null: not known
recipient: Id of a Data Recipient
remedies: What to try, likeliest first
remedy: A remedy: its place in the list from 0, or its words
replaced: How many evaluations were replaced
replaces: Code that it takes the place of; empty: none
required: Whether it must be given
reserved: How many are promised
restock_ms: When more comes in; null: not known
restored_ms: When its alert cleared; null: not yet, or none
result: What it came to; null: not closed yet
revision: Name of a revision of a condition
risk: What happens if nothing is done; empty: not judged
role: Id of a role
routed_to: Who takes care of it
rule: Id of a rule
rules: How each rule did
runout_p10_ms: When it is used up, early (one in ten before); null: no end in sight
runout_p50_ms: When it is used up, median; null: no end in sight
runout_p90_ms: When it is used up, late (nine in ten before); null: no end in sight
scheme: Place in the exploded view
secret: Told once, or chosen by who makes it; never answered again
seller: Who sells; of list M2 a partner
serial: Serial number
series: Readings, signal by signal
sessions: Kinds of work sessions
sets: Metric sets that it stands in
settings: Settings by name
severities: Severities that are told; empty: all
severity: How bad it is, worst is `failure`
share: Share of all customers, from 0 to 1
shelved_until_ms: Until when it is silent; null: it is not
shipments: Parcels, oldest first
shipped: How many have left
short: Messages that are still missing, by site
signal: Name of a signal
signals: Signals by name
signs: What speaks for it, and against
since_ms: From when on it is so
site: Id of a site
sku: Code of the part
snoozed_until_ms: Until when it is put off; null: it is not
source: Who says it
sources: Other ways to get it
specversion: Version of CloudEvents
standstill_avoided_h: Standstill that following it avoids; null: not known
start_eur: Price of beginning
start_ms: When it begins; null: not planned yet
started_ms: Since when the condition has held
stale_after: How old a reading may be before it counts as none
state: Where it stands
status: Where it stands; of an answer: its HTTP status
step: What was done; of a tenant: step of the staircase, 1 to 8
steps: Steps that were taken, oldest first
stock_out_rate: Cycles in which it ran out before the next was there
stopped: Whether it was stopped, because it ran in circles
strict_rate: Ordered in time exactly as recommended, of those judged
sub_models: Model that stands there, by place
subject: What it is about
superseded_by: Code that takes its place; empty: none
supplier: Who delivers
take: How readings become one value
taken_by: Who took it over; empty: nobody
target: Promised share of the time, 0 to 1
tariff: Id of a tariff
tax_eur: Tax
tax_number: Tax number
tax_pct: Tax on the goods
technical: Technical data, by name
tenant: Id of a tenant: a root organisation
tests: How the pack's tests went
text: Words for people
thing: Id of a thing
things: Ids of things
time: When it happened, RFC 3339 UTC
time_zone: Name in the IANA database, such as `Europe/Rome`
title: Words for people
to_ms: End, not included; null: open
todo: How many are to be done
token: Proves ownership; kept as a digest
tolerance_pct: How much above 100 a part may be used
topic: What it is about; of a message: where it came
total: How many in all
total_eur: What is to be paid
trial_days: Days that are free at first
tried: Remedies that were tried, oldest first
type: Kind of event
unit: Unit of the values
unit_price_eur: Price of one
unknown_after_s: How long a report holds; after that the state is unknown
until_ms: Until when; null: still so
up_when: CEL over the signals of the things
urgency: How soon somebody should decide
url: Address that is called
usage_unit: Unit of `max_usage`
user: Id of a user
users: Users
values: Values, each in its signal's unit
version: Version
view: Face that the role works with
visit_eur: What a visit costs; null: parts are not pulled forward to one
visit_h: Time that a visit takes to plan and do
wait_s: How long to wait for messages that are short
warnings: What should be looked at
way: Which way it goes
wear_at_replacement_mean_pct: Wear of what was replaced, mean
wear_at_replacement_p90_pct: Wear of what was replaced, nine of ten are below
wear_metric: Metric that says how worn it is
wear_pct: Used-up share of the part; 100 is due; null: not known yet
webhook: Id of a webhook
weight: How much it counts
what: What it is
when: The condition, CEL
where: Where in the request
why: Why, in words
windows: Readings that the variables were made of
work_h: How long it takes
work_order: Id of a work order
worst: Worst severity that stands; null: none
written: How many evaluations were written
"""
