"""Why something was decided: the rule as it was, its inputs, the readings behind it, the chain.

Everything is read from what the contexts keep: a decision stores the rule's version and the values
of its variables when it is made, and the readings stay where they are (O15).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from reference_impl.kernel import access
from reference_impl.kernel.bodies import duration_ms
from reference_impl.kernel.errors import Problem, Unknown
from reference_impl.kernel.ports import TelemetryView
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import Connection

READINGS_MAX = 1000
"""Of a longer window the newest are shown."""
Listed = Callable[..., list[Row]]
"""``listed(conn, table, **equals)``: rows of a context's table, by its name there."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of decision: where its rows are, and which field says when it was made.

    ``by`` are the fields that tie it to other decisions: ``need_key`` to those of one need, and
    ``alert`` to an alert. A document stays with its customer, whoever owns the thing now.
    """

    name: str
    listed: Listed
    table: str
    at: str
    by: frozenset[str] = frozenset()
    document: bool = False


class Steps(Protocol):
    """What the feed says happened to some subjects."""

    def __call__(self, conn: Connection, subjects: Sequence[str]) -> list[Row]:
        """``at_ms``, ``kind``, ``subject``, ``data`` of what the caller may see, oldest first."""
        ...


class Explainer:
    """Explains any decision of these kinds.

    Args:
        kinds: Where decisions are; of one need, in the order in which they follow each other.
        packs: Rows of rule packs.
        insight: Rows of conditions and of what they evaluated to.
        telemetry: The readings.
        steps: The feed.
    """

    def __init__(
        self,
        *,
        kinds: Sequence[Kind],
        packs: Listed,
        insight: Listed,
        telemetry: TelemetryView,
        steps: Steps,
    ) -> None:
        self._kinds, self._packs, self._insight = kinds, packs, insight
        self._telemetry, self._steps = telemetry, steps

    def explain(self, conn: Connection, ident: str) -> dict[str, Any]:
        """All that is known of why.

        Raises:
            Unknown: Nothing that the caller may see has this id.
        """
        kind, row = self._found(conn, ident)
        self._must_see(kind, row, ident)
        chain = self._chain(conn, kind, row) or [(kind, row)]
        root_kind, root = next(
            ((k, r) for k, r in chain if r.get("rule") and "values" in r), (kind, row)
        )
        at_ms = root[root_kind.at]
        rule = self._rule(conn, root)
        lets: Mapping[str, Any] = rule["let"] if rule else {}
        thing, seen = root.get("thing", ""), self._seen(conn, root, lets, at_ms)
        fresh = rule["stale_after"] if rule else "0s"
        windows = [*self._windows(thing, lets, at_ms, fresh), *self._behind(conn, thing, seen)]
        return {
            "id": ident,
            "kind": kind.name,
            "state": row.get("state", ""),
            "at_ms": row[kind.at],
            "decided_ms": at_ms,
            "thing": row.get("thing", ""),
            "customer": row.get("customer", ""),
            "why": root.get("why", ""),
            "policy": root.get("policy", ""),
            "by": row.get("by", ""),
            "rule": rule,
            "inputs": {name: float(value) for name, value in (root.get("values") or {}).items()},
            "windows": windows,
            "forecasts": [_forecast(rows) for rows in seen],
            "chain": [self._link(k, r) for k, r in chain],
            "history": self._steps(conn, [r["id"] for _, r in chain]),
        }

    def _found(self, conn: Connection, ident: str) -> tuple[Kind, Row]:
        for kind in self._kinds:
            rows = kind.listed(conn, kind.table, id=ident)
            if rows:
                return kind, rows[0]
        raise _unknown(ident)

    @staticmethod
    def _must_see(kind: Kind, row: Row, ident: str) -> None:
        customer, thing = row.get("customer"), row.get("thing")
        if customer:
            access.must_see(customer, what=f"decision {ident!r}")
        if thing and not (kind.document and customer):
            access.must_see_thing(thing, what=f"decision {ident!r}", at_ms=row[kind.at])
        elif not customer and access.current().customers is not None:
            raise _unknown(ident)

    def _chain(self, conn: Connection, of: Kind, row: Row) -> list[tuple[Kind, Row]]:
        """What belongs to the same need, or hangs on the same alert, in the order of its times."""
        found: dict[str, tuple[Kind, Row]] = {}
        alert = row["id"] if of.name == "alert" else row.get("alert")
        for kind in self._kinds:
            rows = []
            if row.get("need_key") and "need_key" in kind.by:
                rows += kind.listed(conn, kind.table, need_key=row["need_key"])
            if alert and "alert" in kind.by:
                rows += kind.listed(conn, kind.table, alert=alert)
            if alert and kind.name == "alert":
                rows += kind.listed(conn, kind.table, id=alert)
            found |= {one["id"]: (kind, one) for one in rows}
        order = {kind.name: number for number, kind in enumerate(self._kinds)}
        return sorted(found.values(), key=lambda p: (p[1][p[0].at], order[p[0].name], p[1]["id"]))

    def _rule(self, conn: Connection, root: Row) -> dict[str, Any] | None:
        if not root.get("rule"):
            return None
        version = root.get("pack_version") or root.get("version") or ""
        packs = self._packs(conn, "packs", pack=root["pack"], version=version)
        pack: Mapping[str, Any] = packs[0]["body"] if packs else {}
        body: Mapping[str, Any] = next(
            (r for r in pack.get("rules", ()) if r.get("id") == root["rule"]), {}
        )
        return {
            "id": root["rule"],
            "pack": root["pack"],
            "version": version,
            "owner": str(pack.get("owner", "")),
            "severity": str(body.get("severity", "")),
            "when": str(body.get("when", "")),
            "held": str(body.get("for", "0s")),
            "stale_after": str(body.get("stale_after") or pack.get("stale_after", "0s")),
            "why": str(body.get("why", "")),
            "let": dict(body.get("let") or {}),
        }

    def _windows(
        self, thing: str, lets: Mapping[str, Any], at_ms: int, fresh: str
    ) -> Iterator[dict[str, Any]]:
        """The readings of each window that the rule looked at; of ``last`` while it is fresh."""
        for name, let in lets.items():
            if not isinstance(let, Mapping) or "signal" not in let:
                continue
            over_ms = duration_ms(str(let.get("over") or let.get("within") or fresh)) or 0
            times, values = self._telemetry.series(
                thing, str(let["signal"]), after_ms=at_ms - over_ms, to_ms=at_ms
            )
            yield {
                "name": name,
                "signal": str(let["signal"]),
                "take": str(let.get("take", "last")),
                "from_ms": at_ms - over_ms,
                "to_ms": at_ms,
                "at_ms": times[-READINGS_MAX:].tolist(),
                "values": values[-READINGS_MAX:].tolist(),
            }

    def _seen(
        self, conn: Connection, root: Row, lets: Mapping[str, Any], at_ms: int
    ) -> list[list[Row]]:
        """The evaluations, up to then, of each condition that the rule read; newest last."""
        named = {str(v["condition"]) for v in lets.values() if "condition" in _mapping(v)}
        found = []
        for condition in sorted(named):
            rows = self._insight(conn, "history", thing=root.get("thing", ""), condition=condition)
            before = sorted((r for r in rows if r["at_ms"] <= at_ms), key=lambda r: int(r["at_ms"]))
            if before:
                found.append(before)
        return found

    def _behind(
        self, conn: Connection, thing: str, seen: Sequence[Sequence[Row]]
    ) -> Iterator[dict[str, Any]]:
        """The readings that each forecast was made of: those of the part that was in then."""
        for rows in seen:
            newest = rows[-1]
            named = {name: newest[name] for name in ("condition", "revision")}
            bodies = [row["body"] for row in self._insight(conn, "revisions", **named)]
            signals = {str(body["params"].get("signal", "")) for body in bodies} - {""}
            first = next(row for row in rows if row["cycle"] == newest["cycle"])
            for signal in sorted(signals):
                times, values = self._telemetry.series(
                    thing, signal, after_ms=first["at_ms"] - 1, to_ms=newest["at_ms"]
                )
                yield {
                    "name": newest["condition"],
                    "signal": signal,
                    "take": bodies[0]["algorithm"],
                    "from_ms": first["at_ms"],
                    "to_ms": newest["at_ms"],
                    "at_ms": times[-READINGS_MAX:].tolist(),
                    "values": values[-READINGS_MAX:].tolist(),
                }

    @staticmethod
    def _link(kind: Kind, row: Row) -> dict[str, Any]:
        state = row.get("state", "")
        return {"kind": kind.name, "id": row["id"], "at_ms": row[kind.at], "state": state}


def _forecast(rows: Sequence[Row]) -> dict[str, Any]:
    """What the newest of a condition's evaluations said."""
    newest = rows[-1]
    shown = ("condition", "at_ms", "cycle", "revision", "level", "wear_pct", "runout_p50_ms")
    return {**{name: newest.get(name) for name in shown}, "evaluations": len(rows)}


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _unknown(ident: str) -> Unknown:
    return Unknown(f"there is no decision {ident!r}", [Problem(where="id", what=ident)])
