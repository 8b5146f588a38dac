"""API keys: when they end, their two secrets while they are rotated, when they were last used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from reference_impl.kernel.errors import Invalid, Problem
from reference_impl.kernel.store import Connection, UnitOfWork
from reference_impl.registry.secrets import kept_secret

Row = dict[str, Any]


class KeyStore(Protocol):
    """Where the keys are."""

    def get(self, conn: Connection, kind: str, *key: str | int) -> Row | None:
        """One row, or None."""
        ...

    def items(self, conn: Connection, kind: str, **equals: object) -> list[Row]:
        """All rows of a kind."""
        ...

    def put(self, uow: UnitOfWork, kind: str, row: Row) -> bool:
        """Write a row; False if nothing changed."""
        ...


class UsedKeys:
    """When each key was last used: in memory at once, in the store once a day.

    A read should not have to write, so after a kill a key may look unused for up to a day.
    """

    def __init__(self, rows: KeyStore) -> None:
        self._rows = rows
        self._used_ms: dict[str, int] = {}

    def use(self, key: str, at_ms: int) -> None:
        """A key was used."""
        self._used_ms[key] = at_ms

    def shown(self, row: Row) -> Row:
        """A key with when it was last used."""
        used_ms = self._used_ms.get(row["id"])
        return row if used_ms is None else {**row, "last_used_ms": used_ms}

    def keep(self, uow: UnitOfWork) -> None:
        """Write down what was used since the last time."""
        used, self._used_ms = self._used_ms, {}
        for key, at_ms in sorted(used.items()):
            row = self._rows.get(uow.conn, "api_key", key)
            if row is not None:
                self._rows.put(uow, "api_key", {**row, "last_used_ms": at_ms})


def is_over(until_ms: int | None, now_ms: int) -> bool:
    """Whether a time has come; None never does."""
    return until_ms is not None and now_ms >= until_ms


def installed(
    conn: Connection, rows: KeyStore, name: str, body: Mapping[str, Any], *, now_ms: int
) -> Row:
    """A key as ``PUT`` makes it: its one secret is new, whatever it had before.

    Raises:
        Invalid: If it would have ended already, or another key has the secret.
    """
    problems = _taken(conn, rows, name, body["secret"])
    if is_over(body["expires_at_ms"], now_ms):
        what, allowed = f"{body['expires_at_ms']} is not in the future", f"after {now_ms}"
        problems.append(Problem(where="expires_at_ms", what=what, allowed=allowed))
    if problems:
        raise Invalid(f"API key {name!r} is refused", problems)
    known = rows.get(conn, "api_key", name)
    return {
        **body,
        "id": name,
        "secret": kept_secret(body["secret"]),
        "old_secret": "",
        "old_until_ms": None,
        "last_used_ms": None if known is None else known["last_used_ms"],
    }


def rotated(
    conn: Connection, rows: KeyStore, row: Row, *, secret: str, old_until_ms: int, now_ms: int
) -> Row:
    """A key with another secret; the one that it had is valid, too, until ``old_until_ms``.

    Raises:
        Invalid: If that is not in the future, or the secret is known already.
    """
    problems = _taken(conn, rows, "", secret)
    if old_until_ms <= now_ms:
        what, allowed = f"{old_until_ms} is not in the future", f"after {now_ms}"
        problems.append(Problem(where="old_until_ms", what=what, allowed=allowed))
    if problems:
        raise Invalid(f"API key {row['id']!r} is not rotated", problems)
    old = {"old_secret": row["secret"], "old_until_ms": old_until_ms}
    return {**row, **old, "secret": kept_secret(secret)}


def _taken(conn: Connection, rows: KeyStore, name: str, secret: str) -> list[Problem]:
    """A problem if another key than ``name`` has the secret, or had it before it was rotated."""
    kept = kept_secret(secret)
    having = rows.items(conn, "api_key", secret=kept) + rows.items(conn, "api_key", old_secret=kept)
    if any(row["id"] != name for row in having):
        return [Problem(where="secret", what="another key has it")]
    return []
