"""Names of fields about collection rounds, and what they mean; see :mod:`vocabulary`."""

TABLE = """
about: What it is about
baseline_eur: What nearest neighbour and 2-opt would cost for the same day
capacity_kg: Kilograms that it takes
capacity_l: Litres as thrown in that it takes
clean_s: How long a cleaning takes
cleaned: How many were cleaned
cleaning: When it is cleaned with a stop; null: never
collection: Id of a collection
days_max: Days after which it is cleaned in any case
depart_ms: When the truck leaves
depot: Where trucks begin and end
disposal: Where trucks unload; null: at the depot
distance_m: Metres by road
fill_signal: Signal that says how full it is
fixed_eur: What so many fixed rounds through everything would cost; null: nobody asked
full_at: Value of the fill signal when it is full
full_risk: Chance to be full before the next route from which on it is driven to, from 0 to 1
holds_l: Litres as thrown in when it is full
kg: Kilograms
kg_per_l: Kilograms of a litre as thrown in
latitude_signal: Signal with its degrees north
left_out: What is not driven to, and why
litres: Litres as thrown in
longitude_signal: Signal with its degrees east
must: Whether it must be served (of a list: how many)
must_rules: Rules whose alert makes a stop urgent
neighbour_m: How far people are sent to the next one, in metres; 0: nobody is
neighbour_room: Share that must be free in it, from 0 to 1
odour_from: Value of the odour signal from which it is cleaned
odour_signal: Signal that says how it smells; empty: none
overflow_eur: What an overflow costs, that a stop may prevent
places: Where things stand that do not say so, by thing
plan_at: Local time of the daily plan, HH:MM
plans: How many days were planned
ready_eur: What a stop at a ready one is worth
ready_rules: Rules whose alert makes a stop worth it
route: Id of a route
routes: How many routes there were
served: What was served
served_per_week: Stops that were made, by thing and week
service_s: How long a stop takes
shift_from: Local time, HH:MM
shift_to: Local time, HH:MM
skipped: What was not served
solver: What made the plan
tasks: What is done there: empty, clean
times: How often it was told
trip: Number of the way from one unloading to the next, from 0
truck: Id of a truck
truck_eur_h: What an hour of a truck with its crew costs
truck_eur_km: What a kilometre costs besides
trucks: Trucks with their shifts
unload_s: How long an unloading takes
use_from: How much the counter grows until it is cleaned
use_signal: Counter of its use; empty: none
wanted: How many were worth a stop
"""
