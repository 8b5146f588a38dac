"""A customer's whole data, read by the routes of the API itself."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from fastapi import FastAPI
from fastapi.encoders import jsonable_encoder

from reference_impl.integration.exporting import Exporter, Read
from reference_impl.kernel.access import NOBODY, Group, Principal
from reference_impl.kernel.http.guard import NOBODY_ELSE, permission_of
from reference_impl.kernel.http.routes import routes_of
from reference_impl.kernel.store import Store
from reference_impl.registry.adapters.repository import RegistryRows
from reference_impl.registry.scope import scope_of


def export_of(app: FastAPI, store: Store, directory: RegistryRows) -> Exporter:
    """Exports from the routes of an app."""

    @cache
    def reads() -> dict[str, Read]:
        return {
            route.path: Read(permission_of(route) or NOBODY_ELSE, route.endpoint)
            for route in routes_of(app.router)
            if "GET" in (route.methods or ())
        }

    def scoped(customer: str) -> Principal | None:
        with store.read() as conn:
            trees = directory.trees(conn)
        if customer not in trees.customers:
            return None
        scope = scope_of(trees, Group.CUSTOMER, customer)
        return replace(
            NOBODY, customers=scope.customers, things=scope.things, parties=scope.parties
        )

    return Exporter(read=lambda path: reads()[path], scoped=scoped, plain=jsonable_encoder)
