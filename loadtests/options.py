"""The command line of a load run, and all that can be wrong with it."""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Sequence
from pathlib import Path

from broker.link.address import Address
from loadtests import target
from loadtests.errors import BadRequest
from loadtests.plan import Plan
from loadtests.tape import Track, tracks

ABOUT = "Load an MQTT broker with Locust and settle the account of every message."
ABOVE_0, FROM_0 = "more than 0", "0 or more"
BOUNDS = {
    "users": ABOVE_0,
    "rate": ABOVE_0,
    "duration": ABOVE_0,
    "processes": ABOVE_0,
    "spawn_rate": ABOVE_0,
    "window": ABOVE_0,
    "connect": ABOVE_0,
    "late_ms": ABOVE_0,
    "drain": FROM_0,
    "settle": FROM_0,
    "tolerance": FROM_0,
}
SETTLE_S = 5.0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="twinrig load", description=ABOUT)
    add = made.add_argument
    add("--target", required=True, metavar="URL", help="broker under load, mqtt://HOST:PORT")
    add(
        "--sut",
        default="none",
        metavar="URL|none",
        help="DPS to ask what is stored; none: a witness",
    )
    add("--users", type=int, default=20, help="devices, each with a connection (default 20)")
    add("--rate", type=float, default=100.0, help="messages per second of all together")
    add("--duration", type=float, default=10.0, help="seconds of traffic")
    add("--shape", choices=("constant", "ramp"), default="constant")
    add("--tape", type=Path, help="payload tape; built-in telemetry without it")
    add("--json", dest="json_path", metavar="PATH", help="write the ledger; - for stdout")
    add("--processes", type=int, default=1, help="generator processes that share the devices")
    add("--spawn-rate", type=float, default=200.0, help="new connections per second")
    add("--window", type=int, default=100, help="unacknowledged messages per device")
    add("--connect", type=float, default=10.0, help="seconds to wait for a CONNACK")
    add("--drain", type=float, default=10.0, help="seconds for what is overdue at the end")
    add("--settle", type=float, default=SETTLE_S, help="seconds without news before lost is lost")
    add("--late-ms", type=float, default=500.0, help="sent later than this counts as late")
    add("--tolerance", type=float, default=1.0, help="percent short of asked that is still valid")
    add("--i-may-load", metavar="HOST", help="the one host off this machine that you may load")
    return made


def check(options: argparse.Namespace) -> tuple[Address, list[Track] | None]:
    """Look at everything that can be wrong before anything starts.

    Raises:
        BadRequest: With all problems.
    """
    problems = _numbers(options)
    if options.sut != "none" and not options.sut.startswith(("http://", "https://")):
        problems.append(f"--sut {options.sut!r}: allowed: none, or the URL of a DPS, http://...")
    if importlib.util.find_spec("locust") is None:
        problems.append("Locust is not installed; install it with: pip install 'twinrig[load]'")
    address, played = None, None
    try:
        address = target.parse(options.target, i_may_load=options.i_may_load)
    except BadRequest as error:
        problems += error.problems
    if options.tape is not None:
        try:
            played = tracks(options.tape)
        except BadRequest as error:
            problems += error.problems
    if not problems and played is not None:
        problems += _too_short(options, played)
    if problems or address is None:
        raise BadRequest(problems)
    return address, played


def _numbers(options: argparse.Namespace) -> list[str]:
    given = {name: value for name, value in vars(options).items() if name in BOUNDS}
    problems = [
        f"--{name.replace('_', '-')} {value:g}: must be {BOUNDS[name]}"
        for name, value in given.items()
        if not (value > 0 if BOUNDS[name] == ABOVE_0 else value >= 0)
    ]
    if options.processes > options.users > 0:
        problems.append(
            f"--processes {options.processes}: there are only {options.users} users to share"
        )
    return problems


def _too_short(options: argparse.Namespace, played: Sequence[Track]) -> list[str]:
    plan = plan_of(options, 0)
    if len(played) < plan.users:
        problem = (
            f"tape {options.tape} has {len(played)} devices, --users asks for {plan.users};"
            " use fewer users or write a tape of more devices"
        )
        return [problem]
    short = [
        (track.birth.device, len(track.messages), plan.asked_of(number))
        for number, track in enumerate(played[: plan.users])
        if len(track.messages) < plan.asked_of(number)
    ]
    if not short:
        return []
    device, has, needs = max(short, key=lambda row: row[2] - row[1])
    problem = (
        f"tape {options.tape} is too short for {len(short)} of {plan.users} devices: {device} has"
        f" {has} messages and {needs} are asked; shorten --duration, lower --rate, or add users"
    )
    return [problem]


def plan_of(options: argparse.Namespace, shard: int) -> Plan:
    """The plan of one generator process."""
    return Plan(
        users=options.users,
        rate_per_s=options.rate,
        duration_s=options.duration,
        shape=options.shape,
        shard=shard,
        shards=options.processes,
    )
