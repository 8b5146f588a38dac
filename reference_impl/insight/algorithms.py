"""The algorithms by name and version, each with the parameters that it takes.

A change of what one computes is a new version, which stands here beside the old one. ``of`` says
what uses it: conditions (wear of a position) or metrics (a signal that is computed).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from reference_impl.insight.batteries import BatteryAutonomy
from reference_impl.insight.domain import Combine, RiseParams, Where
from reference_impl.insight.filling import FillForecast
from reference_impl.insight.laws import normalised_pressure, specific_energy
from reference_impl.insight.usage import LinearUse
from reference_impl.kernel.bodies import Fields
from reference_impl.kernel.counters import MS_PER_DAY, steps_of
from reference_impl.kernel.ports import Floats, Times

WearParams = RiseParams | LinearUse | FillForecast | BatteryAutonomy
PointLaw = Callable[[Times, Sequence[Floats]], Floats]
"""From times and the columns of a metric's signals to the values, all of shape ``(n,)``."""


_UNSAID = (None, (), "")


class Of(StrEnum):
    """What uses an algorithm."""

    CONDITION = "condition"
    METRIC = "metric"


class Kind(StrEnum):
    """Kinds of parameters; seconds become milliseconds inside."""

    SIGNAL = "signal"
    NUMBER = "number"
    SECONDS = "seconds"
    CHOICE = "choice"
    GATE = "gate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Param:
    """One parameter: ``default`` None means that it must be given (a gate may be left out)."""

    name: str
    kind: Kind
    title: str
    unit: str = ""
    default: float | str | None = None
    low: float | None = None
    above: float | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Algorithm:
    """One version of one algorithm. ``make`` takes the parameters by name."""

    name: str
    version: str
    of: Of
    title: str
    source: str
    params: tuple[Param, ...]
    make: Callable[[Mapping[str, Any]], Any]

    @property
    def signals(self) -> tuple[str, ...]:
        """The parameters that name signals, in order."""
        return tuple(p.name for p in self.params if p.kind is Kind.SIGNAL)

    def shown(self) -> dict[str, Any]:
        """As the API shows it."""
        params = []
        for param in self.params:
            told = {name: getattr(param, name) for name in Param.__slots__}
            params.append({name: value for name, value in told.items() if value not in _UNSAID})
        head = {"name": self.name, "version": self.version, "of": self.of, "title": self.title}
        return {**head, "source": self.source, "params": params}


def read_params(fields: Fields, one: Algorithm, signals: Sequence[str]) -> Any:  # noqa: ANN401
    """Check parameters and make what the algorithm takes; problems go to ``fields``, then None."""
    before = len(fields.problems)
    values = {p.name: _READERS[p.kind](fields, p, sorted(signals)) for p in one.params}
    fields.done()
    return None if len(fields.problems) > before else one.make(values)


def _signal(fields: Fields, param: Param, signals: Sequence[str]) -> str:
    if param.default == "" and not fields.has(param.name):
        fields.raw(param.name)
        return ""
    return fields.choice(param.name, signals)


def _number(fields: Fields, param: Param, _signals: Sequence[str]) -> float:
    default = None if param.default is None else float(param.default)
    found = fields.number(param.name, low=param.low, default=default)
    if param.above is not None and found <= param.above:
        fields.problem(param.name, f"is {found:g}", f"a number above {param.above:g}")
    return found


def _seconds(fields: Fields, param: Param, signals: Sequence[str]) -> int:
    return round(_number(fields, param, signals) * 1000)


def _choice(fields: Fields, param: Param, _signals: Sequence[str]) -> str:
    default = None if param.default is None else str(param.default)
    return fields.choice(param.name, list(param.choices), default=default)


def _gate(fields: Fields, param: Param, signals: Sequence[str]) -> Where | None:
    given = fields.raw(param.name)
    if given is None:
        return None
    inner = Fields(given, where=fields.at(param.name), problems=fields.problems)
    found = Where(signal=inner.choice("signal", signals), above=inner.number("above"))
    inner.done()
    return found


_READERS: Mapping[Kind, Callable[[Fields, Param, Sequence[str]], Any]] = {
    Kind.SIGNAL: _signal,
    Kind.NUMBER: _number,
    Kind.SECONDS: _seconds,
    Kind.CHOICE: _choice,
    Kind.GATE: _gate,
}


def _rise(values: Mapping[str, Any], *, linear: bool = False) -> RiseParams:
    return RiseParams(
        signal=values["signal"],
        limit=values["limit"],
        curvature=values.get("curvature", 1.0),
        baseline_ms=values["baseline_s"],
        window_ms=values["window_s"],
        trend_ms=values["trend_s"],
        where=values["where"],
        combine=Combine(values.get("combine", Combine.SUM)),
        persist_ms=values["persist_s"],
        model_sd_pct=values.get("model_sd_pct", 0.0),
        linear=linear,
    )


def _use(values: Mapping[str, Any]) -> LinearUse:
    given = {name: value for name, value in values.items() if name != "trend_s"}
    return LinearUse(**given, trend_ms=values["trend_s"])


def _fill(values: Mapping[str, Any]) -> FillForecast:
    given = {name: value for name, value in values.items() if name != "history_s"}
    return FillForecast(**given, history_ms=values["history_s"])


def _battery(values: Mapping[str, Any]) -> BatteryAutonomy:
    given = {name: value for name, value in values.items() if not name.endswith("_s")}
    return BatteryAutonomy(**given, window_ms=values["window_s"], trend_ms=values["trend_s"])


def _count(values: Mapping[str, Any]) -> PointLaw:
    rollover, daily_max = values["rollover"], values["daily_max"]

    def law(at_ms: Times, columns: Sequence[Floats]) -> Floats:
        return steps_of(at_ms, columns[0], rollover=rollover, daily_max=daily_max).use

    return law


def _pressure(values: Mapping[str, Any]) -> PointLaw:
    flow_m3_h, exponent = values["design_flow_m3_h"], values["exponent"]

    def law(_: Times, columns: Sequence[Floats]) -> Floats:
        return normalised_pressure(
            columns[0], columns[1], design_flow_m3_h=flow_m3_h, exponent=exponent
        )

    return law


def _energy(values: Mapping[str, Any]) -> PointLaw:
    per_m, offset_m, least = values["lift_m_per_unit"], values["lift_offset_m"], values["flow_min"]

    def law(_: Times, columns: Sequence[Floats]) -> Floats:
        lift_m = columns[2] * per_m + offset_m
        return specific_energy(columns[0], columns[1], lift_m, flow_min_m3_h=least)

    return law


def _of_signal(title: str, name: str = "signal", *, may_lack: bool = False) -> Param:
    return Param(name=name, kind=Kind.SIGNAL, title=title, default="" if may_lack else None)


def _seconds_of(name: str, title: str, default: float | None = None, low: float = 1.0) -> Param:
    return Param(name=name, kind=Kind.SECONDS, title=title, unit="s", default=default, low=low)


def _positive(name: str, title: str, unit: str = "", default: float | None = None) -> Param:
    return Param(name=name, kind=Kind.NUMBER, title=title, unit=unit, default=default, above=0.0)


def _plain(name: str, title: str, unit: str = "", default: float | None = None) -> Param:
    return Param(name=name, kind=Kind.NUMBER, title=title, unit=unit, default=default)


def _at_least_0(name: str, title: str, unit: str = "", default: float | None = 0.0) -> Param:
    return Param(name=name, kind=Kind.NUMBER, title=title, unit=unit, default=default, low=0.0)


_WATCHED = (
    _seconds_of("baseline_s", "Time after fitting in which the healthy level is learned"),
    _seconds_of("window_s", "Readings of which a level is the mean"),
    _seconds_of("trend_s", "How far back the trend looks"),
    Param(name="where", kind=Kind.GATE, title="Count readings only while a signal is above"),
    _seconds_of("persist_s", "How long a rise must stand out", default=0.0, low=0.0),
)
_COUNTER = (
    _at_least_0("rollover", "Where the register begins anew; 0: never", "unit of the counter"),
    _at_least_0("daily_max", "Greatest possible use of a day; 0: unknown", "unit of the counter"),
)
_RISE = (
    _of_signal("The signal that rises"),
    _plain("limit", "Its level at 100 %", "of signal"),
    _positive("curvature", "Curvature k of the rise", default=3.6),
    *_WATCHED,
    Param(
        name="combine",
        kind=Kind.CHOICE,
        title="How causes add up",
        default=Combine.SUM,
        choices=tuple(Combine),
    ),
)
_ALL = (
    Algorithm(
        name="exponential_rise", version="1", of=Of.CONDITION, make=_rise,
        title="Wear from a signal that rises exponentially with damage",
        source="Degradation template of condition monitoring; forecast as in ISO 13381-1",
        params=_RISE,
    ),
    Algorithm(
        name="exponential_rise", version="2", of=Of.CONDITION, make=_rise,
        title="As version 1; the interval also holds how far machines are off the law",
        source="Version 1; spread between machines as measured on fleets",
        params=(
            *_RISE,
            _at_least_0("model_sd_pct", "Machines differ by so much damage", "points", 12.0),
        ),
    ),
    Algorithm(
        name="threshold_trend", version="1", of=Of.CONDITION, title="Way of a signal to its limit",
        source="Linear trend to a threshold, ISO 13381-1",
        make=lambda values: _rise(values, linear=True),
        params=(
            _of_signal("The signal that drifts"),
            _plain("limit", "Its level at 100 %, above or below the healthy one", "of signal"),
            *_WATCHED,
        ),
    ),
    Algorithm(
        name="linear_use", version="1", of=Of.CONDITION, make=_use,
        title="Wear by usage: use since fitting over standard use; by time without a counter",
        source="Default wear kit (L:wear-metrics, L:time-based-wear-computation)",
        params=(
            _of_signal("The counter; left out: hours since fitting", may_lack=True),
            _positive("standard_use", "Use that is 100 %", "unit of the counter, or h"),
            _at_least_0("tolerance_pct", "How far beyond 100 % the part may go", "%"), *_COUNTER,
            _seconds_of("trend_s", "Days that tell the rate", default=28 * MS_PER_DAY / 1000),
        ),
    ),
    Algorithm(
        name="fill_forecast", version="1", of=Of.CONDITION, make=_fill,
        title="Time to full by hour of the week, with an interval",
        source="Domain reference 6.3, Computed",
        params=(
            _of_signal("The level"), _positive("full", "Level that is full", "of signal"),
            _positive("emptied_drop", "A fall of so much is an emptying", "of signal"),
            _seconds_of("history_s", "How far back habits are learned", default=42 * 86_400.0),
        ),
    ),
    Algorithm(
        name="battery_autonomy", version="1", of=Of.CONDITION, make=_battery,
        title="Days that a battery lasts without charge", source="Domain reference 6.3, Computed",
        params=(
            _of_signal("The voltage"), _of_signal("What charges; 0 in the dark", "charge"),
            _positive("cutoff", "Voltage at which the device stops", "V"),
            _positive("standard_d", "Autonomy of a new battery", "d"),
            _seconds_of("window_s", "Nights that tell the rate", default=7 * 86_400.0),
            _seconds_of("trend_s", "How far back the trend looks", default=28 * 86_400.0),
        ),
    ),
    Algorithm(
        name="counter_use", version="1", of=Of.METRIC, make=_count,
        title="Use since the report before, over rollover and reset of the counter",
        source="DS8, PM4", params=(_of_signal("The counter"), *_COUNTER),
    ),
    Algorithm(
        name="normalised_pressure", version="1", of=Of.METRIC, make=_pressure,
        title="Pressure drop brought to design flow: dp (Q0 / Q)^1.5",
        source="Domain reference 6.2, Computed",
        params=(
            _of_signal("Pressure drop, Pa", "drop"), _of_signal("Flow, m3/h", "flow"),
            _positive("design_flow_m3_h", "Q0", "m3/h"),
            _positive("exponent", "1 a fleece, 2 an orifice", default=1.5),
        ),
    ),
    Algorithm(
        name="specific_energy", version="1", of=Of.METRIC, make=_energy,
        title="Energy by volume and lift: P / (Q h), kWh/(m3 m)",
        source="Domain reference 6.1, Computed",
        params=(
            _of_signal("Power, kW", "power"), _of_signal("Flow, m3/h", "flow"),
            _of_signal("What tells the lift", "lift"),
            _positive("lift_m_per_unit", "Metres for each unit of it", "m", 1.0),
            _plain("lift_offset_m", "Metres to be added", "m", 0.0),
            _positive("flow_min", "Below this flow there is no answer", "m3/h"),
        ),
    ),
)  # fmt: skip
ALGORITHMS: Mapping[tuple[str, str], Algorithm] = {(a.name, a.version): a for a in _ALL}
"""All of them."""


def chosen(fields: Fields, of: Of) -> Algorithm | None:
    """The algorithm that ``algorithm`` and ``version`` of a body name; None with a problem."""
    name, version = fields.text("algorithm"), fields.text("version", default="1")
    found = ALGORITHMS.get((name, version))
    if found is not None and found.of is of:
        return found
    if name and version:
        known = ", ".join(f"{n} version {v}" for (n, v), a in ALGORITHMS.items() if a.of is of)
        fields.problem("algorithm", f"there is no {name} version {version}", known)
    return None
