"""How parts end in the field: lives of known laws, injected ends, and a revised part (FS15)."""

from __future__ import annotations

from itertools import accumulate
from types import SimpleNamespace

import numpy as np
import pytest

from reference_impl.insight.reliability.domain import End, Life, pareto
from reference_impl.insight.reliability.service import Fleet, Reliability
from reference_impl.insight.reliability.weibull import Span, fit, lives_longer
from reference_impl.kernel.bus import Bus
from reference_impl.kernel.errors import Invalid, Unknown
from reference_impl.kernel.ports import ThingRef
from reference_impl.kernel.store import Store, metadata

H = 3_600_000


def censored(beta, eta, *, many, until, seed, entry=0.0):
    """Lives of a law, seen from an age on, until another."""
    draw = np.random.default_rng(seed).random(many)
    lives = (entry**beta - eta**beta * np.log(1.0 - draw)) ** (1.0 / beta)
    return [Span(entry, min(life, until), bool(life <= until)) for life in lives.tolist()]


def test_a_fit_finds_the_law_of_lives_that_are_censored_or_were_seen_late():
    new = fit(censored(1.4, 25_000.0, many=600, until=30_000.0, seed=1))
    late = fit(censored(1.4, 25_000.0, many=600, until=60_000.0, seed=2, entry=12_000.0))
    for found in (new, late):
        for one, true in ((found.beta, 1.4), (found.eta, 25_000.0), (found.b10, 5_011.0)):
            assert one.low < true < one.high, (one, true)
            assert one.low < one.value < one.high
    ignored = fit([Span(0.0, s.exit, s.ended) for s in censored(
        1.4, 25_000.0, many=600, until=60_000.0, seed=2, entry=12_000.0)])  # fmt: skip
    assert ignored.beta.low > 1.4, "who forgets that they were old already is wrong"
    assert fit([Span(0.0, 9.0, False)] * 9 + [Span(0.0, 1.0, True)] * 2) is None


@pytest.mark.deep
def test_nineteen_of_twenty_intervals_hold_the_truth():
    held = {"beta": 0, "eta": 0, "b10": 0}
    for seed in range(80):
        found = fit(censored(2.0, 1_000.0, many=40, until=1_300.0, seed=seed))
        true = {"beta": 2.0, "eta": 1_000.0, "b10": 1_000.0 * (-np.log(0.9)) ** 0.5}
        for name, value in true.items():
            one = getattr(found, name)
            held[name] += one.low <= value <= one.high
    assert all(0.88 <= many / 80 <= 1.0 for many in held.values()), held


def test_a_part_that_lives_longer_is_known_with_an_interval_even_before_one_has_ended():
    old = censored(2.0, 1_000.0, many=40, until=5_000.0, seed=3)
    new = censored(2.0, 3_000.0, many=40, until=3_500.0, seed=4)
    same = censored(2.0, 1_000.0, many=40, until=3_500.0, seed=5)
    longer, alike = lives_longer(old, new, beta=2.0), lives_longer(old, same, beta=2.0)
    assert longer.low > 1.5
    assert longer.low < 3.0 < longer.high
    assert longer.chance < 1e-6
    assert alike.low < 1.0 < alike.high
    unbroken = lives_longer(old, [Span(0.0, 800.0, False)] * 30, beta=2.0)
    assert (unbroken.value, unbroken.high) == (None, None)
    assert unbroken.low > 1.0
    assert lives_longer(new[:0], new, beta=2.0) is None


INJECTED = {"shaft": 7, "valve": 3, "filter": 1}
"""How many ends of each place are put into the fleet below."""


class Field:
    """Twelve things for a year; parts that were fitted, alerts that stood, on a real store."""

    def __init__(self):
        self.bus = Bus()
        self.store = Store("sqlite://", self.bus)
        metadata.create_all(self.store.engine)
        self.refs = [
            ThingRef(thing=f"m-{n:02d}", model="mill", site="s", customer="c", title="")
            for n in range(12)
        ]
        self.fitted = {ref.thing: [] for ref in self.refs}
        self.alerts = {ref.thing: [] for ref in self.refs}
        times = np.arange(0, 366 * 24, 24) * H
        directory = SimpleNamespace(
            things=lambda _conn, model: self.refs if model == "mill" else [],
            signals=lambda _conn, model: ["level", "hours"] if model == "mill" else [],
        )
        telemetry = SimpleNamespace(
            series=lambda _thing, _signal, after_ms, to_ms: (times, np.arange(366) * 6.0)
        )
        self.reliability = Reliability(
            directory=directory, telemetry=telemetry,
            fleet=Fleet(
                fitted=lambda _conn, thing: self.fitted[thing],
                alerts=lambda _conn, thing: self.alerts[thing],
                built_with=lambda _conn, _model, place: {"shaft": "lasts-a"}.get(place, place),
                seen=lambda refs: refs,
            ),
        )  # fmt: skip

    def ends(self, thing, place, part, day, *, stood=False, kind="planned"):
        at_ms = day * 24 * H
        self.fitted[thing].append({"position": place, "part": part, "serial": f"{part}-{day}",
                                   "fitted_ms": at_ms, "kind": kind})  # fmt: skip
        if stood:
            self.alerts[thing].append({"severity": "failure", "started_ms": at_ms - 9 * H,
                                       "cleared_ms": at_ms + H})  # fmt: skip

    def of(self, **more):
        with self.store.read() as conn:
            return self.reliability.of(conn, "mill", at_ms=365 * 24 * H, **more)


@pytest.fixture(scope="module")
def field():
    made = Field()
    for n, day in enumerate((30, 45, 60, 75, 90, 100)):
        made.ends(f"m-{n:02d}", "shaft", "lasts-b", day, stood=n < 4)
    made.ends("m-00", "shaft", "lasts-b", 300, stood=True)
    for n in (6, 7, 8):
        made.ends(f"m-{n:02d}", "valve", "valve", 10 * n)
    made.ends("m-09", "filter", "filter", 200)
    made.ends("m-10", "filter", "filter", 100, kind="upkeep")
    yield made
    made.store.close()


@pytest.mark.feature("FS15")
def test_the_pareto_of_failure_modes_is_the_one_that_was_injected(field):
    modes = field.of()["modes"]
    total = sum(INJECTED.values())
    assert [(m["position"], m["ends"]) for m in modes] == list(INJECTED.items())
    assert [m["share"] for m in modes] == [round(n / total, 4) for n in INJECTED.values()]
    sums = list(accumulate(INJECTED.values()))
    assert [m["cumulative_share"] for m in modes] == [round(n / total, 4) for n in sums]
    shaft, _, dust = modes
    assert (shaft["failed"], shaft["worn"], shaft["lives"]) == (5, 2, 19)
    assert (dust["ends"], dust["renewed"]) == (1, 1)
    assert shaft["exposure_h"] == 12 * 365 * 24


@pytest.mark.feature("FS15")
def test_the_revised_part_is_told_apart_from_the_first_and_lives_longer(field):
    first, revised = (r for m in field.of()["modes"][:1] for r in m["revisions"])
    assert [(r["part"], r["ends"], r["running"]) for r in (first, revised)] == [
        ("lasts-a", 6, 6), ("lasts-b", 1, 6)]  # fmt: skip
    assert first["weibull"]["eta_h"]["low"] < first["weibull"]["eta_h"]["value"]
    assert revised["weibull"] is None
    (step,) = field.of()["modes"][0]["steps"]
    assert (step["from"], step["to"]) == ("lasts-a", "lasts-b")
    assert step["low"] < step["life_ratio"] < step["high"]


def test_lives_are_told_by_a_counter_of_hours_too_and_nothing_else(field):
    by_hours = field.of(clock="hours")["modes"][0]
    assert by_hours["exposure_h"] == pytest.approx(12 * 365 * 6, rel=0.01)
    with pytest.raises(Invalid, match="that clock"):
        field.of(clock="noise")
    with pytest.raises(Unknown), field.store.read() as conn:
        field.reliability.of(conn, "press", at_ms=0)


def test_what_runs_on_counts_as_time_and_never_as_an_end():
    lives = [
        Life(thing="t", position="p", part="a", serial="", begin_ms=0, end_ms=9, age_h=hours, end=e)
        for hours, e in ((10.0, End.RUNNING), (10.0, End.RENEWED), (20.0, End.FAILED))
    ]
    (mode,) = pareto(lives)
    assert (mode["ends"], mode["exposure_h"], mode["per_1000_h"]) == (1, 40.0, 25.0)
    (none,) = pareto(lives[:2])
    assert (none["share"], none["per_1000_h"]) == (0.0, 0.0)
