"""Finds the best plan: exactly for few jobs, by exact repairs of parts for many (ADR 0036). Pure.

Exact: for each technician the best route through every subset of the jobs (dynamic programming by
subset and last job, after Held & Karp 1962), then the best way to share the jobs out among
technicians and those left undone. Costs compare by Cost, most important figure first; a label is
dropped only if another of the same subset and last job is no later and no dearer, so nothing better
is lost: every cost only grows with time.

Many jobs: each goes where it costs least, most urgent first; then, round by round, the jobs of two
technicians and those left undone are shared out again exactly, as many as the exact method takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from reference_impl.maintenance.planning import domain as d

EXACT_JOBS_MAX = 8
"""So many jobs are shared out exactly: 8 jobs and 3 technicians take about 0.1 s."""
ROUNDS_MAX = 6
"""So often all pairs are repaired again, if that still helps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Jobs in order by technician, those left undone, what it costs, and how it was found."""

    routes: Mapping[str, tuple[d.Job, ...]]
    undone: tuple[d.Job, ...]
    cost: d.Cost
    exact: bool


@dataclass(slots=True)
class Routes:
    """Best routes of one technician through every subset of some jobs, by bit mask."""

    best: dict[int, tuple[d.Cost, tuple[int, ...]]] = field(default_factory=dict)


_Label = tuple[d.Cost, d.Head, tuple[int, ...]]


def best_routes(ground: d.Ground, worker: d.Worker, jobs: Sequence[d.Job]) -> Routes:
    """The best route through each subset of the jobs that one technician can make."""
    routes = Routes({0: (d.Cost(), ())})
    able = [number for number, job in enumerate(jobs) if worker.able(job)]
    layer: dict[tuple[int, int], list[_Label]] = {(0, -1): [(d.Cost(), d.start_of(worker), ())]}
    while layer:
        coming: dict[tuple[int, int], list[_Label]] = {}
        for (mask, _), labels in layer.items():
            for number in able:
                if mask & 1 << number:
                    continue
                key = (mask | 1 << number, number)
                for label in labels:
                    found = _extended(ground, worker, label, jobs[number], number)
                    if found is not None:
                        _keep(coming.setdefault(key, []), found)
        for (mask, _), labels in coming.items():
            for cost, head, path in labels:
                home = d.Cost(travel_ms=d.home_ms(ground, worker, head, None))
                whole = cost.plus(home), path
                if mask not in routes.best or whole < routes.best[mask]:
                    routes.best[mask] = whole
        layer = coming
    return routes


def _extended(
    ground: d.Ground, worker: d.Worker, label: _Label, job: d.Job, number: int
) -> _Label | None:
    cost, head, path = label
    found = d.after(ground, worker, head, job)
    if found is None:
        return None
    after, stop = found
    home = d.Cost(travel_ms=d.home_ms(ground, worker, head, after))
    return cost.plus(d.cost_of(job, stop)).plus(home), after, (*path, number)


def _keep(labels: list[_Label], new: _Label) -> None:
    """Add a label unless another is no dearer and no later; drop what it beats."""
    for cost, head, _ in labels:
        if cost <= new[0] and head.at_ms <= new[1].at_ms:
            return
    labels[:] = [one for one in labels if not (new[0] <= one[0] and new[1].at_ms <= one[1].at_ms)]
    labels.append(new)


def shared_out(
    ground: d.Ground, workers: Sequence[d.Worker], jobs: Sequence[d.Job], *, until_ms: int
) -> Plan:
    """The best plan there is; what fits nobody before ``until_ms`` is left undone."""
    count = len(jobs)
    full = (1 << count) - 1
    left = [d.undone(job, until_ms) for job in jobs]
    best: dict[int, tuple[d.Cost, tuple[tuple[int, ...], ...]]] = {}
    for mask in range(full + 1):
        total = d.Cost()
        for number in _bits(mask):
            total = total.plus(left[number])
        best[mask] = total, (tuple(_bits(mask)),)
    for worker in workers:
        routes = best_routes(ground, worker, jobs).best
        shared: dict[int, tuple[d.Cost, tuple[tuple[int, ...], ...]]] = {}
        for mask in range(full + 1):
            choices = (
                (best[mask ^ part][0].plus(routes[part][0]), routes[part][1], mask ^ part)
                for part in _parts(mask)
                if part in routes
            )
            cost, path, rest = min(choices)
            shared[mask] = cost, (*best[rest][1], path)
        best = shared
    cost, (undone, *paths) = best[full]
    named = {w.id: tuple(jobs[n] for n in p) for w, p in zip(workers, paths, strict=True)}
    return Plan(routes=named, undone=tuple(jobs[n] for n in undone), cost=cost, exact=True)


def _bits(mask: int) -> Iterable[int]:
    number = 0
    while mask >> number:
        if mask >> number & 1:
            yield number
        number += 1


def _parts(mask: int) -> Iterable[int]:
    """Every subset of a set, the set itself first and the empty one last."""
    part = mask
    while part:
        yield part
        part = (part - 1) & mask
    yield 0


def plan(
    ground: d.Ground, workers: Sequence[d.Worker], jobs: Sequence[d.Job], *, until_ms: int
) -> Plan:
    """A plan: the best one if there are few jobs, else one that no repair of a pair betters."""
    ground.know([w.home for w in workers] + [w.at for w in workers if w.at is not None]
                + [job.place for job in jobs])  # fmt: skip
    if len(jobs) <= EXACT_JOBS_MAX:
        return shared_out(ground, workers, jobs, until_ms=until_ms)
    routes, undone = _inserted(ground, workers, jobs)
    for _ in range(ROUNDS_MAX):
        if not _repaired(ground, workers, routes, undone, until_ms):
            break
    total = d.Cost()
    for worker in workers:
        cost = d.route_cost(ground, worker, routes[worker.id])
        assert cost is not None, "only routes that can be made are kept"
        total = total.plus(cost)
    for job in undone:
        total = total.plus(d.undone(job, until_ms))
    return Plan(
        routes={name: tuple(route) for name, route in routes.items()},
        undone=tuple(undone), cost=total, exact=False,
    )  # fmt: skip


def _hurry(job: d.Job) -> tuple[bool, int, int, str]:
    """What is fixed first, then what is due first."""
    dues = [due for due in (job.respond_ms, job.restore_ms) if due is not None]
    end = d.NEVER if job.window is None else job.window[1]
    return (job.begin_ms is None, min([*dues, end]), -job.weight, job.id)


def _inserted(
    ground: d.Ground, workers: Sequence[d.Worker], jobs: Sequence[d.Job]
) -> tuple[dict[str, list[d.Job]], list[d.Job]]:
    """Each job where it costs least, most urgent first."""
    routes: dict[str, list[d.Job]] = {worker.id: [] for worker in workers}
    costs = {worker.id: d.Cost() for worker in workers}
    undone = []
    for job in sorted(jobs, key=_hurry):
        found = []
        for worker in workers:
            if not worker.able(job):
                continue
            route = routes[worker.id]
            for place in range(len(route) + 1):
                cost = d.route_cost(ground, worker, [*route[:place], job, *route[place:]])
                if cost is not None:
                    more = tuple(a - b for a, b in zip(cost, costs[worker.id], strict=True))
                    found.append((more, worker.id, place, cost))
        if not found:
            undone.append(job)
            continue
        _, name, place, cost = min(found)
        routes[name].insert(place, job)
        costs[name] = cost
    return routes, undone


def _repaired(
    ground: d.Ground, workers: Sequence[d.Worker], routes: dict[str, list[d.Job]],
    undone: list[d.Job], until_ms: int,
) -> bool:  # fmt: skip
    """Share out again what pairs of technicians do next to each other; say whether it helped."""
    helped = False
    for first, one in enumerate(workers):
        for two in workers[first:]:
            pair = [one] if one is two else [one, two]
            longest = max(len(routes[worker.id]) for worker in pair)
            size = max((EXACT_JOBS_MAX - 2) // len(pair), 1)
            for begin in range(0, max(longest, 1), max(size // 2, 1)):
                helped |= _better(
                    ground, pair, routes, undone, stretch=(begin, begin + size), until_ms=until_ms
                )
    return helped


def _better(
    ground: d.Ground,
    pair: Sequence[d.Worker],
    routes: dict[str, list[d.Job]],
    undone: list[d.Job],
    *,
    stretch: tuple[int, int],
    until_ms: int,
) -> bool:
    """Share out a stretch of the routes of a pair, and what is undone, if that is better."""
    begin, end = stretch
    taken = {w.id: routes[w.id][begin:end] for w in pair}
    loose = [job for job in sorted(undone, key=_hurry) if any(w.able(job) for w in pair)]
    loose = loose[: EXACT_JOBS_MAX - sum(map(len, taken.values()))]
    pool = [job for part in taken.values() for job in part] + loose
    if not pool:
        return False
    heads, tails, before = [], {}, d.Cost()
    for worker in pair:
        cost = d.route_cost(ground, worker, routes[worker.id])
        assert cost is not None, "only routes that can be made are kept"
        before = before.plus(cost)
        heads.append(_moved(ground, worker, routes[worker.id][:begin]))
        tails[worker.id] = routes[worker.id][end:]
    for job in loose:
        before = before.plus(d.undone(job, until_ms))
    found = shared_out(ground, heads, pool, until_ms=until_ms)
    new = {w.id: [*routes[w.id][:begin], *found.routes[w.id], *tails[w.id]] for w in pair}
    total = d.Cost()
    for worker in pair:
        cost = d.route_cost(ground, worker, new[worker.id])
        if cost is None:
            return False
        total = total.plus(cost)
    for job in found.undone:
        total = total.plus(d.undone(job, until_ms))
    if total >= before:
        return False
    routes |= new
    kept = [job for job in undone if job not in loose]
    undone[:] = sorted([*kept, *found.undone], key=_hurry)
    return True


def _moved(ground: d.Ground, worker: d.Worker, jobs: Sequence[d.Job]) -> d.Worker:
    """A technician who has done the first jobs of his route."""
    head = d.start_of(worker)
    for job in jobs:
        found = d.after(ground, worker, head, job)
        assert found is not None, "only routes that can be made are kept"
        head = found[0]
    if not jobs:
        return worker
    return d.Worker(
        id=worker.id, home=worker.home, shifts=worker.shifts[head.shift :], skills=worker.skills,
        at=head.place, free_ms=head.at_ms,
    )  # fmt: skip
