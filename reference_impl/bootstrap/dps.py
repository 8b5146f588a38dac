"""A whole DPS, from start to stop."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence

from fastapi import APIRouter, FastAPI

from broker.link.port import Packet, ServiceLink
from broker.wire import topics
from broker.wire.codec import encode
from reference_impl.bootstrap.contexts import contexts_on
from reference_impl.bootstrap.exports import export_of
from reference_impl.bootstrap.ground import ground_on
from reference_impl.bootstrap.linked import LinkedDocuments, LinkedWork
from reference_impl.bootstrap.routes import answers_of_contexts, later_routers, routers
from reference_impl.bootstrap.settings import Settings
from reference_impl.ingestion.presence import Presence
from reference_impl.ingestion.service import Ingestion
from reference_impl.integration.wiring import webhooks_of
from reference_impl.kernel.feed import Feed
from reference_impl.kernel.http import system
from reference_impl.kernel.http.app import create_app
from reference_impl.kernel.migrate import bring_up_to_date
from reference_impl.kernel.store import Connection, Store
from reference_impl.kernel.timekeeping import Timekeeper
from reference_impl.registry.callers import KnownCallers
from reference_impl.registry.governance import Governance
from reference_impl.rules.views import Views
from reference_impl.rules.wiring import courier_of


class Dps:
    """A whole DPS: ``app`` answers HTTP, the link brings telemetry, :meth:`start` joins both."""

    def __init__(self, store: Store, link: ServiceLink, settings: Settings | None = None) -> None:
        self.settings = settings = settings or Settings()
        self.store, self._link = store, link
        self._ready = False
        self._tasks: list[asyncio.Task[None]] = []
        self.feed = Feed()
        self.feed.subscribe(store.bus)
        self.ground = ground = ground_on(store, link.publish)
        self.scheduler, self.outbox = ground.scheduler, ground.outbox
        self.directory, self.telemetry = ground.directory, ground.telemetry
        self.presence = Presence(store, ground.telemetry)
        ingestion = Ingestion(
            store=store,
            rows=ground.raw,
            columns=ground.telemetry,
            directory=ground.directory,
            requests=ground.outbox,
            now_ms=self.now_ms,
            wall_s=settings.wall_s,
            idle_site_s=settings.idle_site_s if settings.live else None,
            driven=not settings.live,
        )
        self.timekeeper = Timekeeper(
            store=store,
            scheduler=ground.scheduler,
            outbox=ground.outbox,
            feed=self.feed,
            intake=ingestion,
            live=settings.live,
            look_again_s=settings.idle_site_s,
        )
        self.contexts = contexts_on(
            ground,
            ingestion,
            licence_key=settings.licence_key,
            opened=self._opened_from_ms,
        )
        self.outbox.on_sent(self.contexts.remote.sent)
        self._know_callers()
        self._reach_out()
        self.views = Views(
            rules=self.contexts.rules,
            directory=ground.directory,
            presence=self.presence,
            contracts=self.contexts.outcomes.contracts,
        )
        self.app: FastAPI = create_app(
            store,
            self._routers(),
            later=self._later_routers,
            lanes=system.lanes(self.store, self.timekeeper),
            callers=self.callers,
            after_write=self._wrote,
            now_ms=self.now_ms,
            said=answers_of_contexts,
        )

    def _opened_from_ms(self, conn: Connection, **what: str) -> int:
        """What owners opened; asked when all are there."""
        return self.governance.rights.opened_from_ms(conn, **what)

    def _know_callers(self) -> None:
        """Who calls, and what he may."""
        ground, settings = self.ground, self.settings
        self.callers = KnownCallers(
            store=self.store,
            rows=ground.directory,
            operator_key=settings.operator_key,
            wall_s=settings.wall_s,
            now_ms=self.now_ms,
        )
        self.governance = Governance(
            rows=ground.directory,
            registry=self.contexts.registry,
            callers=self.callers,
            telemetry=ground.telemetry,
            raw=ground.raw,
        )
        self.governance.schedule(ground.scheduler)
        ground.readers.know(self.callers)

    def _reach_out(self) -> None:
        """Who carries notices and webhooks, whenever time has moved."""
        settings = self.settings
        self.notices = courier_of(
            self.store, self.now_ms, smtp=settings.smtp, sms_gateway=settings.sms_gateway
        )
        self.webhooks, self.connectors, self.courier = webhooks_of(
            self.store,
            ranges=settings.webhook_ranges,
            principal=self.callers.principal,
            on_change=self.directory.on_change,
            wall_s=time.time,  # noqa: TID251 - receivers compare what is signed with their clocks
            now_ms=None if settings.live else self.now_ms,
            documents=LinkedDocuments(self.contexts),
            field=LinkedWork(self.contexts),
        )
        self.timekeeper.on_moved(self.notices.flush)
        self.timekeeper.on_moved(self.courier.flush)

    def _routers(self) -> list[APIRouter]:
        return [
            system.router(
                store=self.store,
                timekeeper=self.timekeeper,
                broker=self.settings.broker,
                ready=lambda: self._ready,
                auth="open" if self.callers.open else "key",
            ),
            *routers(
                self.contexts,
                self.ground,
                self.timekeeper,
                governance=self.governance,
                wall_s=self.settings.wall_s,
            ),
        ]

    def _later_routers(self) -> list[APIRouter]:
        return later_routers(
            self.contexts,
            self.ground,
            self.timekeeper,
            governance=self.governance,
            views=self.views,
            webhooks=self.webhooks,
            connectors=self.connectors,
            exporter=export_of(self.app, self.store, self.directory),
        )

    def now_ms(self) -> int:
        """What time the DPS believes it is, simulated milliseconds."""
        return self.timekeeper.now_ms()

    def _wrote(self) -> None:
        if self.settings.live:
            self.timekeeper.wake()

    async def start(self) -> None:
        """Bring the store up to date, take up what it holds, subscribe, ask for births."""
        bring_up_to_date(self.store)
        self.contexts.subscribe(self.store.bus)
        self.webhooks.subscribe(self.store.bus)
        self.connectors.subscribe(self.store.bus)
        self.notices.subscribe(self.store.bus)
        self.presence.subscribe(self.store.bus)
        self.timekeeper.load()
        self.contexts.ingestion.load()
        request = self.contexts.ingestion.rebirth_of_all()
        await self._link.open([topics.UP_ALL], self._on_batch)
        await self.outbox.flush()
        await self._link.publish([Packet(topics.DOWN_BROADCAST, encode(request))])
        follow = [self.courier.follow]
        if self.settings.live:
            follow += [self.timekeeper.follow, self.notices.follow]
        self._tasks = [asyncio.create_task(keep_up()) for keep_up in follow]
        self._ready = True

    async def _on_batch(self, packets: Sequence[Packet]) -> None:
        async with self.store.writing:
            self.contexts.ingestion.take(packets)

    async def ended(self) -> None:
        """Wait until the DPS cannot go on; returns after :meth:`stop`, otherwise raises why."""
        link = asyncio.create_task(self._link.ended())
        tasks = set(self._tasks)
        done, pending = await asyncio.wait({link, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        for task in pending - tasks:
            task.cancel()
        for task in done:
            if not task.cancelled():
                task.result()

    async def stop(self) -> None:
        """Let what runs finish, and close link and store; safe to call twice."""
        self._ready = False
        while self._tasks:
            task = self._tasks.pop(0)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self.courier.close()
        await self.notices.close()
        await self._link.close()
        self.store.close()
