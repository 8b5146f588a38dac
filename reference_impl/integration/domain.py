"""Webhooks and their deliveries as tables, and when a failed delivery is tried again (CC17)."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from reference_impl.kernel.errors import DpsError


class AlreadyThere(DpsError):  # noqa: N818 - it names what is wrong
    """The same webhook was made before; its secret is shown once only."""

    code = "already_there"


class Hook(StrEnum):
    """Whether a webhook is served. What happens meanwhile waits for one that is not."""

    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    GONE = "GONE"


class HookStep(StrEnum):
    """What can happen to a webhook."""

    PAUSE = "pause"
    RESUME = "resume"
    REFUSE = "refuse"


HOOKS: dict[Hook, dict[HookStep, Hook]] = {
    Hook.ACTIVE: {HookStep.PAUSE: Hook.PAUSED, HookStep.REFUSE: Hook.GONE},
    Hook.PAUSED: {HookStep.RESUME: Hook.ACTIVE},
    Hook.GONE: {HookStep.RESUME: Hook.ACTIVE},
}
"""``refuse``: the receiver answered 410, which says that nobody wants to hear any more."""


class Delivery(StrEnum):
    """Where the delivery of one event to one webhook is."""

    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    DEAD = "DEAD"
    WITHHELD = "WITHHELD"
    DISCARDED = "DISCARDED"


class DeliveryStep(StrEnum):
    """What can happen to a delivery."""

    SUCCEED = "succeed"
    FAIL = "fail"
    GIVE_UP = "give up"
    WITHHOLD = "withhold"
    REDELIVER = "redeliver"
    DISCARD = "discard"


DELIVERIES: dict[Delivery, dict[DeliveryStep, Delivery]] = {
    Delivery.PENDING: {
        DeliveryStep.SUCCEED: Delivery.DELIVERED,
        DeliveryStep.FAIL: Delivery.PENDING,
        DeliveryStep.GIVE_UP: Delivery.DEAD,
        DeliveryStep.WITHHOLD: Delivery.WITHHELD,
    },
    Delivery.DELIVERED: {},
    Delivery.DEAD: {
        DeliveryStep.REDELIVER: Delivery.PENDING,
        DeliveryStep.DISCARD: Delivery.DISCARDED,
    },
    Delivery.WITHHELD: {},
    Delivery.DISCARDED: {},
}
"""``withhold``: who asked for the event may no longer see it."""

WAITS_MS = (5_000, 300_000, 1_800_000, 7_200_000, 18_000_000, 36_000_000, 36_000_000)
"""How long after the first, second, ... failed attempt the next one is due: the schedule that Svix
publishes for webhooks (5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 10 h)."""
ATTEMPTS_MAX = len(WAITS_MS) + 1


LONGEST_PATIENT_MS = 1_800_000
"""A connector's attempts are never further apart: half an hour after an outage it is served."""
REFUSALS = range(400, 500)
_NO_REFUSALS = frozenset({408, 425, 429})
"""Statuses that say "later", though they are of the 400s."""


def is_refusal(status: int | None) -> bool:
    """Whether the receiver says that it will not take this, now or later."""
    return status in REFUSALS and status not in _NO_REFUSALS


def step_after_failure(attempts: int, *, patient: bool = False) -> tuple[DeliveryStep, int]:
    """What follows the ``attempts``-th failed attempt, and after how many ms the next is due.

    ``patient``: the receiver is one that must hear everything, and it did not refuse this: it is
    tried for as long as its outage takes (FS11).
    """
    if patient:
        return DeliveryStep.FAIL, min(
            WAITS_MS[min(attempts, len(WAITS_MS)) - 1], LONGEST_PATIENT_MS
        )
    if attempts >= ATTEMPTS_MAX:
        return DeliveryStep.GIVE_UP, 0
    return DeliveryStep.FAIL, WAITS_MS[attempts - 1]


def wants(kinds: Sequence[str], kind: str) -> bool:
    """Whether one of ``kinds`` names ``kind``: itself, ``order.*`` or ``*``."""
    family = f"{kind.partition('.')[0]}.*"
    return any(one in (kind, family, "*") for one in kinds)
