"""The tables of insight, as the service takes them."""

from __future__ import annotations

from reference_impl.insight.adapters import tables
from reference_impl.insight.ports import InsightRows
from reference_impl.kernel.rows import Rows


def rows() -> InsightRows:
    """All tables of this context."""
    return InsightRows(
        conditions=Rows(tables.conditions),
        revisions=Rows(tables.revisions),
        states=Rows(tables.states),
        history=Rows(tables.history),
        replaced=Rows(tables.replaced),
        recomputations=Rows(tables.recomputations),
        models=Rows(tables.models),
        flags=Rows(tables.flags),
        marks=Rows(tables.metric_marks),
        advice_plans=Rows(tables.advice_plans),
        advices=Rows(tables.advices),
        advice_consents=Rows(tables.advice_consents),
    )
