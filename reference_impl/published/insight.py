"""What insight tells the other contexts."""

from __future__ import annotations

from reference_impl.published.base import FeedEvent


class ConditionEvaluated(FeedEvent):
    """insight: the wear of one position of one thing was computed anew."""

    __slots__ = ()


class ConditionSwitched(FeedEvent):
    """insight: another revision of a condition of a model drives decisions from now on (SP8)."""

    __slots__ = ()


class DataFlagged(FeedEvent):
    """insight: a signal of a thing is not to be believed, or is again (O14).

    ``kind`` is ``data.flagged`` or ``data.cleared``. ``data``: ``signal``, ``flag`` (range, rate,
    frozen, cross, jump), ``positions`` (whose conditions read the signal), ``since_ms``,
    ``evidence``. orders holds what would be bought for these positions meanwhile.
    """

    __slots__ = ()


class AdviceChanged(FeedEvent):
    """insight: advice for a parameter was given, decided on, applied, measured (AS8, ST5).

    ``advice.given``, ``.accepted``, ``.declined``, ``.lapsed``, ``.applied``, ``.failed``,
    ``.kept`` and ``.reverted`` are of one advice (its subject); ``advice.asked``, ``.run`` and
    ``.measured`` of the round of a plan (its subject).
    """

    __slots__ = ()


class DiagnosisMade(FeedEvent):
    """insight: somebody asked why, and the answer was put on record (AN3)."""

    __slots__ = ()


class DesignReviewed(FeedEvent):
    """insight: what the field tells of a model's parts, as somebody asked (``design.reviewed``)."""

    __slots__ = ()
