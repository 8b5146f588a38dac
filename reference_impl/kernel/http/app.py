"""The application object: routers of all contexts, one error shape, one writer at a time."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.routing import BaseRoute

from reference_impl.kernel.http import errors
from reference_impl.kernel.http.auth import PUBLIC, Callers, Gate
from reference_impl.kernel.http.express import Express, Lane
from reference_impl.kernel.http.guard import deny_by_default
from reference_impl.kernel.http.middleware import IdempotentWrites
from reference_impl.kernel.http.routes import LaterRoutes, routes_of
from reference_impl.kernel.http.shapes import Answers
from reference_impl.kernel.store import Store

VERSION = "0.1.0"
NAME = "twinrig-reference-dps"
APART = frozenset({"/v1/clock", "/v1/snapshot", "/v1/login"})
"""Writes that take their own turn; a login also because no session may be kept as an answer."""


class _App(FastAPI):
    """FastAPI whose document has the refusals, and what contexts say of their answers."""

    said: Callable[[], Sequence[Answers]] = staticmethod(tuple)

    @property
    def routes(self) -> list[BaseRoute]:
        """All routes, also those that wait."""
        found: list[BaseRoute] = []
        for route in self.router.routes:
            found += route.routes if isinstance(route, LaterRoutes) else [route]
        return found

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document, made once; what it needs is imported then."""
        if self.openapi_schema is None:
            from reference_impl.kernel.http import answers  # noqa: PLC0415 - only for readers

            document = super().openapi()
            errors.document(document)
            answers.document(document, self.said())
            self.openapi_schema = document
        return self.openapi_schema


def create_app(
    store: Store,
    routers: Sequence[APIRouter],
    *,
    later: Callable[[], Sequence[APIRouter]] = tuple,
    lanes: Mapping[tuple[str, str], Lane],
    callers: Callers,
    after_write: Callable[[], None],
    now_ms: Callable[[], int],
    said: Callable[[], Sequence[Answers]] = tuple,
) -> FastAPI:
    """Put the API together. No page of it needs the internet, so FastAPI's own are left out.

    ``later`` makes those that few callers need, when the first does.
    ``lanes`` are the calls that have a short way (:mod:`reference_impl.kernel.http.express`).
    ``callers`` says who calls; a route that asks for no permission is the operator's.
    ``after_write`` is called after each write that was answered; ``now_ms`` tells the log when.
    ``said`` gives what contexts say
    of their answers, once somebody asks for the document.

    Raises:
        TypeError: See :func:`_checked`.
    """
    app = _App(
        title="Twinrig reference DPS",
        version=VERSION,
        description="The contract between a DPS and the rig; all times simulated milliseconds.",
        docs_url=None,
        redoc_url=None,
        strict_content_type=False,
    )
    app.said = said
    errors.install(app)
    app.router.routes.extend(_checked(routers))
    app.router.routes.append(LaterRoutes(lambda: _checked(later())))
    app.add_middleware(IdempotentWrites, store=store, apart=APART, after=after_write, now_ms=now_ms)
    app.add_middleware(Express, lanes=lanes)
    app.add_middleware(Gate, callers=callers)
    return app


def _checked(routers: Sequence[APIRouter]) -> list[BaseRoute]:
    """The routes of routers, each with a permission that it asks for.

    Raises:
        TypeError: If a handler is not a coroutine: it would run in a thread, beside the one
            connection that all share.
    """
    found: list[BaseRoute] = []
    for router in routers:
        for route in routes_of(router):
            if not inspect.iscoroutinefunction(route.endpoint):
                raise TypeError(f"{route.path}: {route.endpoint!r} must be an async def")
            deny_by_default(route, PUBLIC)
            found.append(route)
    return found
