"""Money: exact to the cent in the store and on the wire."""

from __future__ import annotations

from decimal import Decimal

import pydantic
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_impl.kernel.bus import Bus
from reference_impl.kernel.money import Amount, Euros, euros, plain, times, total, wire
from reference_impl.kernel.store import Store

AMOUNTS = st.decimals(min_value=-(10**11), max_value=10**11, places=2)
table = sa.Table("amounts", sa.MetaData(), sa.Column("eur", Euros))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=(
    pytest.mark.deep, pytest.mark.postgres))])  # fmt: skip
def store(request):
    url = "sqlite://" if request.param == "sqlite" else request.getfixturevalue("new_database")()
    store = Store(url, Bus())
    table.metadata.create_all(store.engine)
    yield store
    store.close()


def test_amounts_come_back_from_the_store_to_the_cent_and_add_up_there(store):
    given_eur = [Decimal("0.10"), Decimal("0.20"), Decimal("123456789012.34"), Decimal("-5.05")]
    with store.begin() as uow:
        uow.conn.execute(table.insert(), [{"eur": one} for one in given_eur])
        kept = uow.conn.execute(sa.select(table.c.eur)).scalars().all()
        summed = uow.conn.execute(sa.select(sa.func.sum(table.c.eur))).scalar_one()
    assert kept == given_eur
    assert Decimal(summed) == sum(given_eur)


@settings(max_examples=200, deadline=None)
@given(AMOUNTS)
def test_an_amount_survives_the_wire_and_shows_at_most_two_places(amount):
    assert euros(wire(amount)) == amount
    assert len(repr(wire(amount)).partition(".")[2]) <= 2


def test_half_a_cent_is_rounded_up_and_a_float_is_read_as_written():
    assert euros(1.005) == Decimal("1.01")
    assert euros(-1.005) == Decimal("-1.01")
    assert times(Decimal("33.33"), 3) == Decimal("99.99")
    assert total([]) == Decimal("0.00")
    assert plain({"a": [Decimal("2.50"), {"b": Decimal(1)}], "c": None}) == {
        "a": [2.5, {"b": 1.0}], "c": None,
    }  # fmt: skip


@pytest.mark.parametrize("bad", [0.001, -0.01, float("nan"), float("inf"), 1e12, "x", True])
def test_a_request_with_parts_of_a_cent_or_no_sensible_number_is_refused(bad):
    with pytest.raises(pydantic.ValidationError):
        pydantic.TypeAdapter(Amount).validate_python(bad)
    assert pydantic.TypeAdapter(Amount).validate_python(12.3) == Decimal("12.30")
