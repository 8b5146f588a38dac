"""Routes that are worked out when they are first used.

The DPS has more than two hundred routes and a run calls a dozen of them. What FastAPI derives of a
handler (its parameters, its answer's model) took 0.30 s of each start and takes 0.01 s where it
waits for the first call, or for the first who reads the OpenAPI document. A route's pattern waits
for a path that begins as its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

from fastapi import APIRouter, params
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Match, compile_path
from starlette.types import Receive, Scope, Send

_CHOSEN = "dps.route"
"""Where a request keeps which of the routes that waited it is for."""
_OF_THE_PATTERN = frozenset({"path_regex", "path_format", "param_convertors"})


class LaterRoute(APIRoute):
    """A route that is looked up by path and method, and built when it is used."""

    def __init__(
        self,
        path: str,
        endpoint: Callable[..., Any],
        *,
        methods: set[str] | list[str] | None = None,
        dependencies: Sequence[params.Depends] | None = None,
        **more: Any,  # noqa: ANN401 - whatever else FastAPI's own route takes
    ) -> None:
        self.path, self.endpoint = path, endpoint
        self.methods = {method.upper() for method in methods or ["GET"]}
        self.dependencies = list(dependencies or [])
        self._begins = path.partition("{")[0]
        self._more: dict[str, Any] | None = more | {
            "generate_unique_id_function": _operation_id,
            "strict_content_type": False,
        }

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any attribute of a route
        """Build the route, or first its pattern; asked only for what is not there yet."""
        if name in _OF_THE_PATTERN:
            self.path_regex, self.path_format, self.param_convertors = compile_path(self.path)
            return getattr(self, name)
        more = self.__dict__.pop("_more", None)
        if more is None:
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        super().__init__(
            self.path, self.endpoint, methods=self.methods, dependencies=self.dependencies, **more
        )
        return getattr(self, name)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """As any route; most are put aside by how their path begins."""
        if scope["type"] == "http" and not scope["path"].startswith(self._begins):
            return Match.NONE, {}
        return super().matches(scope)


class LaterRoutes(BaseRoute):
    """Routes whose modules are imported when no route before them fits, or for the document.

    Args:
        make: Imports and makes them, checked as those that did not wait.
    """

    def __init__(self, make: Callable[[], Sequence[BaseRoute]]) -> None:
        self._make = make

    @cached_property
    def routes(self) -> Sequence[BaseRoute]:
        """All of them."""
        return self._make()

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """The first that fits as a whole, else the first that fits by its path."""
        best: tuple[Match, Scope] = Match.NONE, {}
        for route in self.routes:
            match, child = route.matches(scope)
            if match.value > best[0].value:
                best = match, {**child, _CHOSEN: route}
            if match is Match.FULL:
                break
        return best

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the one that fits answer."""
        await scope[_CHOSEN].handle(scope, receive, send)


def _operation_id(route: APIRoute) -> str:
    """What a generated client calls an operation: its tag and its handler's name."""
    return "_".join([*map(str, route.tags[:1]), route.name]).replace("-", "_")


def new_router(*tags: str) -> APIRouter:
    """Where a context puts its routes, all below ``/v1``."""
    return APIRouter(prefix="/v1", tags=list(tags), route_class=LaterRoute)


def routes_of(router: APIRouter) -> Iterator[APIRoute]:
    """The routes of a router, also those that wait to be imported."""
    for route in router.routes:
        for one in route.routes if isinstance(route, LaterRoutes) else [route]:
            if isinstance(one, APIRoute):
                yield one
