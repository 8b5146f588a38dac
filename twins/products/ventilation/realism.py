"""Realism checks of the ventilation unit: numbers 25 to 30 and 35 to 38; rooms stand beside."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from twins.core.realism import Check, Figure, Histories, History, Injected, Wanted
from twins.core.streams import Streams
from twins.core.twin import Build, OwnWear
from twins.products import catalog
from twins.products.ventilation.filters import CLEAN_PA
from twins.products.ventilation.realism_rooms import ROOM_CHECKS
from twins.products.ventilation.twin import VentilationTwin

Columns = NDArray[np.float64]

MONDAY_MS = 1_767_571_200_000
HOUR_S = 3600
ALWAYS = {"start_h": 0.0, "stop_h": 24.0}
DUSTY = {"dust_ug_m3": 1000.0} | ALWAYS


def _wanted(**what: object) -> Wanted:
    given: dict[str, object] = {"product": "ventilation", "devices_per_site": 1} | what
    return Wanted(**given)  # type: ignore[arg-type]


def _r2(y: Columns, fitted: Columns) -> float:
    return float(1.0 - ((y - fitted) ** 2).sum() / ((y - y.mean()) ** 2).sum())


def _straight(x: Columns, y: Columns) -> Columns:
    return np.asarray(np.polyval(np.polyfit(x, y, 1), x), dtype=np.float64)


def _slope(x: Columns, y: Columns) -> float:
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def filter_shape(histories: Histories) -> Sequence[Figure]:
    """25: pressure drop at design flow over true dust, both as reported, until final."""
    history = histories.get(
        _wanted(sites=9, days=13, report_every_s=3 * HOUR_S, params=DUSTY | {"rooms": 4.0})
    )
    bends = np.arange(1.0, 7.0, 0.1)
    found = []
    for dust, pa in zip(
        history.damage["supply_filter"].T,
        history.telemetry["supply_filter_norm_pa"].T,
        strict=True,
    ):
        used = ~np.isnan(pa) & (dust <= 1.0)
        u, y = dust[used], pa[used]
        fits = [_r2(y, _straight(np.expm1(k * u), y)) for k in bends]
        k = float(bends[int(np.argmax(fits))])
        found.append(
            (max(fits), max(fits) - _r2(y, _straight(u, y)), k, np.log1p(np.expm1(k) / 2) / k)
        )
    exponential, more, k, half = np.median(found, axis=0)
    return (
        Figure(name="R2 of the exponential", value=exponential, low=0.97),
        Figure(name="R2 more than a line", value=more, low=0.05),
        Figure(name="k", value=k, low=2.0, high=5.0),
        Figure(name="dust share at half the final pressure drop", value=half, low=0.65, high=0.85),
    )


def _lives(histories: Histories, dust: float, days: float) -> tuple[Columns, Columns]:
    """Dust (g) and running hours until a filter is full, unit by unit."""
    params = ALWAYS | {
        "rooms": 1.0, "demand_control": 0.0, "dust_ug_m3": dust, "supply_capacity_g": 100.0,
    }  # fmt: skip
    history = histories.get(
        _wanted(sites=60, days=days, report_every_s=HOUR_S, params=params, seed=3)
    )
    full = history.damage["supply_filter"] >= 1.0
    end = full.argmax(axis=0)
    units = np.flatnonzero(full.any(axis=0))
    runs = np.cumsum(history.telemetry["supply_flow_m3_h"] > 50.0, axis=0)
    return history.truth["supply_dust_g"][end[units], units], runs[end[units], units].astype(float)


def filter_capacity(histories: Histories) -> Sequence[Figure]:
    """26: dust held at the end of equal filters; median life at three dust rates."""
    rates, days = (1000.0, 500.0, 250.0), (5.0, 8.0, 18.0)
    lives = [_lives(histories, dust, span) for dust, span in zip(rates, days, strict=True)]
    grams = lives[0][0]
    hours = np.array([np.median(life) for _, life in lives])
    return (
        Figure(name="CV of capacity", value=float(grams.std() / grams.mean()), low=0.08, high=0.20),
        Figure(
            name="life exponent on dust rate", value=_slope(np.array(rates), hours),
            low=-1.15, high=-0.8,
        ),
    )  # fmt: skip


def filter_exponent(histories: Histories) -> Sequence[Figure]:
    """27: raw pressure drop over flow in one week of demand control, per unit."""
    history = histories.get(_wanted(sites=3, days=5))
    slopes = []
    for flow, pa in zip(
        history.telemetry["supply_flow_m3_h"].T,
        history.telemetry["supply_filter_pa"].T,
        strict=True,
    ):
        ran = ~np.isnan(pa) & (pa > 0.0)
        slopes.append(_slope(flow[ran], pa[ran]))
    return tuple(
        Figure(name=f"dp exponent on flow, {word}", value=pick, low=1.0, high=2.0)
        for word, pick in (("lowest", min(slopes)), ("highest", max(slopes)))
    )


def filter_changes(histories: Histories) -> Sequence[Figure]:
    """28: a thousand changes in forty units that run at constant volume."""
    del histories  # nobody changes filters in a history without a service
    product = catalog()["ventilation"]
    values = {name: param.default for name, param in product.params.items()}
    devices = tuple(f"ahu-{number:02}-1" for number in range(1, 41))
    twin = VentilationTwin(
        Build(
            sites=("building-01",), devices=devices, devices_per_site=40,
            report_every_ms=900_000, start_ms=MONDAY_MS, streams=Streams(1),
            params=values | ALWAYS | {"rooms": 1.0, "demand_control": 0.0},
        )
    )  # fmt: skip
    channel = list(product.signals).index("supply_filter_norm_pa")
    law: OwnWear = twin.laws["supply_filter"]  # type: ignore[assignment]
    seen = []
    for life in range(2, 27):
        for unit in range(len(devices)):
            law.renew(unit, life)
        twin.advance(MONDAY_MS + life * 900_000)
        seen.append(twin.measure()[:, channel] / CLEAN_PA[0])
    share = np.array(seen).ravel()
    low = share < 0.9
    return (
        Figure(name="changes that read too low", value=float(low.mean()), low=0.01, high=0.03),
        Figure(
            name="largest distance from dp0 of the others",
            value=float(np.abs(share[~low] - 1.0).max()), high=0.10,
        ),
    )  # fmt: skip


def fan_laws(histories: Histories) -> Sequence[Figure]:
    """29: speed steps with fixed dampers, flow and duct pressure and fan power as reported."""
    found: dict[str, list[float]] = {"n": [], "q": [], "dp": [], "p": []}
    for speed in (50.0, 70.0, 90.0):
        history = histories.get(
            _wanted(sites=2, days=1, params={"demand_control": 0.0, "fixed_speed_pct": speed})
        )
        said = history.telemetry
        ran = said["supply_flow_m3_h"] > 0.0
        ran &= ~np.isnan(said["sfp_w_s_m3"])
        flow = said["supply_flow_m3_h"][ran]
        found["n"].append(float(np.median(said["supply_fan_rpm"][ran])))
        found["q"].append(float(np.median(flow)))
        found["dp"].append(float(np.median(said["duct_pressure_pa"][ran])))
        found["p"].append(float(np.median(said["sfp_w_s_m3"][ran] * flow)))
    speeds = np.array(found["n"])
    return tuple(
        Figure(
            name=f"exponent of {word} on speed", value=_slope(speeds, np.array(found[key])),
            low=exponent - band, high=exponent + band,
        )
        for key, word, exponent, band in (
            ("q", "flow", 1.0, 0.03), ("dp", "pressure", 2.0, 0.1), ("p", "power", 3.0, 0.2),
        )
    )  # fmt: skip


def fan_power(histories: Histories) -> Sequence[Figure]:
    """30: specific fan power at constant volume, clean and at the final pressure drop."""
    params = DUSTY | {
        "rooms": 4.0, "demand_control": 0.0, "supply_capacity_g": 150.0, "extract_capacity_g": 20.0,
    }  # fmt: skip
    history = histories.get(_wanted(sites=4, days=5, report_every_s=HOUR_S, params=params))
    sfp, dust = history.telemetry["sfp_w_s_m3"], history.damage["supply_filter"]
    clean, dirty = dust < 0.1, (dust > 0.9) & (dust < 1.05)
    levels = [float(np.nanmedian(sfp[which])) for which in (clean, dirty)]
    return (
        Figure(name="SFP clean", value=levels[0], low=500.0, high=2000.0, unit="W/(m3/s)"),
        Figure(name="SFP dirty", value=levels[1], low=500.0, high=2000.0, unit="W/(m3/s)"),
        Figure(name="rise", value=levels[1] / levels[0] - 1.0, low=0.10, high=0.40),
    )


def mixing(histories: Histories) -> Sequence[Figure]:
    """35: outdoor-air fraction from three temperatures, dampers held at five openings."""
    openings = (0.0, 30.0, 50.0, 70.0, 100.0)
    faults = tuple(
        Injected(fault="damper_stuck", device=device, after_h=0.0, params={"opening_pct": opening})
        for device, opening in enumerate(openings)
    )
    history = histories.get(
        _wanted(sites=5, days=3, faults=faults, params={"recovery": 2.0, "rooms": 4.0})
    )
    said = history.telemetry
    gap = said["outdoor_temp_c"] - said["extract_temp_c"]
    ran = said["supply_flow_m3_h"] > 0.0
    share = np.where(ran, (said["mixed_temp_c"] - said["extract_temp_c"]) / gap, np.nan)
    closed, low, half, most, opened = np.nanmedian(share, axis=0).tolist()
    return (
        Figure(name="closed", value=closed, low=-0.2, high=0.2),
        Figure(name="half open less than in proportion (S)", value=half - 0.5, high=-0.05),
        Figure(
            name="smallest rise from opening to opening",
            value=min(low - closed, half - low, most - half, opened - most), low=0.0,
        ),
        Figure(name="open", value=opened, low=0.8, high=0.97),
    )  # fmt: skip


def stuck(histories: Histories) -> Sequence[Figure]:
    """36: command and position of a stuck outdoor damper and a stuck heating valve.

    Ten days, so that it is cold enough for heating in one of them.
    """
    at_h = 30.0
    faults = (
        Injected(fault="damper_stuck", device=0, after_h=at_h, params={"opening_pct": 60.0}),
        Injected(fault="valve_stuck", device=1, after_h=at_h, params={"opening_pct": 40.0}),
    )
    history = histories.get(_wanted(sites=2, days=10, faults=faults, params={"rooms": 4.0}))
    figures: list[Figure] = []
    for device, name, asked in (
        (0, "outdoor_damper", "outdoor_damper_command"), (1, "heating_valve", "heating_command"),
    ):  # fmt: skip
        command, position = (history.telemetry[f"{what}_pct"][:, device] for what in (asked, name))
        after = _hours(history) > at_h
        wrong = np.abs(command - position)[after] > 15.0
        runs = np.convolve(wrong, np.ones(5), "valid") >= 5  # for an hour
        found_h = (int(runs.argmax()) + 4) * 0.25 if runs.any() else np.inf
        figures += [
            Figure(
                name=f"{name}: command moves",
                value=float(np.ptp(command[after])),
                low=5.0,
                unit="%",
            ),
            Figure(
                name=f"{name}: response", value=float(np.ptp(position[after])), high=1.0, unit="%"
            ),
            Figure(name=f"{name}: found by rule after", value=found_h, high=24.0, unit="h"),
        ]
    return figures


def _hours(history: History) -> Columns:
    every_ms = history.at_ms[1] - history.at_ms[0]
    hours: Columns = (history.at_ms - history.at_ms[0] + every_ms) / 3.6e6
    return hours


def frost(histories: Histories) -> Sequence[Figure]:
    """37: every defrosting of four plates in five days of hard frost."""
    params = {"recovery": 1.0, "climate_mean_c": -6.0, "start_h": 0.0, "rooms": 4.0}
    history = histories.get(_wanted(sites=4, days=5, report_every_s=300, params=params))
    on, exhaust = history.telemetry["frost"] > 0.5, history.truth["exhaust_temp_c"]
    running = history.telemetry["supply_flow_m3_h"] > 0.0
    began, ended, lasted = [], [], []
    for device in range(on.shape[1]):
        edges = np.diff(on[:, device].astype(int))
        starts, ends = np.flatnonzero(edges == 1) + 1, np.flatnonzero(edges == -1) + 1
        for start, end in zip(starts, ends[ends > starts[0]], strict=False):
            began.append(exhaust[start - 1, device])
            if running[start : end + 1, device].all():
                ended.append(exhaust[end - 1, device])
                lasted.append((end - start) * 5.0)
    return (
        Figure(name="defrostings seen", value=len(lasted), low=20.0),
        Figure(name="warmest begin", value=max(began), high=-3.0, unit="degC"),
        Figure(name="coldest end", value=min(ended), low=1.0, unit="degC"),
        Figure(name="shortest", value=min(lasted), low=15.0, unit="min"),
    )


def temperatures(histories: Histories) -> Sequence[Figure]:
    """38: memory of a minute, and steps on which a reading does not change."""
    history = histories.get(_wanted(sites=2, days=1, report_every_s=60, params={"rooms": 4.0}))
    memory, still = [], []
    for name in ("outdoor_temp_c", "supply_temp_c", "extract_temp_c", "exhaust_temp_c"):
        said = history.telemetry[name]
        away = said - said.mean(axis=0)
        memory += ((away[1:] * away[:-1]).sum(axis=0) / (away**2).sum(axis=0)).tolist()
        still += (np.diff(said, axis=0) == 0.0).mean(axis=0).tolist()
    return (
        Figure(name="lowest acf at 1 min", value=min(memory), low=0.985),
        Figure(name="least unchanged steps", value=min(still), low=0.05, high=0.9),
        Figure(name="most unchanged steps", value=max(still), low=0.05, high=0.9),
    )


CHECKS: tuple[Check, ...] = (
    Check(
        number=25, title="Filter pressure drop bends upwards with dust",
        expected="R2 of exponential >= 0.97 and +0.05 over line; k 2-5; half dp at 0.65-0.85 dust",
        source="filter", measure=filter_shape,
    ),
    Check(
        number=26, title="Equal filters hold different amounts of dust",
        expected="capacity CV 0.08-0.20; life exponent on dust rate -0.8 to -1.15",
        source="filter", measure=filter_capacity, deep=True,
    ),
    Check(
        number=27, title="Filter pressure drop on flow", expected="exponent 1.0-2.0",
        source="source only (S17, S18)", measure=filter_exponent,
    ),
    Check(
        number=28, title="Filter changes",
        expected="dp returns to dp0 +-10 %; 1-3 % of changes read too low (badly seated)",
        source="source only (E)", measure=filter_changes,
    ),
    Check(
        number=29, title="Fan laws on speed steps with fixed dampers",
        expected="Q 1.00+-0.03, dp 2.0+-0.1, P 3.0+-0.2", source="physics", measure=fan_laws,
    ),
    Check(
        number=30, title="Specific fan power", expected="500-2000; +10-40 % clean to dirty",
        source="source only (S24)", measure=fan_power,
    ),
    Check(
        number=35, title="Outdoor-air fraction over damper signal",
        expected="closed -0.2..0.2; mid concave or S; open 0.8-0.97",
        source="lbnl", measure=mixing,
    ),
    Check(
        number=36, title="Stuck damper or valve",
        expected="command moves, response within noise; detectable by rule in 1 day",
        source="lbnl", measure=stuck,
    ),
    Check(
        number=37, title="Defrosting of a plate",
        expected="no defrost above -3 C exhaust; each >= 15 min; ends at +1 C: 100 %",
        source="source only (S20)", measure=frost,
    ),
    Check(
        number=38, title="Temperatures of the unit",
        expected="acf at 1 min > 0.985; unchanged-step share 0.05-0.9",
        source="lbnl", measure=temperatures,
    ),
    *ROOM_CHECKS,
)  # fmt: skip
