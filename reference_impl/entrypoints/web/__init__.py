"""The pages of the DPS, served below ``/portal``; imported only when they are (0.7 s)."""

from __future__ import annotations

from reference_impl.bootstrap import Dps
from reference_impl.entrypoints.web.portal import add_pages

__all__ = ["Dps", "add_pages"]
