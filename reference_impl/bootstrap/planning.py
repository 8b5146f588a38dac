"""Planning of technicians, told of shelves, of parts that wear, of partners and of alerts."""

from __future__ import annotations

import sqlalchemy as sa

from reference_impl.bootstrap.ground import Ground
from reference_impl.insight.whole import Whole
from reference_impl.kernel.ports import Directory
from reference_impl.maintenance.adapters.planning import rows as planning_rows
from reference_impl.maintenance.adapters.repository import rows as maintenance_rows
from reference_impl.maintenance.planning.domain import Soon
from reference_impl.maintenance.planning.ports import Wearing
from reference_impl.maintenance.planning.whole import Planning, assemble
from reference_impl.maintenance.service import Maintenance
from reference_impl.maintenance.whole import Whole as Work
from reference_impl.orders.domain import ADVISABLE
from reference_impl.orders.service import Orders
from reference_impl.rules.service import Rules


def planning_of(
    ground: Ground,
    *,
    rules: Rules,
    orders: Orders,
    analytics: Whole,
    maintenance: Maintenance,
    work: Work,
) -> Planning:
    """The planner."""

    def free(conn: sa.Connection, party: str, sku: str) -> int | None:
        shelf = orders.stock.shelf(conn, party, sku)
        return None if shelf is None else shelf.free

    return assemble(
        rows=maintenance_rows(),
        planning=planning_rows(),
        scheduler=ground.scheduler,
        directory=ground.directory,
        work=work,
        orders=maintenance,
        free=free,
        wearing=wearing(ground.directory, orders, analytics),
        responsible=ground.directory.responsible,
        alerts=lambda conn: rules.listed(conn, "alerts"),
    )


def wearing(directory: Directory, orders: Orders, analytics: Whole) -> Wearing:
    """Parts of a machine whose run-out is known, and that nobody has recommended or ordered."""

    def found(conn: sa.Connection, thing: str, at_ms: int) -> list[Soon]:
        ref = directory.thing(conn, thing)
        if ref is None:
            return []
        out = []
        for row in analytics.views.wear(conn, thing):
            place = orders.catalogue.fits.place(conn, ref.model, row["position"])
            runout_ms, key = row["runout_p50_ms"], f"{thing}/{row['position']}/{row['cycle']}"
            needs = orders.listed(conn, "needs", need_key=key)
            part = None if place is None else orders.catalogue.part(conn, place.part)
            if place is None or part is None or runout_ms is None:
                continue
            if all(need["state"] in ADVISABLE for need in needs):
                out.append(
                    Soon(thing, row["position"], place.part, place.quantity,
                         runout_ms - at_ms, float(part["price_eur"]))
                )  # fmt: skip
        return out

    return found
