"""Takes along what a visit can do besides (6.4): parts at the site that will be due soon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from reference_impl.kernel.ports import Directory
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import UnitOfWork
from reference_impl.maintenance import domain as m
from reference_impl.maintenance.planning import domain as d
from reference_impl.maintenance.planning.gathering import MINUTE_MS, Gathered, Gathering
from reference_impl.maintenance.planning.ports import Wearing
from reference_impl.maintenance.planning.searching import Plan, plan
from reference_impl.maintenance.planning.settings import Told
from reference_impl.maintenance.ports import MaintenanceRows
from reference_impl.maintenance.service import Maintenance

DAY_MS = 86_400_000


class Bundling:
    """Adds jobs to the visits of a plan."""

    def __init__(
        self,
        *,
        rows: MaintenanceRows,
        told: Told,
        gathering: Gathering,
        orders: Maintenance,
        wearing: Wearing,
        directory: Directory,
    ) -> None:
        self._rows, self._told, self._gathering = rows, told, gathering
        self._orders, self._wearing, self._directory = orders, wearing, directory

    def with_more(
        self, uow: UnitOfWork, found: Gathered, best: Plan
    ) -> tuple[Plan, dict[str, d.Soon]]:
        """A plan with what its visits take along, and the work orders that it asks for.

        Nothing is taken along that would make another visit late.
        """
        wanted: dict[str, tuple[d.Soon, d.Job]] = {}
        at_site: dict[str, list[str]] = {}
        for ref in self._directory.things(uow.conn):
            at_site.setdefault(ref.site, []).append(ref.thing)
        for worker in found.workers:
            walked = d.walk(found.ground, worker, best.routes.get(worker.id, ()))
            assert walked is not None, "only routes that can be made are planned"
            for job, stop in walked:
                things = at_site.get(found.rows[job.id]["site"], [])
                for soon, extra in self._of_visit(uow, found, worker, (job, stop), things):
                    wanted.setdefault(extra.id, (soon, extra))
        if not wanted:
            return best, {}
        jobs = [job for route in best.routes.values() for job in route] + list(best.undone)
        more = plan(
            found.ground, found.workers, [*jobs, *(extra for _, extra in wanted.values())],
            until_ms=found.until_ms,
        )  # fmt: skip
        done = {job.id for route in more.routes.values() for job in route}
        kept = {job.id for route in best.routes.values() for job in route}
        if more.cost.breaches > best.cost.breaches or not kept <= done:
            return best, {}
        taken = {name: wanted[name][0] for name in sorted(wanted) if name in done}
        for name, soon in taken.items():
            found.rows[name] = self._request(uow, soon, found.at_ms)
        return replace(more, undone=tuple(j for j in more.undone if j.id not in wanted)), taken

    def _of_visit(
        self,
        uow: UnitOfWork,
        found: Gathered,
        worker: d.Worker,
        visit: tuple[d.Job, d.Stop],
        things: Sequence[str],
    ) -> list[tuple[d.Soon, d.Job]]:
        """What one visit could take along, of all machines of its site."""
        (job, stop), out = visit, []
        shift = worker.shifts[stop.shift]
        for thing in things:
            soon = d.pulled_forward(
                self._wearing(uow.conn, thing, found.at_ms),
                visit_ms=stop.begin_ms, at_ms=found.at_ms, visit_eur=found.settings["visit_eur"],
            )  # fmt: skip
            for one in soon:
                name = self._free_name(uow, one)
                parts = [{"part": one.part, "quantity": one.quantity}]
                if name and self._gathering.carriers(uow.conn, found, parts, {worker.id}):
                    work_ms = round(found.settings["bundle_work_min"] * MINUTE_MS)
                    out.append((one, d.Job(
                        id=name, place=job.place, work_ms=work_ms, only=frozenset({worker.id}),
                        window=(shift.from_ms, shift.to_ms), ready_ms=found.at_ms,
                    )))  # fmt: skip
        return out

    def _place(self, uow: UnitOfWork, soon: d.Soon) -> tuple[str, int]:
        """The key of the need of a position, and its cycle."""
        fitted = self._rows.register.items(uow.conn, thing=soon.thing, position=soon.position)
        cycle = max((int(entry["cycle"]) for entry in fitted), default=1)
        return m.need_key(soon.thing, soon.position, cycle), cycle

    def _free_name(self, uow: UnitOfWork, soon: d.Soon) -> str:
        """The id that the work order would have; empty: somebody comes for it anyway."""
        key, cycle = self._place(uow, soon)
        if self._rows.work_orders.items(uow.conn, need_key=key):
            return ""
        if self._orders.coming(uow.conn, soon.thing, soon.position) is not None:
            return ""
        return m.work_order_id(soon.thing, soon.position, cycle)

    def _request(self, uow: UnitOfWork, soon: d.Soon, at_ms: int) -> Row:
        key, cycle = self._place(uow, soon)
        ref = self._directory.thing(uow.conn, soon.thing)
        need = {
            "need_key": key, "order": "", "thing": soon.thing,
            "site": "" if ref is None else ref.site, "part": soon.part,
            "position": soon.position, "cycle": cycle,
        }  # fmt: skip
        reason = (
            f"lasts {soon.left_ms / DAY_MS:.0f} d more and costs {soon.value_eur:.2f} EUR,"
            " less than another visit"
        )
        return self._orders.request(
            uow, need, attempt=1, at_ms=at_ms, source="bundle", reason=reason,
            parts=[{"part": soon.part, "quantity": soon.quantity}],
        )  # fmt: skip
