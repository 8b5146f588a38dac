"""What ecosystem tells the other contexts."""

from __future__ import annotations

from reference_impl.published.base import FeedEvent


class SecondaryUseChanged(FeedEvent):
    """ecosystem: a secondary use of data was opened, withheld or ended, or it looked (CC26)."""

    __slots__ = ()
