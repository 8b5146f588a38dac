"""The realism list, the checks that answer it, and their verdicts.

Checks are found by folder: ``CHECKS`` of every product's ``realism.py``, of every module of
:mod:`twins.core` and :mod:`twins.field` whose name ends in ``checks``, and of
:mod:`twins.history.repeat`.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import pkgutil
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import twins.core
import twins.field
from twins.core.errors import TwinError
from twins.core.realism import Check, Figure, Histories
from twins.products import catalog

OWN_FROM = 101
"""Numbers from here on are a product's own; 1 to 54 are those of the list."""
LIST = Path(__file__).with_name("list.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One line of the realism list, in its own words."""

    number: int
    title: str
    expected: str
    real: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Owned:
    """A check and whose it is: a product's id, or the name of a module."""

    owner: str
    check: Check


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a check measured. ``error`` says why it could not measure, empty if it could."""

    owned: Owned
    figures: tuple[Figure, ...]
    error: str = ""

    @property
    def ok(self) -> bool:
        """Whether there are figures and all of them lie in their bands."""
        return bool(self.figures) and not self.error and all(fig.ok for fig in self.figures)


@functools.cache
def listed() -> Mapping[int, Listed]:
    """The list by number."""
    entries = tomllib.loads(LIST.read_text(encoding="utf-8"))["check"]
    return {entry["number"]: Listed(**entry) for entry in entries}


def collect() -> tuple[Owned, ...]:
    """Every check there is, by number and owner; one number may be answered by several."""
    found = [
        Owned(owner=owner, check=check)
        for owner, module in _modules()
        for check in importlib.import_module(module).CHECKS
    ]
    return tuple(sorted(found, key=lambda owned: (owned.check.number, owned.owner)))


def missing(checks: Sequence[Owned]) -> tuple[int, ...]:
    """Numbers of the list that no check answers."""
    return tuple(sorted(set(listed()) - {owned.check.number for owned in checks}))


def judge(owned: Owned, histories: Histories) -> Verdict:
    """Measure. A world that cannot be built for a check is a verdict, a bug goes on upwards."""
    try:
        return Verdict(owned=owned, figures=tuple(owned.check.measure(histories)))
    except TwinError as error:
        return Verdict(owned=owned, figures=(), error=str(error))


def _modules() -> Iterator[tuple[str, str]]:
    for product in catalog().values():
        home = f"{product.host}.{product.id}" if product.host else product.id
        name = f"twins.products.{home}.realism"
        if importlib.util.find_spec(name) is not None:
            yield product.id, name
    for package in (twins.core, twins.field):
        for module in pkgutil.iter_modules(package.__path__):
            if module.name.endswith("checks"):
                yield module.name, f"{package.__name__}.{module.name}"
    yield "repeat", "twins.history.repeat"
