"""Routes that ask for a permission before their handler runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Depends
from fastapi.routing import APIRoute

from reference_impl.kernel.access import must

NOBODY_ELSE = "operator:write"
"""What a route asks for that says nothing itself: a permission that no role has."""


class _Asks:
    """A dependency that knows what it asks for."""

    def __init__(self, permission: str) -> None:
        self.permission = permission

    async def __call__(self) -> None:
        must(self.permission)


def needs(permission: str) -> Any:  # noqa: ANN401 - what Depends gives has no public type
    """A dependency for ``dependencies=[needs("orders:write")]`` of a route: 403 without it."""
    check: Callable[[], Awaitable[None]] = _Asks(permission)
    return Depends(check)


def permission_of(route: APIRoute) -> str | None:
    """What a route asks for."""
    asked = [d.dependency for d in route.dependencies]
    return next((one.permission for one in asked if isinstance(one, _Asks)), None)


def deny_by_default(route: APIRoute, public: frozenset[str]) -> None:
    """Leave a route that asks for nothing to the operator, unless everybody may call it."""
    if route.path not in public and permission_of(route) is None:
        route.dependencies.append(needs(NOBODY_ELSE))
