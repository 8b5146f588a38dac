"""How the rows of planning are switched off."""

from __future__ import annotations

from reference_impl.maintenance import service_levels
from reference_impl.maintenance.planning import domain, load, searching


def _plans_nothing(mp):
    def plan(ground, workers, jobs, *, until_ms):
        del ground
        routes = {worker.id: () for worker in workers}
        return searching.Plan(routes=routes, undone=tuple(jobs), cost=domain.Cost(), exact=True)

    mp.setattr(searching, "plan", plan)
    mp.setattr("reference_impl.maintenance.planning.service.plan", plan)
    mp.setattr("reference_impl.maintenance.planning.bundling.plan", plan)
    mp.setattr(domain, "pulled_forward", lambda *_, **__: [])


def _counts_nobody(mp):
    mp.setattr(load, "graded", lambda per_day, alerts: load.Grade.MANAGEABLE)


def _promises_nothing(mp):
    mp.setattr(service_levels.ServiceLevels, "of_thing", lambda *_: None)


OFF = {
    "FS6": _plans_nothing,
    "FS14": _counts_nobody,
    "ST4": _promises_nothing,
}
