"""Puts together what governs the registry: parties, rights, tenancy, imports, and their routes."""

from __future__ import annotations

import re
from typing import Annotated, Any, Protocol

from fastapi import APIRouter
from pydantic import Field

from reference_impl.kernel import audit
from reference_impl.kernel.http.bodies import Body
from reference_impl.kernel.http.guard import needs
from reference_impl.kernel.http.routes import new_router
from reference_impl.kernel.ports import Clock, TelemetryView
from reference_impl.kernel.schedule import Scheduler
from reference_impl.kernel.store import Store, UnitOfWork
from reference_impl.registry.callers import KnownCallers
from reference_impl.registry.imports import Kind, import_csv
from reference_impl.registry.parties import Parties
from reference_impl.registry.rights import Rights
from reference_impl.registry.service import Registry, RegistryStore
from reference_impl.registry.tenancy import Tenancy

DAY_MS = 86_400_000
RANK = 90
"""After everything that reads at the same instant."""
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


class RawData(Protocol):
    """Where raw data are."""

    def forget(self, uow: UnitOfWork, thing: str, before_ms: int) -> None:
        """Delete the readings of a thing that lie before a time."""
        ...


class ImportBody(Body):
    """A file, with a header."""

    csv: Annotated[str, Field(min_length=1, max_length=20_000_000)]


class Governance:
    """Who belongs where, who may do what, whose data they are, and what is switched on."""

    def __init__(
        self,
        *,
        rows: RegistryStore,
        registry: Registry,
        callers: KnownCallers,
        telemetry: TelemetryView,
        raw: RawData,
    ) -> None:
        self._registry, self._callers, self._raw = registry, callers, raw
        self.parties = Parties(rows=rows, registry=registry, callers=callers)
        self.rights = Rights(rows=rows, registry=registry, callers=callers, telemetry=telemetry)
        self.tenancy = Tenancy(rows=rows, registry=registry)

    def schedule(self, scheduler: Scheduler) -> None:
        """Delete what is kept no longer, and write down which keys were used, once a day."""
        scheduler.every("retention", DAY_MS, self._retain, rank=RANK)

    def _retain(self, uow: UnitOfWork, at_ms: int) -> None:
        self._callers.keys.keep(uow)
        audit.forget(uow, at_ms - audit.KEPT_MS)
        for thing, from_ms in self.tenancy.raw_kept_from_ms(uow.conn, at_ms).items():
            self._raw.forget(uow, thing, from_ms)

    def routers(self, clock: Clock, store: Store) -> list[APIRouter]:
        """All routes, whose modules are imported with them."""
        from reference_impl.registry import api_parties, api_rights  # noqa: PLC0415

        imports = new_router("registry")
        for name, kind in self._kinds(clock).items():
            _add_import(imports, name, kind, store)
        return [
            api_parties.router(self.parties, self._callers, clock, store),
            api_rights.router(self.rights, self.tenancy, clock, store),
            imports,
        ]

    def _kinds(self, clock: Clock) -> dict[str, Kind]:
        from reference_impl.registry import api, api_parties  # noqa: PLC0415

        def put_thing(*args: Any) -> object:  # noqa: ANN401 - as Put says
            return self._registry.put_thing(*args, at_ms=clock.now_ms())

        return {
            "customers": Kind(api.CustomerBody, self._registry.put_customer),
            "sites": Kind(api.SiteBody, self._registry.put_site),
            "things": Kind(api.ThingBody, put_thing),
            "partners": Kind(api_parties.PartnerBody, self.parties.put_partner),
            "users": Kind(api_parties.UserBody, self.parties.put_user),
        }


def _add_import(routes: APIRouter, name: str, kind: Kind, store: Store) -> None:
    @routes.post(
        f"/imports/{name}",
        name=f"import_{name}",
        dependencies=[needs(f"{name}:import")],
        description=f"Register {name} from CSV: all rows or none, and every problem of each.",
    )
    async def take(body: ImportBody) -> dict[str, Any]:
        with store.begin() as uow:
            count = import_csv(
                uow, kind, body.csv, is_name=lambda text: NAME.fullmatch(text) is not None
            )
        return {"imported": count}
