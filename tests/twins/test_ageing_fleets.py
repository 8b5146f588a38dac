"""Wear of whole fleets as columns: exact times, stress, virtual age, faults that come unasked."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
import simpy

from twins.core.declared import Declared
from twins.core.errors import InvalidFault
from twins.core.fleet import Fleet
from twins.core.manifest import ComponentSpec, FaultSpec, Param, SignalSpec
from twins.core.pending import LAST, PendingTable, Wake
from twins.core.ports import Truth
from twins.core.state import pack, unpack
from twins.core.streams import Streams
from twins.core.truth import TruthLedger
from twins.core.twin import Build
from twins.core.wear import WearLaw

HOUR = 3_600_000
DAY = 24 * HOUR
START = 1_767_571_200_000
LAW = WearLaw(
    life_h=300.0,
    life_shape=1.3,
    pf_min_h=30.0,
    pf_max_h=300.0,
    rise=5.0,
    rise_spread=0.2,
    curvature=3.6,
    curvature_spread=1.0,
    sudden_share=0.0,
)


@dataclass
class Thing:
    """The least that a product can be: counts strokes, wears, notes what it is told."""

    n: int
    laws: dict[str, WearLaw]
    strain: np.ndarray
    strokes_a_day: float = 24.0
    now_ms: int = START
    told: list[tuple[Any, ...]] = field(default_factory=list)
    able: dict[int, bool] = field(default_factory=dict)
    shown: dict[tuple[int, str], tuple[float, float]] = field(default_factory=dict)

    def advance(self, to_ms: int) -> None:
        self.now_ms = to_ms

    def measure(self) -> np.ndarray:
        return np.zeros((self.n, 1))

    def set_wear(self, device: int, component: str, *, damage: float, rise: float) -> None:
        self.shown[device, component] = (damage, rise)

    def set_able(self, device: int, *, able: bool) -> None:
        self.able[device] = able

    def in_service(self, device: int) -> bool:
        return self.able.get(device, True)

    def command(self, device: int, name: str, args: object) -> None:
        raise AssertionError(f"nobody commands these devices: {name} for {device}")

    def inject(self, fault: str, device: int, params: dict[str, float], wear: Any) -> None:
        self.told.append((fault, device, dict(params)))
        if fault == "grind":
            wear.force(device, "axle", onset_ms=0, pf_ms=HOUR)

    def maintain(self, device: int, action: str, component: str) -> None:
        self.told.append((action, device, component))

    def truth(self) -> dict[str, np.ndarray]:
        return {}

    def stress(self, component: str) -> np.ndarray:
        return self.strain if component == "axle" else np.ones(self.n)

    def uses(self, component: str) -> np.ndarray:
        assert component == "ram"
        hours = (self.now_ms - START) / HOUR
        return np.full(self.n, np.floor(hours * self.strokes_a_day / 24.0))

    def dump(self) -> dict[str, Any]:
        return {"now_ms": self.now_ms, "able": [[k, v] for k, v in self.able.items()]}

    def load(self, state: dict[str, Any]) -> None:
        self.now_ms, self.able = state["now_ms"], dict(map(tuple, state["able"]))


@dataclass
class Kind:
    """What a thing says of itself."""

    components: dict[str, ComponentSpec]
    faults: dict[str, FaultSpec]
    id: str = "thing"
    model: str = "thing-1"
    firmware: str = "1.0.0"
    places: dict[str, str] = field(default_factory=dict)
    parts: dict[str, object] = field(default_factory=dict)
    obeys: Declared = field(default_factory=Declared)
    signals: dict[str, SignalSpec] = field(
        default_factory=lambda: {
            "nil": SignalSpec(unit="1", min=0, max=1, title="", steps_per_unit=1)
        }
    )


class Rig:
    """One fleet of things, run on its own."""

    def __init__(
        self,
        laws: dict[str, WearLaw],
        *,
        n: int = 3,
        strain: float | list[float] = 1.0,
        faults: dict[str, FaultSpec] | None = None,
        random_faults: float = 0.0,
        seed: int = 5,
        every_ms: int = HOUR,
        now_ms: int = START,
    ) -> None:
        self.env = simpy.Environment(initial_time=now_ms)
        self.pending, self.ledger = PendingTable(self.env), TruthLedger()
        self.log: list[Truth] = []
        self.twin = Thing(n, laws, np.broadcast_to(np.asarray(strain, float), (n,)).copy())
        self.fleet = Fleet(
            key="fleet-1",
            manifest=Kind(
                components={
                    name: ComponentSpec(position="hub" if name != "ram" else "ram", title=name)
                    for name in laws
                },
                faults=faults or {},
            ),
            build=Build(
                sites=("s",),
                devices=tuple(f"d{i}" for i in range(n)),
                devices_per_site=n,
                report_every_ms=every_ms,
                start_ms=START,
                params={},
                streams=Streams(seed),
                random_faults=random_faults,
            ),
            twin=self.twin,
            pending=self.pending,
            ledger=self.ledger,
            hear=lambda report: None,
            broke=lambda breakdown: None,
            send=lambda _fleet, _sending: None,
        )

    def begin(self) -> "Rig":
        self.fleet.start()
        return self

    def until(self, to_ms: int) -> list[tuple[int, str, str, str]]:
        self.env.run(until=Wake(self.env, delay_ms=to_ms - int(self.env.now), priority=LAST))
        told = self.ledger.take()
        self.log += told
        return [
            (t.at_ms - START, t.kind, t.subject, str(t.data.get("component", t.data.get("cause"))))
            for t in told
        ]

    def saved(self) -> bytes:
        parts = {
            "fleet": self.fleet.dump(), "pending": self.pending.dump(), "ledger": self.ledger.dump()
        }  # fmt: skip
        return pack({"now": int(self.env.now), **parts})


def restored(data: bytes, *args: Any, **kwargs: Any) -> Rig:
    state = unpack(data)
    rig = Rig(*args, now_ms=state["now"], **kwargs)
    rig.fleet.load(state["fleet"])
    rig.ledger.load(state["ledger"])
    rig.pending.load(state["pending"])
    return rig


def left_h(rig: Rig, component: str = "axle") -> np.ndarray:
    return rig.fleet.remaining_columns(int(rig.env.now))[component]


@pytest.mark.parametrize("growth", ["gamma", "wiener", "paris", "jumps", "sudden"])
def test_the_ledger_knows_from_the_first_hour_when_each_thing_will_fail(growth: Any) -> None:
    rig = Rig({"axle": replace(LAW, growth=growth, sudden_share=0.3)}, n=20).begin()
    foreseen = left_h(rig)
    truths = rig.until(START + 2500 * HOUR)
    failed = {who: at / HOUR for at, kind, who, _ in truths if kind == "component.failed"}
    assert len(failed) == 20
    assert [failed[f"d{i}"] for i in range(20)] == pytest.approx(foreseen.tolist(), abs=1e-5)
    onsets = {who for _, kind, who, _ in truths if kind == "damage.onset"}
    if growth == "sudden":
        assert not onsets
    else:
        assert 8 <= len(onsets) < 20
    assert left_h(rig).tolist() == [0.0] * 20


def test_events_fall_on_their_millisecond_however_long_a_report_takes() -> None:
    rig = Rig({"axle": LAW}).begin()
    rig.until(START + 90 * 60_000)
    rig.fleet.force(1, "axle", onset_ms=10 * HOUR + 1, pf_ms=20 * HOUR)
    truths = rig.until(START + 40 * HOUR)
    onset, failed = (at for at, kind, who, _ in truths if who == "d1" and kind != "device.down")
    assert onset == 90 * 60_000 - 30 * 60_000 + 10 * HOUR + 1
    assert 15 * HOUR < failed - onset < 25 * HOUR


def test_stress_doubles_the_pace_of_what_it_touches_and_of_nothing_else() -> None:
    usual = Rig({"axle": LAW, "belt": LAW}).begin()
    hard = Rig({"axle": LAW, "belt": LAW}, strain=[2.0, 1.0, 1.0]).begin()
    fails = []
    for rig in (usual, hard):
        truths = rig.until(START + 1500 * HOUR)
        fails.append(
            {(w, c): at for at, kind, w, c in truths if kind == "component.failed"}
        )  # fmt: skip
    first = HOUR  # stress is asked for at each report, the first of which ends the first hour
    key = ("d0", "axle")
    assert fails[1][key] - first == pytest.approx((fails[0][key] - first) / 2, abs=2)
    assert {k: v for k, v in fails[1].items() if k[0] != "d0"} == {
        k: v for k, v in fails[0].items() if k[0] != "d0"
    }


def test_the_first_of_two_competing_modes_ends_both_and_a_new_part_renews_both() -> None:
    rig = Rig({"axle": LAW, "belt": replace(LAW, growth="sudden")}).begin()
    both = {name: rig.fleet.remaining_columns()[name][0] for name in ("axle", "belt")}
    first = min(both, key=lambda name: both[name])
    truths = rig.until(START + 1200 * HOUR)
    assert [c for _, kind, who, c in truths if who == "d0" and kind == "component.failed"] == [
        first
    ]
    rig.fleet.fit(int(rig.env.now), "d0", position="hub", part="p")
    fitted = [t for t in rig.until(int(rig.env.now)) if t[1] == "part.fitted"]
    assert {component for *_, component in fitted} == {"axle", "belt"}
    assert rig.fleet.damage(int(rig.env.now), 0) == {"axle": 0.0, "belt": 0.0}


def test_what_wears_by_use_fails_after_its_uses_at_any_pace() -> None:
    law = replace(LAW, per_use=True)
    slow, fast = Rig({"ram": law}).begin(), Rig({"ram": law}).begin()
    fast.twin.strokes_a_day = 240.0
    assert np.array_equal(left_h(slow, "ram"), left_h(fast, "ram"))
    uses = left_h(slow, "ram")
    for rig, pace in ((slow, 1.0), (fast, 10.0)):
        truths = rig.until(START + int(uses.max() / pace + 3) * HOUR)
        fails = {who: at / HOUR for at, kind, who, _ in truths if kind == "component.failed"}
        assert [fails[f"d{i}"] * pace for i in range(3)] == pytest.approx(uses, abs=pace + 1)


def test_work_makes_a_part_as_young_as_its_kind_says() -> None:
    steep = replace(LAW, life_shape=4.0, pf_min_h=15.0, pf_max_h=20.0)
    rig = Rig({"axle": steep}, n=200).begin()
    rig.until(START + 240 * HOUR)
    now = int(rig.env.now)
    for number, action in enumerate(("clean", "overhaul", "replace", "minimal")):
        for device in range(number * 50, number * 50 + 50):
            rig.fleet.maintain(now, f"d{device}", action=action, component="axle")
    data = [t.data for t in rig.ledger.take() if t.kind == "component.maintained"]
    assert [d for d in data if d["action"] == "clean" and "q" in d] == []
    overhauls = [d for d in data if d["action"] == "overhaul"]
    assert all(0.1 <= d["q"] <= 0.3 for d in overhauls)
    assert all(d["age_after_h"] == pytest.approx(d["q"] * d["age_before_h"]) for d in overhauls)
    assert all(d["age_after_h"] == 0.0 for d in data if d["action"] == "replace")
    repaired = [d for d in data if d["action"] == "minimal" and "q" in d]
    assert repaired
    assert all(d["q"] == 1.0 and d["damage_removed"] == 1.0 for d in repaired)
    assert all(d["age_after_h"] == pytest.approx(d["age_before_h"]) for d in repaired)
    left = left_h(rig)
    assert np.median(left[150:200]) < 0.7 * np.median(left[100:150])
    with pytest.raises(InvalidFault, match="no component 'wing'; there are: axle"):
        rig.fleet.maintain(now, "d0", action="clean", component="wing")


FAULTS = {
    "slip": FaultSpec(
        title="",
        rate_per_year=6.0,
        params={
            "by": Param(unit="1", default=5, min=1, max=100, drawn=(1, 100)),
            "room": Param(unit="1", default=1, min=1, max=20, drawn=(1, 20), whole=True),
            "fixed": Param(unit="1", default=3, min=1, max=20),
        },
    ),
    "crooked": FaultSpec(title="", after_maintenance=3.0),
    "swapped": FaultSpec(title="", after_maintenance=1.0),
}


def test_faults_come_by_themselves_at_their_rate_and_only_if_asked_for() -> None:
    still = Rig({"axle": LAW}, n=40, faults=FAULTS, every_ms=DAY).begin()
    still.until(START + 365 * DAY)
    assert not any(told[0] == "slip" for told in still.twin.told)
    rig = Rig({"axle": LAW}, n=100, faults=FAULTS, random_faults=0.5, every_ms=DAY).begin()
    rig.until(START + 365 * DAY)
    begun = [t for t in rig.log if t.kind == "fault.begun" and t.data["fault"] == "slip"]
    assert {t.data["cause"] for t in begun} == {"random"}
    assert len(begun) == pytest.approx(300, abs=55)  # 3 sd of a Poisson number
    gaps = np.diff([t.at_ms for t in begun])
    assert np.std(gaps) / np.mean(gaps) == pytest.approx(1.0, abs=0.2)
    common = {t.data["fault"] for t in rig.log if t.kind == "fault.begun"}
    assert common > {"slip", "sensor_dropout", "modem_outage"}
    params = [told[2] for told in rig.twin.told if told[0] == "slip"]
    by = np.array([p["by"] for p in params])
    assert np.median(by) == pytest.approx(10.0, rel=0.35)
    assert by.max() > 60.0
    assert {p["room"] for p in params} == set(range(1, 21))
    assert {p["fixed"] for p in params} == {3.0}


def test_one_more_device_shifts_no_fault_and_no_life_of_the_others() -> None:
    runs = []
    for n in (5, 6):
        rig = Rig({"axle": LAW}, n=n, faults=FAULTS, random_faults=8.0).begin()
        runs.append([t for t in rig.until(START + 20 * DAY) if t[2] != "d5"])
    assert runs[0] == runs[1]
    assert {kind for _, kind, *_ in runs[0]} >= {"fault.begun", "damage.onset"}


def test_a_few_visits_in_a_hundred_leave_a_fault_behind() -> None:
    rig = Rig({"axle": LAW}, n=100, faults=FAULTS, random_faults=1.0).begin()
    for visit in range(40):
        for device in range(100):
            rig.fleet.maintain(START + visit, f"d{device}", action="clean", component="axle")
    left = [t.data["fault"] for t in rig.ledger.take() if t.data.get("cause") == "maintenance"]
    assert 0.03 <= len(left) / 4000 <= 0.05
    ours = [left.count(fault) for fault in ("crooked", "swapped")]
    assert ours[0] / sum(ours) == pytest.approx(0.75, abs=0.11)
    assert left.count("sensor_swapped") > 0


def test_a_fleet_restored_in_mid_run_wears_and_fails_as_the_saved_one() -> None:
    laws = {"axle": replace(LAW, sudden_share=0.3), "belt": replace(LAW, growth="jumps"),
            "ram": replace(LAW, per_use=True)}  # fmt: skip
    faults = FAULTS | {"grind": FaultSpec(title="", rate_per_year=2.0)}
    made = {"n": 8, "strain": [2.0] * 4 + [0.5] * 4, "faults": faults, "random_faults": 3.0}
    rig = Rig(laws, **made).begin()
    rig.until(START + 6 * DAY + 1234)
    alive = int(np.argmax(left_h(rig)))
    rig.fleet.force(alive, "axle", onset_ms=10_000, pf_ms=20 * HOUR)
    data = rig.saved()
    other = restored(data, laws, **made)
    assert other.saved() == data
    assert {k: v.tolist() for k, v in other.fleet.damage_columns().items()} == {
        k: v.tolist() for k, v in rig.fleet.damage_columns().items()
    }
    ends = [START + 6 * DAY + hours * HOUR for hours in range(1, 500, 7)]
    left = [rig.until(end) for end in ends]
    assert left == [other.until(end) for end in ends]
    assert {t[1] for step in left for t in step} >= {"damage.onset", "component.failed"}
    assert rig.saved() == other.saved()


def test_a_large_fleet_wears_without_an_object_for_each_device() -> None:
    """A bound in bytes and rows, not in seconds."""
    rig = Rig({"axle": replace(LAW, life_h=40_000.0)}, n=4_000).begin()
    rig.until(START + 10 * HOUR)
    state = rig.fleet.dump()["ageing"]["worn"]["axle"]
    assert sum(column.nbytes for column in state.values()) < 100 * 4_000
    assert len(rig.pending.dump()["rows"]) < 50
