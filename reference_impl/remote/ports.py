"""What remote control needs from its adapters."""

from __future__ import annotations

from dataclasses import dataclass

from reference_impl.kernel.rows import Rows


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteRows:
    """The tables of this context."""

    commands: Rows
    obeyed: Rows
    parameters: Rows
    parameter_changes: Rows
