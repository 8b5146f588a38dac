"""The store: its revisions lead to the tables that the code uses, and old stores come along."""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from reference_impl.kernel import migrate
from reference_impl.kernel.bus import Bus
from reference_impl.kernel.store import Store, metadata


def tables_of(store):
    with store.read() as conn:
        rows = conn.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        return {name: sql for name, sql in rows if not name.startswith("sqlite_")}


def test_the_revisions_lead_exactly_to_the_tables_of_the_code():
    store = Store("sqlite://", Bus())
    migrate.upgrade(store, "base")
    with store.read() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == migrate.HEAD
    counters = {n for n, sql in tables_of(store).items() if "AUTOINCREMENT" in sql}
    assert counters == {"feed", "outbox"}
    store.close()


def test_the_newest_revision_is_the_one_that_a_new_store_is_stamped_with():
    config = Config()
    config.set_main_option("script_location", str(migrate.FOLDER))
    assert ScriptDirectory.from_config(config).get_current_head() == migrate.HEAD
    store = Store("sqlite://", Bus())
    migrate.bring_up_to_date(store)
    migrate.bring_up_to_date(store)
    with store.read() as conn:
        stamped = conn.exec_driver_sql("SELECT version_num FROM alembic_version").scalars().all()
    assert stamped == [migrate.HEAD]
    store.close()


def test_a_store_of_a_newer_program_is_refused_with_both_revisions_named():
    store = Store("sqlite://", Bus())
    migrate.bring_up_to_date(store)
    with store.begin() as uow:
        uow.conn.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(migrate.StoreTooNew, match=f"9999.*{migrate.HEAD}"):
        migrate.bring_up_to_date(store)
    store.close()


def test_a_joined_transaction_is_rolled_back_whole_and_its_waiting_acts_are_forgotten(kit):
    async def story():
        async with kit.open_rig(things={"mix-1": "site-01"}) as rig:
            store, done = rig.dps.store, []

            def fail_inside():
                with store.joinable() as outer:
                    with store.begin() as inner:
                        assert inner is outer
                        inner.after_commit(lambda: done.append("committed"))
                        inner.conn.exec_driver_sql("DELETE FROM things")
                    with store.read() as conn:
                        assert conn.exec_driver_sql("SELECT count(*) FROM things").scalar() == 0
                    raise ZeroDivisionError

            with pytest.raises(ZeroDivisionError):
                fail_inside()
            assert done == []
            with store.read() as conn:
                assert conn.exec_driver_sql("SELECT count(*) FROM things").scalar() == 1

    asyncio.run(story())
