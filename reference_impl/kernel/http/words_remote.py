"""Names of fields of remote control and firmware; see :mod:`vocabulary`."""

TABLE = """
after_s: How long it is waited before somebody looks
alpha: Below this chance a difference is no accident
approval: Whether somebody else must approve it first
avoided_visits: Faults that telemetry says were resolved from afar
began_ms: When it began
chance: Chance of at least so many events if both rates were equal; null: nobody to compare with
checksum: SHA-256 of the image, hexadecimal
command: Command: its id, or its name and arguments
confirm: The reading that says that it is done
control: Things to compare with
control_events: Alerts of those that were not updated
control_hours: Machine-hours of those that were not updated
created_by: Who wrote it
current: The group that runs, from 1; 0: none yet
desired: What was asked for
desired_by: Who asked for it
device_timeout_s: How long an update may take before it is given up
downgrade: Whether an older version may replace a newer one
durable: Whether it waits for a device that is away
equals: What the signal must equal, in its unit
error_share: More errors than this share of a group stop the rollout
firmware: Version that the device reported last; empty: none
fix: Id of a remote fix
forbidden: What the telemetry of a device must not say when it is asked
gate: Whether the next group waits for the verdict
hardware: Hardware revisions; empty: any, or not known
health: How groups are compared with others after their update
hours: Hours: from and to of a day, or machine-hours that were watched
idempotent: Whether it does no more when it is done twice
if_version: The change is made only if the settings still have this version
in_flight: How many updates may be under way at once
origin: Who asked: `hand` (a person), or by itself a `rule`, `automation`, `billing`, `remedy` ...
over_s: How far back readings are taken
package: Id of a package of firmware
patience_s: How long a device is waited for, once its group runs
per_minute: How many devices are asked in a minute
reported: What the device said that it has; null: it never did
retries: How often it is tried again
retry_every_s: How long after a try has failed it is made again
rollout: Id of a rollout
sites: Ids of sites; null: all
size_bytes: Size of the image, bytes
success_share: Share of a group that must be updated before the next one begins
timeout_s: When a try has failed that was not confirmed
tolerance: How far from it still counts, in the unit of the signal
tries: How often it was tried
updates: Updates by rollouts
value: The value, in the unit of the parameter
verdict: Whether it is `HEALTHY`; `WAITING`: it is too early
verify: The condition on telemetry that says that it helped
visit: With which part somebody goes where, if it did not help
was: The version before
window: When devices may be asked, in their local time
"""
