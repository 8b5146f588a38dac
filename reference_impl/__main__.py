"""``python -m reference_impl``: the reference DPS as a process of its own."""

from __future__ import annotations

import argparse
import gc
import sys


def main(arguments: list[str] | None = None) -> int:
    """Read the command line and serve."""
    gc.disable()  # until all is there: what a start makes stays, and looking at it takes 0.1 s
    from reference_impl.bootstrap import IDLE_SITE_S  # noqa: PLC0415
    from reference_impl.entrypoints.http import Options, run  # noqa: PLC0415
    from reference_impl.entrypoints.mqtt import CLIENT_ID  # noqa: PLC0415

    parser = argparse.ArgumentParser(
        prog="python -m reference_impl", description=main.__doc__, allow_abbrev=False
    )
    add = parser.add_argument
    add("--broker", required=True, metavar="URL", help="mqtt://host:port")
    add("--store", default="sqlite://", metavar="URL", help="sqlite:///path; default: in memory")
    add("--port", type=int, default=0, help="HTTP port on 127.0.0.1; default: any free one")
    add("--clock", choices=("driven", "live"), default="driven", help="what moves time")
    add("--web", action="store_true", help="serve the pages below /portal too")
    add("--exit-with-parent", action="store_true", help="stop when standard input closes")
    add("--client-id", default=CLIENT_ID, help="names the session at the broker")
    add("--full-sync", action="store_true", help="commits survive a power failure too (slower)")
    add(
        "--idle-site-s",
        type=float,
        default=IDLE_SITE_S,
        metavar="SECONDS",
        help="live: a site silent for so long no longer holds time back; 0: it always does",
    )
    add(
        "--webhook-range",
        action="append",
        default=[],
        metavar="NETWORK",
        help="webhooks may call this network too, such as 10.20.0.0/16; may be given again",
    )
    add("--smtp", metavar="URL", help="mail goes to smtp://host:port; default: into a file")
    add("--sms-gateway", metavar="URL", help="SMS are posted here; default: into a file")
    given = parser.parse_args(arguments)
    return run(
        Options(
            broker=given.broker,
            store=given.store,
            port=given.port,
            clock=given.clock,
            web=given.web,
            exit_with_parent=given.exit_with_parent,
            client_id=given.client_id,
            full_sync=given.full_sync,
            idle_site_s=given.idle_site_s or None,
            webhook_ranges=tuple(given.webhook_range),
            smtp=given.smtp,
            sms_gateway=given.sms_gateway,
        )
    )


if __name__ == "__main__":
    sys.exit(main())
