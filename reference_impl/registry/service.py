"""Use cases of the registry: customers, sites, models and things; installing is idempotent."""

from __future__ import annotations

import hmac
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from reference_impl.kernel import access
from reference_impl.kernel.access import Group
from reference_impl.kernel.errors import DpsError, Forbidden, Invalid, Problem, Unknown
from reference_impl.kernel.machines import after
from reference_impl.kernel.store import Connection, UnitOfWork
from reference_impl.published import (
    CustomerKept,
    ModelInstalled,
    ThingActivated,
    ThingChanged,
    ThingInstalled,
    ThingReleased,
)
from reference_impl.registry import domain
from reference_impl.registry.domain import Status, Step
from reference_impl.registry.scope import MAIN, Trees, party_key, root_of
from reference_impl.registry.secrets import kept_secret

Row = dict[str, Any]
LIMITED = {"thing": "things", "customer": "customers", "user": "users"}
"""Kinds with a limit per tenant (CC23), and what the limit is called."""


class RegistryStore(Protocol):
    """What the registry keeps, by kinds such as ``customer``, ``site``, ``model``, ``thing``."""

    def get(self, conn: Connection, kind: str, *key: str | int) -> Row | None:
        """One row, or None."""
        ...

    def items(self, conn: Connection, kind: str, **equals: object) -> list[Row]:
        """All rows whose columns equal what is given, ordered by id."""
        ...

    def put(self, uow: UnitOfWork, kind: str, row: Row) -> bool:
        """Write a row; False if nothing changed."""
        ...

    def delete(self, uow: UnitOfWork, kind: str, *key: str | int) -> None:
        """Remove a row, if it is there."""
        ...

    def trees(self, conn: Connection) -> Trees:
        """Who belongs where."""
        ...


class LimitReached(DpsError):  # noqa: N818 - it names what happened
    """The tenant has as many as it may."""

    code = "limit_reached"


class WrongToken(Forbidden):
    """The connection token does not prove ownership."""

    code = "wrong_token"


class Registry:
    """Who and what there is."""

    def __init__(self, *, rows: RegistryStore) -> None:
        self._rows = rows

    # ----- reading

    def get(self, conn: Connection, kind: str, name: str) -> Row:
        """One row. Raises Unknown if there is none."""
        row = self._rows.get(conn, kind, name)
        if row is None:
            raise Unknown(f"there is no {kind} {name!r}", [Problem(where=kind, what=name)])
        return row

    def items(self, conn: Connection, kind: str, **equals: object) -> Sequence[Row]:
        """All rows of a kind, ordered by id."""
        return self._rows.items(conn, kind, **equals)

    def owner_of(self, conn: Connection, thing: Row) -> str:
        """The customer whose thing it is; empty: nobody's."""
        site = self._rows.get(conn, "site", thing["site"]) if thing["site"] else None
        return "" if site is None else str(site["customer"])

    # ----- installing

    def put_customer(self, uow: UnitOfWork, name: str, body: Mapping[str, Any]) -> Row:
        """Install a customer, or change one. Raises Invalid with all problems."""
        row = {"id": name, "organisation": MAIN, "partners": [], "properties": {}, **body}
        known = self._rows.get(uow.conn, "customer", name)
        if known is not None:
            access.must_see(name, what=f"customer {name!r}")
        trees = self._rows.trees(uow.conn)
        problems = []
        if not self._knows(trees.organisations, Group.ORGANISATION, row["organisation"]):
            problems.append(_missing("organisation", row["organisation"]))
        problems += [
            _missing(f"partners[{index}]", partner)
            for index, partner in enumerate(row["partners"])
            if not self._knows(trees.partners, Group.PARTNER, partner)
        ]
        if problems:
            raise Invalid(f"customer {name!r} is refused", problems)
        if known is None:
            self.count_up(uow.conn, "customer", row["organisation"])
        self._rows.put(uow, "customer", row)
        uow.publish(CustomerKept(customer=name))
        return row

    def put_site(self, uow: UnitOfWork, name: str, body: Mapping[str, Any]) -> Row:
        """Install a site, or change one. Raises Invalid with all problems."""
        row = {"id": name, "properties": {}, **body}
        known = self._rows.get(uow.conn, "site", name)
        if known is not None:
            access.must_see(known["customer"], what=f"site {name!r}")
        problems = self._unseen(uow.conn, {"customer": row["customer"]})
        if not domain.is_time_zone(row["time_zone"]):
            problems.append(
                Problem(
                    where="time_zone",
                    what=f"{row['time_zone']!r} is no time zone",
                    allowed="an IANA name such as Europe/Rome, or UTC",
                )
            )
        moves = known is not None and known["customer"] != row["customer"]
        if known is not None and moves and self._rows.items(uow.conn, "thing", site=name):
            # A site with things carries their ownership, and that changes by reset only (DS6).
            what = "it has things of another customer"
            problems.append(Problem(where="customer", what=what, allowed=known["customer"]))
        if problems:
            raise Invalid(f"site {name!r} is refused", problems)
        self._rows.put(uow, "site", row)
        return row

    def put_model(self, uow: UnitOfWork, name: str, body: Mapping[str, Any]) -> Row:
        """Install a model, or change one; its conditions and parts go to their contexts.

        A model with a parent has what the parent has, and what inherits from it follows.

        Raises:
            Invalid: If the parent is not there, or inherits from this model.
        """
        row = {"id": name, "parent": "", "own": {}, **body}
        if row["parent"]:
            parents = {m["id"]: m["parent"] for m in self._rows.items(uow.conn, "model")}
            if row["parent"] not in parents:
                raise Invalid(f"model {name!r} is refused", [_missing("parent", row["parent"])])
            if root_of({**parents, name: ""}, row["parent"]) == name:
                what = f"{row['parent']!r} inherits from {name!r}"
                raise Invalid(f"model {name!r} is refused", [Problem(where="parent", what=what)])
            parent = self.get(uow.conn, "model", row["parent"])
            row = {**domain.inherited(parent, row), "own": dict(body)}
        if self._rows.put(uow, "model", row):
            uow.publish(
                ModelInstalled(
                    model=name,
                    product=row["product"],
                    signals=row["signals"],
                    parts=tuple(row["parts"]),
                    conditions=tuple(row["conditions"]),
                    metrics=tuple(row["metrics"]),
                    sessions=tuple(row["sessions"]),
                    diagnosis=tuple(row["diagnosis"]),
                    quality=tuple(row["quality"]),
                    obeys=row["obeys"],
                    kits=tuple(row["kits"]),
                )
            )
            for heir in self._rows.items(uow.conn, "model", parent=name):
                self.put_model(uow, heir["id"], heir["own"])
        return row

    def put_thing(
        self, uow: UnitOfWork, name: str, body: Mapping[str, Any], *, at_ms: int = 0
    ) -> Row:
        """Install a thing, or change one. One with a site is ACTIVE, one without UNASSIGNED.

        Raises:
            Invalid: With all problems.
            IllegalStep: If it would leave its owner otherwise than by a reset.
        """
        known = self._rows.get(uow.conn, "thing", name)
        if known is not None:
            access.must_see_thing(name)
        row = {"id": name, "parent": "", "organisation": MAIN, "properties": {}, **body}
        token = row.pop("token", None)
        row["token"] = kept_secret(token) if token else (known or {"token": ""})["token"]
        row["status"] = Status.UNASSIGNED.value if known is None else known["status"]
        self._check_thing(uow.conn, row, known)
        if known is None:
            self.count_up(uow.conn, "thing", row["organisation"])
        owner = self.owner_of(uow.conn, row)
        before = "" if known is None else self.owner_of(uow.conn, known)
        if before and owner != before:
            after(domain.STATUS, subject=name, state=Status(row["status"]), step=Step.ACTIVATE)
        if owner and not before:
            self._own(uow, row, owner, at_ms)
        if self._rows.put(uow, "thing", row) and row["site"]:
            uow.publish(ThingInstalled(thing=name, model=row["model"], site=row["site"]))
        return row

    def _check_thing(self, conn: Connection, row: Row, known: Row | None) -> None:
        problems = self._unseen(conn, {"model": row["model"]})
        if row["site"]:
            problems += self._unseen(conn, {"site": row["site"]})
        name = row["organisation"]
        there = name == MAIN or self._rows.get(conn, "organisation", name) is not None
        if not self._knows({name} if there else (), Group.ORGANISATION, name):
            problems.append(_missing("organisation", row["organisation"]))
        if row["parent"]:
            things = {thing["id"]: thing["parent"] for thing in self._rows.items(conn, "thing")}
            if row["parent"] not in things or access.seen_from_ms(row["parent"]) is None:
                problems.append(_missing("parent", row["parent"]))
            elif root_of({**things, row["id"]: ""}, row["parent"]) == row["id"]:
                what = f"{row['parent']!r} is a part of {row['id']!r}"
                problems.append(Problem(where="parent", what=what))
        if row["serial"] and (known is None or known["serial"] != row["serial"]):
            twins = self._rows.items(conn, "thing", model=row["model"], serial=row["serial"])
            if twins:
                what = f"{row['serial']!r} is {twins[0]['id']!r} already"
                problems.append(Problem(where="serial", what=what, allowed="one thing per serial"))
        if problems:
            raise Invalid(f"thing {row['id']!r} is refused", problems)

    # ----- activation, reset

    def activate(
        self, uow: UnitOfWork, *, model: str, serial: str, token: str, site: str, at_ms: int
    ) -> Row:
        """Bind a thing to a site of the caller, by its serial number and connection token (DS5).

        What it is made of comes with it.

        Raises:
            Unknown: If there is no such thing.
            WrongToken: If the token is not the one that proves ownership.
            IllegalStep: If it is ACTIVE already.
            Invalid: If there is no such site, or the thing is a part of another.
        """
        rows = self._rows.items(uow.conn, "thing", model=model, serial=serial)
        if not rows:
            raise Unknown(
                f"there is no {model} with serial number {serial!r}",
                [Problem(where="serial", what=serial)],
            )
        row = rows[0]
        if not row["token"] or not hmac.compare_digest(row["token"], kept_secret(token)):
            raise WrongToken(
                "the connection token is wrong",
                [Problem(where="token", what="not the thing's", allowed="as on its label")],
            )
        problems = self._unseen(uow.conn, {"site": site})
        if row["parent"]:
            what = f"it is a part of {row['parent']!r}"
            problems.append(Problem(where="serial", what=what, allowed="that of the whole"))
        if problems:
            raise Invalid(f"activation of {row['id']!r} is refused", problems)
        customer = self.get(uow.conn, "site", site)["customer"]
        for thing in self._whole(uow.conn, row):
            self._own(uow, thing, customer, at_ms, site=site)
            self._rows.put(uow, "thing", thing)
            uow.publish(ThingInstalled(thing=thing["id"], model=thing["model"], site=site))
            self._tell(uow, thing["id"], customer, "activated", at_ms)
        return row

    def reset(
        self, uow: UnitOfWork, name: str, *, reason: str, token: str | None, at_ms: int
    ) -> Row:
        """Factory reset: the thing and what it is made of leave their owner (DS6).

        Raises:
            Unknown: If there is no such thing.
            IllegalStep: If it is not ACTIVE.
        """
        access.must_see_thing(name)
        row = self.get(uow.conn, "thing", name)
        if token is not None:
            row["token"] = kept_secret(token)
        for thing in self._whole(uow.conn, row):
            customer = self.owner_of(uow.conn, thing)
            status = Status(thing["status"])
            target = after(domain.STATUS, subject=thing["id"], state=status, step=Step.RESET)
            for period in self._rows.items(uow.conn, "ownership", thing=thing["id"], to_ms=None):
                self._rows.put(uow, "ownership", {**period, "to_ms": at_ms})
            thing |= {"status": target.value, "site": "", "properties": {}}
            self._rows.put(uow, "thing", thing)
            uow.publish(
                ThingReleased(at_ms=at_ms, thing=thing["id"], customer=customer, reason=reason)
            )
            self._tell(uow, thing["id"], customer, "released", at_ms, reason=reason)
        return row

    def _whole(self, conn: Connection, root: Row) -> list[Row]:
        """A thing, and what it is made of, root first."""
        found = [root]
        for thing in found:
            found += self._rows.items(conn, "thing", parent=thing["id"])
        return found

    def _own(
        self, uow: UnitOfWork, row: Row, customer: str, at_ms: int, *, site: str | None = None
    ) -> None:
        """Give a thing to a customer; changes ``row``, which the caller writes.

        What it said at the very moment of a reset is still the last owner's.
        """
        status = Status(row["status"])
        target = after(domain.STATUS, subject=row["id"], state=status, step=Step.ACTIVATE)
        periods = self._rows.items(uow.conn, "ownership", thing=row["id"])
        from_ms = max([at_ms, *(period["to_ms"] + 1 for period in periods)])
        row |= {"status": target.value, "site": row["site"] if site is None else site}
        period = {"thing": row["id"], "from_ms": from_ms, "customer": customer, "to_ms": None}
        self._rows.put(uow, "ownership", period)
        uow.publish(
            ThingActivated(at_ms=at_ms, thing=row["id"], site=row["site"], customer=customer)
        )

    @staticmethod
    def _tell(
        uow: UnitOfWork, thing: str, customer: str, what: str, at_ms: int, **more: str
    ) -> None:
        data = {"customer": customer, "by": access.current().user, **more}
        uow.publish(ThingChanged(at_ms=at_ms, kind=f"thing.{what}", subject=thing, data=data))

    # ----- what others check too

    def count_up(self, conn: Connection, kind: str, organisation: str) -> None:
        """Raise LimitReached if the tenant of an organisation has as many of a kind as it may."""
        if not self._rows.items(conn, "tenant"):
            return
        parents = {MAIN: ""} | {
            row["id"]: row["parent"] for row in self._rows.items(conn, "organisation")
        }
        tenant = root_of(parents, organisation)
        there = sum(
            1
            for row in self._rows.items(conn, kind)
            if root_of(parents, row["organisation"]) == tenant
        )
        self.must_have_room(conn, kind, tenant, there)

    def must_have_room(self, conn: Connection, kind: str, tenant: str, there: int) -> None:
        """Raise LimitReached if a tenant with so many of a kind may have no more (CC23)."""
        settings = self._rows.get(conn, "tenant", tenant)
        limit = None if settings is None else settings["limits"].get(LIMITED[kind])
        if limit is not None and there >= limit:
            title = f"{tenant} may have {limit} {LIMITED[kind]}, and has them"
            what = f"{there} are there"
            raise LimitReached(title, [Problem(where=kind, what=what, allowed=str(limit))])

    def _unseen(self, conn: Connection, wanted: Mapping[str, str]) -> list[Problem]:
        """Problems of references to what is not there, or not for the caller to see."""
        known: dict[str, tuple[str, bool]] = {}
        for kind, name in wanted.items():
            row = self._rows.get(conn, kind, name)
            if kind in ("site", "customer") and row is not None:
                owner = row["customer"] if kind == "site" else name
                row = row if access.current().sees(owner) else None
            known[kind] = (name, row is not None)
        return domain.problems_of_references(known)

    @staticmethod
    def _knows(rows: Collection[str], group: Group, name: str) -> bool:
        parties = access.current().parties
        return name in rows and (parties is None or party_key(group, name) in parties)


def _missing(where: str, name: str) -> Problem:
    return Problem(where=where, what=f"{name!r} is not installed", allowed="one that is installed")
