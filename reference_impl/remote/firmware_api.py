"""HTTP of firmware: packages, rollouts, what runs on a thing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from reference_impl.kernel import access
from reference_impl.kernel.http.guard import needs
from reference_impl.kernel.http.routes import new_router
from reference_impl.kernel.ports import Clock
from reference_impl.kernel.rows import Row
from reference_impl.kernel.store import Store
from reference_impl.remote import firmware as f
from reference_impl.remote import firmware_bodies as b
from reference_impl.remote.rollouts import Rollouts

Ident = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,62}$")]
Limit = Annotated[int, Query(ge=1, le=1000)]
After = Annotated[str | None, Query(max_length=500)]
READ, WRITE, APPROVE = (needs(f"firmware:{what}") for what in ("read", "write", "approve"))


def router(service: Rollouts, clock: Clock, store: Store) -> APIRouter:
    """The routes of firmware."""
    api = new_router("firmware")
    _packages(api, service, clock, store)
    _rollouts(api, service, clock, store)
    _steps(api, service, clock, store)
    _things(api, service, clock, store)
    return api


def _packages(api: APIRouter, service: Rollouts, clock: Clock, store: Store) -> None:
    @api.put("/firmware/packages/{ident}", dependencies=[WRITE])
    async def put_package(ident: Ident, body: b.PackageBody) -> b.PackageView:
        """Offer a package; what it is never changes."""
        row = {"id": ident, "party": access.current().party, **body.model_dump()}
        with store.begin() as uow:
            return _package(service.packages.put(uow, {**row, "created_ms": clock.now_ms()}))

    @api.get("/firmware/packages", dependencies=[READ])
    async def packages(limit: Limit = 100, after: After = None) -> b.PackageList:
        """Packages, by id."""
        with store.read() as conn:
            rows, following = _page(service.packages.items(conn), limit, after, key="id")
        return b.PackageList(items=[_package(row) for row in rows], next=following)


def _rollouts(api: APIRouter, service: Rollouts, clock: Clock, store: Store) -> None:
    @api.put("/firmware/rollouts/{ident}", dependencies=[WRITE])
    async def put_rollout(ident: Ident, body: b.RolloutBody) -> b.RolloutView:
        """Write a draft, or change one."""
        plan = body.model_dump(mode="json", exclude={"by"})
        with store.begin() as uow:
            row = service.put(uow, ident, plan, by=body.by, at_ms=clock.now_ms())
            return b.RolloutView(**row)

    @api.get("/firmware/rollouts", dependencies=[READ])
    async def rollouts(limit: Limit = 100, after: After = None) -> b.RolloutList:
        """Rollouts, by id."""
        with store.read() as conn:
            rows, following = _page(service.items(conn), limit, after, key="id")
        return b.RolloutList(items=[b.RolloutView(**row) for row in rows], next=following)

    @api.get("/firmware/rollouts/{ident}", dependencies=[READ])
    async def rollout(ident: str) -> b.RolloutView:
        """One rollout."""
        with store.read() as conn:
            return b.RolloutView(**service.get(conn, ident))

    @api.get("/firmware/rollouts/{ident}/devices", dependencies=[READ])
    async def devices(ident: str, limit: Limit = 100, after: After = None) -> b.UpdateList:
        """The devices of a rollout, by id."""
        with store.read() as conn:
            service.get(conn, ident)
            rows = service.updates.of_rollout(conn, ident)
            rows, following = _page(_seen(rows), limit, after, key="thing")
        return b.UpdateList(items=[_update(row) for row in rows], next=following)

    @api.get("/firmware/rollouts/{ident}/health", dependencies=[READ])
    async def health(ident: str) -> b.CheckList:
        """How groups did after their update."""
        with store.read() as conn:
            service.get(conn, ident)
            rows = service.health.items(conn, ident)
        return b.CheckList(items=[b.CheckView(**row, group=row["number"]) for row in rows])


def _steps(api: APIRouter, service: Rollouts, clock: Clock, store: Store) -> None:
    def decided(ident: str, step: f.Step, call: b.StepCall | b.ReasonedCall) -> b.RolloutView:
        with store.begin() as uow:
            row = service.step(
                uow, ident, step, by=call.by, reason=call.reason, at_ms=clock.now_ms()
            )
            return b.RolloutView(**row)

    @api.post("/firmware/rollouts/{ident}/submit", dependencies=[WRITE])
    async def submit(ident: str, call: b.StepCall) -> b.RolloutView:
        """DRAFT → WAITING_APPROVAL, or READY where no approval is asked for."""
        return decided(ident, f.Step.SUBMIT, call)

    @api.post("/firmware/rollouts/{ident}/approve", dependencies=[APPROVE])
    async def approve(ident: str, call: b.StepCall) -> b.RolloutView:
        """WAITING_APPROVAL → READY, by somebody else than who wrote it."""
        return decided(ident, f.Step.APPROVE, call)

    @api.post("/firmware/rollouts/{ident}/reject", dependencies=[APPROVE])
    async def reject(ident: str, call: b.ReasonedCall) -> b.RolloutView:
        """WAITING_APPROVAL → DRAFT."""
        return decided(ident, f.Step.REJECT, call)

    @api.post("/firmware/rollouts/{ident}/start", dependencies=[WRITE])
    async def start(ident: str, call: b.StepCall) -> b.RolloutView:
        """READY → STARTING: the devices are chosen now; then RUNNING by itself."""
        return decided(ident, f.Step.START, call)

    @api.post("/firmware/rollouts/{ident}/pause", dependencies=[WRITE])
    async def pause(ident: str, call: b.StepCall) -> b.RolloutView:
        """RUNNING → PAUSED: nobody new is asked."""
        return decided(ident, f.Step.PAUSE, call)

    @api.post("/firmware/rollouts/{ident}/resume", dependencies=[WRITE])
    async def resume(ident: str, call: b.StepCall) -> b.RolloutView:
        """PAUSED → RUNNING; of a group that did not succeed it says: go on all the same."""
        return decided(ident, f.Step.RESUME, call)

    @api.post("/firmware/rollouts/{ident}/stop", dependencies=[WRITE])
    async def stop(ident: str, call: b.ReasonedCall) -> b.RolloutView:
        """→ STOPPED, for good: who was not asked yet is skipped."""
        return decided(ident, f.Step.STOP, call)

    @api.delete("/firmware/rollouts/{ident}", dependencies=[WRITE])
    async def delete(ident: str) -> b.RolloutView:
        """→ DELETED, before it was started."""
        return decided(ident, f.Step.DELETE, b.StepCall(by=access.current().user or "somebody"))


def _things(api: APIRouter, service: Rollouts, clock: Clock, store: Store) -> None:
    @api.get("/things/{thing}/firmware", dependencies=[needs("things:read")])
    async def running(thing: str) -> b.RunningView:
        """What runs on a thing, and what was tried."""
        access.must_see_thing(thing)
        with store.read() as conn:
            firmware, hardware, rows = service.of_thing(conn, thing, at_ms=clock.now_ms())
        updates = [_update(row) for row in _seen(rows)]
        return b.RunningView(thing=thing, firmware=firmware, hardware=hardware, updates=updates)


def _seen(rows: Sequence[Row]) -> list[Row]:
    return access.seen_of_things(rows, at="queued_ms")


def _page(
    rows: Sequence[Row], limit: int, after: str | None, *, key: str
) -> tuple[list[Row], str | None]:
    ordered = sorted(rows, key=lambda row: str(row[key]))
    rest = [row for row in ordered if after is None or str(row[key]) > after]
    shown = rest[:limit]
    return shown, str(shown[-1][key]) if len(shown) < len(rest) else None


def _package(row: Row) -> b.PackageView:
    return b.PackageView(**{name: row[name] for name in b.PackageView.model_fields})


def _update(row: Row) -> b.UpdateView:
    return b.UpdateView(**row, group=row["number"])
