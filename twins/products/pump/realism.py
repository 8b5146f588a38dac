"""Realism checks 1 to 15 and 24 (twins reference, section 4): bands and words are the list's."""

from __future__ import annotations

from twins.core.realism import Check
from twins.products.pump import figures

CHECKS: tuple[Check, ...] = (
    Check(
        number=1,
        title="Operating point lies on pump and system curve (truth)",
        expected="residual < 1e-6 m",
        source="source only",
        measure=figures.operating_point,
    ),
    Check(
        number=2,
        title="Power exponent on speed, windows fully running, level and pump count as covariates",
        expected="3.0 +-0.1 if Hst = 0; 3.3-4.6 with static head",
        source="hsy: 3.58-4.36",
        measure=figures.speed_exponent,
        deep=True,
    ),
    Check(
        number=3,
        title="Same test on 15-min means that contain starts/stops",
        expected="falls to 0.9-1.2 (averaging trap must appear)",
        source="hsy: 1.00-1.09",
        measure=figures.averaging_trap,
    ),
    Check(
        number=4,
        title="d ln Q / d level",
        expected="> 0, 0.03-0.30 per m",
        source="hsy: 0.037-0.272",
        measure=figures.flow_by_level,
    ),
    Check(
        number=5,
        title="Flow change of a pump when one more runs on the main",
        expected="0 to -12 %",
        source="hsy: -0.2 to -8.7",
        measure=figures.one_more_pump,
    ),
    Check(
        number=6,
        title="Specific energy: CV in time; spread of same-size pumps",
        expected="0.04-0.16; 5-25 %",
        source="hsy: 0.049-0.155; 22 %",
        measure=figures.specific_energy,
        deep=True,
    ),
    Check(
        number=7,
        title="Volume balance from telemetry: slope of dV on (in-out)",
        expected="0.85-1.05, r > 0.85",
        source="hsy: 0.919, r 0.919",
        measure=figures.volume_balance,
        deep=True,
    ),
    Check(
        number=8,
        title="Sum of pump flows / station flow",
        expected="1.000 +- 0.01",
        source="hsy: 1.0001",
        measure=figures.sum_of_flows,
    ),
    Check(
        number=9,
        title="Starts per hour below limit; shortest cycle near Qin = Qp/2",
        expected="share over limit < 0.1 %",
        source="source only (S5)",
        measure=figures.starts,
    ),
    Check(
        number=10,
        title="Dry diurnal peak/mean, min/mean, big catchment",
        expected="1.1-1.35; 0.6-0.85",
        source="dhi 1.14/0.78, hsy 1.22/0.67",
        measure=figures.diurnal,
        deep=True,
    ),
    Check(
        number=11,
        title="Weekend/weekday mean; weekday evening peak, weekend later morning",
        expected="0.80-1.0",
        source="dhi 0.872; 19 h and 10 h",
        measure=figures.weekend,
        deep=True,
    ),
    Check(
        number=12,
        title="Wet/dry mean ratio; rain to flow lag and r; acf 1 h, 24 h",
        expected="1.8-4; 0-4 h, > 0.4; 0.85-0.97, 0.2-0.6",
        source="dhi 2.78; 1 h, 0.59; 0.91, 0.37",
        measure=figures.wet_weather,
        deep=True,
    ),
    Check(
        number=13,
        title="Imbalance fault: vibration ratio; current and flow ratio",
        expected="1.8-4; 0.97-1.03",
        source="skab other_5,6,7,9: 2.3-2.9; 0.98-1.02",
        measure=figures.imbalance,
    ),
    Check(
        number=14,
        title="Closing valve: flow; vibration",
        expected="0.90-0.995; 0.98-1.02",
        source="skab valve1 (4 files), valve2 (4): 0.92-0.99; 0.99-1.01",
        measure=figures.closing_valve,
    ),
    Check(
        number=15,
        title="Draining to cavitation: flow; overall vibration",
        expected="< 0.6; 0.95-1.15",
        source="skab other_12: 0.41; 1.02-1.04",
        measure=figures.draining,
    ),
    Check(
        number=24,
        title="Zones visited in order A-B-C-D; no jump over a zone but for step faults; "
        ">= 1 day in C for wear-out",
        expected="> 95 %; 80 %",
        source="source only (S13, E)",
        measure=figures.zones,
        deep=True,
    ),
)
