"""Use cases around parties: organisations and branches, partners, suppliers, users, roles, keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reference_impl.kernel import access
from reference_impl.kernel.access import Group
from reference_impl.kernel.errors import Forbidden, Invalid, Problem, Unknown
from reference_impl.kernel.store import Connection, UnitOfWork
from reference_impl.registry import keys
from reference_impl.registry.callers import KnownCallers
from reference_impl.registry.roles import ROLES, Role, refused_permissions
from reference_impl.registry.scope import MAIN, Trees, organisation_of, party_key, root_of
from reference_impl.registry.secrets import kept_password
from reference_impl.registry.service import Registry, RegistryStore

Row = dict[str, Any]
HIDDEN = frozenset({"password", "secret", "old_secret", "token"})
"""Fields that no answer has."""


class Parties:
    """Who belongs where, and who may do what."""

    def __init__(self, *, rows: RegistryStore, registry: Registry, callers: KnownCallers) -> None:
        self._rows, self._registry, self._callers = rows, registry, callers

    # ----- the trees

    def organisations(self, conn: Connection) -> list[Row]:
        """The organisations that the caller sees, with the one that was always there."""
        rows = self._rows.trees(conn).organisations
        return self._of_group([dict(rows[name]) for name in sorted(rows)], Group.ORGANISATION)

    def put_organisation(self, uow: UnitOfWork, name: str, body: Mapping[str, Any]) -> Row:
        """Found an organisation or a branch of one, or change it; a root is a tenant.

        Raises:
            Invalid: If its parent is not there, or below it.
            Forbidden: If somebody else than the operator founds a tenant.
        """
        trees = self._rows.trees(uow.conn)
        if name in trees.organisations and name != MAIN:
            self._must_see(Group.ORGANISATION, name)
        parent = body["parent"]
        if not parent and access.current().parties is not None:
            raise Forbidden(
                "a tenant is founded by the operator",
                [Problem(where="parent", what="there is none", allowed="an organisation")],
            )
        problems = self._tree_problems(trees.organisations, Group.ORGANISATION, name, parent)
        if problems:
            raise Invalid(f"organisation {name!r} is refused", problems)
        row = {"id": name, **body}
        self._rows.put(uow, "organisation", row)
        return row

    def partners(self, conn: Connection) -> list[Row]:
        """The partners that the caller sees."""
        return self._of_group(self._rows.items(conn, "partner"), Group.PARTNER)

    def put_partner(self, uow: UnitOfWork, name: str, body: Mapping[str, Any]) -> Row:
        """Take a partner in, or change one. Raises Invalid with all problems."""
        trees = self._rows.trees(uow.conn)
        if name in trees.partners:
            self._must_see(Group.PARTNER, name)
        problems = self._organisation_problems(trees, body["organisation"])
        problems += self._tree_problems(trees.partners, Group.PARTNER, name, body["parent"])
        if problems:
            raise Invalid(f"partner {name!r} is refused", problems)
        row = {"id": name, **body}
        self._rows.put(uow, "partner", row)
        return row

    # ----- what a branch adds of its own (CC11)

    def suppliers(self, conn: Connection) -> list[Row]:
        """The suppliers of the organisations that the caller sees."""
        rows = self._rows.items(conn, "supplier")
        return self._of_group(rows, Group.ORGANISATION, of="organisation")

    def put_supplier(self, uow: UnitOfWork, name: str, body: Mapping[str, Any]) -> Row:
        """Add a supplier of an organisation, or change one."""
        known = self._rows.get(uow.conn, "supplier", name)
        if known is not None:
            self._must_see(Group.ORGANISATION, known["organisation"], what=f"supplier {name!r}")
        problems = self._organisation_problems(self._rows.trees(uow.conn), body["organisation"])
        if problems:
            raise Invalid(f"supplier {name!r} is refused", problems)
        row = {"id": name, **body}
        self._rows.put(uow, "supplier", row)
        return row

    def invoicing(self, conn: Connection) -> list[Row]:
        """How the organisations that the caller sees write invoices."""
        rows = self._rows.items(conn, "invoicing")
        return self._of_group(rows, Group.ORGANISATION, of="organisation")

    def put_invoicing(self, uow: UnitOfWork, organisation: str, body: Mapping[str, Any]) -> Row:
        """Say how an organisation writes invoices."""
        problems = self._organisation_problems(self._rows.trees(uow.conn), organisation)
        if problems:
            raise Unknown(f"there is no organisation {organisation!r}", problems)
        row = {"organisation": organisation, **body}
        self._rows.put(uow, "invoicing", row)
        return row

    # ----- roles, users, keys

    def roles(self, conn: Connection) -> list[Role]:
        """The catalogue, and what was added to it."""
        added = [self._callers.role(conn, row["id"]) for row in self._rows.items(conn, "role")]
        return [*ROLES.values(), *added]

    def put_role(self, uow: UnitOfWork, name: str, body: Mapping[str, Any]) -> Role:
        """Add a role, or change one that was added.

        Raises:
            Invalid: If it is one of the catalogue, or names what its group may not have.
        """
        group = Group(body["group"])
        problems = [
            Problem(where=f"permissions.{name_}", what=reason)
            for name_, reason in refused_permissions(group, body["permissions"]).items()
        ]
        who = access.current()
        problems += [
            Problem(where=f"permissions.{one}", what="you do not have it yourself")
            for one in body["permissions"]
            if group is who.group and not who.may(one)
        ]
        if name in ROLES:
            what = "it is one of the catalogue"
            problems.append(Problem(where="role", what=what, allowed="another name"))
        if problems:
            raise Invalid(f"role {name!r} is refused", problems)
        row = {"id": name, **body, "permissions": sorted(set(body["permissions"]))}
        self._rows.put(uow, "role", row)
        return self._callers.role(uow.conn, name)

    def users(self, conn: Connection) -> list[Row]:
        """The users of the parties that the caller sees, without their passwords."""
        return _shown(access.seen_of_parties(self._rows.items(conn, "user")))

    def put_user(self, uow: UnitOfWork, name: str, body: Mapping[str, Any]) -> Row:
        """Add a user, or change one; without a password the one that is kept stays.

        Raises:
            Invalid: With all problems.
        """
        known = self._rows.get(uow.conn, "user", name)
        if known is not None:
            access.must_see_party(known["party"], what=f"user {name!r}")
        role, party = self._member(uow.conn, body, what=f"user {name!r}")
        if known is None:
            trees = self._rows.trees(uow.conn)
            self._limit(uow.conn, trees, organisation_of(trees, role.group, body["party"]))
        password = body.get("password")
        kept = (known or {"password": ""})["password"]
        row = {
            **body,
            "id": name,
            "party": party,
            "password": kept_password(password) if password else kept,
        }
        self._rows.put(uow, "user", row)
        if known is not None and (password or known["role"] != body["role"]):
            self._callers.forget_sessions(frozenset({name}))
        return _shown([row])[0]

    def remove_user(self, uow: UnitOfWork, name: str) -> None:
        """Take a user away; sessions end at once. Raises Unknown if there is none."""
        row = self._registry.get(uow.conn, "user", name)
        access.must_see_party(row["party"], what=f"user {name!r}")
        self._rows.delete(uow, "user", name)
        self._callers.forget_sessions(frozenset({name}))

    def keys(self, conn: Connection) -> list[Row]:
        """The API keys of the parties that the caller sees, without their secrets."""
        rows = access.seen_of_parties(self._rows.items(conn, "api_key"))
        return _shown([self._callers.keys.shown(row) for row in rows])

    def put_key(self, uow: UnitOfWork, name: str, body: Mapping[str, Any], *, at_ms: int) -> Row:
        """Add an API key, or change one; whoever makes it chooses the secret, so none is answered.

        Secrets that it had before are void at once.

        Raises:
            Invalid: With all problems.
        """
        known = self._rows.get(uow.conn, "api_key", name)
        if known is not None:
            access.must_see_party(known["party"], what=f"API key {name!r}")
        _, party = self._member(uow.conn, body, what=f"API key {name!r}")
        row = keys.installed(uow.conn, self._rows, name, {**body, "party": party}, now_ms=at_ms)
        self._rows.put(uow, "api_key", row)
        return _shown([self._callers.keys.shown(row)])[0]

    def rotate_key(
        self, uow: UnitOfWork, name: str, *, secret: str, old_until_ms: int, at_ms: int
    ) -> Row:
        """Give a key another secret; the one that it has is valid, too, until ``old_until_ms``.

        Raises:
            Unknown: If there is none.
            Invalid: If the time is not in the future, or the secret is known.
        """
        row = self._registry.get(uow.conn, "api_key", name)
        access.must_see_party(row["party"], what=f"API key {name!r}")
        row = keys.rotated(
            uow.conn, self._rows, row, secret=secret, old_until_ms=old_until_ms, now_ms=at_ms
        )
        self._rows.put(uow, "api_key", row)
        return _shown([self._callers.keys.shown(row)])[0]

    def remove_key(self, uow: UnitOfWork, name: str) -> None:
        """Revoke an API key, at once. Raises Unknown if there is none."""
        row = self._registry.get(uow.conn, "api_key", name)
        access.must_see_party(row["party"], what=f"API key {name!r}")
        self._rows.delete(uow, "api_key", name)

    # ----- checks

    def _member(self, conn: Connection, body: Mapping[str, Any], *, what: str) -> tuple[Role, str]:
        """Role and party of a user or key; nobody gives more than he has."""
        role = self._callers.role(conn, body["role"])
        trees = self._rows.trees(conn)
        key = party_key(role.group, body["party"])
        problems = []
        who = access.current()
        if not organisation_of(trees, role.group, body["party"]) or (
            who.parties is not None and key not in who.parties
        ):
            allowed = f"a {role.group.value} that is installed"
            problems.append(Problem(where="party", what=f"no {body['party']!r}", allowed=allowed))
        more = sorted(p for p in role.permissions if not who.may(p) and p not in who.off)
        if role.group is who.group and more:
            allowed = "a role with no more permissions than your own"
            problems.append(Problem(where="role", what=f"it may {more[0]}", allowed=allowed))
        if problems:
            raise Invalid(f"{what} is refused", problems)
        return role, key

    def _limit(self, conn: Connection, trees: Trees, organisation: str) -> None:
        parents = {name: row["parent"] for name, row in trees.organisations.items()}
        tenant = root_of(parents, organisation)
        there = 0
        for row in self._rows.items(conn, "user"):
            group, _, party = row["party"].partition(":")
            home = organisation_of(trees, Group(group), party)
            there += root_of(parents, home) == tenant
        self._registry.must_have_room(conn, "user", tenant, there)

    def _organisation_problems(self, trees: Trees, organisation: str) -> list[Problem]:
        parties = access.current().parties
        known = organisation in trees.organisations
        if known and (parties is None or party_key(Group.ORGANISATION, organisation) in parties):
            return []
        what = f"{organisation!r} is not installed"
        return [Problem(where="organisation", what=what, allowed="an installed organisation")]

    @staticmethod
    def _tree_problems(
        rows: Mapping[str, Mapping[str, Any]], group: Group, name: str, parent: str
    ) -> list[Problem]:
        if not parent:
            return []
        parties = access.current().parties
        if parent not in rows or (parties is not None and party_key(group, parent) not in parties):
            what = f"{parent!r} is not installed"
            return [Problem(where="parent", what=what, allowed=f"an installed {group.value}")]
        parents = {other: row["parent"] for other, row in rows.items()} | {name: ""}
        if root_of(parents, parent) == name:
            return [Problem(where="parent", what=f"{parent!r} is below {name!r}")]
        return []

    @staticmethod
    def _must_see(group: Group, name: str, *, what: str = "") -> None:
        access.must_see_party(party_key(group, name), what=what or f"{group.value} {name!r}")

    @staticmethod
    def _of_group(rows: list[Row], group: Group, *, of: str = "id") -> list[Row]:
        keyed = [{**row, "party": party_key(group, row[of])} for row in rows]
        return [_without(row, {"party"}) for row in access.seen_of_parties(keyed)]


def _shown(rows: list[Row]) -> list[Row]:
    """Users or keys as they are answered: party and group apart, and no secrets."""
    shown = []
    for row in rows:
        group, _, party = row["party"].partition(":")
        shown.append({**_without(row, HIDDEN), "group": group, "party": party})
    return shown


def _without(row: Row, names: frozenset[str] | set[str]) -> Row:
    return {name: value for name, value in row.items() if name not in names}
