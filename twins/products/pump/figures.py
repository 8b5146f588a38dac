"""The statistics behind realism checks 1 to 15 and 24, as they were measured on real stations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from twins.core.manifest import SignalSpec
from twins.core.realism import Columns, Figure, Histories, Injected, Wanted
from twins.core.sensors import Sensors
from twins.core.streams import Streams
from twins.products.pump import wells
from twins.products.pump.hourly import Hours
from twins.products.pump.model import HOUR_MS

ZONES_MM_S = (0.71, 1.8, 4.5)
"""Borders of zones A to D, machines up to 15 kW (S13)."""
STARTS_MAX = 15.0
CONTROLS_HZ = 49.8
INFLOW_METER = SignalSpec(
    unit="m3/h", min=0.0, max=40_000.0, title="", steps_per_unit=10, noise_rel=0.0045
)
"""SCADA flow 0.4-0.5 % (M:hsy)."""
TUNNEL_M2, TUNNEL_HEIGHT_M = 2000.0, 5.0
LARGE: Mapping[str, float] = {
    "vfd": 1.0, "duty_l_s": 420.0, "static_head_m": 26.6, "friction_head_m": 0.4,
    "inflow_l_s": 800.0, "well_shape": 2.0, "well_area_m2": TUNNEL_M2, "starts_per_h_max": 6.0,
    "diurnal_stretch": 1.0, "rain_share": 0.04,
}  # fmt: skip
"""A large station on converters with a tunnel before it, as that of HSY: rain is stored upstream
(estimate: a third of what a combined sewer brings), and nothing spills."""
TUNNEL = Wanted(product="pump", sites=1, devices_per_site=7, days=21, params=LARGE)
NO_LIFT = Wanted(
    product="pump", sites=4, devices_per_site=1, days=14,
    params={**LARGE, "static_head_m": 0.0, "friction_head_m": 27.0, "inflow_l_s": 200.0},
)  # fmt: skip
CYCLING = Wanted(
    product="pump", sites=6, devices_per_site=1, days=14, params={"vfd": 1.0, "inflow_l_s": 8.0}
)
"""Small stations on converters, whose pumps run for minutes: most means hold starts and stops."""
FIXED = Wanted(
    product="pump", sites=4, devices_per_site=2, days=21,
    params={
        "well_area_m2": 400.0, "inflow_l_s": 25.0, "diurnal_stretch": 1.5, "friction_head_m": 0.35,
    },
)  # fmt: skip
"""Fixed speed and a wide well: runs last for hours, and the level sinks slowly. Often both pumps
run, so the main is one size wider than where one does."""
DUPLEX = Wanted(product="pump", sites=8, devices_per_site=2, days=21)
CATCHMENT = Wanted(
    product="pump", sites=4, devices_per_site=2, days=150, report_every_s=3600,
    params={"diurnal_stretch": 1.0, "season_swing": 0.33},
)  # fmt: skip
"""Large catchments over half a year, as that of DHI."""


def operating_point(histories: Histories) -> Sequence[Figure]:
    """1: residual between head of pump and of system, where nothing cavitates."""
    residuals = []
    for wanted in (DUPLEX, CYCLING, FIXED):
        truth = histories.get(wanted).truth
        flows = (truth["npsh_margin_m"] > 0.0) & (truth["duty_m3_h"] > 0.0)
        residuals.append(np.abs(truth["pump_head_m"] - truth["system_head_m"])[flows].max())
    return [Figure(name="largest residual", value=float(max(residuals)), high=1e-6, unit="m")]


def speed_exponent(histories: Histories) -> Sequence[Figure]:
    """2: ln P on ln speed, windows fully running, level and pumps that run as covariates.

    Steady windows: nobody starts or stops beside it, and the converter controls (below 49.8 Hz, as
    in the real windows; at its end the level wanders).
    """
    figures = []
    for wanted, name, low, high in (
        (TUNNEL, "static head", 3.3, 4.6),
        (NO_LIFT, "no static head", 2.9, 3.1),
    ):
        seen = histories.get(wanted).telemetry
        full = seen["run_share"] > 0.999
        pumps = wanted.devices_per_site
        stations = (full | (seen["run_share"] < 0.001)).reshape(len(full), -1, pumps)
        steady = np.repeat(stations.all(axis=2), pumps, axis=1)
        count = np.repeat(full.reshape(stations.shape).sum(axis=2), pumps, axis=1)
        exponents = []
        for pump in range(full.shape[1]):
            rows = full[:, pump] & steady[:, pump] & (seen["speed_hz"][:, pump] < CONTROLS_HZ)
            logs = np.log(seen["speed_hz"][rows, pump])
            if rows.sum() < 300 or logs.std() < 0.005:
                continue
            slopes = _slopes(
                np.log(seen["power_kw"][rows, pump]),
                logs,
                seen["level_m"][rows, pump],
                count[rows, pump].astype(float),
            )
            exponents.append(slopes[0])
        figures += [
            Figure(name=f"{name}, lowest pump", value=min(exponents), low=low, high=high),
            Figure(name=f"{name}, highest pump", value=max(exponents), low=low, high=high),
        ]
    return figures


def averaging_trap(histories: Histories) -> Sequence[Figure]:
    """3: the same on 15-min means that contain starts and stops."""
    seen = histories.get(CYCLING).telemetry
    part = (seen["run_share"] > 0.02) & (seen["run_share"] < 0.98)
    part &= (seen["speed_hz"] > 0.0) & (seen["power_kw"] > 0.0)
    exponents = [
        _slopes(
            np.log(seen["power_kw"][part[:, pump], pump]),
            np.log(seen["speed_hz"][part[:, pump], pump]),
            seen["level_m"][part[:, pump], pump],
        )[0]
        for pump in range(part.shape[1])
    ]
    return [
        Figure(name="lowest pump", value=min(exponents), low=0.9, high=1.2),
        Figure(name="highest pump", value=max(exponents), low=0.9, high=1.2),
    ]


def flow_by_level_and_count(histories: Histories) -> Columns:
    """Slopes of ln Q on level (per m) and on one more pump, by pump: shape ``(n, 2)``."""
    seen = histories.get(FIXED).telemetry
    full = seen["run_share"] > 0.999
    count = full.reshape(len(full), -1, 2).sum(axis=2).repeat(2, axis=1)
    rows = []
    for pump in range(full.shape[1]):
        of = full[:, pump]
        flow, level = seen["flow_m3_h"][of, pump], seen["level_m"][of, pump]
        rows.append(_slopes(np.log(flow), level, count[of, pump].astype(float)))
    return np.array(rows)


def flow_by_level(histories: Histories) -> Sequence[Figure]:
    """4: d ln Q / d level."""
    slopes = flow_by_level_and_count(histories)[:, 0]
    return [
        Figure(name="lowest pump", value=slopes.min(), low=0.03, high=0.30, unit="1/m"),
        Figure(name="highest pump", value=slopes.max(), low=0.03, high=0.30, unit="1/m"),
    ]


def one_more_pump(histories: Histories) -> Sequence[Figure]:
    """5: flow of a pump when one more runs on the main, at the same level."""
    change = 100.0 * np.expm1(flow_by_level_and_count(histories)[:, 1])
    return [
        Figure(name="least", value=change.max(), low=-12.0, high=0.0, unit="%"),
        Figure(name="most", value=change.min(), low=-12.0, high=0.0, unit="%"),
    ]


def specific_energy(histories: Histories) -> Sequence[Figure]:
    """6: CV in time of energy over volume, and spread of its median between pumps of one size."""
    seen = histories.get(TUNNEL).telemetry
    full = np.where(seen["run_share"] > 0.5, seen["specific_energy_kwh_m3"], np.nan)
    ran = np.isfinite(full).sum(axis=0) > 100
    full = full[:, ran]
    variation = np.nanstd(full, axis=0) / np.nanmean(full, axis=0)
    medians = np.nanmedian(full, axis=0)
    spread = 100.0 * (medians.max() - medians.min()) / np.median(medians)
    return [
        *_range("CV in time", variation, 0.04, 0.16),
        Figure(name="spread between pumps", value=float(spread), low=5.0, high=25.0, unit="%"),
    ]


def volume_balance(histories: Histories) -> Sequence[Figure]:
    """7: change of the tunnel's volume, from its level, on inflow less station flow.

    Our stations have no inflow meter; one is put before the true inflow, as good as that of the
    station flow.
    """
    history = histories.get(TUNNEL)
    meter = Sensors({"inflow": INFLOW_METER}, ("inflow",), Streams(TUNNEL.seed))
    true = history.truth["inflow_m3_h"][:, :1]
    inflow = np.array([meter.read(now[None], row).values[0, 0] for row, now in enumerate(true)])
    well = wells.tunnel(TUNNEL_M2, TUNNEL_HEIGHT_M)
    volume = well.volume(history.telemetry["level_m"][:, 0])
    hours = np.diff(history.at_ms) / HOUR_MS
    net = inflow - history.telemetry["station_flow_m3_h"][:, 0]
    change, due = np.diff(volume), net[1:] * hours
    return [
        Figure(name="slope", value=float(_slopes(change, due)[0]), low=0.85, high=1.05),
        Figure(name="r", value=float(np.corrcoef(change, due)[0, 1]), low=0.85),
    ]


def sum_of_flows(histories: Histories) -> Sequence[Figure]:
    """8: sum of the pumps' flows over station flow."""
    ratios = []
    for wanted, pumps in ((DUPLEX, 2), (FIXED, 2)):
        seen = histories.get(wanted).telemetry
        flows = seen["flow_m3_h"].reshape(len(seen["flow_m3_h"]), -1, pumps).sum(axis=2)
        ratios.append(flows.sum(axis=0) / seen["station_flow_m3_h"][:, ::pumps].sum(axis=0))
    every = np.concatenate(ratios)
    return [
        Figure(name="lowest station", value=every.min(), low=0.99, high=1.01),
        Figure(name="highest station", value=every.max(), low=0.99, high=1.01),
    ]


def starts(histories: Histories) -> Sequence[Figure]:
    """9: hours with more starts than allowed; where, in Qin / Qp, a cycle is shortest."""
    seen = histories.get(DUPLEX).telemetry
    hourly = seen["starts"][3::4]
    per_h = np.diff(hourly, axis=0)
    station = per_h.reshape(len(per_h), -1, 2).sum(axis=2)
    running = seen["run_share"] > 0.5
    pump = np.nanmedian(
        np.where(running, seen["flow_m3_h"] / np.maximum(seen["run_share"], 1e-9), np.nan), axis=0
    )
    flow = seen["station_flow_m3_h"][:, ::2]
    mean = flow[: len(flow) // 4 * 4].reshape(-1, 4, flow.shape[1]).mean(axis=1)[1:]
    share = mean / pump.reshape(-1, 2).mean(axis=1)
    edges = np.arange(0.05, 1.0, 0.1)
    place = np.digitize(share, edges)
    often = [
        station[place == index].mean() if (place == index).sum() > 30 else 0.0
        for index in range(1, len(edges))
    ]
    shortest = edges[int(np.argmax(often))] + 0.05
    return [
        Figure(
            name="share of hours over the limit", value=100.0 * float((per_h > STARTS_MAX).mean()),
            high=0.1, unit="%",
        ),
        Figure(name="Qin/Qp of the shortest cycle", value=float(shortest), low=0.4, high=0.6),
    ]  # fmt: skip


def diurnal(histories: Histories) -> Sequence[Figure]:
    """10: dry diurnal peak and least flow over the mean, large catchment."""
    hours = Hours(histories.get(CATCHMENT))
    day = np.array([hours.flow[hours.dry & (hours.hour == hour)].mean() for hour in range(24)])
    return [
        Figure(name="peak/mean", value=float(day.max() / day.mean()), low=1.1, high=1.35),
        Figure(name="min/mean", value=float(day.min() / day.mean()), low=0.6, high=0.85),
    ]


def weekend(histories: Histories) -> Sequence[Figure]:
    """11: weekend over weekday mean in dry weather, and the hours of their peaks."""
    hours = Hours(histories.get(CATCHMENT))
    free, work = hours.dry & hours.weekend, hours.dry & ~hours.weekend
    peaks = [
        int(np.argmax([hours.flow[of & (hours.hour == hour)].mean() for hour in range(24)]))
        for of in (work, free)
    ]
    ratio = float(hours.flow[free].mean() / hours.flow[work].mean())
    return [
        Figure(name="weekend/weekday", value=ratio, low=0.80, high=1.0),
        Figure(name="weekday peak (evening)", value=peaks[0], low=17.0, high=22.0, unit="h"),
        Figure(name="weekend peak (late morning)", value=peaks[1], low=9.0, high=13.0, unit="h"),
    ]


def wet_weather(histories: Histories) -> Sequence[Figure]:
    """12: wet over dry days, lag and correlation of rain and flow, memory of the flow."""
    seen = histories.get(CATCHMENT).telemetry
    rows = []
    for site in range(0, seen["rain_mm_h"].shape[1], 2):
        rain, flow = seen["rain_mm_h"][:, site], seen["station_flow_m3_h"][:, site]
        days = len(rain) // 24
        per_day = rain[: days * 24].reshape(days, 24).sum(axis=1)
        mean = flow[: days * 24].reshape(days, 24).mean(axis=1)
        ratio = mean[per_day > 10.0].mean() / mean[per_day < 0.1].mean()
        crossed = [_correlation(rain[: len(rain) - lag], flow[lag:]) for lag in range(13)]
        memory = [_correlation(flow[:-lag], flow[lag:]) for lag in (1, 24)]
        rows.append([ratio, float(np.argmax(crossed)), max(crossed), *memory])
    ratio, lag, r, hour, day = np.mean(rows, axis=0).tolist()
    return [
        Figure(name="wet/dry", value=ratio, low=1.8, high=4.0),
        Figure(name="lag", value=lag, low=0.0, high=4.0, unit="h"),
        Figure(name="r", value=r, low=0.4),
        Figure(name="acf 1 h", value=hour, low=0.85, high=0.97),
        Figure(name="acf 24 h", value=day, low=0.2, high=0.6),
    ]


def imbalance(histories: Histories) -> Sequence[Figure]:
    """13: vibration, current and flow with an imbalance over those without."""
    ratios = _ratios(histories, "imbalance", [{"ratio": 2.3}, {"ratio": 2.6}, {"ratio": 2.9}])
    return [
        *_range("vibration", ratios["vibration_mm_s"], 1.8, 4.0),
        *_range("current", ratios["current_a"], 0.97, 1.03),
        *_range("flow", ratios["flow"], 0.97, 1.03),
    ]


def closing_valve(histories: Histories) -> Sequence[Figure]:
    """14: flow and vibration behind a valve that closes."""
    given = [{"loss_pct": 1.5}, {"loss_pct": 4.0}, {"loss_pct": 8.0}]
    ratios = _ratios(histories, "valve_closing", given)
    return [
        *_range("flow", ratios["flow"], 0.90, 0.995),
        *_range("vibration", ratios["vibration_mm_s"], 0.98, 1.02),
    ]


def draining(histories: Histories) -> Sequence[Figure]:
    """15: flow and overall vibration of a pump that cavitates."""
    ratios = _ratios(histories, "cavitation", [{}, {}, {}])
    return [
        *_range("flow", ratios["flow"], -np.inf, 0.6),
        *_range("vibration", ratios["vibration_mm_s"], 0.95, 1.15),
    ]


def zones(histories: Histories) -> Sequence[Figure]:
    """24: the order of zones that a failing bearing goes through, and its days in C."""
    wanted = Wanted(
        product="pump", sites=20, devices_per_site=1, days=63, report_every_s=1800,
        faults=tuple(
            Injected(
                fault="bearing_wear", device=device, after_h=24.0,
                params={"onset": 0.0, "pf_interval": 336.0 * 4.0 ** (device / 19.0)},
            )
            for device in range(20)
        ),
    )  # fmt: skip
    history = histories.get(wanted)
    in_order, long_enough = [], []
    for unit in range(20):
        failed = np.flatnonzero(history.damage["bearing"][:, unit] >= 1.0)
        life = slice(0, int(failed[0]) if len(failed) else None)
        mm_s = history.telemetry["vibration_mm_s"][life, unit]
        daily = [
            float(np.nanmean(mm_s[at : at + 48])) for at in range(0, len(mm_s) - 47, 24)
        ]  # of a day, every half a day
        visited = np.digitize(daily, ZONES_MM_S)
        steps = np.diff(visited[np.concatenate(([True], np.diff(visited) != 0))])
        in_order.append(bool(np.all(steps == 1)))
        long_enough.append(int((visited == 2).sum()) / 2.0 >= 1.0)
    return [
        Figure(
            name="in order, no jump", value=100.0 * float(np.mean(in_order)), low=95.0, unit="%"
        ),
        Figure(
            name="a day or more in C", value=100.0 * float(np.mean(long_enough)), low=80.0, unit="%"
        ),
    ]


def _ratios(
    histories: Histories, fault: str, given: Sequence[Mapping[str, float]]
) -> Mapping[str, Columns]:
    """Faulted over healthy, of the same pumps with the same seed; one pump per parameter set."""
    healthy = Wanted(product="pump", sites=len(given), devices_per_site=1, days=5)
    faults = tuple(
        Injected(fault=fault, device=device, after_h=0.25, params=params)
        for device, params in enumerate(given)
    )
    sick = Wanted(product="pump", sites=len(given), devices_per_site=1, days=5, faults=faults)
    first, second = (histories.get(wanted).telemetry for wanted in (healthy, sick))

    def running_flow(seen: Mapping[str, Columns]) -> Columns:
        return np.asarray(seen["flow_m3_h"][2:].sum(axis=0) / seen["run_share"][2:].sum(axis=0))

    ratios = {
        name: np.nanmean(second[name][2:], axis=0) / np.nanmean(first[name][2:], axis=0)
        for name in ("vibration_mm_s", "current_a")
    }
    return ratios | {"flow": running_flow(second) / running_flow(first)}


def _range(name: str, values: Columns, low: float, high: float) -> list[Figure]:
    return [
        Figure(name=f"{name}, {which}", value=float(value), low=low, high=high)
        for which, value in (("lowest", values.min()), ("highest", values.max()))
    ]


def _slopes(values: Columns, *by: Columns) -> list[float]:
    """Least squares: the slope on each column (a column that never moves is left out as 0)."""
    table = np.column_stack([np.ones(len(values)), *by])
    return [float(slope) for slope in np.linalg.lstsq(table, values, rcond=None)[0][1:]]


def _correlation(a: Columns, b: Columns) -> float:
    return float(np.corrcoef(a, b)[0, 1])
