"""``locust -f loadtests/locustfile.py``: devices under Locust's own hand.

Each Locust user is one device that reports every ``--every`` seconds on an anchored schedule, to
``--host`` (mqtt://127.0.0.1:1883 if not given). Shapes are files of their own:
``-f loadtests/locustfile.py,loadtests/shapes/ramp.py -u 100 -t 60s``. ``python -m loadtests.run``
drives this file with a plan and settles the account with what was stored.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path

import gevent
import msgspec
from locust import events
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment

from loadtests import tape, target
from loadtests.errors import BadRequest
from loadtests.job import Job, Settings
from loadtests.users.campaign import Campaign
from loadtests.users.user import DeviceUser

__all__ = ["DeviceUser"]

WORKER_SPAN = 100_000
"""Device numbers that each worker of a distributed plain run has to itself."""
_log = logging.getLogger("twinrig.load")


def add_options(parser: LocustArgumentParser) -> None:
    """Our options beside Locust's own."""
    parser.add_argument(
        "--every", type=float, default=1.0, help="Seconds between two messages of a device"
    )
    parser.add_argument(
        "--tape", default="", help="Payload tape to play; built-in telemetry without it"
    )
    parser.add_argument(
        "--i-may-load",
        default="",
        metavar="HOST",
        help="Name of the one host beyond this machine that you are allowed to load",
    )
    parser.add_argument(
        "--job", default="", include_in_web_ui=False, help="Written by loadtests.run"
    )


def prepare(environment: Environment, **_: object) -> None:
    """No campaign before the test starts."""
    environment.campaign = None


def start(environment: Environment, **_: object) -> None:
    """Set up the campaign, or end the run with the reason."""
    try:
        environment.campaign = campaign_of(environment)
    except BadRequest as error:
        environment.campaign = None
        _log.error("%s", error)
        environment.process_exit_code = error.exit_code
        gevent.spawn(environment.runner.quit)


def stop(environment: Environment, **_: object) -> None:
    """Say in one line what became of a plain run."""
    if environment.campaign is not None and environment.campaign.plan is None:
        _log.info("%s", environment.campaign.summary())


def campaign_of(environment: Environment) -> Campaign:
    """Read the options.

    Raises:
        BadRequest: If target, tape or numbers are wrong.
    """
    options = environment.parsed_options
    address = target.parse(
        environment.host or target.DEFAULT, i_may_load=options.i_may_load or None
    )
    job = None
    if options.job:
        job = msgspec.json.decode(Path(options.job).read_bytes(), type=Job)
        tape_path = job.tape
    else:
        tape_path = options.tape
        if options.every <= 0:
            raise BadRequest([f"--every {options.every:g}: must be more than 0 seconds"])
    return Campaign(
        job.settings
        if job
        else Settings(start_ms=time.time_ns() // 1_000_000, every_s=options.every),
        address=address,
        plan=job.plan if job else None,
        tracks=tape.tracks(Path(tape_path)) if tape_path else None,
        report_path=Path(job.report) if job else None,
        on_finished=lambda: gevent.spawn(environment.runner.quit),
        first_number=WORKER_SPAN * max(getattr(environment.runner, "worker_index", 0), 0),
    )


events.init_command_line_parser.add_listener(add_options)
events.init.add_listener(prepare)
events.test_start.add_listener(start)
events.test_stop.add_listener(stop)
