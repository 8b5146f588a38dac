"""Whose data they are, and for what they may be used.

Agreements, consent by purpose, Data Recipients, metadata of metrics and the complete export of raw
data (CC13, CC16, CC26).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reference_impl.kernel import access
from reference_impl.kernel.access import Group, Principal
from reference_impl.kernel.errors import DpsError, Forbidden, Invalid, Problem, Unknown
from reference_impl.kernel.ids import digest
from reference_impl.kernel.ports import TelemetryView
from reference_impl.kernel.store import Connection, UnitOfWork
from reference_impl.published import RightsChanged
from reference_impl.registry.callers import KnownCallers
from reference_impl.registry.scope import party_key, scope_of, tenant_of
from reference_impl.registry.service import Registry, RegistryStore

Row = dict[str, Any]
SERVICE = "service"
"""The purpose that the contract itself covers: it needs no consent."""
PURPOSES: Mapping[str, str] = {
    SERVICE: "the service that was agreed upon",
    "crm": "offers by sales, from how the products are used",
    "secondary-use": "another service than the one that the data are collected for",
    "benchmark": "comparison with other customers",
    "research": "research and development",
    "monetisation": "data that are sold to others",
}
RAW_DATA = "Raw Data"
"""The metric set that Data Recipients get; every signal is in it unless its metadata say no."""
FOREVER_MS = 2**62


class NoConsent(Forbidden):
    """The customer has not consented to this purpose."""

    code = "no_consent"


class OtherPurpose(DpsError):  # noqa: N818 - it names what is wrong
    """The metric is not collected for this purpose."""

    code = "other_purpose"


class Rights:
    """Use cases of data ownership, sharing and privacy."""

    def __init__(
        self,
        *,
        rows: RegistryStore,
        registry: Registry,
        callers: KnownCallers,
        telemetry: TelemetryView,
    ) -> None:
        self._rows, self._registry = rows, registry
        self._callers, self._telemetry = callers, telemetry

    # ----- agreements

    def agreements(self, conn: Connection) -> list[Row]:
        """The agreements of the caller's tenant; of all tenants for the operator."""
        who = access.current()
        rows = self._rows.items(conn, "agreement")
        return [row for row in rows if not who.tenant or row["tenant"] == who.tenant]

    def put_agreement(
        self, uow: UnitOfWork, name: str, body: Mapping[str, Any], *, at_ms: int
    ) -> Row:
        """Publish an agreement, or its next version: who must accept it logs in anew."""
        tenant = access.current().tenant or body["tenant"]
        known = self._rows.get(uow.conn, "agreement", name)
        if known is not None and known["tenant"] != tenant:
            raise Unknown(f"there is no agreement {name!r}")
        row = {**body, "id": name, "tenant": tenant, "since_ms": at_ms}
        if known is not None and {**row, "since_ms": known["since_ms"]} == known:
            return known
        self._rows.put(uow, "agreement", row)
        trees = self._rows.trees(uow.conn)
        bound = set()
        for user in self._rows.items(uow.conn, "user"):
            group, _, party = user["party"].partition(":")
            if group in row["groups"] and tenant_of(trees, Group(group), party) == tenant:
                bound.add(user["id"])
        uow.after_commit(lambda: self._callers.forget_sessions(frozenset(bound)))
        return row

    # ----- consent

    def consents(self, conn: Connection) -> list[Row]:
        """What the customers that the caller sees consented to, or withdrew."""
        return access.seen(self._rows.items(conn, "consent"))

    def put_consent(
        self, uow: UnitOfWork, customer: str, purpose: str, *, granted: bool, at_ms: int
    ) -> Row:
        """Give or withdraw consent. Raises Invalid if nothing of this purpose needs one."""
        access.must_see(customer, what=f"customer {customer!r}")
        self._registry.get(uow.conn, "customer", customer)
        allowed = sorted(set(PURPOSES) - {SERVICE})
        if purpose not in allowed:
            raise Invalid(
                f"no consent is asked for {purpose!r}",
                [Problem(where="purpose", what=purpose, allowed=", ".join(allowed))],
            )
        row = {"customer": customer, "purpose": purpose, "granted": granted}
        row |= {"by": access.current().user, "at_ms": at_ms}
        known = self._rows.get(uow.conn, "consent", customer, purpose)
        if known is not None and known["granted"] == granted:
            return known  # it holds since then
        self._rows.put(uow, "consent", row)
        if granted or known is not None:
            kind = "consent.given" if granted else "consent.withdrawn"
            data = {"customer": customer, "purpose": purpose, "by": row["by"]}
            subject = f"{customer}/{purpose}"
            uow.publish(RightsChanged(at_ms=at_ms, kind=kind, subject=subject, data=data))
        return row

    def must_be_for(self, conn: Connection, thing: str, signal: str, purpose: str) -> None:
        """Check that the caller may read a signal of a thing for a purpose (CC26).

        Raises:
            Invalid: If there is no such purpose.
            Forbidden: If it is not a purpose of the caller.
            OtherPurpose: If the metric is not collected for it.
            NoConsent: If the owner has not consented.
        """
        if purpose not in PURPOSES:
            allowed = ", ".join(PURPOSES)
            problem = Problem(where="purpose", what=f"no purpose {purpose!r}", allowed=allowed)
            raise Invalid("the purpose is not known", [problem])
        who = access.current()
        if who.group is not Group.OPERATOR and purpose not in who.purposes:
            allowed = ", ".join(sorted(who.purposes))
            raise Forbidden(
                f"{who.user!r} reads for other purposes",
                [Problem(where="purpose", what=purpose, allowed=allowed)],
            )
        row = self._registry.get(conn, "thing", thing)
        metric = self.metric(conn, row["model"], signal)
        collected = metric["purposes"]
        if who.group is Group.RECIPIENT and RAW_DATA not in metric["sets"]:
            problem = Problem(where="signal", what=f"not in the metric set {RAW_DATA!r}")
            raise OtherPurpose(f"{signal} is not shared", [problem])
        if purpose not in collected:
            raise OtherPurpose(
                f"{signal} is not collected for {purpose}",
                [Problem(where="purpose", what=purpose, allowed=", ".join(collected))],
            )
        if purpose != SERVICE:
            self._must_consent(conn, self._registry.owner_of(conn, row), purpose)

    def opened_from_ms(
        self, conn: Connection, *, recipient: str, thing: str, signal: str, purpose: str
    ) -> int:
        """From when on a Data Recipient may read a signal of a thing for a purpose, ms.

        That is since the data were opened to it, the owner consented and had the thing, whichever
        came last.

        Raises:
            Unknown: If the thing is not open to it.
            Forbidden: If the purpose, the metric or the owner does not allow it.
        """
        scope = scope_of(self._rows.trees(conn), Group.RECIPIENT, recipient)
        reader = Principal(
            user=recipient, group=Group.RECIPIENT, party=recipient, permissions=frozenset(),
            customers=frozenset(), things=scope.things, tenant=scope.tenant,
            purposes=frozenset({purpose}),
        )  # fmt: skip
        with access.acting_as(reader):
            access.must_see_thing(thing)
            self.must_be_for(conn, thing, signal, purpose)
        owner = self._registry.owner_of(conn, self._registry.get(conn, "thing", thing))
        grant = self._rows.get(conn, "grant", recipient, owner)
        consent = self._rows.get(conn, "consent", owner, purpose)
        return max(
            scope.things[thing],
            0 if grant is None else grant["from_ms"],
            0 if consent is None else consent["at_ms"],
        )

    def _must_consent(self, conn: Connection, customer: str, purpose: str) -> None:
        consent = self._rows.get(conn, "consent", customer, purpose)
        if consent is None or not consent["granted"]:
            what = f"{customer} has not consented to {purpose!r}"
            raise NoConsent(what, [Problem(where="purpose", what=what, allowed=SERVICE)])

    # ----- what sales may know: CC16

    def leads(self, conn: Connection) -> list[Row]:
        """Leads of the customers that the caller sees."""
        return access.seen(self._rows.items(conn, "lead"))

    def raise_lead(self, uow: UnitOfWork, *, thing: str, reason: str, at_ms: int) -> Row:
        """Tell sales what the use of a thing suggests; only with consent of its owner."""
        access.must_see_thing(thing)
        customer = self._registry.owner_of(uow.conn, self._registry.get(uow.conn, "thing", thing))
        self._must_consent(uow.conn, customer, "crm")
        row: Row = {"id": f"lead-{digest(thing, reason, at_ms)}", "customer": customer}
        row |= {"thing": thing, "reason": reason, "by": access.current().user, "at_ms": at_ms}
        self._rows.put(uow, "lead", row)
        return row

    # ----- Data Recipients

    def recipients(self, conn: Connection) -> list[Row]:
        """The Data Recipients that customers of the caller's tenant may choose."""
        who = access.current()
        trees = self._rows.trees(conn)
        return [
            row
            for row in self._rows.items(conn, "recipient")
            if not who.tenant or tenant_of(trees, Group.RECIPIENT, row["id"]) == who.tenant
        ]

    def put_recipient(self, uow: UnitOfWork, name: str, body: Mapping[str, Any]) -> Row:
        """Take a Data Recipient in, or change one. Raises Invalid or Unknown."""
        parties = access.current().parties
        key = party_key(Group.ORGANISATION, body["organisation"])
        known = body["organisation"] in self._rows.trees(uow.conn).organisations
        if not known or (parties is not None and key not in parties):
            problem = Problem(where="organisation", what=f"no {body['organisation']!r}")
            raise Invalid(f"recipient {name!r} is refused", [problem])
        if self._rows.get(uow.conn, "recipient", name) is not None:
            what = f"recipient {name!r}"
            access.must_see_party(party_key(Group.RECIPIENT, name), what=what)
        row = {"id": name, **body}
        self._rows.put(uow, "recipient", row)
        return row

    def grants(self, conn: Connection) -> list[Row]:
        """What customers opened to whom, for the customer and for the recipient."""
        who = access.current()
        rows = self._rows.items(conn, "grant")
        if who.group is Group.RECIPIENT:
            return [row for row in rows if row["recipient"] == who.party]
        return access.seen(rows)

    def grant(
        self, uow: UnitOfWork, recipient: str, customer: str, things: list[str], *, at_ms: int
    ) -> Row:
        """Open the raw data of things (none named: all) of a customer to a Data Recipient.

        Raises:
            Unknown: If there is no such customer or recipient.
            Invalid: If a thing is not the customer's.
        """
        access.must_see(customer, what=f"customer {customer!r}")
        self._registry.get(uow.conn, "customer", customer)
        if recipient not in {row["id"] for row in self.recipients(uow.conn)}:
            raise Unknown(f"there is no recipient {recipient!r}")
        problems = []
        for index, thing in enumerate(things):
            row = self._rows.get(uow.conn, "thing", thing)
            if row is None or self._registry.owner_of(uow.conn, row) != customer:
                what, allowed = f"no thing {thing!r}", f"a thing of {customer}"
                problems.append(Problem(where=f"things[{index}]", what=what, allowed=allowed))
        if problems:
            raise Invalid("the grant is refused", problems)
        row = {"recipient": recipient, "customer": customer, "things": things}
        row |= {"by": access.current().user, "from_ms": at_ms}
        known = self._rows.get(uow.conn, "grant", recipient, customer)
        if known is not None and known["things"] == things:
            return known  # it is open since then
        self._rows.put(uow, "grant", row)
        self._tell_grant(uow, "given", row, at_ms)
        return row

    def _tell_grant(self, uow: UnitOfWork, what: str, row: Row, at_ms: int) -> None:
        data = {name: row[name] for name in ("customer", "recipient", "things")}
        data["by"] = access.current().user
        subject = f"{row['customer']}/{row['recipient']}"
        uow.publish(RightsChanged(at_ms=at_ms, kind=f"grant.{what}", subject=subject, data=data))

    def revoke(self, uow: UnitOfWork, recipient: str, customer: str, *, at_ms: int) -> None:
        """Close it again, at once. Raises Unknown if nothing was open."""
        access.must_see(customer, what=f"customer {customer!r}")
        row = self._rows.get(uow.conn, "grant", recipient, customer)
        if row is None:
            raise Unknown(f"{customer} opened nothing to {recipient!r}")
        self._rows.delete(uow, "grant", recipient, customer)
        self._tell_grant(uow, "revoked", row, at_ms)

    # ----- metadata of metrics, export

    def metric(self, conn: Connection, model: str, signal: str) -> Row:
        """What is said of a signal: purposes, owner, whether it tells of persons, metric sets."""
        usual = {"purposes": [SERVICE], "owner": "customer", "personal": False, "sets": [RAW_DATA]}
        return self._rows.get(conn, "metric", model, signal) or {
            "model": model,
            "signal": signal,
            **usual,
        }

    def metrics(self, conn: Connection, model: str) -> list[Row]:
        """What is said of each signal of a model. Raises Unknown if there is none."""
        signals = self._registry.get(conn, "model", model)["signals"]
        return [
            {**self.metric(conn, model, name), "unit": signal["unit"]}
            for name, signal in signals.items()
        ]

    def put_metric(self, uow: UnitOfWork, model: str, signal: str, body: Mapping[str, Any]) -> Row:
        """Say it of one. Raises Unknown for a signal that is not there, Invalid for a purpose."""
        if signal not in self._registry.get(uow.conn, "model", model)["signals"]:
            raise Unknown(f"{model} has no signal {signal!r}")
        odd = [purpose for purpose in body["purposes"] if purpose not in PURPOSES]
        if odd:
            allowed = ", ".join(PURPOSES)
            problem = Problem(where="purposes", what=f"no {', '.join(odd)}", allowed=allowed)
            raise Invalid(f"the metadata of {signal} are refused", [problem])
        row = {"model": model, "signal": signal, **body}
        self._rows.put(uow, "metric", row)
        return row

    def exportable(self, conn: Connection, thing: str, purpose: str) -> list[Row]:
        """What is said of each metric of a thing that the caller may have for a purpose.

        Raises:
            Unknown: If the caller sees no such thing.
        """
        access.must_see_thing(thing)
        found = []
        for said in self.metrics(conn, self._registry.get(conn, "thing", thing)["model"]):
            if RAW_DATA in said["sets"] and purpose in said["purposes"]:
                self.must_be_for(conn, thing, said["signal"], purpose)
                found.append(said)
        return found

    def export(self, thing: str, metrics: list[Row], *, from_ms: int, to_ms: int) -> Row:
        """The raw data of a thing, each metric with what is said of it.

        Complete: every reading that is stored, from the moment on from which the caller sees the
        thing. Call it outside of a transaction.
        """
        since_ms = max(from_ms, access.seen_from_ms(thing) or 0)
        signals = {}
        for said in metrics:
            name = said["signal"]
            at_ms, values = self._telemetry.series(thing, name, after_ms=since_ms - 1, to_ms=to_ms)
            whole = {"at_ms": at_ms.tolist(), "values": values.tolist()}
            signals[name] = {**{k: v for k, v in said.items() if k != "model"}, **whole}
        return {"thing": thing, "from_ms": since_ms, "to_ms": to_ms, "signals": signals}
