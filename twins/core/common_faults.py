"""Faults that every product has: of its sensors and of its devices' connection.

Natural rates stand per device-year; those of sensors are per channel and grow with the number of
channels (twins reference, section 3: stuck 0.05, spike 2, dropout burst 4, bias step 0.05, swapped
0.005 a channel-year, zero in 0.075 % of rows; drift has no rate there, ours is an estimate).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from twins.core.manifest import FaultSpec, Param
from twins.core.twin import Manifest

SIGNAL = ("signal",)


def _lasting(title: str, default: float = 0.0) -> Param:
    return Param(unit="h", default=default, min=0.0, max=87_600.0, title=title)


_DRAWN = _lasting("How long; 0: drawn")
_ADJUSTED = _lasting("How long; 0: until somebody adjusts the sensor")
_OFFSET = Param(
    unit="signal",
    default=0.0,
    min=-1e9,
    max=1e9,
    title="Step in the signal's unit; 0: size_pct counts",
)


def _pct(default: float, title: str) -> Param:
    return Param(unit="%", default=default, min=-100.0, max=100.0, title=title)


SENSOR_FAULTS: Mapping[str, FaultSpec] = {
    "sensor_stuck": FaultSpec(
        title="A sensor repeats what it said last",
        params={"lasting": _DRAWN},
        rate_per_year=0.05,
        signals=SIGNAL,
    ),
    "sensor_spike": FaultSpec(
        title="A sensor jumps for one report",
        params={
            "size_pct": _pct(0.0, "Height in percent of the range; 0: drawn"),
            "lasting": _lasting("How long; 0: one report"),
        },
        rate_per_year=2.0,
        signals=SIGNAL,
    ),
    "sensor_dropout": FaultSpec(
        title="A sensor says nothing for a while",
        params={"lasting": _DRAWN},
        rate_per_year=4.0,
        signals=SIGNAL,
    ),
    "sensor_bias": FaultSpec(
        title="A sensor is off by a constant",
        params={
            "offset": _OFFSET,
            "size_pct": _pct(0.0, "Step in percent of the range; 0: drawn, 2 to 10"),
            "lasting": _ADJUSTED,
        },
        rate_per_year=0.05,
        after_maintenance=0.5,
        signals=SIGNAL,
    ),
    "sensor_drift": FaultSpec(
        title="A sensor drifts away",
        params={
            "per_day": replace(_OFFSET, title="Drift in the signal's unit; 0: pct_per_day counts"),
            "pct_per_day": _pct(0.2, "Drift in percent of the range"),
            "lasting": _ADJUSTED,
        },
        rate_per_year=0.02,
        signals=SIGNAL,
    ),
    "sensor_swapped": FaultSpec(
        title="Two sensors are wired the wrong way round",
        params={"lasting": _ADJUSTED},
        rate_per_year=0.005,
        after_maintenance=1.0,
        signals=("signal", "with"),
    ),
    "sensor_zero": FaultSpec(
        title="A sensor says 0 now and then",
        params={
            "share_pct": Param(unit="%", default=5.0, min=0.0, max=100.0, title="Share of reports"),
            "lasting": _DRAWN,
        },
        signals=SIGNAL,
    ),
}
"""Of one channel. Zero readings need no rate: with random faults they come by themselves."""

LINK_FAULTS: Mapping[str, FaultSpec] = {
    "modem_outage": FaultSpec(
        title="The modem of a device hangs: reports wait in it",
        params={"lasting": _DRAWN},
        rate_per_year=0.5,
    ),
    "clock_skew": FaultSpec(
        title="The clock of a device is wrong",
        params={
            "skew": Param(unit="s", default=3600.0, min=-86_400.0, max=86_400.0, title="By"),
            "lasting": _ADJUSTED,
        },
        rate_per_year=0.01,
    ),
    "clock_wrong_year": FaultSpec(
        title="The clock of a device begins anew, years away",
        params={
            "year": Param(unit="1", default=1970.0, min=1970.0, max=2106.0, title="Which year"),
            "lasting": _ADJUSTED,
        },
        rate_per_year=0.01,
    ),
    "power_cut": FaultSpec(
        title="A device has no power, then boots anew",
        params={"lasting": _DRAWN},
        rate_per_year=1.0,
    ),
}
"""Of a whole device. Rates are estimates (E)."""

COMMON_FAULTS: Mapping[str, FaultSpec] = {**SENSOR_FAULTS, **LINK_FAULTS}


def faults_of(manifest: Manifest) -> dict[str, FaultSpec]:
    """Every fault of a product: its own, and the common ones with rates per device-year.

    A fault of the product's own hides a common one of the same name.
    """
    channels = len(manifest.signals)
    sensors = {
        name: replace(spec, rate_per_year=spec.rate_per_year * channels)
        for name, spec in SENSOR_FAULTS.items()
    }
    return {**sensors, **LINK_FAULTS, **manifest.faults}
