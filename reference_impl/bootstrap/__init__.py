"""Puts the DPS together: the one place that knows every concrete class."""

from __future__ import annotations

from pathlib import Path

from broker.link.port import ServiceLink
from reference_impl.bootstrap.contexts import Contexts
from reference_impl.bootstrap.dps import Dps
from reference_impl.bootstrap.settings import IDLE_SITE_S, LICENCE_KEY, ClockMode, Settings
from reference_impl.kernel.bus import Bus
from reference_impl.kernel.store import opened

__all__ = ["IDLE_SITE_S", "LICENCE_KEY", "ClockMode", "Contexts", "Dps", "Settings", "build"]


def build(
    store_url: str,
    service_link: ServiceLink,
    settings: Settings | None = None,
    *,
    full_sync: bool = False,
    restore_from: Path | None = None,
) -> Dps:
    """Build a DPS in this process.

    Args:
        store_url: ``sqlite://`` (memory), ``sqlite:///path`` or ``postgresql+psycopg://…``
            (a database of its own).
        service_link: The service's end of a link, not yet open.
        settings: What may be chosen; None: as each says.
        full_sync: Whether commits survive a power failure, not only kill -9.
        restore_from: A backup (``POST /v1/snapshot``) whose content replaces the store's.
    """
    store = opened(store_url, Bus(), full_sync=full_sync)
    if restore_from is not None:
        store.restore(restore_from)
    return Dps(store, service_link, settings)
