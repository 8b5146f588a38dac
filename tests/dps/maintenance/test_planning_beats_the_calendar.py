"""Planned and bundled visits against a fixed calendar: the same lives, no more failures (FS6)."""

from __future__ import annotations

import random

import pytest

from reference_impl.maintenance.calendars import DAY_MS
from reference_impl.maintenance.planning import domain as d
from reference_impl.maintenance.planning import searching
from reference_impl.maintenance.travel import Place, Shift

H = 3_600_000
YEARS_MS = 3 * 365 * DAY_MS
SITES, POSITIONS = range(3), range(4)
HOME = Place(id="home", latitude_deg=45.0, longitude_deg=9.0)
PLACES = [Place(id=f"s{n}", latitude_deg=45.1 + 0.1 * n, longitude_deg=9.1) for n in SITES]
FORESEEN_MS = 21 * DAY_MS
"""So long before it fails a part is due: what its condition tells."""


def lives(seed):
    """The k-th life of a position is the same, whoever looks after it (Weibull, shape 2)."""
    draws = {}

    def life_ms(site, position, k):
        key = (site, position, k)
        if key not in draws:
            drawn = random.Random(f"{seed}/{key}").weibullvariate(400.0, 2.0)
            draws[key] = round(max(drawn, 30.0) * DAY_MS)
        return draws[key]

    return life_ms


class Machines:
    """When each part was fitted, and when it will fail."""

    def __init__(self, life_ms):
        self._life_ms, self.failures = life_ms, 0
        self._parts = {(s, p): (0, 0) for s in SITES for p in POSITIONS}

    def fails_ms(self, site, position):
        k, fitted_ms = self._parts[site, position]
        return fitted_ms + self._life_ms(site, position, k)

    def fit(self, site, position, at_ms):
        self.failures += self.fails_ms(site, position) < at_ms
        k, _ = self._parts[site, position]
        self._parts[site, position] = k + 1, at_ms


def by_calendar(life_ms, every_days):
    """Every so many days all parts of a site are new; what fails in between costs a visit."""
    machines, visits = Machines(life_ms), 0
    for at_ms in range(every_days * DAY_MS, YEARS_MS, every_days * DAY_MS):
        for site in SITES:
            visits += 1
            for position in POSITIONS:
                while machines.fails_ms(site, position) < at_ms:
                    machines.fit(site, position, machines.fails_ms(site, position) + DAY_MS)
                    visits += 1
                machines.fit(site, position, at_ms)
    return visits, machines.failures


def by_plan(life_ms, *, bundled):
    """Each Monday what is due is planned for the week; visits take along what 6.4 says."""
    machines, visits = Machines(life_ms), 0
    for monday_ms in range(0, YEARS_MS, 7 * DAY_MS):
        days = [monday_ms + n * DAY_MS for n in range(5)]
        worker = d.Worker(
            id="ann", home=HOME, shifts=tuple(Shift(((t + 8 * H, t + 16 * H),)) for t in days)
        )
        due = [
            d.Job(id=f"{site}/{position}", place=PLACES[site], work_ms=H,
                  restore_ms=machines.fails_ms(site, position))
            for site in SITES for position in POSITIONS
            if machines.fails_ms(site, position) - monday_ms < FORESEEN_MS
        ]  # fmt: skip
        plan = searching.plan(d.Ground(), [worker], due, until_ms=days[-1] + DAY_MS)
        assert not plan.undone
        trips = {}
        for job, stop in d.walk(d.Ground(), worker, plan.routes["ann"]):
            site, position = map(int, job.id.split("/"))
            trips.setdefault((site, stop.shift), stop.end_ms)
            machines.fit(site, position, stop.end_ms)
        visits += len(trips)
        for (site, _), at_ms in trips.items() if bundled else ():
            soon = [
                d.Soon(f"t{site}", str(p), "kit", 1, machines.fails_ms(site, p) - at_ms, 90.0)
                for p in POSITIONS
            ]
            for one in d.pulled_forward(soon, visit_ms=at_ms, at_ms=at_ms, visit_eur=280.0):
                machines.fit(site, int(one.position), at_ms)
    return visits, machines.failures


@pytest.mark.deep
@pytest.mark.feature("FS6")
def test_planned_and_bundled_visits_are_fewer_than_those_of_a_calendar_at_equal_failures():
    unbundled = 0
    for seed in range(5):
        life_ms = lives(seed)
        visits, failures = by_plan(life_ms, bundled=True)
        alone, _ = by_plan(life_ms, bundled=False)
        kept = [
            by_calendar(life_ms, days) for days in range(20, 366, 5)
        ]  # fmt: skip
        fewest = min(count for count, failed in kept if failed <= failures)
        assert failures == 0, seed
        assert visits < fewest, (seed, visits, fewest)
        unbundled += alone - visits
    assert unbundled > 0, "taking along what is due soon saves visits of its own"
