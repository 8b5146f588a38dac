"""Reports of devices whose birth is known, read by what it announced: twice as fast as by name.

A report (:class:`~broker.wire.messages.Telemetry`) names each of its signals. The birth of its
device has announced them, so a reader can know them before: it reads into fields instead of making
a mapping, and gives many reports as rows of one table. What does not hold to the birth is read as
:func:`~broker.wire.codec.decode_uplink` reads everything; the meaning is the same.
"""

from __future__ import annotations

import math
from collections.abc import ItemsView, Iterator, KeysView, Mapping, Sequence, ValuesView
from functools import lru_cache
from struct import Struct
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from broker.wire import messages as m
from broker.wire import topics
from broker.wire.codec import decode_uplink

SIGNALS_MAX = 512
"""Signals of a birth for which a shape is made; devices of ours have up to some 50."""
NOT_MEASURED = math.nan
"""Stands for a signal that a report lacks. A real reading is never NaN: JSON has none."""


class Signals(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, eq=False):
    """The values of a report, a field for each announced signal; a subclass for each shape.

    To who reads it, it is the mapping that every report has, without what was not measured. What
    was not measured is :data:`NOT_MEASURED` itself, not just some NaN: so it is not written either.
    """

    def measured(self) -> dict[str, float]:
        """The values by name, as a plain mapping: quicker, for who wants most of them."""
        found: dict[str, float] = msgspec.to_builtins(self)
        return found

    def __getitem__(self, name: str) -> float:
        return self.measured()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.measured())

    def __len__(self) -> int:
        return len(self.measured())

    def __contains__(self, name: object) -> bool:
        return name in self.measured()

    def keys(self) -> KeysView[str]:
        """See Mapping."""
        return self.measured().keys()

    def values(self) -> ValuesView[float]:
        """See Mapping."""
        return self.measured().values()

    def items(self) -> ItemsView[str, float]:
        """See Mapping."""
        return self.measured().items()

    def get(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - as Mapping says
        """See Mapping."""
        return self.measured().get(name, default)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mapping) and self.measured() == dict(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[type, tuple[dict[str, float]]]:
        return dict, (self.measured(),)  # who comes to unpickle it may not know the shape


Mapping.register(Signals)


def plain(signals: Mapping[str, float] | Signals) -> dict[str, float]:
    """The signals of a report as a plain mapping."""
    return signals.measured() if isinstance(signals, Signals) else dict(signals)


_S = TypeVar("_S")


class Report(
    msgspec.Struct, Generic[_S], frozen=True, gc=False, tag="telemetry.v1", tag_field="type"
):
    """As :class:`~broker.wire.messages.Telemetry`, with its signals in a :class:`Signals`."""

    device: m.KnownId
    boot: m.Count
    seq: m.Seq
    at_ms: m.AtMs
    signals: _S


class Shape:
    """Reads reports that have no signals but these.

    Args:
        names: Of the signals, in the order of the fields.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        fields = [f"signal_{place}" for place in range(len(names))]  # a name may be a keyword
        signals: Any = msgspec.defstruct(
            "SignalsOfShape",
            [(field, float, NOT_MEASURED) for field in fields],
            bases=(Signals,),
            rename=dict(zip(fields, names, strict=True)),
            frozen=True,
            gc=False,
            omit_defaults=True,
            forbid_unknown_fields=True,
        )
        self.signals = signals
        # in a union a message has to say its type; that of a will none has here
        self.decode = msgspec.json.Decoder(Report[signals] | m.Will).decode


@lru_cache(maxsize=1_024)  # all devices of one model have the same
def shape_of(names: tuple[str, ...]) -> Shape:
    """The shape of reports with these signals."""
    return Shape(names)


def table(reports: Sequence[Report[Signals]]) -> bytes:
    """The values of reports of one shape, report by report, as little-endian float64."""
    row = msgspec.structs.astuple
    pack = Struct(f"<{len(reports[0].signals.__struct_fields__)}d").pack
    return b"".join([pack(*row(report.signals)) for report in reports])


class _Known(NamedTuple):
    """Who reports on a topic, and how."""

    site: str
    device: str
    shape: Shape


class UplinkReader:
    """Reads what devices send; remembers what their births announced."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    def learn(self, site: str, birth: m.Birth) -> None:
        """Read the reports of a device by what it has announced."""
        topic = topics.telemetry(site, birth.device)
        if len(birth.signals) <= SIGNALS_MAX:
            self._known[topic] = _Known(site, birth.device, shape_of(tuple(birth.signals)))
        else:
            self._known.pop(topic, None)

    def read(self, topic: str, payload: bytes) -> tuple[str, m.Uplink | Report[Signals]]:
        """As :func:`~broker.wire.codec.decode_uplink`; a report that holds to its birth, shaped.

        Raises:
            MalformedMessage: See there.
        """
        known = self._known.get(topic)
        if known is not None:
            try:
                report = known.shape.decode(payload)
            except (msgspec.MsgspecError, UnicodeDecodeError):
                return decode_uplink(topic, payload)  # it says what is wrong, if anything is
            if type(report) is Report and report.device == known.device:
                return known.site, report
        return decode_uplink(topic, payload)
