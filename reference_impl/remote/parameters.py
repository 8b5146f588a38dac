"""Parameters of devices: what was asked for, what the device reported, and every change (3.8, R4).

A parameter is shown as applied only once its device has said so (R1). Where several changes are
under way, the one that a device confirms last wins, and the history has all of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from math import isclose
from typing import Any

from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import Connection, UnitOfWork
from reference_impl.remote.domain import State, Step, origin_of
from reference_impl.remote.obeying import IF_VERSION, SET_SETTINGS
from reference_impl.remote.ports import RemoteRows

GET_SETTINGS = "get_settings"


class Standing(StrEnum):
    """How what is desired and what is reported stand to each other."""

    UNKNOWN = "UNKNOWN"
    """The device has never said what it has."""
    PENDING = "PENDING"
    IN_SYNC = "IN_SYNC"
    DIFFERS = "DIFFERS"
    """A change failed, or somebody changed it at the device."""


class Parameters:
    """Keeps the parameters of all things."""

    def __init__(self, *, rows: RemoteRows) -> None:
        self._rows, self._changes = rows.parameters, rows.parameter_changes

    def of_thing(self, conn: Connection, thing: str, obeys: Mapping[str, Any]) -> list[Row]:
        """Every parameter of a thing by name, those of its model that were never touched too."""
        specs: Mapping[str, Any] = obeys.get("settings", {})
        known = {row["name"]: row for row in self._rows.items(conn, thing=thing)}
        found = []
        for name in sorted({*specs, *known}):
            row = known.get(name) or _blank(thing, name)
            spec = specs.get(name, {})
            about = {key: spec.get(key) for key in ("unit", "min", "max", "title")}
            origin = origin_of(row["desired_by"]) if row["desired_by"] else ""
            found.append({**row, **about, "state": standing(row), "origin": origin})
        return found

    def history(self, conn: Connection, thing: str, name: str) -> list[Row]:
        """Every change of a parameter, oldest first: asked, confirmed, failed, reported."""
        rows = self._changes.items(conn, thing=thing, name=name)
        order = ("asked", "failed", "reported", "confirmed")
        return sorted(rows, key=lambda r: (r["at_ms"], order.index(r["what"]), r["command"]))

    def reported(self, conn: Connection, thing: str, name: str) -> float | None:
        """What a thing last said that it has; None if it never did."""
        row = self._rows.get(conn, thing, name)
        return None if row is None else row["reported"]

    def asked(self, uow: UnitOfWork, command: Row) -> None:
        """Note what a command asks for."""
        for name, value in _wanted(command).items():
            row = self._row(uow.conn, command["thing"], name)
            row |= {
                "desired": value,
                "desired_by": command["by"],
                "desired_ms": command["issued_ms"],
                "command": command["id"],
            }
            self._rows.put(uow, row)
            self._log(uow, command, name, value, what="asked", at_ms=command["issued_ms"])

    def answered(
        self, uow: UnitOfWork, command: Row, step: Step, detail: str, *, at_ms: int
    ) -> str:
        """Take a device's answer; says what contradicts what was asked for, if anything does."""
        said = _said(detail) if step is Step.CONFIRM else {}
        if command["name"] == GET_SETTINGS:
            for name, value in sorted(said.items()):
                self._report(uow, command, name, value, at_ms=at_ms, what="reported")
            return ""
        wrong = [
            f"{name} is {said[name]:g}, asked for was {value:g}"
            for name, value in sorted(_wanted(command).items())
            if name in said and not isclose(said[name], value, rel_tol=1e-6, abs_tol=1e-9)
        ]
        return "; ".join(wrong)

    def ended(self, uow: UnitOfWork, command: Row, *, at_ms: int) -> None:
        """A command has ended: what it set is reported now, or was not done."""
        for name, value in sorted(_wanted(command).items()):
            if command["state"] == State.CONFIRMED:
                self._report(uow, command, name, value, at_ms=at_ms, what="confirmed")
                continue
            row = self._row(uow.conn, command["thing"], name)
            if row["command"] == command["id"]:
                self._rows.put(uow, row | {"command": ""})
            self._log(uow, command, name, value, what="failed", at_ms=at_ms)

    def applied(self, conn: Connection, command: Row) -> dict[str, dict[str, float]]:
        """What the parameters that a confirmed command set are now: the last one wins (R4)."""
        wanted = _wanted(command) if command["state"] == State.CONFIRMED else {}
        known = {name: self.reported(conn, command["thing"], name) for name in sorted(wanted)}
        now = {name: value for name, value in known.items() if value is not None}
        return {"applied": now} if now else {}

    def _report(
        self, uow: UnitOfWork, command: Row, name: str, value: float, *, at_ms: int, what: str
    ) -> None:
        row = self._row(uow.conn, command["thing"], name)
        if row["reported_ms"] is None or at_ms >= row["reported_ms"]:
            row |= {"reported": value, "reported_ms": at_ms}
            if what == "confirmed" and row["command"] in ("", command["id"]):
                row |= {"desired": value, "desired_by": command["by"], "command": ""}
        elif row["command"] == command["id"]:
            row |= {"command": ""}
        self._rows.put(uow, row)
        self._log(uow, command, name, value, what=what, at_ms=at_ms)

    def _row(self, conn: Connection, thing: str, name: str) -> Row:
        return self._rows.get(conn, thing, name) or _blank(thing, name)

    def _log(
        self, uow: UnitOfWork, command: Row, name: str, value: float, *, what: str, at_ms: int
    ) -> None:
        row = {"thing": command["thing"], "name": name, "command": command["id"], "what": what}
        row |= {"at_ms": at_ms, "value": value, "by": command["by"]}
        self._changes.put(uow, row)


def standing(row: Row) -> Standing:
    """How a parameter stands."""
    if row["command"]:
        return Standing.PENDING
    if row["reported"] is None:
        return Standing.UNKNOWN
    same = row["desired"] is None or isclose(row["desired"], row["reported"], rel_tol=1e-6)
    return Standing.IN_SYNC if same else Standing.DIFFERS


def _blank(thing: str, name: str) -> Row:
    empty = dict.fromkeys(("desired", "desired_ms", "reported", "reported_ms"))
    return {"thing": thing, "name": name, **empty, "desired_by": "", "command": ""}


def _wanted(command: Row) -> dict[str, float]:
    if command["name"] != SET_SETTINGS:
        return {}
    return {
        name: float(value)
        for name, value in command["args"].items()
        if name != IF_VERSION and _is_number(value)
    }


def _said(detail: str) -> dict[str, float]:
    """The settings of a device's report; empty if it is none."""
    try:
        report = json.loads(detail)
    except ValueError:
        return {}
    settings = report.get("settings") if isinstance(report, dict) else None
    if not isinstance(settings, dict):
        return {}
    return {str(name): float(value) for name, value in settings.items() if _is_number(value)}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
