"""Routes that ask for a permission before their handler runs."""

from __future__ import annotations

from typing import Any

from fastapi import Depends

from reference_impl.kernel.access import must


def needs(permission: str) -> Any:  # noqa: ANN401 - what Depends gives has no public type
    """A dependency for ``dependencies=[needs("orders:write")]`` of a route: 403 without it."""

    async def check() -> None:
        must(permission)

    return Depends(check)
