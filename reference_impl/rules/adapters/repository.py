"""The tables of rules, as the service takes them."""

from __future__ import annotations

from reference_impl.kernel.rows import Rows
from reference_impl.rules.adapters import tables
from reference_impl.rules.ports import RuleRows


def rows() -> RuleRows:
    """All tables of this context."""
    return RuleRows(
        packs=Rows(tables.packs), instances=Rows(tables.instances), alerts=Rows(tables.alerts)
    )
