"""What orders tells the other contexts."""

from __future__ import annotations

from reference_impl.published.base import FeedEvent


class RecommendationChanged(FeedEvent):
    """orders: a recommendation was issued, approved, discarded or fulfilled."""

    __slots__ = ()


class OrderChanged(FeedEvent):
    """orders: an order took a step. maintenance listens for ``order.delivered``."""

    __slots__ = ()
