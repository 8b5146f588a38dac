"""Stories of firmware that is rolled out, of commands, and of automations; who catches their bugs.

``STORIES`` and ``CAUGHT`` as in test_each_check_catches_a_bug_of_the_dps.py, which takes them in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stories_of_field_work import calls
from stories_of_selling import posts

from harness.scenario import build as b
from harness.scenario.entries import Setup

C = b.check
Tale = Callable[..., b.Scenario]
WORN, WELL, THIRD = "pump-01-1", "pump-01-2", "pump-01-3"
MODEL = "pump-duplex-7k5"
BAD_IMAGE = "effc98e1f161b4e76b51eac77bd94e8e1fe5ad4f7d503be71fada88315082228"
GOOD_IMAGE = "3901fe7da2582120a94ea6c4bc259c2ea55c2d1d74e3b0ab4f043a276f54bf5a"
WEARS = b.fault("seal_leak", WORN, at="0h", onset="0h", pf_interval="30h")


def rolled_out(at: str, name: str, version: str, image: str, **plan: Any) -> Setup:
    """A package is offered, and a rollout of it is begun."""
    package = {"name": "controller", "version": version, "size_bytes": 393_216,
               "checksum": image, "models": [MODEL]}  # fmt: skip
    if hardware := plan.pop("hardware", None):
        package["hardware"] = hardware
    rollout = {"by": "ada", "package": name, "approval": False, **plan}
    made = [
        {"path": f"/v1/firmware/packages/{name}", "body": package},
        {"path": f"/v1/firmware/rollouts/{name}", "body": rollout},
        *({"method": "POST", "path": f"/v1/firmware/rollouts/{name}/{step}", "body": {"by": "ada"}}
          for step in ("submit", "start")),
    ]  # fmt: skip
    return Setup.model_validate({"at": at, "service": {"calls": made}})


BAD = rolled_out(
    "1h", "bad", "1.2.0", BAD_IMAGE, in_flight=1, groups=[{"share": 1.0, "error_share": 0.4}]
)
GOOD = rolled_out(
    "1h", "good", "1.1.0", GOOD_IMAGE,
    groups=[{"things": [WORN], "success_share": 1.0}, {"share": 1.0}],
    window={"hours": "09:00-15:00"},
    health={"after_s": 144_000.0, "alpha": 0.9, "gate": True, "control": [WELL]},
)  # fmt: skip
"""One first; it has an alert in the 40 h after, and who was left out has none."""
OLD = rolled_out("20h", "old", "0.9.0", BAD_IMAGE, things=[WELL], groups=[{"share": 1.0}])
HUMS = ("things/pump-01-1/work-orders", {"by": "desk", "title": "It hums", "priority": "P3"})
ROUNDS = tuple(posts(at, HUMS) for at in ("60m", "70m", "80m", "90m"))
LOOPS = calls(
    ("/v1/automations/echo",
     {"on": {"event": "work_order.*"}, "then": [{"callback": {"name": "echo"}}]}),
)  # fmt: skip
HARDWARE = calls(
    *((f"/v1/things/{name}", {"model": MODEL, "site": "station-01", "serial": f"sn-{name}",
       "title": name, "properties": {"hardware_revision": revision}})
      for name, revision in ((WORN, "A"), (WELL, "B"), (THIRD, "A"))),
)  # fmt: skip
LATER = rolled_out("60h", "later", "1.3.0", BAD_IMAGE, hardware=["B"], groups=[{"share": 1.0}])
AWAY = b.outage(at="1h", lasts="5h", device=WELL)
BOUGHT = (
    calls((f"/v1/models/{MODEL}/features/remote_levels", {"price_eur": 90.0})),
    posts("10m", (f"things/{WORN}/unlocks", {"by": "owner", "feature": "remote_levels"})),
    posts("20m", (f"charges/chg-unl-{WORN}-remote_levels-1-1/payments",
                  {"payment": "bank-1", "step": "settle"})),
)  # fmt: skip
ORDERS = (
    AWAY, *BOUGHT,
    posts("2h", (f"things/{WELL}/commands", {"by": "desk", "name": "get_settings"})),
    *(calls((f"/v1/things/{WORN}/parameters", {"by": who, "values": {"start_level_m": value}}),
            at=at) for at, who, value in (("3h", "ada", 1.4), ("5h", "ben", 1.6))),
)  # fmt: skip
"""Levels are set from afar once that is paid for; the other one is away when it is asked."""
STORIES: dict[str, Callable[[Tale], b.Scenario]] = {
    "a bad build is rolled out": lambda tale: tale(timeline=(BAD,), checks=(C("invariants"),)),
    "a good build is rolled out": lambda tale: tale(
        fleets=(b.fleet("pump", sites=1, devices_per_site=3, report_every="30m"),),
        timeline=(HARDWARE, GOOD, OLD, LATER, WEARS),
        checks=(C("invariants"),),
    ),
    "two change what a device is set to": lambda tale: tale(
        run=b.run("2026-01-28T00:00:00Z", "8h", sync="10m"),
        timeline=ORDERS,
        checks=(C("invariants"),),
    ),
    "a thing does what an event says": lambda tale: tale(
        timeline=(LOOPS, *ROUNDS), checks=(C("invariants"),)
    ),
}
CAUGHT: dict[str, tuple[str, str]] = {
    "believes_what_a_device_tried": ("a bad build is rolled out", "FW2"),
    "begins_a_second_update_meanwhile": ("a bad build is rolled out", "FW4"),
    "knows_no_emergency_stop": ("a bad build is rolled out", "FW7"),
    "confirms_twice": ("a bad build is rolled out", "R1"),
    "tries_again_blindly": ("a bad build is rolled out", "R3"),
    "goes_on_with_an_image_that_was_refused": ("a bad build is rolled out", "FW1"),
    "goes_down_unasked": ("a good build is rolled out", "FW5"),
    "mistakes_what_boots": ("a good build is rolled out", "FW6"),
    "plans_every_update": ("a good build is rolled out", "FW9"),
    "takes_an_update_for_a_new_part": ("a good build is rolled out", "FW11"),
    "goes_on_with_what_is_unhealthy": ("a good build is rolled out", "FW12"),
    "asks_whatever_the_hardware": ("a good build is rolled out", "FW3"),
    "asks_at_any_hour": ("a good build is rolled out", "FW8"),
    "asks_all_at_once": ("a bad build is rolled out", "FW10"),
    "waits_for_ever": ("two change what a device is set to", "R2"),
    "keeps_what_was_confirmed_first": ("two change what a device is set to", "R4"),
    "goes_round_and_round": ("a thing does what an event says", "R5"),
}
