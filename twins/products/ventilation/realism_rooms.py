"""Realism checks of rooms and their radio: numbers 31 to 34 and 47."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from twins.core.realism import Check, Figure, Histories, History, Wanted
from twins.products.ventilation import model, room_kernels

Columns = NDArray[np.float64]

OFFICE = Wanted(product="ventilation", sites=3, devices_per_site=1, days=21)
"""Three units, 60 rooms, three weeks in January."""


def _rooms(histories: Histories, wanted: Wanted) -> History:
    return histories.get(wanted).companions["room"]


def _clock(history: History) -> tuple[Columns, NDArray[np.int64]]:
    """Hour of the day and day of the week (Monday 0) of each report, of the time it ends."""
    hours: Columns = (history.at_ms % model.DAY_MS) / model.HOUR_MS
    return hours, (history.at_ms // model.DAY_MS + 3) % 7


def co2_memory(histories: Histories) -> Sequence[Figure]:
    """31: autocorrelation of the nodes' CO2, median of 60 rooms."""
    said = _rooms(histories, OFFICE).telemetry["co2_ppm"]
    away = said - said.mean(axis=0)
    return tuple(
        Figure(
            name=f"acf at {word}", low=low, high=high,
            value=float(np.median((away[lag:] * away[:-lag]).sum(axis=0) / (away**2).sum(axis=0))),
        )
        for lag, word, low, high in (
            (1, "15 min", 0.94, 0.995), (4, "1 h", 0.80, 0.95), (96, "24 h", 0.05, 0.55),
        )
    )  # fmt: skip


def co2_levels(histories: Histories) -> Sequence[Figure]:
    """32: night and peak of the rooms, and what people gave against what left or stayed."""
    history = _rooms(histories, OFFICE)
    said = history.telemetry["co2_ppm"]
    hours, weekday = _clock(history)
    night = said[(hours >= 1.0) & (hours <= 5.0) & (weekday < 5)]
    means = np.median(night.reshape(-1, said.shape[1]), axis=0)
    fine = _rooms(
        histories,
        Wanted(
            product="ventilation", sites=2, devices_per_site=1, days=3, report_every_s=300,
            params={"rooms": 6.0},
        ),
    ).truth  # fmt: skip
    dt_s, ppm = 300.0, fine["co2_ppm"]
    given = room_kernels.PERSON_PPM_M3_S * dt_s * fine["persons"][1:].sum()
    air = fine["flow_m3_s"][1:] + room_kernels.LEAK_1_S * room_kernels.ROOM_M3
    away = ppm - room_kernels.OUTDOOR_PPM
    stored = room_kernels.ROOM_M3 * (ppm[-1] - ppm[0]).sum()
    left = (air * 0.5 * (away[1:] + away[:-1])).sum() * dt_s
    return (
        *(
            Figure(
                name=f"night, p{share} of rooms", low=410.0, high=560.0, unit="ppm",
                value=float(np.percentile(means, share)),
            )
            for share in (5, 95)
        ),
        *(
            Figure(
                name=f"p99, p{share} of rooms", low=600.0, high=1100.0, unit="ppm",
                value=float(np.percentile(np.percentile(said, 99, axis=0), share)),
            )
            for share in (5, 95)
        ),
        Figure(
            name="balance residual (truth)", high=0.01,
            value=float(abs(given - left - stored) / given),
        ),
    )  # fmt: skip


def co2_pairs(histories: Histories) -> Sequence[Figure]:
    """33: the node's sensor against the one in the extract duct of the same room."""
    said = _rooms(histories, OFFICE).telemetry
    node, duct = said["co2_ppm"], said["co2_duct_ppm"]
    gap = node - duct
    pairs = zip(node.T, duct.T, strict=True)
    r = [float(np.corrcoef(one, other)[0, 1]) for one, other in pairs]
    return (
        Figure(
            name="mean gap, median of rooms",
            value=float(np.median(gap.mean(axis=0))),
            low=-20.0,
            high=60.0,
            unit="ppm",
        ),
        Figure(
            name="sd of the gap, median of rooms",
            value=float(np.median(gap.std(axis=0))),
            low=15.0,
            high=60.0,
            unit="ppm",
        ),
        Figure(name="r, median of rooms", value=float(np.median(r)), low=0.75, high=0.95),
    )


def presence(histories: Histories) -> Sequence[Figure]:
    """34: share of time with somebody in, as the nodes report it."""
    history = _rooms(histories, OFFICE)
    said = history.telemetry["presence"]
    hours, weekday = _clock(history)
    office = (weekday < 5) & (hours > 9.0) & (hours <= 17.0)
    return (
        Figure(name="weekdays 9-17 h", value=float(said[office].mean()), low=0.25, high=0.55),
        Figure(name="weekend", value=float(said[weekday >= 5].mean()), high=0.05),
        Figure(name="night", value=float(said[hours < 6.0].mean()), high=0.05),
    )


def mesh(histories: Histories) -> Sequence[Figure]:
    """47: radio of twelve networks of 20 nodes and a gateway, forty days."""
    history = histories.get(
        Wanted(
            product="ventilation", sites=12, devices_per_site=1, days=40, report_every_s=3600,
            link="mesh",
        )
    )  # fmt: skip
    rooms = history.companions["room"]
    counter = history.telemetry["mesh_path_changes"]
    midnights = counter[23::24]
    days = np.diff(np.concatenate((np.zeros((1, counter.shape[1])), midnights)), axis=0)
    lost = np.where(rooms.truth["reachable"] > 0.5, rooms.truth["loss"], 1.0)
    delivered = rooms.telemetry["link_delivery_pct"]
    return (
        Figure(name="end-to-end loss", value=float(lost.mean()), high=0.0001),
        Figure(name="link delivery", value=float(np.nanmean(delivered)) / 100, low=0.92, high=0.98),
        Figure(name="path changes a day, median", value=float(np.median(days)), low=5.0, high=40.0),
        Figure(
            name="path changes a day, variance over mean", low=20.0,
            value=float(np.nanvar(days) / np.nanmean(days)),
        ),
    )  # fmt: skip


ROOM_CHECKS: tuple[Check, ...] = (
    Check(
        number=31, title="Memory of CO2", source="windesheim", measure=co2_memory,
        expected="acf 15 min 0.94-0.995, 1 h 0.80-0.95, 24 h 0.05-0.55",
    ),
    Check(
        number=32, title="Levels of CO2", source="windesheim", measure=co2_levels,
        expected="night 410-560; p99 600-1100 ppm; balance residual < 1 %",
    ),
    Check(
        number=33, title="Two CO2 sensors in one room", source="windesheim", measure=co2_pairs,
        expected="mean gap -20..60 ppm; sd 15-60; r 0.75-0.95",
    ),
    Check(
        number=34, title="Presence", source="windesheim", measure=presence,
        expected="weekday 9-17 0.25-0.55; weekend and night < 0.05",
    ),
    Check(
        number=47, title="Radio mesh", source="peach, S25", measure=mesh, deep=True,
        expected="loss < 0.01 %; delivery 0.92-0.98; path changes median 5-40, var/mean > 20",
    ),
)  # fmt: skip
