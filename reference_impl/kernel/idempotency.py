"""Answers kept by ``Idempotency-Key``: the same key gets the same answer, also after kill -9."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from reference_impl.kernel.errors import DpsError, Problem
from reference_impl.kernel.store import Text, UnitOfWork, metadata

answers = sa.Table(
    "idempotency_answers",
    metadata,
    sa.Column("key", Text, primary_key=True),
    sa.Column("request", Text, nullable=False),
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was answered: HTTP status and JSON body."""

    status: int
    body: bytes


class KeyReused(DpsError):  # noqa: N818 - it names what happened
    """An idempotency key came back with another request."""

    code = "idempotency_key_reused"


def recall(conn: sa.Connection, key: str, request: str) -> Answer | None:
    """The answer kept for ``key``; ``request`` is a digest of method, path and body.

    Raises:
        KeyReused: If the key belongs to another request.
    """
    row = conn.execute(sa.select(answers).where(answers.c.key == key)).first()
    if row is None:
        return None
    if row.request != request:
        raise KeyReused(
            f"the Idempotency-Key {key!r} was used for another request",
            [Problem(where="Idempotency-Key", what="seen before", allowed="a key per request")],
        )
    return Answer(status=row.status, body=row.body)


def keep(uow: UnitOfWork, key: str, request: str, answer: Answer) -> None:
    """Keep ``answer`` for ``key`` in the transaction of the step that it reports."""
    uow.conn.execute(
        answers.insert().values(key=key, request=request, status=answer.status, body=answer.body)
    )
