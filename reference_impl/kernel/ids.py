"""Ids that are functions of content, so that two runs of one story name everything alike."""

from __future__ import annotations

from hashlib import blake2b, sha256

import msgspec

_canonical = msgspec.json.Encoder(order="sorted")


def canonical(value: object) -> bytes:
    """Write plain data as JSON with sorted keys; equal data give equal bytes."""
    return _canonical.encode(value)


def digest(*parts: object) -> str:
    """Sixteen hex digits (64 bits) of blake2b over the canonical form of ``parts``."""
    return blake2b(canonical(parts), digest_size=8).hexdigest()


def event_id(at_ms: int, kind: str, subject: str, data: object) -> str:
    """The CloudEvent id of a feed event: 32 hex digits of what it says."""
    return blake2b(canonical((at_ms, kind, subject, data)), digest_size=16).hexdigest()


def payload_digest(payload: bytes) -> str:
    """SHA-256 of a payload as hex; an undecodable message is known by its topic and this."""
    return sha256(payload).hexdigest()
