"""Features that are paid for: licences as signed tokens, checked on the device, without a cloud."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, NamedTuple

from twins.core.declared import FeatureSpec
from twins.core.errors import named

PREFIX = "v1"


class Licence(NamedTuple):
    """The right to use a feature on one device up to ``expires_ms``; higher numbers are newer."""

    device: str
    feature: str
    expires_ms: int
    number: int

    def body(self) -> str:
        """What is signed."""
        return f"{PREFIX}.{self.device}.{self.feature}.{self.expires_ms}.{self.number}"


def sign(key: str, licence: Licence) -> str:
    """The token of a licence: its text and its HMAC-SHA256 (RFC 2104), hexadecimal."""
    body = licence.body()
    return f"{body}.{hmac.new(key.encode(), body.encode(), hashlib.sha256).hexdigest()}"


def read(key: str, token: str) -> Licence | None:
    """The licence of a token, ``None`` if it is none or the signature is not that of the key."""
    parts = token.split(".")
    if len(parts) != 6 or parts[0] != PREFIX or not (parts[3] + parts[4]).isdecimal():
        return None
    licence = Licence(parts[1], parts[2], int(parts[3]), int(parts[4]))
    return licence if hmac.compare_digest(sign(key, licence).encode(), token.encode()) else None


class Licences:
    """What each device of a fleet may do; one entry per licence that was ever presented."""

    def __init__(
        self, features: Mapping[str, FeatureSpec], params: Mapping[str, float], key: str
    ) -> None:
        self._key = key
        self._features = features
        self._included = {
            name for name, spec in features.items() if spec.param and params[spec.param] >= 0.5
        }
        self._held: dict[int, dict[str, Licence]] = {}

    def unlocked(self, device: int, feature: str, now_ms: int) -> bool:
        """Whether a device may use a feature now."""
        held = self._held.get(device, {}).get(feature)
        return feature in self._included or (held is not None and now_ms < held.expires_ms)

    def why_locked(self, device: int, feature: str, now_ms: int) -> str | None:
        """Why a device may not use a feature; ``None`` if it may."""
        if self.unlocked(device, feature, now_ms):
            return None
        held = self._held.get(device, {}).get(feature)
        since = "" if held is None else f" (the licence ended at {held.expires_ms})"
        return f"feature {feature!r} is locked{since}; send unlock_feature with a licence token"

    def present(self, device: int, name: str, token: str, now_ms: int) -> Licence | str:
        """Take over a token that was sent to a device; returns its licence, or why not.

        A licence that has ended already is taken if it is newer: so a right is taken back.
        """
        licence = read(self._key, token)
        if licence is None:
            return "the token is not signed by the vendor, or was changed on its way"
        problems = []
        if licence.device != name:
            problems.append(f"the token is for {licence.device!r}, this device is {name!r}")
        if licence.feature not in self._features:
            there_are = named(self._features)
            problems.append(f"there is no feature {licence.feature!r}; there are: {there_are}")
        last = self._held.get(device, {}).get(licence.feature)
        if last is not None and licence.number <= last.number:
            problems.append(
                f"token number {licence.number} was used already; the next one must be above "
                f"{last.number}"
            )
        if last is None and licence.expires_ms <= now_ms:
            problems.append(f"the licence ended at {licence.expires_ms}, now is {now_ms}")
        if problems:
            return "; ".join(problems)
        self._held.setdefault(device, {})[licence.feature] = licence
        return licence

    def dump(self) -> list[Any]:
        """All licences as plain data."""
        return [
            [device, list(licence)]
            for device, held in self._held.items()
            for licence in held.values()
        ]

    def load(self, state: list[Any]) -> None:
        """Take over what :meth:`dump` gave."""
        self._held = {}
        for device, fields in state:
            licence = Licence(*fields)
            self._held.setdefault(device, {})[licence.feature] = licence
