"""From what was typed to the history that is wanted; every mistake at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from harness.errors import ScenarioError
from harness.scenario import products as installed_products
from harness.scenario.said import unknown
from harness.scenario.units import parse_duration
from twins.core.common_faults import faults_of
from twins.core.manifest import FaultSpec
from twins.core.realism import Injected, Wanted
from twins.products import Product

DAY_H = 24.0
OURS = ("after", "device")
"""Keys of a fault that are no parameters of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody typed, as they typed it."""

    product: str
    devices: int
    per_site: int
    days: float
    report_every: str
    seed: int
    start: str
    faults: Sequence[str]
    params: Sequence[str]
    random_faults: float
    link: str
    signals: str | None


def find(name: str) -> Product:
    """The product of that name.

    Raises:
        ScenarioError: If there is none.
        TwinAuthorError: If a product's folder is wrong.
    """
    there_are = installed_products.installed()
    if name not in there_are:
        raise ScenarioError(unknown("product", name, sorted(there_are)))
    return there_are[name]


def resolve(wish: Wish, *, chosen: Iterable[str] = ()) -> tuple[Wanted, tuple[str, ...]]:
    """What to run, and the signals that were chosen.

    Args:
        wish: What was typed.
        chosen: Further names, beside the signals, that may be chosen.

    Raises:
        ScenarioError: With every mistake of the call.
    """
    product = find(wish.product)
    if product.host:
        raise ScenarioError(f"{product.id} comes with {product.host}; name that")
    problems: list[str] = []
    every_s = _every_s(wish, problems)
    if wish.devices % wish.per_site:
        problems.append(
            f"--devices: {wish.devices} do not fill sites of {wish.per_site} each; "
            f"write a multiple of {wish.per_site}"
        )
    try:
        date.fromisoformat(wish.start)
    except ValueError:
        problems.append(f"--start: {wish.start!r} is no date; write it such as 2026-01-05")
    params = dict(_pairs("--param", wish.params, product, problems))
    faults = tuple(
        fault
        for text in wish.faults
        if (fault := _fault(text, product, wish, problems)) is not None
    )
    signals = _signals(wish.signals, [*product.signals, *chosen], problems)
    if problems:
        raise ScenarioError("\nerror: ".join(problems))
    wanted = Wanted(
        product=product.id, sites=wish.devices // wish.per_site, devices_per_site=wish.per_site,
        days=wish.days, report_every_s=every_s, seed=wish.seed, start=wish.start,
        params={name: float(value) for name, value in params.items()}, faults=faults,
        random_faults=wish.random_faults, link=wish.link,
    )  # fmt: skip
    return wanted, signals


def _every_s(wish: Wish, problems: list[str]) -> int:
    try:
        every_ms = parse_duration(wish.report_every)
    except ValueError as error:
        problems.append(f"--report-every: {error}")
        return 1
    if every_ms < 1000 or every_ms % 1000:
        problems.append(f"--report-every: {wish.report_every} is not a whole number of seconds")
        return 1
    if every_ms > wish.days * DAY_H * 3_600_000:
        problems.append(
            f"--report-every: {wish.report_every} is longer than the {wish.days:g} days"
        )
    return every_ms // 1000


def _signals(text: str | None, allowed: Sequence[str], problems: list[str]) -> tuple[str, ...]:
    names = tuple(name.strip() for name in (text or "").split(",") if name.strip())
    problems += [
        f"--signals: {unknown('signal', name, allowed)}" for name in names if name not in allowed
    ]
    return names


def _fault(text: str, product: Product, wish: Wish, problems: list[str]) -> Injected | None:
    name, _, rest = text.partition(":")
    where = f"--fault {name}"
    faults = faults_of(product)
    spec = faults.get(name)
    if spec is None:
        problems.append(f"--fault: {unknown(f'fault of {product.id}', name, sorted(faults))}")
        return None
    ours, named, theirs = _sorted_pairs(rest, spec)
    before = len(problems)
    problems += [
        f"{where}: {key}: {unknown('signal', value, list(product.signals))}"
        for key, value in named.items()
        if value not in product.signals
    ]
    params: dict[str, float | str] = {**named, **dict(_pairs(where, theirs, spec, problems))}
    after_h = wish.days * DAY_H / 3
    if "after" in ours:
        try:
            after_h = parse_duration(ours["after"]) / 3_600_000
        except ValueError as error:
            problems.append(f"{where}: after: {error}")
    if after_h > wish.days * DAY_H:
        problems.append(f"{where}: after: {ours['after']} is later than the {wish.days:g} days")
    device = ours.get("device", "1")
    if not device.isdecimal() or not 1 <= int(device) <= wish.devices:
        problems.append(f"{where}: device: {device} is not 1 to {wish.devices}")
    if len(problems) > before:
        return None
    return Injected(fault=name, device=int(device) - 1, after_h=after_h, params=params)


def _sorted_pairs(
    text: str, spec: FaultSpec
) -> tuple[dict[str, str], dict[str, str], list[str]]:  # fmt: skip
    """``key=value,...``: the keys that are ours, those that name a signal, and the other pairs."""
    ours: dict[str, str] = {}
    named: dict[str, str] = {}
    theirs = []
    for pair in text.split(","):
        key, _, value = (part.strip() for part in pair.partition("="))
        if key in OURS and key not in spec.params:
            ours[key] = value
        elif key in spec.signals:
            named[key] = value
        elif pair:
            theirs.append(pair)
    return ours, named, theirs


def _pairs(
    where: str, pairs: Sequence[str], owner: FaultSpec | Product, problems: list[str]
) -> Iterator[tuple[str, float]]:
    """``name=value`` pairs as numbers in each parameter's unit."""
    params = owner.params
    for pair in pairs:
        name, equals, value = (part.strip() for part in pair.partition("="))
        if not equals:
            problems.append(f"{where}: {pair!r} is no name=value")
        elif name not in params:
            problems.append(f"{where}: {unknown('parameter', name, params)}")
        else:
            try:
                yield name, installed_products.in_unit(value, params[name])
            except ValueError as error:
                problems.append(f"{where}: {name}: {error}")
