"""Which part belongs where: parts of models, their places on the scheme, models within models.

A part fits a thing if the thing's model, or a model that stands in it, lists it at the position
(SP2). A place in a sub-model is written ``<place>.<position>``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from reference_impl.kernel.cached import Cached
from reference_impl.kernel.errors import Invalid, Problem, Unknown
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import UnitOfWork
from reference_impl.orders.forecasts import HANDLING_H, VISIT_H, Rule, When
from reference_impl.orders.ports import OrderRows
from reference_impl.published import ModelInstalled


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What stands in a Spare Part Reference beside part, position and quantity (glossary)."""

    group: str = ""
    scheme: str = ""
    wear_metric: str = ""
    max_usage: float | None = None
    usage_unit: str = ""
    tolerance_pct: float = 20.0
    order_when: str = When.RULES.value
    handling_h: float = HANDLING_H
    visit_h: float = VISIT_H
    visit_eur: Decimal | None = None

    @property
    def rule(self) -> Rule:
        """Its recommendation rule."""
        return Rule(
            when=When(self.order_when),
            tolerance_pct=self.tolerance_pct,
            handling_h=self.handling_h,
            visit_h=self.visit_h,
            visit_eur=self.visit_eur,
        )


PLAIN = Reference()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A part in its place."""

    part: str
    position: str
    quantity: int
    reference: Reference = PLAIN


def reachable(
    model: str,
    places: Mapping[str, Sequence[Place]],
    sub_models: Mapping[str, Sequence[tuple[str, str]]],
) -> Iterator[Place]:
    """All places of a model and of the models in it, each once; a model in itself ends there.

    Args:
        model: Where to begin.
        places: The places that each model has itself.
        sub_models: By model: ``(place, sub-model)``.
    """
    waiting: list[tuple[str, str, tuple[str, ...]]] = [(model, "", (model,))]
    while waiting:
        current, prefix, above = waiting.pop(0)
        for place in places.get(current, ()):
            yield Place(
                part=place.part,
                position=f"{prefix}{place.position}",
                quantity=place.quantity,
                reference=place.reference,
            )
        for name, sub in sub_models.get(current, ()):
            if sub not in above:
                waiting.append((sub, f"{prefix}{name}.", (*above, sub)))


class Compatibility:
    """Keeps which model has which parts, and answers from memory."""

    def __init__(self, *, rows: OrderRows) -> None:
        self._rows = rows
        self._known: Cached[str, tuple[Place, ...]] = Cached(self._load)
        self._references: Cached[tuple[str, str], Reference] = Cached(
            lambda conn: {
                (row["model"], row["position"]): _reference(row)
                for row in rows.references.items(conn)
            }
        )

    def on_model(self, uow: UnitOfWork, event: ModelInstalled) -> None:
        """Keep which parts a model has, where, and how many."""
        places = [
            [str(p["part"]), str(p["position"]), int(p.get("quantity", 1))] for p in event.parts
        ]
        self._rows.model_parts.put(uow, {"model": event.model, "places": places})
        self._renew(uow)

    def put_reference(
        self, uow: UnitOfWork, model: str, position: str, reference: Reference
    ) -> Row:
        """Say more of a place of a model. Raises Unknown if the model has no such place."""
        if not any(place.position == position for place in self._own(uow.conn).get(model, ())):
            raise Unknown(f"model {model!r} has no part at position {position!r}")
        row = {"model": model, "position": position, **asdict(reference)}
        self._rows.references.put(uow, row)
        self._references.of(uow)[model, position] = reference
        self._renew(uow)
        return row

    def put_sub_models(self, uow: UnitOfWork, model: str, subs: Mapping[str, str]) -> Row:
        """Say which models stand in a model, by place.

        Raises:
            Invalid: If a model is unknown, or would stand in itself.
        """
        known = {row["model"] for row in self._rows.model_parts.items(uow.conn)}
        inside = {**_subs(self._rows.sub_models.items(uow.conn)), model: list(subs.items())}
        problems = [
            Problem(where=f"sub_models.{place}", what=f"there is no model {sub!r}")
            for place, sub in subs.items()
            if sub not in known
        ]
        if model not in known:
            problems.append(Problem(where="model", what=f"there is no model {model!r}"))
        if model in _below(model, inside):
            problems.append(Problem(where="sub_models", what=f"{model!r} would stand in itself"))
        if problems:
            raise Invalid(f"the sub-models of {model!r} are refused", problems)
        for row in self._rows.sub_models.items(uow.conn, model=model):
            self._rows.sub_models.delete(uow, model, row["place"])
        rows = [{"model": model, "place": p, "sub_model": sub} for p, sub in sorted(subs.items())]
        self._rows.sub_models.insert(uow, *rows)
        self._renew(uow)
        return {"model": model, "sub_models": dict(subs)}

    def of_model(self, conn: sa.Connection, model: str) -> Sequence[Place]:
        """All places of a model and of the models in it."""
        return tuple(self._load(conn).get(model, ()))

    def cached(self, uow: UnitOfWork, model: str) -> Sequence[Place]:
        """The same, from memory: evaluations ask often."""
        return self._known.of(uow).get(model, ())

    def ordering(self, uow: UnitOfWork) -> bool:
        """Whether any place has a recommendation rule of its own."""
        return any(r.order_when != When.RULES for r in self._references.of(uow).values())

    def models_in(self, conn: sa.Connection, model: str) -> set[str]:
        """The model, and all models that stand in it."""
        return {model} | _below(model, _subs(self._rows.sub_models.items(conn)))

    def place(self, conn: sa.Connection, model: str, position: str) -> Place | None:
        """What belongs at a position; None: nothing."""
        return next((p for p in self.of_model(conn, model) if p.position == position), None)

    def _own(self, conn: sa.Connection) -> dict[str, list[Place]]:
        more = {
            (row["model"], row["position"]): _reference(row)
            for row in self._rows.references.items(conn)
        }
        return {
            row["model"]: [
                Place(
                    part=part,
                    position=position,
                    quantity=quantity[0] if quantity else 1,
                    reference=more.get((row["model"], position), PLAIN),
                )
                for part, position, *quantity in row["places"]
            ]
            for row in self._rows.model_parts.items(conn)
        }

    def _load(self, conn: sa.Connection) -> dict[str, tuple[Place, ...]]:
        own, subs = self._own(conn), _subs(self._rows.sub_models.items(conn))
        return {model: tuple(reachable(model, own, subs)) for model in own}

    def _renew(self, uow: UnitOfWork) -> None:
        known = self._known.of(uow)
        known.clear()
        known.update(self._load(uow.conn))


def _reference(row: Row) -> Reference:
    names = Reference.__dataclass_fields__
    values: dict[str, Any] = {name: row[name] for name in names}
    return Reference(**values)


def _subs(rows: Sequence[Row]) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for row in rows:
        found.setdefault(row["model"], []).append((row["place"], row["sub_model"]))
    return found


def _below(model: str, inside: Mapping[str, Sequence[tuple[str, str]]]) -> set[str]:
    found: set[str] = set()
    waiting = [model]
    while waiting:
        for _, sub in inside.get(waiting.pop(), ()):
            if sub not in found:
                found.add(sub)
                waiting.append(sub)
    return found
