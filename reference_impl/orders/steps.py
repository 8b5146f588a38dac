"""The only hands that move needs and recommendations, and the words the feed gets for it."""

from __future__ import annotations

from reference_impl.kernel.cached import Cached
from reference_impl.kernel.errors import IllegalStep, Unknown
from reference_impl.kernel.machines import after
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import UnitOfWork
from reference_impl.orders import domain as d
from reference_impl.orders.ports import OrderRows
from reference_impl.published import OrderChanged, RecommendationChanged


def policy_of(row: Row) -> d.Policy:
    """A stored policy."""
    return d.Policy(
        mode=d.Mode(row["mode"]),
        max_unit_price_eur=row["max_unit_price_eur"],
        max_open_orders=row["max_open_orders"],
        monthly_budget_eur=row["monthly_budget_eur"],
    )


class Steps:
    """Compare-and-set steps through the tables of :mod:`reference_impl.orders.domain`."""

    def __init__(self, *, rows: OrderRows) -> None:
        self._rows = rows
        self._states: Cached[str, str] = Cached(
            lambda conn: {row["need_key"]: row["state"] for row in rows.needs.items(conn)}
        )

    def state(self, uow: UnitOfWork, key: str) -> d.Need:
        """Where a need stands; LATENT if nothing was heard of it. Cheap: advice comes often."""
        return d.Need(self._states.of(uow).get(key, d.Need.LATENT))

    def need(self, uow: UnitOfWork, key: str) -> Row:
        """The need with this key."""
        need = self._rows.needs.get(uow.conn, key)
        assert need is not None, "a recommendation has a need"
        return need

    def move_need(
        self, uow: UnitOfWork, need: Row, step: d.NeedStep, *, at_ms: int, **more: object
    ) -> None:
        """Move a need one step; ``need`` is brought up to date.

        Raises:
            IllegalStep: If its state, as read or as a rival left it, forbids the step.
        """
        key, state = need["need_key"], d.Need(need["state"])
        target = after(d.NEEDS, subject=key, state=state, step=step)
        values = {"state": target.value, "changed_ms": at_ms, **more}
        if not self._rows.needs.swap(uow, key, expected=state, values=values):
            raise IllegalStep(key, state, step, [])
        need.update(values)
        self._states.of(uow)[key] = target.value

    def move_rec(
        self,
        uow: UnitOfWork,
        rec_id: str,
        step: d.AdviceStep,
        *,
        by: str,
        reason: str,
        at_ms: int,
    ) -> Row:
        """Move a recommendation one step and return it.

        Raises:
            Unknown: If there is none with this id.
            IllegalStep: If its state, as read or as a rival left it, forbids the step.
        """
        rec = self._rows.recommendations.get(uow.conn, rec_id)
        if rec is None:
            raise Unknown(f"there is no recommendation {rec_id!r}")
        state = d.Advice(rec["state"])
        target = after(d.RECOMMENDATIONS, subject=rec_id, state=state, step=step)
        values = {"state": target.value, "by": by, "reason": reason, "changed_ms": at_ms}
        if not self._rows.recommendations.swap(uow, rec_id, expected=state, values=values):
            raise IllegalStep(rec_id, state, step, [])
        rec.update(values)
        return rec

    @staticmethod
    def tell(uow: UnitOfWork, rec: Row, what: str, *, by: str, at_ms: int) -> None:
        """Publish ``recommendation.<what>``."""
        data = {"need_key": rec["need_key"], "by": by, "reason": rec["reason"]}
        kind = f"recommendation.{what}"
        whose = {"customer": rec["customer"], "thing": rec["thing"]}
        uow.publish(
            RecommendationChanged(at_ms=at_ms, kind=kind, subject=rec["id"], data=data, **whose)
        )

    @staticmethod
    def tell_order(uow: UnitOfWork, row: Row, what: str, at_ms: int) -> None:
        """Publish ``order.<what>``."""
        shown = [
            "need_key",
            "thing",
            "site",
            "customer",
            "supplier",
            "part",
            "quantity",
            "unit_price_eur",
            "total_eur",
            "by",
            "state",
        ]
        data = {name: row[name] for name in shown}
        if row["reason"]:
            data["reason"] = row["reason"]
        kind = f"order.{what}"
        uow.publish(OrderChanged(at_ms=at_ms, kind=kind, subject=row["id"], data=data))
