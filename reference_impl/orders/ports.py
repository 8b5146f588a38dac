"""What orders needs from its adapters."""

from __future__ import annotations

from dataclasses import dataclass

from reference_impl.kernel.rows import Rows


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRows:
    """The tables of this context."""

    parts: Rows
    model_parts: Rows
    policies: Rows
    cycles: Rows
    needs: Rows
    recommendations: Rows
    orders: Rows
    refused: Rows
