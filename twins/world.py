"""A world: fleets and people built from a description, run to a time, heard through messages.

The only module of the twins that knows the wire. It opens no connection: whoever drives the world
carries its messages to a link, and what was said to devices and people back to it.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import msgspec
import numpy as np
import simpy
from numpy.typing import NDArray

from broker.wire.messages import (
    Command,
    CommandAck,
    Downlink,
    RebirthRequest,
    ResendRequest,
    Uplink,
)
from twins import uplinks
from twins.core.errors import InvalidFault, InvalidSnapshot, InvalidWorld, named
from twins.core.fleet import Fleet, Report
from twins.core.pending import LAST, PendingTable, Wake
from twins.core.ports import Fact, Intent, Truth
from twins.core.sending import Sending
from twins.core.spec import WorldSpec
from twins.core.state import pack, unpack
from twins.core.streams import Streams
from twins.core.truth import TruthLedger
from twins.core.twin import Build, ProductTwin
from twins.core.yard import Yard
from twins.field.hand import Hand
from twins.field.people import People, resolve_field
from twins.field.ports import RANK as FIELD_RANK
from twins.field.surroundings import Surroundings, resolve_where
from twins.products import Product
from twins.products.plan import plan_fleets

FORMAT = 6
"""Version of the snapshot's layout."""


class Step(NamedTuple):
    """What came out of the world, each part sorted."""

    messages: list[tuple[str, Uplink]]
    """(site, message) by the moment in which each leaves its device, then by device."""
    truths: list[Truth]
    """By (at_ms, kind, subject)."""
    intents: list[Intent]
    """By (at_ms, actor, verb, subject)."""
    sent_ms: Sequence[int] = ()
    """When each message left: the true time, whatever its device's clock says."""
    lost: Sequence[tuple[str, Uplink]] = ()
    """What left and reached nobody: lost on the air, or to a ring buffer that was too small."""


class TruthSample(NamedTuple):
    """The hidden state of one component now; ``signals`` are the device's true values."""

    device: str
    component: str
    damage: float
    signals: dict[str, float]
    remaining_h: float | None
    """Hours in service (or uses) until failure if nobody interferes; ``None``: not foreseeable."""


class World:
    """Fleets, people, truth.

    Everything is a function of the description, the seed and what the world was told; time moves
    in :meth:`run_until` only.

    Args:
        spec: What the world is made of.
        seed: Of all chance in it.
        hear: Gets every report of a fleet as columns; then no messages are made of them, now or
            later, and no ring buffer holds them. Columns are good until the next report.

    Raises:
        InvalidWorld: If the description names an unknown product or parameter, or a value out of
            range; all problems at once.
        InvalidProduct: If a product's folder is incomplete.
    """

    def __init__(
        self, spec: WorldSpec, *, seed: int, hear: Callable[[Report], None] | None = None
    ) -> None:
        self.spec, self.seed = spec, seed
        self._env = simpy.Environment(initial_time=spec.start_ms)
        self._pending = PendingTable(self._env)
        self._ledger = TruthLedger()
        self._streams = Streams(seed)
        self._post, self._hear = uplinks.Post(), hear
        self._mail: dict[str, list[Downlink]] = {}
        """What waits for devices that are away."""
        plans, problems = plan_fleets(spec, self._streams)
        field_params, field_problems = resolve_field(spec.field)
        where, where_problems = resolve_where(spec.field)
        if problems or field_problems or where_problems:
            raise InvalidWorld([*problems, *field_problems, *where_problems])
        self._surroundings = Surroundings(where, self._streams)
        for fleet in spec.fleets:
            for site, at_km in zip(fleet.site_names, fleet.at_km, strict=False):
                if at_km is not None:
                    self._surroundings.fix(site, at_km)
        self._where: dict[str, Fleet] = {}
        self._yard = Yard(self._where)
        self._fit = self._yard.fit
        self._parts = {sku: part for product, _ in plans for sku, part in product.parts.items()}
        self._people = People(
            field_params,
            service=spec.field.service,
            streams=self._streams,
            surroundings=self._surroundings,
            parts=self._parts,
            pending=self._pending,
            ledger=self._ledger,
            yard=self._yard,
        )
        self.people = self._people.directory.known
        self.hand = Hand(
            pending=self._pending, people=self._people, spells=self._surroundings.spells,
            yard=self._yard,
        )  # fmt: skip
        self._fleets = self._build(plans)
        self._where |= {device: fleet for fleet in self._fleets for device in fleet.index}
        self._downtime_eur_h = {
            device: fleet.build.params["downtime_eur_h"] for device, fleet in self._where.items()
        }
        self.devices: Mapping[str, str] = {
            device: fleet.manifest.id for device, fleet in sorted(self._where.items())
        }
        self.sites: Mapping[str, tuple[str, ...]] = _by_site(self._fleets)

    @property
    def now_ms(self) -> int:
        """Where the world's clock stands."""
        return int(self._env.now)

    @property
    def fleets(self) -> Sequence[Fleet]:
        """The fleets in the order of the description."""
        return self._fleets

    def start(self) -> Step:
        """Begin: every device says what it is (boot 1, seq 0) at ``start_ms``."""
        for fleet in self._fleets:
            fleet.start()
        self._people.start()
        births: list[tuple[str, Uplink]] = [
            (self._yard.site(device), uplinks.birth(self._where[device], device))
            for device in self.devices
        ]
        sent_ms = [self.now_ms] * len(births)
        return Step(births, self._ledger.take(), self._people.take(), sent_ms)

    def run_until(self, to_ms: int) -> Step:
        """Move the world to ``to_ms``, all that is due at that moment included."""
        assert to_ms >= self.now_ms, f"time goes forward: {to_ms} is before {self.now_ms}"
        self._env.run(until=Wake(self._env, delay_ms=to_ms - self.now_ms, priority=LAST))
        messages, sent_ms, lost = self._post.take()
        return Step(messages, self._ledger.take(), self._people.take(), sent_ms, lost)

    def next_action_ms(self) -> int | None:
        """When the next of the people has something to do; ``None`` if nobody has."""
        return self._pending.earliest_ms(FIELD_RANK)

    def observe(self, facts: Sequence[Fact]) -> None:
        """Let the people hear of what the service published; twice is as good as once."""
        for fact in facts:
            self._people.observe(fact)

    def obey(self, site: str, message: Downlink) -> list[tuple[str, Uplink]]:
        """What devices of ``site`` answer to a message, at ``now_ms``.

        A command is obeyed once per id and acknowledged; one that has expired, that the device
        does not know or cannot do is not obeyed, and the acknowledgement says so. A rebirth
        request is answered by the same birth again, a resend request by what the ring buffer
        holds. Nobody answers for a device that is not there; for one that is away the broker keeps
        the message until it is back, and a battery node on a long-range radio may miss it.
        """
        devices = self.sites.get(site, ())
        if message.device is not None:
            devices = tuple(device for device in devices if device == message.device)
        answers: list[tuple[str, Uplink]] = []
        for device in devices:
            fleet = self._where[device]
            if not fleet.wire.reachable(self.now_ms, fleet.index[device]):
                self._mail.setdefault(device, []).append(message)
            elif fleet.wire.hears(fleet.index[device], message.command_id):
                answers += [(site, answer) for answer in self._answer(device, message)]
        return answers

    def _answer(self, device: str, message: Downlink) -> Sequence[Uplink]:
        if isinstance(message, Command):
            return self._command(device, message)
        if isinstance(message, RebirthRequest):
            return [uplinks.birth(self._where[device], device)]
        return self._resend(device, message)

    def _send(self, fleet: Fleet, sending: Sending) -> None:
        """Something leaves a device by itself; one that is back hears what waited for it."""
        if sending.what == "reports" and self._hear is not None:
            return  # heard already
        if sending.what != "back":
            self._post.send(fleet, sending)
            return
        device = fleet.build.devices[sending.device]
        for message in self._mail.pop(device, ()):
            answers = self._answer(device, message)
            self._post.answer(sending.at_ms, [(self._yard.site(device), one) for one in answers])

    def inject(self, fault: str, device: str, params: Mapping[str, float | str]) -> None:
        """Let a fault of a device begin, at ``now_ms``.

        Raises:
            InvalidFault: If fault, device or parameter do not exist; the text names what does.
        """
        fleet = self._where.get(device)
        if fleet is None:
            there_are = named(self.devices)
            raise InvalidFault([f"there is no device {device!r}; there are: {there_are}"])
        fleet.inject(self.now_ms, fault, device, params)

    def set_price(self, sku: str, eur: float) -> None:
        """Let a part cost ``eur`` from now on; a snapshot does not know of it.

        Raises:
            KeyError: If no product of this world has the part.
        """
        self._parts[sku] = replace(self._parts[sku], price_eur=eur)

    def sample_truth(self) -> list[TruthSample]:
        """True damage and remaining life of every component, and its device's true values."""
        columns = {
            id(fleet): [
                _by_device(by_name)
                for by_name in (
                    fleet.damage_columns(self.now_ms),
                    fleet.twin.truth(),
                    fleet.remaining_columns(self.now_ms),
                )
            ]
            for fleet in self._fleets
        }
        return [
            TruthSample(device, name, damage, signals, None if math.isnan(left) else left)
            for device, fleet in sorted(self._where.items())
            for damages, signals, lefts in (
                [rows[fleet.index[device]] for rows in columns[id(fleet)]],
            )
            for (name, damage), left in zip(damages.items(), lefts.values(), strict=True)
        ]

    def downtime_h(self) -> dict[str, float]:
        """Hours each device could not work, up to now."""
        down = self._ledger.downtime_h(self.now_ms)
        return {device: down.get(device, 0.0) for device in self.devices}

    def costs_eur(self) -> dict[str, float]:
        """``parts``, ``visits``, ``downtime``, ``total``, and other lines of the bill if any."""
        costs = {"parts": 0.0, "visits": 0.0} | self._ledger.costs_eur()
        for what, eur in self._people.running_eur().items():
            costs[what] = costs.get(what, 0.0) + eur
        costs["downtime"] = sum(
            hours * self._downtime_eur_h[device] for device, hours in self.downtime_h().items()
        )
        return costs | {"total": sum(costs.values())}

    def snapshot(self) -> bytes:
        """The whole world as bytes; only between two calls of :meth:`run_until`."""
        return pack(
            {
                "format": FORMAT,
                "world": _digest(self.spec, self.seed),
                "now_ms": self.now_ms,
                "pending": self._pending.dump(),
                "ledger": self._ledger.dump(),
                "people": self._people.dump(),
                "spells": self._surroundings.spells.dump(),
                "fleets": [fleet.dump() for fleet in self._fleets],
                "mail": {
                    device: [msgspec.to_builtins(message) for message in waiting]
                    for device, waiting in self._mail.items()
                },
            }
        )

    @classmethod
    def restore(cls, spec: WorldSpec, *, seed: int, data: bytes) -> World:
        """The world that was saved; it goes on exactly as that one did.

        Raises:
            InvalidSnapshot: If the bytes are no snapshot, or one of another world.
        """
        state = unpack(data)
        if not isinstance(state, dict) or state.get("format") != FORMAT:
            raise InvalidSnapshot(f"not a snapshot of a world in format {FORMAT}")
        if state["world"] != _digest(spec, seed):
            raise InvalidSnapshot("this snapshot is of a world with another description or seed")
        world = cls(spec, seed=seed)
        world._env.run(until=Wake(world._env, delay_ms=state["now_ms"] - spec.start_ms, priority=0))
        for fleet, saved in zip(world._fleets, state["fleets"], strict=True):
            fleet.load(saved)
        world._mail = {
            device: [msgspec.convert(message, Downlink) for message in waiting]
            for device, waiting in state["mail"].items()
        }
        world._people.load(state["people"])
        world._surroundings.spells.load(state["spells"])
        world._ledger.load(state["ledger"])
        world._pending.load(state["pending"])
        return world

    def _build(self, plans: Sequence[tuple[Product, Build]]) -> list[Fleet]:
        around = self._surroundings
        fleets: list[Fleet] = []
        hosts: dict[str, ProductTwin] = {}
        for number, (product, plan) in enumerate(plans, 1):
            build = replace(
                plan,
                outdoors=around.over(plan.sites),
                calendar=around.calendar,
                host=hosts[product.host] if product.host else None,
            )
            twin = hosts[product.id] = product.build(build)
            fleets.append(
                Fleet(
                    key=f"fleet-{number}",
                    manifest=product,
                    build=build,
                    twin=twin,
                    pending=self._pending,
                    ledger=self._ledger,
                    hear=self._hear or self._post.hear,
                    broke=self._people.broke,
                    send=self._send,
                    remembers=self._hear is None,
                )
            )
        return fleets

    def _command(self, device: str, command: Command) -> list[CommandAck]:
        ack = self._where[device].obey(
            self.now_ms,
            device,
            command_id=command.command_id,
            name=command.name,
            args=command.args,
            expires_ms=command.expires_ms,
        )
        return [] if ack is None else [uplinks.acknowledgement(device, ack)]

    def _resend(self, device: str, request: ResendRequest) -> list[Uplink]:
        fleet = self._where[device]
        index, side = fleet.index[device], fleet.side
        boot, first, last = request.boot, request.from_seq, request.to_seq
        whole = first == 0 and boot == side.boot(index)
        answers: list[Uplink] = [uplinks.birth(fleet, device)] if whole else []
        held = side.held(index, boot, first, last) if self._hear is None else []
        answers += uplinks.batches(fleet, device, boot, held)
        acks = side.acks(index, boot, first, last)
        return [*answers, *(uplinks.acknowledgement(device, ack) for ack in acks)]


def _by_site(fleets: Sequence[Fleet]) -> dict[str, tuple[str, ...]]:
    """Devices by site; those of a companion stand where their host stands."""
    sites: dict[str, tuple[str, ...]] = {}
    for fleet in fleets:
        per_site, devices = fleet.build.devices_per_site, fleet.build.devices
        for number, site in enumerate(fleet.build.sites):
            here = devices[number * per_site : (number + 1) * per_site]
            sites[site] = (*sites.get(site, ()), *here)
    return sites


def _by_device(truth: Mapping[str, NDArray[np.float64]]) -> list[dict[str, float]]:
    """Columns by name as one mapping per device."""
    rows = zip(*(column.tolist() for column in truth.values()), strict=True)
    return [dict(zip(truth, row, strict=True)) for row in rows]


def _digest(spec: WorldSpec, seed: int) -> str:
    return hashlib.sha256(msgspec.json.encode([spec, seed], order="sorted")).hexdigest()
