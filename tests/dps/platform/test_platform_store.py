"""The store: its revisions lead to the tables that the code uses, and old stores come along."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from reference_impl.kernel import migrate
from reference_impl.kernel.bus import Bus
from reference_impl.kernel.money import Euros
from reference_impl.kernel.prepared import Prepared
from reference_impl.kernel.store import Store, Text, metadata


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
    assert counters == {"audit_log", "feed", "outbox", "webhook_deliveries"}
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


def test_every_text_column_has_the_type_that_sorts_alike_everywhere():
    texts = [c for t in metadata.tables.values() for c in t.c if isinstance(c.type, sa.String)]
    assert len(texts) > 50
    assert [str(c) for c in texts if c.type is not Text] == []


def test_an_old_store_comes_along_with_its_rows_and_its_needs_may_get_a_second_visit(new_store):
    store = Store(new_store(), Bus())
    config = Config()
    config.set_main_option("script_location", str(migrate.FOLDER))
    texts = {n: n for n in ("id", "state", "need_key", "order", "thing", "site", "part")}
    texts |= {"position": "p", "by": "b", "reason": ""}
    numbers = {"cycle": 1, "requested_ms": 1, "changed_ms": 1}
    old = sa.table("work_orders", *map(sa.column, (*texts, *numbers, "readings")))
    with store.begin() as uow:
        config.attributes["connection"] = uow.conn
        command.upgrade(config, "0001")
        uow.conn.execute(old.insert().values({**texts, **numbers, "readings": sa.text("'{}'")}))

    migrate.bring_up_to_date(store)

    visits = metadata.tables["work_orders"]
    with store.begin() as uow:
        (row,) = uow.conn.execute(sa.select(visits)).mappings().all()
        assert (row["id"], row["attempt"], row["readings"]) == ("id", 1, {})
        uow.conn.execute(visits.insert().values({**row, "id": "id-2", "attempt": 2}))
    third = visits.insert().values({**row, "id": "id-3", "attempt": 2})
    with pytest.raises(sa.exc.IntegrityError), store.begin() as uow:
        uow.conn.execute(third)
    store.close()


def test_contracts_at_risk_leave_the_settings_of_planning_and_a_downgrade_brings_them_back(
    new_store,
):
    store, config = Store(new_store(), Bus()), Config()
    config.set_main_option("script_location", str(migrate.FOLDER))
    settings = sa.table("planning_settings", sa.column("id"), sa.column("body", sa.JSON))
    at_risk = sa.table("planning_at_risk", *map(sa.column, ("contract", "period", "due_ms")))
    main = ("main", {"enabled": True, "at_risk": "P2"})
    risks = [("at-risk/a/b%", "2026-01", 2**40), ("c-1", "2026-02", 5)]
    old = [(f"at-risk/{name}", {"period": p, "due_ms": due_ms}) for name, p, due_ms in risks]

    def run(way, revision):
        with store.begin() as uow:
            config.attributes["connection"] = uow.conn
            way(config, revision)

    def kept(table):
        with store.read() as conn:
            return [tuple(row) for row in conn.execute(sa.select(table).order_by(table.c[0]))]

    run(command.upgrade, "0023")
    with store.begin() as uow:
        rows = [{"id": name, "body": body} for name, body in [*old, main]]
        uow.conn.execute(settings.insert(), rows)
    for _ in range(2):
        run(command.upgrade, "0024")
        assert (kept(settings), kept(at_risk)) == ([main], risks)
        run(command.downgrade, "0023")
        assert kept(settings) == [*old, main]
        with store.read() as conn:
            assert not sa.inspect(conn).has_table("planning_at_risk")
    with store.begin() as uow:
        uow.conn.execute(settings.delete().where(settings.c.id != "main"))
    run(command.upgrade, "0024")
    assert (kept(settings), kept(at_risk)) == ([main], []), "nothing was at risk"
    run(command.downgrade, "0023")
    assert kept(settings) == [main]
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


def test_a_prepared_statement_writes_and_reads_what_sqlalchemy_does():
    table = sa.Table(
        "odd",
        sa.MetaData(),
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("flag", sa.Boolean),
        sa.Column("body", sa.JSON, server_default="{}"),
        sa.Column("void", sa.JSON(none_as_null=True)),
        sa.Column("price", Euros),
    )
    rows = [
        {"id": "a", "flag": True, "body": {"é": [1, 2.5, None]}, "void": None},
        {"id": "b", "flag": None, "body": None, "void": [], "price": None},
        {"id": "c", "flag": False, "body": "text", "void": {}, "price": Decimal("1234.56")},
    ]
    rows[0]["price"] = Decimal("0.10")
    first = Prepared(sa.select(table).where(table.c.id > sa.bindparam("x")).limit(2))
    with Store("sqlite://", Bus()).begin() as uow:
        table.create(uow.conn)
        assert Prepared(table.insert(), *rows[0]).run(uow.conn, *rows) == len(rows)
        assert Prepared(table.insert(), "id").run(uow.conn, {"id": "d"}) == 1
        whole = sa.select(table).order_by(table.c.id)
        seen = [tuple(row) for row in uow.conn.execute(whole)]
        assert [dict(zip(rows[0], row, strict=True)) for row in seen[:3]] == rows
        assert seen[3] == ("d", None, {}, None, None)
        assert Prepared(whole).rows(uow.conn) == seen
        assert first.rows(uow.conn, x="a") == seen[1:3]
        drop = Prepared(table.delete().where(table.c.flag == sa.bindparam("is_flag")))
        assert drop.run(uow.conn, {"is_flag": True}, {"is_flag": False}) == 2
