"""What is PostgreSQL's own: its revisions, its one writer, its order of texts, its copies."""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from waiting import GUARD_S

from reference_impl.ingestion.adapters import tables as ingestion
from reference_impl.kernel import migrate, postgres
from reference_impl.kernel.bus import Bus
from reference_impl.kernel.store import Store, metadata
from reference_impl.kernel.upsert import insert

pytestmark = [pytest.mark.deep, pytest.mark.postgres, pytest.mark.timeout(240)]


def shape(store):
    """Name, columns, keys, unique columns and indexes of every table."""
    with store.read() as conn:
        look = sa.inspect(conn)
        return {
            name: (
                [(c["name"], str(c["type"]), c["nullable"]) for c in look.get_columns(name)],
                look.get_pk_constraint(name)["constrained_columns"],
                sorted(u["column_names"] for u in look.get_unique_constraints(name)),
                sorted(i["name"] for i in look.get_indexes(name)),
            )
            for name in look.get_table_names()
        }


def test_the_revisions_lead_to_the_same_tables_as_a_new_database_has(new_database):
    upgraded, new = Store(new_database(), Bus()), Store(new_database(), Bus())
    migrate.upgrade(upgraded, "base")
    migrate.bring_up_to_date(new)
    with upgraded.read() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    found, wanted = shape(upgraded), shape(new)
    for name, (columns, *rest) in found.items():  # an added column stands at the end
        assert [sorted(columns), *rest] == [sorted(wanted[name][0]), *wanted[name][1:]], name
    for store in (upgraded, new):
        store.close()


def test_texts_are_sorted_by_code_point_as_on_sqlite_whatever_the_database_speaks(new_database):
    names = ["b-1", "B-1", "a 2", "a-10", "a-2", "ä", "_", "a1", "Z", "a.2"]
    orders = []
    german = new_database("TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'de'")
    for url in ("sqlite://", german):
        store = Store(url, Bus())
        migrate.bring_up_to_date(store)
        rows = [(name, 0, b"{}") for name in names]
        with store.begin() as uow:
            insert(uow.conn, ingestion.latest, rows)
            query = sa.select(ingestion.latest.c.thing).order_by(ingestion.latest.c.thing)
            orders.append(uow.conn.execute(query).scalars().all())
        store.close()
    assert orders[0] == orders[1] == sorted(names)


def test_a_second_dps_on_the_same_database_is_refused_until_the_first_is_gone(
    new_database, monkeypatch
):
    monkeypatch.setattr(postgres, "LOCK_WAIT_S", 1)
    url = new_database()
    first, second = Store(url, Bus()), Store(url, Bus())
    migrate.bring_up_to_date(first)
    with pytest.raises(postgres.StoreBusy, match="another DPS works on"):
        migrate.bring_up_to_date(second)
    first.close()
    migrate.bring_up_to_date(second)
    second.close()


def test_a_file_that_is_no_copy_of_a_database_leaves_the_store_as_it_is(
    kit, new_database, tmp_path
):
    url, path = new_database(), tmp_path / "copy"
    path.write_bytes(b"SQLite format 3")

    async def story():
        async with kit.open_rig(url, things={"mix-1": "site-01"}):
            pass
        with pytest.raises(ValueError, match="is no copy of a PostgreSQL store"):
            async with kit.open_rig(url, restore_from=path):
                pass
        async with kit.open_rig(url) as rig:
            assert [t["id"] for t in (await rig.get("/v1/things"))["items"]] == ["mix-1"]

    asyncio.run(story())


def test_a_dps_whose_session_the_server_ends_stops_and_nothing_is_lost(kit, new_database):
    url = new_database()
    theirs = sa.text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE pid <> pg_backend_pid() AND datname = current_database()"
    )

    async def story():
        async with kit.open_rig(url, things={"mix-1": "site-01"}) as rig:
            await rig.send("site-01", kit.birth("mix-1"))
            await rig.clock(kit.START_MS)
            server = sa.create_engine(url)
            with server.connect() as conn:
                conn.execute(theirs)
            server.dispose()
            await rig.send("site-01", kit.reading("mix-1", 1, kit.START_MS))
            with pytest.raises(sa.exc.OperationalError):
                async with asyncio.timeout(GUARD_S):
                    await rig.dps.ended()
        async with kit.open_rig(url, bus=rig.bus) as again:
            answer = await again.clock(kit.START_MS + 1, delivered=rig.delivered)
            assert answer["ingested"] == 2

    asyncio.run(story())
