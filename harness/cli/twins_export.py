"""``twinrig twins export``: months of history as a data set, written page by page."""

from __future__ import annotations

import importlib.util
import shutil
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Self

import msgspec
import numpy as np
import typer
import xxhash
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from harness.cli import twins_wanted
from harness.cli.twins_files import Table, columns_of, open_table
from harness.cli.twins_wanted import Wish
from harness.errors import InvalidRun, ScenarioError
from harness.report.console import make_console
from twins.core.errors import TwinError
from twins.core.fleet import Fleet
from twins.core.realism import History, Wanted
from twins.history import Recorder
from twins.products import Product, catalog

PAGE_ROWS = 300_000
"""Rows of all files simulated and written at a time: some 45 MB, and a row group of each file."""
DICTIONARY = "dataset.json"
EVENTS = "events.jsonl"
FORMAT = 2
"""Version of the data set's layout; fingerprints of another one are of another kind."""
_ENCODER = msgspec.json.Encoder()


def main(wish: Wish, *, out: Path, kind: str, quiet: bool) -> None:
    """Run and write; an unfinished data set is removed.

    Raises:
        ScenarioError: If the call is wrong.
        InvalidRun: If a package is missing or the disk is full.
    """
    wanted, _ = twins_wanted.resolve(wish)
    if kind == "parquet" and importlib.util.find_spec("pyarrow") is None:
        raise InvalidRun(
            "parquet needs the package pyarrow: pip install 'twinrig[parquet]', "
            "or give --format csv"
        )
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ScenarioError(f"--out {out} is there already and not empty; name a new folder")
    begun_s = time.perf_counter()
    try:
        recorder = Recorder(wanted, kept=_kept)
    except TwinError as error:
        raise ScenarioError(str(error)) from error
    existed = out.is_dir()
    try:
        out.mkdir(parents=True, exist_ok=True)
        with Dataset(out, wanted, kind) as dataset:
            _run(recorder, dataset, quiet=quiet)
    except BaseException as error:
        _remove(out, itself=not existed)
        if isinstance(error, TwinError):
            raise ScenarioError(str(error)) from error
        if isinstance(error, OSError):
            raise InvalidRun(f"{out} cannot be written: {error.strerror}") from error
        raise
    took_s = time.perf_counter() - begun_s
    typer.echo(f"{dataset.rows:,} reports of {wish.devices:,} devices in {took_s:.1f} s: {out}")


def _run(recorder: Recorder, dataset: Dataset, *, quiet: bool) -> None:
    wanted = recorder.wanted
    per_day = recorder.devices * 86_400 / wanted.report_every_s
    days = max(PAGE_ROWS / per_day, wanted.report_every_s / 86_400)
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(), console=make_console(stderr=True), disable=quiet, transient=True,
    )  # fmt: skip
    # Files are written beside the simulation: Arrow and kernels both leave Python to others.
    with bar, ThreadPoolExecutor(max_workers=1) as writer:
        task = bar.add_task(f"{wanted.days:g} days", total=wanted.days)
        written: Future[None] | None = None
        for page in recorder.pages(days=days, again=True):
            if written is not None:
                written.result()
            written = writer.submit(dataset.write, page)
            bar.update(task, advance=days)
        if written is not None:
            written.result()


def _kept(fleet: Fleet, kind: str, name: str) -> type[np.floating[Any]]:
    """Columns as they will be written."""
    [column] = columns_of(catalog()[fleet.manifest.id], [name], measured=kind == "telemetry")
    return column.dtype


def _remove(out: Path, *, itself: bool) -> None:
    """Take away what was written; the folder was empty or not there before."""
    if itself:
        shutil.rmtree(out, ignore_errors=True)
    else:
        for path in out.iterdir():
            path.unlink()


class Dataset:
    """The files of a data set: per fleet one of telemetry and one of truth, then the events.

    The dictionary, which says that they are whole, is written at the end of a ``with`` only.

    Args:
        folder: Where they go; empty.
        wanted: What is run.
        kind: ``parquet`` or ``csv``.
    """

    def __init__(self, folder: Path, wanted: Wanted, kind: str) -> None:
        self.folder, self.wanted, self.kind = folder, wanted, kind
        self.rows = 0
        self._tables: dict[str, Table] = {}
        self._products: list[str] = []
        self._devices: dict[str, int] = {}
        self._digest = xxhash.xxh3_128()
        self._events_count = 0
        self._events = (folder / EVENTS).open("wb")

    def write(self, page: History) -> None:
        """Write a page: the fleet's, its companions', the events."""
        for product, history in [(self.wanted.product, page), *page.companions.items()]:
            if product not in self._products:
                self._open(product, history)
            self._put(product, "telemetry", history, history.telemetry)
            damage = {f"damage_{name}": column for name, column in history.damage.items()}
            self._put(product, "truth", history, {**history.truth, **damage})
        self.rows += page.at_ms.size * len(page.devices)
        lines = _ENCODER.encode_lines(page.events)
        self._digest.update(lines)
        self._events.write(lines)
        self._events_count += len(page.events)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with ExitStack() as files:
            if kind is not None:  # what cannot be written either is no news
                files.enter_context(suppress(OSError))
            files.callback(self._events.close)
            for table in self._tables.values():
                files.callback(table.close)
        if kind is None:
            self._tell()

    def _tell(self) -> None:
        path = self.folder / DICTIONARY
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self._dictionary())) + b"\n")

    def _open(self, product: str, history: History) -> None:
        self._products.append(product)
        self._devices[product] = len(history.devices)
        spec = catalog()[product]
        first = product == self.wanted.product
        for what, names in (
            ("telemetry", list(history.telemetry)),
            ("truth", [*history.truth, *(f"damage_{name}" for name in history.damage)]),
        ):
            stem = what if first else f"{product}-{what}"
            path = self.folder / f"{stem}.{self.kind}"
            columns = columns_of(spec, names, measured=what == "telemetry")
            self._tables[f"{product}/{what}"] = open_table(path, columns, history.devices)

    def _put(self, product: str, what: str, history: History, columns: Mapping[str, Any]) -> None:
        self._tables[f"{product}/{what}"].write(history.at_ms, columns, self._digest)

    def _dictionary(self) -> dict[str, Any]:
        wanted, spec = self.wanted, catalog()[self.wanted.product]
        return {
            "format": FORMAT,
            "twinrig": our_version(),
            "product": wanted.product,
            "model": spec.model,
            "firmware": spec.firmware,
            "title": spec.title,
            "seed": wanted.seed,
            "start": wanted.start,
            "days": wanted.days,
            "report_every_s": wanted.report_every_s,
            "sites": wanted.sites,
            "devices_per_site": wanted.devices_per_site,
            "devices": dict(self._devices),
            "params": _params(spec, wanted),
            "faults": [msgspec.to_builtins(fault) for fault in wanted.faults],
            "random_faults": wanted.random_faults,
            "link": wanted.link,
            "fingerprint": self._digest.hexdigest(),
            "files": [table.about() for table in self._tables.values()]
            + [
                {
                    "file": EVENTS,
                    "rows": self._events_count,
                    "about": "the truth ledger: one JSON object a line, with at_ms, kind, subject "
                    "(a device, or who acted) and data",
                }
            ],
            "notes": [
                "at_ms is simulated time, milliseconds since 1970-01-01T00:00:00Z",
                "an empty cell (null, NaN): the signal was not measured in that interval",
                "telemetry is what sensors said; truth is what no sensor saw, for grading only",
                "damage_* is 0 as new and 1 at the end of a component's life",
                "the fingerprint is that of the columns' values, whatever the file format",
            ],
        }


def _params(product: Product, wanted: Wanted) -> dict[str, dict[str, Any]]:
    return {
        name: {"value": wanted.params.get(name, param.default), "unit": param.unit}
        for name, param in product.params.items()
    }


def our_version() -> str:
    """Version of the installed package; ``source`` if it runs from its folder."""
    try:
        return version("twinrig")
    except PackageNotFoundError:
        return "source"


__all__: Sequence[str] = ["Dataset", "main"]
