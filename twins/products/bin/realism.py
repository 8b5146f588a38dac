"""Realism checks 39 to 46 of the twins reference, by the statistics of the Edinburgh fill sensors.

Bands stand as the reference gives them. Edinburgh's bins only measure, and its crews look and
decide; so do those of :data:`CITY`. A collection's fill is what the sensor said before it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from twins.core.realism import Check, Columns, Figure, Histories, History, Injected, Wanted
from twins.products.bin.model import DAY_MS, HOUR_MS, WEEKDAYS
from twins.products.bin.power import Battery
from twins.products.bin.wearing import CAPACITY_LOST

EDINBURGH = "edinburgh"
SOURCE_ONLY = "source only"
PLAIN = {"compacting": 0.0, "battery_kind": 1.0, "throw_l_day": 45.0,
         "throw_spread": 0.65, "insert_spread": 0.35,
         "rounds_per_day": 6.0, "round_power": 2.5}  # fmt: skip
CITY = Wanted(
    product="bin", sites=150, devices_per_site=1, days=84, report_every_s=1800,
    start="2026-04-06", params=PLAIN,
)  # fmt: skip
"""Bins that only measure, as Edinburgh's. The spread of levels is a little above the 0.45 to 0.55
of fill rates (section 1C), as a full bin shows no more; bins hold 100 to 480 l there. Crews pass
every two hours, and look as the fit to Edinburgh says (chance 0.45 of a full bin, power 2 to 3)."""
SCHEDULED = Wanted(
    product="bin", sites=60, devices_per_site=1, days=84, report_every_s=1800,
    start="2026-04-06",
    params=PLAIN | {"schedule_days": 1.0, "missed_share": 0.2, "throw_l_day": 55.0},
)  # fmt: skip
"""The same bins emptied every morning, but for a fifth of the stops; a little busier, as bins that
somebody empties daily are."""
COMPACTORS = Wanted(
    product="bin", sites=6, devices_per_site=4, days=21, report_every_s=900, start="2026-04-06",
)  # fmt: skip
DARK_BINS, DARK_D = 12, 25
"""Bins in the dark, and for how long."""
CYCLES_MIN = 8
"""A bin's own statistics need so many cycles."""


def _dark(*, worn: float) -> Wanted:
    """Busy bins whose panels get no sun and whose batteries have lost a share."""
    nothing = {"share": 0.0, "lasting": 8760.0}
    return Wanted(
        product="bin", sites=DARK_BINS, devices_per_site=1, days=DARK_D, report_every_s=1800,
        start="2026-06-01",
        params={"throw_l_day": 205.0, "throw_spread": 0.0, "battery_worn": worn},
        faults=tuple(
            Injected(fault="shade", device=device, after_h=0.0, params=nothing)
            for device in range(DARK_BINS)
        ),
    )  # fmt: skip


NEW_IN_THE_DARK, OLD_IN_THE_DARK = _dark(worn=0.0), _dark(worn=CAPACITY_LOST)


class Cycles:
    """What lies between two collections, bin by bin: fill in percent and gap in hours."""

    def __init__(self, history: History) -> None:
        self.fill_pct: list[Columns] = []
        self.gap_h: list[Columns] = []
        stops = np.diff(history.truth["collections"], axis=0) > 0.5
        said = history.telemetry["fill_pct"]
        for device in range(len(history.devices)):
            rows = np.flatnonzero(stops[:, device]) + 1
            # The last three readings before the bin was opened; one wild echo among them is none.
            before = np.stack([said[np.maximum(rows - back, 0), device] for back in (1, 2, 3)])
            known = ~np.isnan(before).all(axis=0)
            fill_pct = np.full(len(rows), np.nan)
            fill_pct[known] = np.nanmedian(before[:, known], axis=0)
            gap_h = np.diff(history.at_ms[rows]) / HOUR_MS
            usable = ~np.isnan(fill_pct[1:])
            self.fill_pct.append(fill_pct[1:][usable])
            self.gap_h.append(gap_h[usable])

    @property
    def rates(self) -> list[Columns]:
        """Fill rate of each cycle, %/day, of the bins with enough cycles."""
        pairs = zip(self.fill_pct, self.gap_h, strict=True)
        return [24.0 * fill / gap for fill, gap in pairs if len(fill) >= CYCLES_MIN]

    @property
    def elasticity(self) -> float:
        """Mean over bins of the slope of log fill on log gap."""
        slopes = [
            np.polyfit(np.log(gap), np.log(np.maximum(fill, 1.0)), 1)[0]
            for fill, gap in zip(self.fill_pct, self.gap_h, strict=True)
            if len(fill) >= CYCLES_MIN and len(set(gap)) > 2
        ]
        return float(np.mean(slopes))


def gini(values: Columns) -> float:
    """Gini coefficient: 0 all alike, 1 all in one."""
    ranked = np.sort(values)
    ranks = 2.0 * np.arange(1, len(ranked) + 1) - len(ranked) - 1.0
    return float(ranks @ ranked / (len(ranked) * ranked.sum()))


def check_39(histories: Histories) -> Sequence[Figure]:
    """Fill rates of the sites of a city."""
    history = histories.get(CITY)
    medians = np.array([np.median(rate) for rate in Cycles(history).rates])
    low, middle, high = (float(np.percentile(medians, share)) for share in (5, 50, 95))
    return (
        Figure(name="site fill rate p5", value=low, low=5.0, high=15.0, unit="%/d"),
        Figure(name="site fill rate p50", value=middle, low=25.0, high=45.0, unit="%/d"),
        Figure(name="site fill rate p95", value=high, low=60.0, high=110.0, unit="%/d"),
        Figure(
            name="between-site CV", value=float(medians.std() / medians.mean()),
            low=0.35, high=0.65,
        ),
        Figure(
            name="Gini of the volume", value=gini(history.truth["collected_l"][-1]),
            low=0.3, high=0.5,
        ),
    )  # fmt: skip


def check_40(histories: Histories) -> Sequence[Figure]:
    """One bin fills unevenly."""
    spread = [rate.std() / rate.mean() for rate in Cycles(histories.get(CITY)).rates]
    value = float(np.median(spread))
    return (Figure(name="within-site CV of the fill rate", value=value, low=0.35, high=0.60),)


def check_41(histories: Histories) -> Sequence[Figure]:
    """Weekday factors of what is thrown in, from the rise of the waste between collections."""
    history = histories.get(CITY)
    stops = np.diff(history.truth["collections"], axis=0)
    rise = np.where(stops > 0.5, 0.0, np.diff(history.truth["waste_l"], axis=0))
    weekday = ((history.at_ms[1:] - 1) // DAY_MS + 3) % 7
    by_day = np.bincount(weekday, weights=rise.sum(axis=1), minlength=len(WEEKDAYS))
    factors = by_day / by_day.mean()
    return (
        Figure(name="Saturday", value=float(factors[5]), low=1.15, high=1.40),
        Figure(name="Wednesday", value=float(factors[2]), low=0.80, high=0.95),
    )


def check_42(histories: Histories) -> Sequence[Figure]:
    """Where crews follow demand, fill hardly depends on the gap; on a schedule it does."""
    led, fixed = (Cycles(histories.get(wanted)).elasticity for wanted in (CITY, SCHEDULED))
    return (
        Figure(name="elasticity, demand-led", value=led, low=0.15, high=0.45),
        Figure(name="elasticity, fixed schedule", value=fixed, low=0.8, high=1.05),
    )


def check_43(histories: Histories) -> Sequence[Figure]:
    """How full bins are when they are emptied."""
    fills = np.concatenate(Cycles(histories.get(CITY)).fill_pct)
    full, low = float((fills >= 99.5).mean()), float((fills < 20.0).mean())
    return (
        Figure(name="fill at collection", value=float(fills.mean()), low=65.0, high=85.0, unit="%"),
        Figure(name="its sd", value=float(fills.std()), low=17.0, high=25.0, unit="%"),
        Figure(name="share at 100 %", value=full, low=0.08, high=0.2),
        Figure(name="share below 20 %", value=low, low=0.0, high=0.02),
    )


def check_44(histories: Histories) -> Sequence[Figure]:
    """Gaps between collections."""
    gaps = np.concatenate(Cycles(histories.get(CITY)).gap_h)
    bands = ((10, 12.0, 24.0), (50, 30.0, 55.0), (90, 70.0, 120.0))
    return [
        Figure(
            name=f"gap p{share}", value=float(np.percentile(gaps, share)), low=low, high=high,
            unit="h",
        )
        for share, low, high in bands
    ]  # fmt: skip


def check_45(histories: Histories) -> Sequence[Figure]:
    """Fill falls at a collection or a compaction only; every stroke does less than the last."""
    history = histories.get(COMPACTORS)
    fell = np.diff(history.truth["fill_pct"], axis=0) < -1e-6
    stops = np.diff(history.truth["collections"], axis=0) > 0.5
    pressed = np.diff(history.telemetry["compactions"], axis=0) > 0.5
    told = float((fell & (stops | pressed)).sum() / fell.sum())
    strokes = later = 0
    for device in range(len(history.devices)):
        left = history.truth["stroke_left"][:, device]
        at = np.flatnonzero(pressed[:, device]) + 1
        emptied = stops[:, device].astype(int)
        cycle = (np.cumsum(emptied) - emptied)[at - 1]  # the ram comes before the crew
        same = np.diff(cycle) == 0
        strokes += int(same.sum())
        later += int((np.diff(left[at])[same] > 0.0).sum())
    return (
        Figure(name="falls that have a cause", value=100.0 * told, low=100.0, high=100.0, unit="%"),
        Figure(
            name="strokes that do less", value=100.0 * later / strokes, low=100.0, high=100.0,
            unit="%",
        ),
    )  # fmt: skip


def dark_days(history: History) -> float:
    """Median of days until the charge is below the cut-off."""
    since_d = (history.at_ms - history.at_ms[0]) / DAY_MS
    below = history.truth["charge_share"] <= Battery().cut_off
    first_d = np.where(below.any(axis=0), since_d[below.argmax(axis=0)], np.inf)
    return float(np.median(first_d))


def check_46(histories: Histories) -> Sequence[Figure]:
    """Energy in minus out is what is stored; days without sun until the bin stops to compact."""
    truth = histories.get(COMPACTORS).truth
    flow_wh = truth["charged_wh"] - truth["used_wh"]
    error_wh = np.abs((flow_wh - truth["energy_wh"]) - (flow_wh - truth["energy_wh"])[0]).max()
    balance = 100.0 * float(error_wh / truth["charged_wh"][-1].min())
    new_d = dark_days(histories.get(NEW_IN_THE_DARK))
    old_d = dark_days(histories.get(OLD_IN_THE_DARK))
    return (
        Figure(name="energy balance error", value=balance, low=0.0, high=0.1, unit="%"),
        Figure(name="dark days, new battery", value=new_d, low=12.0, high=22.0, unit="d"),
        Figure(name="dark days, end of life", value=old_d, low=0.0, high=6.0, unit="d"),
    )


CHECKS: tuple[Check, ...] = (
    Check(
        number=39, title="Fill rates of a city's sites", source=EDINBURGH, measure=check_39,
        expected="5-15/25-45/60-110 %/day; 0.35-0.65; 0.3-0.5", deep=True,
    ),
    Check(
        number=40, title="Within-site CV of the fill rate", source=EDINBURGH, measure=check_40,
        expected="0.35-0.60", deep=True,
    ),
    Check(
        number=41, title="Weekday factors", source=EDINBURGH, measure=check_41,
        expected="1.15-1.40; 0.80-0.95", deep=True,
    ),
    Check(
        number=42, title="Elasticity of fill on gap", source=EDINBURGH, measure=check_42,
        expected="0.15-0.45; 0.8-1.05", deep=True,
    ),
    Check(
        number=43, title="Fill at collection", source=EDINBURGH, measure=check_43,
        expected="65-85; 17-25; 0.08-0.2; < 0.02", deep=True,
    ),
    Check(
        number=44, title="Gaps between collections", source=EDINBURGH, measure=check_44,
        expected="12-24 / 30-55 / 70-120 h", deep=True,
    ),
    Check(
        number=45, title="What makes fill fall", source=SOURCE_ONLY, measure=check_45,
        expected="100 %",
    ),
    Check(
        number=46, title="Battery", source=SOURCE_ONLY, measure=check_46,
        expected="< 0.1 %; 12-22 days new, < 6 at end of life",
    ),
)  # fmt: skip
