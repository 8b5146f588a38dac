"""Routes that wait: found by path and method, built by the first call or by the document."""

import asyncio
import re

import httpx
import pytest
from fastapi import FastAPI
from starlette.routing import Match

from reference_impl.kernel.http.routes import LaterRoute, LaterRoutes, new_router, routes_of


def service():
    """Two routes, and which of them were built."""
    router = new_router("yard")

    @router.get("/things/{thing}")
    def read_thing(thing: str, limit: int = 5) -> dict[str, str | int]:
        return {"thing": thing, "limit": limit}

    @router.post("/things")
    def add_thing() -> dict[str, str]:
        return {}

    app = FastAPI()
    app.router.routes.extend(routes_of(router))
    return app


def built(app):
    return [
        r.path for r in app.router.routes if isinstance(r, LaterRoute) and "_more" not in vars(r)
    ]


def calls(app, *asked):
    async def story():
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://dps") as client:
            return [await client.request(method, path) for method, path in asked]

    return asyncio.run(story())


def test_a_route_is_built_by_its_first_call_only():
    app = service()
    assert built(app) == []
    (answer,) = calls(app, ("GET", "/v1/things/x?limit=7"))
    assert answer.json() == {"thing": "x", "limit": 7}
    assert built(app) == ["/v1/things/{thing}"]


def test_what_is_not_there_is_refused_as_ever():
    answers = calls(
        service(),
        ("GET", "/v1/others"),
        ("DELETE", "/v1/things/x"),
        ("GET", "/v1/things/x?limit=many"),
    )
    assert [one.status_code for one in answers] == [404, 405, 422]


def test_the_document_names_all_with_names_for_generated_clients():
    app = service()
    paths = app.openapi()["paths"]
    names = {op["operationId"] for path in paths.values() for op in path.values()}
    assert names == {"yard_read_thing", "yard_add_thing"}
    assert len(built(app)) == 2


def test_an_attribute_that_no_route_has_is_an_error_before_and_after():
    route = service().router.routes[-1]
    with pytest.raises(AttributeError, match="nonsense"):
        _ = route.nonsense
    with pytest.raises(AttributeError, match="nonsense"):
        _ = route.nonsense


def waiting():
    """A service with a route that does not wait, others that do, and a note of when they came."""
    early, late, came = new_router("early"), new_router("late"), []

    @early.get("/things/{thing}")
    def read_thing(thing: str) -> dict[str, str]:
        return {"early": thing}

    @late.delete("/things/{thing}")
    def drop_thing(thing: str) -> dict[str, str]:
        return {"late": thing}

    def make():
        came.append(True)
        return list(routes_of(late))

    app = FastAPI()
    app.router.routes.extend([*routes_of(early), LaterRoutes(make)])
    return app, came


def test_routes_that_wait_come_once_when_no_other_fits():
    app, came = waiting()
    assert calls(app, ("GET", "/v1/things/x"))[0].json() == {"early": "x"}
    assert not came
    dropped, missing, wrong = calls(
        app, ("DELETE", "/v1/things/x"), ("GET", "/v1/others"), ("PATCH", "/v1/things/x")
    )
    assert dropped.json() == {"late": "x"}
    assert (missing.status_code, wrong.status_code) == (404, 405)
    assert came == [True]


def test_no_route_of_the_dps_hides_one_that_waits(kit):
    def hit(route, method, path):
        scope = {"type": "http", "method": method, "path": path, "headers": []}
        return route.matches(scope)[0] is Match.FULL

    async def story():
        async with kit.open_rig() as rig:
            *early, late = rig.dps.app.router.routes
            assert isinstance(late, LaterRoutes)
            asked = [
                (method, re.sub(r"\{\w+\}", "x", route.path))
                for route in late.routes
                for method in route.methods
            ]
            assert len(asked) > 100
            assert [one for one in asked if any(hit(route, *one) for route in early)] == []

    asyncio.run(story())
