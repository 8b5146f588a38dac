"""Brings a store to the tables of this version: new ones at once, old ones by Alembic."""

from __future__ import annotations

import functools
from pathlib import Path

import sqlalchemy as sa

from reference_impl.kernel.errors import StoreUnusable
from reference_impl.kernel.store import Store, metadata

HEAD = "0024"
"""The newest revision in ``migrations/versions``; a test holds the two together."""
FOLDER = Path(__file__).parent / "migrations"

# Alembic's own table, written here for a new store so that Alembic need not be imported (0.35 s).
_version = sa.Table(
    "alembic_version",
    sa.MetaData(),
    sa.Column("version_num", sa.String(32), primary_key=True),
)


class StoreTooNew(StoreUnusable):
    """The store was written by a newer version of this program."""


def bring_up_to_date(store: Store) -> None:
    """Make or upgrade the tables; call it once every context's tables are imported.

    Raises:
        StoreTooNew: If the store's revision is none of ours.
        StoreUnusable: If it cannot be opened.
    """
    try:
        revision = _first_look(store)
    except sa.exc.OperationalError as error:
        reason = str(error.orig).strip().splitlines()[0]
        raise StoreUnusable(f"the store {store.engine.url!r} cannot be opened: {reason}") from error
    if revision != HEAD:
        upgrade(store, revision)


def _first_look(store: Store) -> str:
    """The revision of the store; a new one gets its tables."""
    with store.begin() as uow:
        revision = _revision(uow.conn)
        if revision is None:
            for statement in _definitions(store.engine.url.drivername):
                uow.conn.exec_driver_sql(statement)
            uow.conn.execute(_version.insert().values(version_num=HEAD))
        return revision or HEAD


@functools.cache
def _definitions(driver: str) -> tuple[str, ...]:
    """What makes all tables; put into words once a process, however many stores it opens."""
    dialect = sa.make_url(f"{driver}://").get_dialect()()
    made: list[sa.schema.ExecutableDDLElement] = []
    for table in [*metadata.sorted_tables, _version]:
        made.append(sa.schema.CreateTable(table, if_not_exists=True))
        indexes = sorted(table.indexes, key=lambda index: str(index.name))
        made += [sa.schema.CreateIndex(index, if_not_exists=True) for index in indexes]
    return tuple(str(one.compile(dialect=dialect)) for one in made)


def upgrade(store: Store, revision: str) -> None:
    """Run the revisions after ``revision`` in one transaction."""
    from alembic import command  # noqa: PLC0415 - costs 0.35 s, and is rarely needed
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if revision not in {*known, "base"}:
        raise StoreTooNew(
            f"{store.engine.url!r} has revision {revision}; "
            f"this program knows {', '.join(sorted(known))}"
        )
    with store.begin() as uow:
        config.attributes["connection"] = uow.conn
        command.upgrade(config, "head")


def _revision(conn: sa.Connection) -> str | None:
    if not sa.inspect(conn).has_table("alembic_version"):
        return None
    return conn.execute(sa.select(_version.c.version_num)).scalar_one_or_none()
