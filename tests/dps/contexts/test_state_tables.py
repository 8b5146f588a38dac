"""The state machines as tables."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import pytest

from reference_impl.kernel.errors import IllegalStep
from reference_impl.kernel.machines import after
from reference_impl.maintenance import domain as maintenance
from reference_impl.orders import domain as orders
from reference_impl.outcomes.contracts import agreement as contracts
from reference_impl.outcomes.contracts import exclusions, periods
from reference_impl.rules import domain as rules

Table = Mapping[Any, Mapping[Any, Any]]
TABLES: dict[str, tuple[Table, type[StrEnum], type[StrEnum], set[str]]] = {
    "need": (
        orders.NEEDS,
        orders.Need,
        orders.NeedStep,
        {"FULFILLED", "FULFILLED_ELSEWHERE"},
    ),
    "recommendation": (
        orders.RECOMMENDATIONS,
        orders.Advice,
        orders.AdviceStep,
        {"DISCARDED", "WITHDRAWN", "FULFILLED"},
    ),
    "order": (
        orders.ORDERS,
        orders.Order,
        orders.OrderStep,
        {"RETURNED", "REJECTED", "CANCELLED", "ABANDONED"},
    ),
    "work order": (
        maintenance.WORK_ORDERS,
        maintenance.WorkOrder,
        maintenance.Step,
        {"CLOSED", "CANCELLED"},
    ),
    "contract": (
        contracts.CONTRACTS,
        contracts.ContractState,
        contracts.ContractStep,
        {"EXPIRED", "TERMINATED", "RENEWED"},
    ),
    "period": (periods.PERIODS, periods.PeriodState, periods.PeriodStep, {"INVOICED"}),
    "exclusion": (
        exclusions.EXCLUSIONS,
        exclusions.Exclusion,
        exclusions.Decision,
        {"APPROVED", "REFUSED"},
    ),
    "alert": (rules.PHASES, rules.Phase, rules.Step, {"HISTORICAL"}),
}


@pytest.mark.parametrize("name", TABLES)
def test_every_state_and_step_of_a_table_is_used_and_only_the_final_ones_end(name: str) -> None:
    table, states, steps, final = TABLES[name]
    first = next(iter(states))
    reachable, front = {first}, [first]
    while front:
        for target in table[front.pop()].values():
            if target not in reachable:
                reachable.add(target)
                front.append(target)

    assert reachable == set(states)
    assert {step for row in table.values() for step in row} == set(steps)
    assert {state.value for state in states if not table[state]} == final


@pytest.mark.parametrize("name", TABLES)
def test_a_step_that_the_table_lacks_is_refused_with_those_it_has(name: str) -> None:
    table, states, steps, _ = TABLES[name]
    for state in states:
        for step in steps:
            if step in table[state]:
                assert after(table, subject="x-1", state=state, step=step) in states
                continue
            with pytest.raises(IllegalStep) as refused:
                after(table, subject="x-1", state=state, step=step)
            allowed = ", ".join(table[state]) or "nothing: it is final"
            assert refused.value.problems[0].allowed == allowed
            assert f"x-1 is {state.value}: {step.value} refused" in str(refused.value)
