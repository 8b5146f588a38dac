"""Says why a visit is made by whom and when, in words that a planner can check. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reference_impl.maintenance.planning import domain as d

MINUTE_MS = 60_000


def why_who(ground: d.Ground, job: d.Job, chosen: d.Worker, workers: Sequence[d.Worker]) -> str:
    """Why this technician."""
    if job.begin_ms is not None:
        return "was confirmed to the customer, or had been planned by hand"
    knows = [worker for worker in workers if job.skills <= worker.skills]
    may = [worker for worker in knows if worker.able(job)]
    if len(knows) == 1:
        return f"the only one who knows {', '.join(sorted(job.skills)) or 'the work'}"
    if len(may) == 1:
        return "the only one who is responsible and has the parts"
    way_min = ground.way_ms(chosen.home, job.place) // MINUTE_MS
    nearer = [w for w in may if ground.way_ms(w.home, job.place) // MINUTE_MS < way_min]
    if not nearer:
        return f"nearest of {len(may)} who can, {way_min} min from home"
    return f"one of {len(may)} who can: least lateness, then least driving, over all visits"


def why_not(job: d.Job, chosen: d.Worker, workers: Sequence[d.Worker]) -> Mapping[str, str]:
    """Why not the others who cannot."""
    said = {}
    for worker in workers:
        lacking = sorted(job.skills - worker.skills)
        if worker.id == chosen.id:
            continue
        if lacking:
            said[worker.id] = f"lacks {', '.join(lacking)}"
        elif not worker.able(job):
            said[worker.id] = "is not responsible, or has not the parts"
    return said


def why_then(job: d.Job, stop: d.Stop) -> str:
    """Why then."""
    if job.begin_ms is not None:
        return "as it was confirmed"
    if job.window is not None:
        return "inside the window that was agreed on"
    dues = [due for due in (job.respond_ms, job.restore_ms) if due is not None]
    if not dues:
        return "the next time that lies on the way"
    late_ms = d.cost_of(job, stop).late_ms
    if late_ms:
        return f"as early as can be, and {late_ms // MINUTE_MS} min late all the same"
    left_min = (min(dues) - stop.arrive_ms) // MINUTE_MS
    return f"{left_min} min before the first limit runs out"


def why_undone(job: d.Job, workers: Sequence[d.Worker]) -> str:
    """Why nobody comes."""
    if not workers:
        return "nobody works in the time that is planned"
    if not any(job.skills <= worker.skills for worker in workers):
        return f"nobody knows {', '.join(sorted(job.skills))}"
    if not any(worker.able(job) for worker in workers):
        return "nobody who may do it has the parts"
    if job.window is not None:
        return "nobody is free for so long in the window that was agreed on"
    return "no shift in the time that is planned has room for it"
