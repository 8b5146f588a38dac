"""Puts the DPS together: the one place that knows every concrete class."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fastapi import APIRouter, FastAPI

from broker.link.port import Packet, ServiceLink
from broker.wire import topics
from broker.wire.codec import encode
from reference_impl.ingestion import api as ingestion_api
from reference_impl.ingestion.adapters.repository import IngestionRows
from reference_impl.ingestion.adapters.telemetry import RecentTelemetry
from reference_impl.ingestion.presence import Presence
from reference_impl.ingestion.service import Ingestion
from reference_impl.insight import api as insight_api
from reference_impl.insight.adapters.repository import rows as insight_rows
from reference_impl.insight.adapters.series import MetricSeries
from reference_impl.insight.service import Insight
from reference_impl.insight.whole import Whole, assemble
from reference_impl.integration import api as integration_api
from reference_impl.integration.wiring import explainer_of, webhooks_of
from reference_impl.kernel.bus import Bus
from reference_impl.kernel.feed import Feed
from reference_impl.kernel.http import system
from reference_impl.kernel.http.app import create_app
from reference_impl.kernel.migrate import bring_up_to_date
from reference_impl.kernel.outbox import Outbox
from reference_impl.kernel.schedule import Scheduler
from reference_impl.kernel.store import Store, opened
from reference_impl.kernel.timekeeping import Timekeeper
from reference_impl.maintenance import api as maintenance_api
from reference_impl.maintenance import ticket_api
from reference_impl.maintenance.adapters.repository import rows as maintenance_rows
from reference_impl.maintenance.service import Maintenance
from reference_impl.maintenance.tickets import Tickets
from reference_impl.orders import api as orders_api
from reference_impl.orders.adapters.repository import rows as order_rows
from reference_impl.orders.service import Orders
from reference_impl.outcomes import api as outcomes_api
from reference_impl.outcomes import selling_api
from reference_impl.outcomes.adapters.repository import rows as outcome_rows
from reference_impl.outcomes.charges import Charges
from reference_impl.outcomes.rentals import Rentals
from reference_impl.outcomes.service import Outcomes
from reference_impl.outcomes.subscriptions import Subscriptions
from reference_impl.outcomes.unlocks import Unlocks
from reference_impl.registry import api as registry_api
from reference_impl.registry.adapters.repository import RegistryRows
from reference_impl.registry.callers import KnownCallers
from reference_impl.registry.governance import Governance
from reference_impl.registry.offered import KnownReaders, Offered
from reference_impl.registry.service import Registry
from reference_impl.remote import api as remote_api
from reference_impl.remote.adapters.repository import rows as remote_rows
from reference_impl.remote.service import Remote
from reference_impl.rules import api as rules_api
from reference_impl.rules import people_api, view_api
from reference_impl.rules.adapters.repository import rows as rule_rows
from reference_impl.rules.service import Rules
from reference_impl.rules.views import Views
from reference_impl.rules.wiring import courier_of

ClockMode = Literal["driven", "live"]
LICENCE_KEY = "twinrig"
"""What a simulated vendor signs with; a real one gives its own (TWINRIG_LICENCE_KEY)."""
IDLE_SITE_S = 30.0
"""Live: a site that said nothing for so long, wall time, no longer holds the others back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contexts:
    """The services, for pages and tests."""

    registry: Registry
    ingestion: Ingestion
    analytics: Whole
    insight: Insight
    orders: Orders
    rules: Rules
    maintenance: Maintenance
    tickets: Tickets
    outcomes: Outcomes
    charges: Charges
    subscriptions: Subscriptions
    unlocks: Unlocks
    rentals: Rentals
    remote: Remote

    def subscribe(self, bus: Bus) -> None:
        """Let everybody listen, in the order in which effects follow causes."""
        self.ingestion.subscribe(bus)
        self.analytics.subscribe(bus)
        self.orders.subscribe(bus)
        self.rules.subscribe(bus)
        self.maintenance.subscribe(bus)
        self.tickets.subscribe(bus)
        self.outcomes.subscribe(bus)
        self.subscriptions.subscribe(bus)
        self.unlocks.subscribe(bus)
        self.rentals.subscribe()
        self.remote.subscribe(bus)


class Dps:
    """A whole DPS: ``app`` answers HTTP, the link brings telemetry, :meth:`start` joins both."""

    def __init__(
        self,
        store: Store,
        link: ServiceLink,
        *,
        clock: ClockMode = "driven",
        broker: str = "memory",
        idle_site_s: float | None = IDLE_SITE_S,
        operator_key: str | None = None,
        wall_s: Callable[[], float] = time.monotonic,
        webhook_ranges: Sequence[str] = (),
        licence_key: str = LICENCE_KEY,
        smtp: str | None = None,
        sms_gateway: str | None = None,
    ) -> None:
        self.store = store
        self._licence_key = licence_key
        self._wall_s = wall_s
        self._link = link
        self._live = clock == "live"
        self.scheduler = Scheduler()
        self._ready = False
        self._task: asyncio.Task[None] | None = None
        self._telling: asyncio.Task[None] | None = None
        self._readers = KnownReaders()
        self._carrying: asyncio.Task[None] | None = None
        self.feed = Feed()
        self.feed.subscribe(store.bus)
        self.outbox = Outbox(store, link.publish)
        self.directory = RegistryRows()
        self._ingestion_rows = IngestionRows()
        self.telemetry = RecentTelemetry(store, self._ingestion_rows)
        self.presence = Presence(store, self.telemetry)
        self.series = MetricSeries(store, self.telemetry)
        ingestion = Ingestion(
            store=store,
            rows=self._ingestion_rows,
            columns=self.telemetry,
            directory=self.directory,
            requests=self.outbox,
            now_ms=self.now_ms,
            wall_s=wall_s,
            idle_site_s=idle_site_s if self._live else None,
        )
        self.timekeeper = Timekeeper(
            store=store,
            scheduler=self.scheduler,
            outbox=self.outbox,
            feed=self.feed,
            intake=ingestion,
            live=self._live,
            look_again_s=idle_site_s,
        )
        self.contexts = self._contexts(ingestion)
        self.notices = courier_of(store, self.now_ms, smtp=smtp, sms_gateway=sms_gateway)
        self.timekeeper.on_moved(self.notices.flush)
        self.outbox.on_sent(self.contexts.remote.sent)
        self.callers = KnownCallers(
            store=store, rows=self.directory, operator_key=operator_key, wall_s=wall_s
        )
        self.governance = Governance(
            rows=self.directory,
            registry=self.contexts.registry,
            callers=self.callers,
            telemetry=self.telemetry,
            raw=self._ingestion_rows,
        )
        self.governance.schedule(self.scheduler)
        self._readers.know(self.callers)
        self.webhooks, self.courier = webhooks_of(
            store,
            ranges=webhook_ranges,
            principal=self.callers.principal,
            on_change=self.directory.on_change,
            wall_s=time.time,  # noqa: TID251 - receivers compare what is signed with their clocks
            now_ms=None if self._live else self.now_ms,
        )
        self.timekeeper.on_moved(self.courier.flush)
        self.app: FastAPI = create_app(
            store, self._routers(broker), callers=self.callers, after_write=self._wrote
        )

    def _contexts(self, ingestion: Ingestion) -> Contexts:
        scheduler, directory, telemetry = self.scheduler, self.directory, self.series
        analytics = assemble(
            store=self.store,
            rows=insight_rows(),
            scheduler=scheduler,
            series=telemetry,
            arrivals=self._ingestion_rows,
            directory=directory,
            raised=lambda conn, thing: rules.listed(conn, "alerts", thing=thing),
        )
        insight = analytics.insight
        maintenance = Maintenance(
            rows=maintenance_rows(), scheduler=scheduler, directory=directory, levels=insight
        )
        orders = Orders(
            rows=order_rows(), scheduler=scheduler, directory=directory, visits=maintenance
        )
        rules = Rules(
            store=self.store,
            rows=rule_rows(),
            scheduler=scheduler,
            telemetry=telemetry,
            directory=directory,
            conditions=insight,
            parts=orders.catalogue,
            offers=Offered(directory),
            readers=self._readers,
        )
        charges = Charges(rows=outcome_rows())
        return Contexts(
            registry=Registry(rows=directory),
            ingestion=ingestion,
            analytics=analytics,
            insight=insight,
            orders=orders,
            rules=rules,
            maintenance=maintenance,
            tickets=Tickets(
                rows=maintenance_rows(),
                directory=directory,
                responsible=directory.responsible,
                alerts=lambda conn, alert: next(iter(rules.listed(conn, "alerts", id=alert)), None),
            ),
            outcomes=Outcomes(
                rows=outcome_rows(), scheduler=scheduler, telemetry=telemetry, directory=directory
            ),
            charges=charges,
            subscriptions=Subscriptions(
                rows=outcome_rows(), scheduler=scheduler, directory=directory, charges=charges
            ),
            unlocks=Unlocks(
                rows=outcome_rows(),
                directory=directory,
                charges=charges,
                licence_key=self._licence_key,
            ),
            rentals=Rentals(
                rows=outcome_rows(), scheduler=scheduler, directory=directory, charges=charges
            ),
            remote=Remote(
                rows=remote_rows(),
                scheduler=scheduler,
                directory=directory,
                requests=self.outbox,
            ),
        )

    def _routers(self, broker: str) -> list[APIRouter]:
        c, store = self.contexts, self.store
        return [
            system.router(
                store=store,
                timekeeper=self.timekeeper,
                broker=broker,
                ready=lambda: self._ready,
                auth="open" if self.callers.open else "key",
            ),
            registry_api.router(
                c.registry, self.timekeeper, store, [c.ingestion.detail, c.insight.detail]
            ),
            ingestion_api.router(
                c.ingestion,
                store,
                rows=self._ingestion_rows,
                telemetry=self.series,
                directory=self.directory,
                must_be_for=self.governance.rights.must_be_for,
            ),
            insight_api.router(c.analytics, self.timekeeper, store),
            orders_api.router(c.orders, self.timekeeper, store),
            view_api.router(self._views(), self.timekeeper, store),
            orders_api.router(c.orders, self.timekeeper, store, wall_s=self._wall_s),
            rules_api.router(c.rules, self.timekeeper, store),
            people_api.router(c.rules, self.timekeeper, store),
            maintenance_api.router(c.maintenance, self.timekeeper, store),
            ticket_api.router(c.tickets, self.timekeeper, store),
            outcomes_api.router(c.outcomes, self.timekeeper, store),
            selling_api.router(
                subscriptions=c.subscriptions,
                charges=c.charges,
                unlocks=c.unlocks,
                rentals=c.rentals,
                directory=self.directory,
                clock=self.timekeeper,
                store=store,
            ),
            remote_api.router(c.remote, self.timekeeper, store),
            *self.governance.routers(self.timekeeper, store),
            integration_api.router(
                self.webhooks, explainer_of(c, self.telemetry), self.timekeeper, store
            ),
        ]

    def _views(self) -> Views:
        return Views(
            rules=self.contexts.rules,
            directory=self.directory,
            presence=self.presence,
            contracts=self.contexts.outcomes.contracts,
        )

    def now_ms(self) -> int:
        """What time the DPS believes it is, simulated milliseconds."""
        return self.timekeeper.now_ms()

    def _wrote(self) -> None:
        if self._live:
            self.timekeeper.wake()

    async def start(self) -> None:
        """Bring the store up to date, take up what it holds, subscribe, ask for births."""
        bring_up_to_date(self.store)
        self.contexts.subscribe(self.store.bus)
        self.webhooks.subscribe(self.store.bus)
        self.notices.subscribe(self.store.bus)
        self.presence.subscribe(self.store.bus)
        self.timekeeper.load()
        self.contexts.ingestion.load()
        request = self.contexts.ingestion.rebirth_of_all()
        await self._link.open([topics.UP_ALL], self._on_batch)
        await self.outbox.flush()
        await self._link.publish([Packet(topics.DOWN_BROADCAST, encode(request))])
        self._carrying = asyncio.create_task(self.courier.follow())
        if self._live:
            self._task = asyncio.create_task(self.timekeeper.follow())
            self._telling = asyncio.create_task(self.notices.follow())
        self._ready = True

    async def _on_batch(self, packets: Sequence[Packet]) -> None:
        async with self.store.writing:
            self.contexts.ingestion.take(packets)

    async def ended(self) -> None:
        """Wait until the DPS cannot go on; returns after :meth:`stop`, otherwise raises why."""
        link = asyncio.create_task(self._link.ended())
        tasks = {task for task in (self._task, self._carrying, self._telling) if task is not None}
        done, pending = await asyncio.wait({link, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        for task in pending - tasks:
            task.cancel()
        for task in done:
            if not task.cancelled():
                task.result()

    async def stop(self) -> None:
        """Let what runs finish, and close link and store; safe to call twice."""
        self._ready = False
        for task in (self._task, self._carrying, self._telling):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        self._task = self._carrying = self._telling = None
        await self.courier.close()
        await self.notices.close()
        await self._link.close()
        self.store.close()


def build(
    store_url: str,
    service_link: ServiceLink,
    clock: ClockMode = "driven",
    *,
    broker: str = "memory",
    full_sync: bool = False,
    idle_site_s: float | None = IDLE_SITE_S,
    restore_from: Path | None = None,
    operator_key: str | None = None,
    wall_s: Callable[[], float] = time.monotonic,
    webhook_ranges: Sequence[str] = (),
    licence_key: str = LICENCE_KEY,
    smtp: str | None = None,
    sms_gateway: str | None = None,
) -> Dps:
    """Build a DPS in this process.

    Args:
        store_url: ``sqlite://`` (memory), ``sqlite:///path`` or ``postgresql+psycopg://…``
            (a database of its own).
        service_link: The service's end of a link, not yet open.
        clock: ``driven`` by clock calls, or ``live`` by what arrives.
        broker: What ``/v1/info`` says of the broker.
        full_sync: Whether commits survive a power failure, not only kill -9.
        idle_site_s: Live: after so long without a message, in wall seconds, a site no longer
            holds the watermark back; None: never.
        licence_key: What the vendor signs licences of features with.
        restore_from: A backup (``POST /v1/snapshot``) whose content replaces the store's.
        operator_key: What the operator sends as ``Authorization: Bearer <key>``; everybody else
            needs a key or a session of their own. None: who sends nothing is the operator.
        wall_s: A clock of the real world that never goes back, seconds.
        webhook_ranges: Networks that webhooks may call besides this machine and the internet.
        smtp: ``smtp://host:port`` that takes mail; None: it goes into a file beside the store.
        sms_gateway: URL that takes SMS; None: they go into that file.
    """
    store = opened(store_url, Bus(), full_sync=full_sync)
    if restore_from is not None:
        store.restore(restore_from)
    return Dps(
        store,
        service_link,
        clock=clock,
        broker=broker,
        idle_site_s=idle_site_s,
        operator_key=operator_key,
        wall_s=wall_s,
        webhook_ranges=webhook_ranges,
        licence_key=licence_key,
        smtp=smtp,
        sms_gateway=sms_gateway,
    )
