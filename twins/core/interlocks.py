"""States and interlocks of devices: what holds now, what it forbids, when safety tripped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twins.core.declared import CommandSpec, StateSpec
from twins.core.truth import TruthLedger
from twins.core.twin import TellsStates


class Interlocks:
    """The declared states of a fleet, as the physics tells them: one boolean column each."""

    def __init__(
        self,
        specs: Mapping[str, StateSpec],
        twin: TellsStates | None,
        devices: Sequence[str],
        ledger: TruthLedger,
    ) -> None:
        self._specs, self._twin, self._devices, self._ledger = specs, twin, devices, ledger
        self._safety = tuple(name for name, spec in specs.items() if spec.safety)
        self._tripped = np.zeros((len(self._safety), len(devices)), dtype=bool)

    def watch(self, now_ms: int) -> None:
        """Tell which interlocks tripped or cleared since the last time."""
        if not self._safety:
            return
        assert self._twin is not None
        states = self._twin.states()
        now = np.array([states[name] for name in self._safety], dtype=bool)
        if now.tobytes() == self._tripped.tobytes():  # cheaper than as columns
            return
        for row, device in np.argwhere(now != self._tripped).tolist():
            kind = "interlock.tripped" if now[row, device] else "interlock.cleared"
            self._ledger.tell(now_ms, kind, self._devices[device], interlock=self._safety[row])
        self._tripped = now

    def objections(self, device: int, name: str, command: CommandSpec) -> list[str]:
        """Every state that forbids a command now, and every one that it would need."""
        holds = self._holding(device)
        found = [
            f"blocked by the interlock {state!r} ({self._specs[state].title})"
            for state in holds
            if self._specs[state].safety and name in self._specs[state].blocks
        ]
        found += [
            f"not while {state!r} ({self._specs[state].title})"
            for state in holds
            if state in command.not_while
            or (name in self._specs[state].blocks and not self._specs[state].safety)
        ]
        found += [
            f"only while {state!r} ({self._specs[state].title})"
            for state in command.only_while
            if state not in holds
        ]
        return found

    def against_update(self, device: int) -> list[str]:
        """The states that hold now and forbid an update of the firmware."""
        return [state for state in self._holding(device) if self._specs[state].blocks_update]

    def dump(self) -> NDArray[np.bool_]:
        """The interlocks as they were told last."""
        return self._tripped

    def load(self, state: Any) -> None:  # noqa: ANN401 - columns of a snapshot
        """Take over what :meth:`dump` gave."""
        self._tripped = state

    def _holding(self, device: int) -> list[str]:
        if not self._specs:
            return []
        assert self._twin is not None
        states: Mapping[str, NDArray[np.bool_]] = self._twin.states()
        return [name for name in self._specs if states[name][device]]
