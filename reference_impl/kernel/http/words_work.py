"""Names of fields about promised work, and what they mean; see :mod:`vocabulary`."""

TABLE = """
agreed_by: Who agreed to it; empty: nobody yet
begins: `event`: time counts from the fault's beginning; `report`: from its report
begun_ms: When the fault began; null: when it is reported
breached_ms: When it ran out; null: it has not
covers: Who has it: things before contracts before customers
duplicate_of: Id of the work order that stays; empty: it is no duplicate
event_ms: When the fault began; null: nobody knows
follows: Id of the planned work that was put off for it; empty: none
held_for: Why work stands still; empty: it does not
held_ms: Since when work stands still; null: it does not
holidays: Days on which no time counts, YYYY-MM-DD
hours: Open hours by day; null: time always counts
incident: Id of the fault with all its visits: the work order or ticket that it began with
limit_ms: How long it may take, in hours that count
opens_for: Severities of alerts that open a work order by themselves
pause_reasons: What makes time limits wait; never the provider's own lack
paused_ms: How long its limits waited
pauses: Time that does not count
priorities: Limits in minutes, by priority
priority_of: Priority of a fault by the severity of its alert
proposed_by: Who proposed it
proposed_ms: When it was proposed
remote_fix: Whether it was mended from afar; null: nobody tried
side: Whose wish it was: customer or provider
skills: What somebody knows, or must know
sla: Its time limits; null: nothing is promised
slots: When somebody is planned for what
stock: Party whose shelf the parts come from
stopped_ms: When what was promised happened; null: not yet
t0_ms: From when on time counts
technician: Id of who is sent; empty: nobody is named
ticket: Id of a ticket; empty: none
tier: How much is promised: standard, extended, premium
used_from_ms: Begin of the planned downtime; null: none was used
used_to_ms: End of the planned downtime; null: none was used
visits: How many times somebody came
arrive_ms: When the technician will be there
away: Times at which nobody is there, as pairs of begin and end
begin_ms: When the work will begin
at_risk: Priority that work gets while the outcome of its contract is at risk; null for none
bundle_work_min: Minutes that a part takes that is fitted beside other work
bundled: Whether it is done because somebody comes anyway
busiest_day: Alerts of the worst day per technician; null: there is no technician
confirmed_by: Who confirmed it to the customer; empty: nobody
daily_at: When the daily plan is made, HH:MM
day: Local day, YYYY-MM-DD
detour: Way by road divided by the straight way
enabled: Whether it is done by itself
flood_share: Share of the ten minutes with more than ten alerts
horizon_days: How far ahead plans are made, days
latitude_deg: Degrees north
late_ms: By how much limits will be missed, together
leave_ms: When the technician will leave for it
longitude_deg: Degrees east
made_ms: When the plan was made
moves: How often it was moved
notice_min: Minutes from planning to the visit, if it is not urgent
per_technician_day: Alerts per technician and day; null: there is no technician
severity_share: Share of the alerts by severity
speed_kmh: Mean speed on roads, km/h
stale: Alerts that stood longer than a day
stops: Visits of the day, by time
technicians: How many technicians there are
things_per_technician: Machines per technician; null: there is no technician
travel_ms: How long the way takes
undone: Visits that have no slot, with the reason
urgent: Priorities that are planned at once
visit_eur: What a visit costs
work_min: Minutes that a visit takes
work_min_of: Minutes that a visit takes, by its kind
"""
