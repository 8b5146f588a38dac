"""What remote tells the other contexts."""

from __future__ import annotations

from reference_impl.published.base import FeedEvent


class CommandChanged(FeedEvent):
    """remote: a command was requested, got on, was confirmed or failed."""

    __slots__ = ()


class FirmwareChanged(FeedEvent):
    """remote: a rollout of firmware, one of its groups, or the update of a device took a step.

    ``firmware.rollout_*``, ``firmware.group_*`` and ``firmware.health_*`` are of a rollout (its
    subject); all other kinds are of a device: subject ``rollout/thing``, ``data`` has ``thing``.
    """

    __slots__ = ()


class RemoteWorkChanged(FeedEvent):
    """remote: a remedy is tried from afar (FS12): maintenance may wait for what comes of it.

    ``remote.begun``, then ``remote.resolved`` (telemetry says that the machine is well: nobody has
    to go) or ``remote.failed`` (somebody has to). ``data``: ``thing``, ``alert``, ``fix``,
    ``rule``, ``pack``, ``command``, ``tries``, ``why``.
    """

    __slots__ = ()
