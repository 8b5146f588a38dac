"""Puts the courier of notices together."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from reference_impl.kernel.store import Store
from reference_impl.rules.adapters.channels import channels
from reference_impl.rules.adapters.repository import rows
from reference_impl.rules.courier import NoticeCourier


def courier_of(
    store: Store, now_ms: Callable[[], int], *, smtp: str | None, sms_gateway: str | None
) -> NoticeCourier:
    """The courier; mail and SMS go into a file where no server is named.

    Raises:
        ValueError: If the address of the mail server is none.
    """
    found = channels(smtp=smtp, sms_gateway=sms_gateway, sink=_sink(store.url))
    return NoticeCourier(store=store, rows=rows(), channels=found, now_ms=now_ms)


def _sink(store_url: str) -> Path:
    """A file beside a store that is one, else among the temporary ones."""
    path = store_url.removeprefix("sqlite:///")
    if path == store_url:
        path = str(Path(tempfile.gettempdir()) / f"twinrig-{os.getpid()}")
    return Path(f"{path}.notices.jsonl")
