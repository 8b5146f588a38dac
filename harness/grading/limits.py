"""What a change of rules may not do: conditions over the figures of a comparison, in CEL.

For every figure there are ``<name>`` (mean of candidate minus baseline per run), ``<name>_low`` and
``<name>_high`` (its 95 % interval), ``<name>_base`` and ``<name>_candidate`` (means per run).
``missed`` and ``caught`` alone are counts: failures newly missed and newly caught, over all pairs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.errors import ScenarioError
from harness.grading.compare import FIGURES, Comparison
from harness.scenario.conditions import compile_cel

if TYPE_CHECKING:
    import cel


def figures(comparison: Comparison) -> dict[str, float]:
    """Every name that a limit may use, with its value. What no pair has is 0."""
    found: dict[str, float] = {}
    for name, cell in comparison.whole.cells.items():
        gap = cell.difference
        mean = gap.mean if gap else 0.0
        found |= {
            name: mean,
            f"{name}_low": mean if gap is None or gap.low is None else gap.low,
            f"{name}_high": mean if gap is None or gap.high is None else gap.high,
            f"{name}_base": cell.base or 0.0,
            f"{name}_candidate": cell.candidate or 0.0,
        }
    found["missed"] = float(len(comparison.newly_missed))
    found["caught"] = float(len(comparison.newly_caught))
    found["checks"] = float(len(comparison.newly_failed_checks))
    return found


@dataclass(frozen=True, slots=True)
class Limit:
    """A condition that must not come true."""

    text: str
    program: cel.Program

    def broken(self, values: dict[str, float]) -> bool:
        """Whether it is true.

        Raises:
            ScenarioError: If it is no condition over these names.
        """
        try:
            answer = self.program.execute(values)
        except (TypeError, ValueError, RuntimeError) as error:
            raise _wrong(self.text, values, str(error)) from error
        if not isinstance(answer, bool):
            raise _wrong(self.text, values, "it is neither true nor false")
        return answer


def limit(text: str, names: dict[str, float]) -> Limit:
    """Read a limit such as ``missed > 0`` and try it on ``names``.

    Raises:
        ScenarioError: If it cannot be read, names what is not there, or is no condition.
    """
    try:
        program = compile_cel(text)
    except ValueError as error:
        raise _wrong(text, names, str(error).splitlines()[0]) from error
    unknown = sorted(set(program.variables()) - set(names))
    if unknown:
        raise _wrong(text, names, f"unknown name {', '.join(unknown)}")
    found = Limit(text, program)
    found.broken(names)
    return found


def _wrong(text: str, names: dict[str, float], why: str) -> ScenarioError:
    plain = [name for name in names if not name.endswith(("_low", "_high", "_base", "_candidate"))]
    return ScenarioError(
        f"--fail-on {text!r}: {why}; allowed: a CEL condition such as 'missed > 0' over "
        f"{', '.join(plain)}, each also with _low, _high, _base, _candidate"
    )


def blank() -> dict[str, float]:
    """Every name at 0, to try a limit before the worlds run."""
    ends = ("", "_low", "_high", "_base", "_candidate")
    return {f"{name}{end}": 0.0 for name in FIGURES for end in ends} | {"checks": 0.0}
