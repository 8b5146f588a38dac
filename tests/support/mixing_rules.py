"""The smallest rule pack of mixers: one rule, one alert."""

from __future__ import annotations

HOT = {
    "pack": "mixing",
    "version": "1",
    "model": "mixer-1",
    "owner": "service",
    "every": "10m",
    "stale_after": "30m",
    "rules": [
        {
            "id": "too-hot",
            "let": {"temp": {"signal": "temp_c", "take": "max", "over": "10m"}},
            "when": "temp > 90.0",
            "for": "0s",
            "severity": "failure",
            "then": [{"alert": {}}],
            "why": "It burns",
        }
    ],
}
