"""What insight needs from its adapters."""

from __future__ import annotations

from dataclasses import dataclass

from reference_impl.kernel.rows import Rows


@dataclass(frozen=True, slots=True, kw_only=True)
class InsightRows:
    """The tables of this context."""

    conditions: Rows
    revisions: Rows
    states: Rows
    history: Rows
    replaced: Rows
    recomputations: Rows
    models: Rows
    flags: Rows
    marks: Rows
