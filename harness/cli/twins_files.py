"""The tables of a data set: what a column is, and how Parquet and CSV files take pages of them."""

from __future__ import annotations

import importlib
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from twins.products import Product

PAGE_BYTES, BATCH_ROWS = 2**23, 2**20
"""So a column of a row group is one page, encoded in one go: a tenth quicker than Arrow's own."""
GROUP_ROWS = 100_000
"""A row group has at least so many rows, but for the last: what the footer says of each column of
each group is kept until the end, and a thousand units beside their rooms have few rows a page."""
LEAVE_BYTES = 2**26
"""The system is told to forget a file's pages whenever so many more are written."""
EXACT = 2**24
"""Whole numbers up to here are exact in float32."""
UNITS = {
    "_m3_h": "m3/h", "_m3": "m3", "_l_s": "l/s", "_l": "l", "_m": "m", "_pct": "%", "_c": "degC",
    "_mm_s": "mm/s", "_kw": "kW", "_kwh": "kWh", "_wh": "Wh", "_w": "W", "_a": "A", "_ma": "mA",
    "_v": "V", "_pa": "Pa", "_ppm": "ppm", "_h": "h", "_s": "s", "_hz": "Hz", "_rpm": "1/min",
    "_deg": "deg", "_dbm": "dBm", "_kg": "kg", "_g": "g", "_share": "1", "_ratio": "1",
}  # fmt: skip
"""Unit by the end of a name, longest first: true values carry theirs in the name."""


class Digest(Protocol):
    """What of hashlib is used here."""

    def update(self, data: bytes | memoryview, /) -> None:
        """Take more bytes."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column: ``places`` are its decimals (None: true values, six digits)."""

    name: str
    unit: str
    title: str
    places: int | None
    wide: bool
    range: tuple[float, float] | None = None

    @property
    def dtype(self) -> type[np.floating[Any]]:
        """What it is kept in."""
        return np.float64 if self.wide else np.float32


def columns_of(product: Product, names: Sequence[str], *, measured: bool) -> list[Column]:
    """What the columns are.

    A signal needs float64 only if its range in quanta is more than float32 can tell apart.
    """
    found = []
    for name in names:
        spec = product.signals.get(name)
        if measured and spec is not None:
            quanta = max(abs(spec.min), abs(spec.max)) * spec.steps_per_unit
            found.append(
                Column(
                    name=name, unit=spec.unit, title=spec.title, wide=quanta > EXACT,
                    places=_places(spec.steps_per_unit), range=(spec.min, spec.max),
                )
            )  # fmt: skip
        else:
            component = name.removeprefix("damage_")
            title = spec.title if spec else name.replace("_", " ")
            if component != name and component in product.components:
                title = f"Damage of: {product.components[component].title}"
            unit = "1" if component != name else spec.unit if spec else unit_of(name)
            found.append(Column(name=name, unit=unit, title=title, places=None, wide=False))
    return found


def unit_of(name: str) -> str:
    """The unit that a name ends in; empty if it says none."""
    ends = sorted(UNITS, key=len, reverse=True)
    return next((UNITS[end] for end in ends if name.endswith(end)), "")


def _places(steps_per_unit: int) -> int | None:
    """Decimals that show a quantum exactly; None if no six do."""
    return next((p for p in range(7) if 10**p % steps_per_unit == 0), None)


class Table(ABC):
    """A file that takes pages; rows are ordered by time, then device.

    Args:
        path: Where to write.
        columns: What beside ``at_ms`` and ``device``.
        devices: Names, in the order of the pages' columns.
    """

    def __init__(self, path: Path, columns: Sequence[Column], devices: Sequence[str]) -> None:
        self.path, self.columns, self.devices = path, tuple(columns), tuple(devices)
        self.rows = 0

    def write(
        self, at_ms: NDArray[np.int64], columns: Mapping[str, NDArray[Any]], digest: Digest
    ) -> None:
        """Write a page: ``at_ms`` of shape ``(t,)``, each column of shape ``(t, n)``."""
        flat = []
        digest.update(np.ascontiguousarray(at_ms).data)
        for column in self.columns:
            values = np.ascontiguousarray(columns[column.name], dtype=column.dtype).reshape(-1)
            digest.update(values.data)
            flat.append(values)
        self._put(at_ms, flat)
        self.rows += at_ms.size * len(self.devices)

    def about(self) -> dict[str, Any]:
        """The table's entry in the dictionary."""
        fixed = [
            {"name": "at_ms", "unit": "ms", "type": "int64", "title": "Time of the report"},
            {"name": "device", "unit": "", "type": "string", "title": "Which device"},
        ]
        return {
            "file": self.path.name,
            "rows": self.rows,
            "columns": fixed + [self._column(column) for column in self.columns],
        }

    def _column(self, column: Column) -> dict[str, Any]:
        told: dict[str, Any] = {
            "name": column.name, "unit": column.unit,
            "type": "float64" if column.wide else "float32", "title": column.title,
        }  # fmt: skip
        if column.range is not None:
            told |= {"min": column.range[0], "max": column.range[1]}
        return told

    @abstractmethod
    def _put(self, at_ms: NDArray[np.int64], values: Sequence[NDArray[Any]]) -> None:
        """Write one page of flat columns."""

    @abstractmethod
    def close(self) -> None:
        """Finish the file."""


def open_table(path: Path, columns: Sequence[Column], devices: Sequence[str]) -> Table:
    """A table of the kind that the file's name ends in."""
    kind: Callable[[Path, Sequence[Column], Sequence[str]], Table]
    kind = ParquetTable if path.suffix == ".parquet" else CsvTable
    return kind(path, columns, devices)


class ParquetTable(Table):
    """One row group a page, or for several small ones; units and titles stand in the schema too.

    What a sensor did not measure is null; true values are always there.
    """

    def __init__(self, path: Path, columns: Sequence[Column], devices: Sequence[str]) -> None:
        super().__init__(path, columns, devices)
        self._arrow: Any = importlib.import_module("pyarrow")
        parquet: Any = importlib.import_module("pyarrow.parquet")
        arrow = self._arrow
        fields = [
            arrow.field("at_ms", arrow.timestamp("ms", tz="UTC"), nullable=False),
            arrow.field("device", arrow.dictionary(arrow.int32(), arrow.string()), nullable=False),
        ] + [
            arrow.field(
                column.name,
                arrow.float64() if column.wide else arrow.float32(),
                nullable=column.range is not None,
                metadata={"unit": column.unit, "title": column.title},
            )
            for column in self.columns
        ]
        self._schema = arrow.schema(fields)
        self._names = arrow.array(self.devices)
        self._small: list[tuple[NDArray[np.int64], list[NDArray[Any]]]] = []
        """Copies of pages that are no row group yet."""
        self._index: dict[int, Any] = {}
        """Who reports, for so many reports of all: the same in page after page."""
        # First bytes of floats, put side by side, shrink well. A dictionary of the values that a
        # sensor's quantum allows makes a file a quarter smaller and takes half as long again.
        numbers = [column.name for column in self.columns]
        self._file = parquet.ParquetWriter(
            path, self._schema, compression="lz4", use_dictionary=["device"],
            use_byte_stream_split=numbers, data_page_size=PAGE_BYTES, write_batch_size=BATCH_ROWS,
            write_statistics=["at_ms"],  # all devices are in each group
        )  # fmt: skip
        self._again, self._left_bytes = path.open("rb", buffering=0), 0

    def _put(self, at_ms: NDArray[np.int64], values: Sequence[NDArray[Any]]) -> None:
        count = len(self.devices)
        if not self._small and len(at_ms) * count >= GROUP_ROWS:
            self._write_group(at_ms, values)
            return
        self._small.append((at_ms.copy(), [column.copy() for column in values]))
        if sum(len(times) for times, _ in self._small) * count >= GROUP_ROWS:
            self._flush()

    def _flush(self) -> None:
        """Write the small pages as one row group."""
        if self._small:
            times, values = zip(*self._small, strict=True)
            self._small = []
            columns = [np.concatenate(column) for column in zip(*values, strict=True)]
            self._write_group(np.concatenate(times), columns)

    def _write_group(self, at_ms: NDArray[np.int64], values: Sequence[NDArray[Any]]) -> None:
        arrow, count = self._arrow, len(self.devices)
        times = arrow.array(np.repeat(at_ms, count)).view(self._schema.field("at_ms").type)
        if len(at_ms) not in self._index:
            index = arrow.array(np.tile(np.arange(count, dtype=np.int32), len(at_ms)))
            self._index[len(at_ms)] = arrow.DictionaryArray.from_arrays(index, self._names)
        devices = self._index[len(at_ms)]
        cells = [
            self._cells(column) if spec.range is not None else arrow.array(column)
            for column, spec in zip(values, self.columns, strict=True)
        ]
        table = arrow.Table.from_arrays([times, devices, *cells], schema=self._schema)
        self._file.write_table(table, row_group_size=len(times))
        self._leave()

    def _leave(self) -> None:
        """What is on the disk need not stand in memory too.

        Where files have filled the system's memory, it costs seven times as much to write on.
        """
        size = os.fstat(self._again.fileno()).st_size
        if size - self._left_bytes >= LEAVE_BYTES and hasattr(os, "posix_fadvise"):
            os.posix_fadvise(self._again.fileno(), 0, size, os.POSIX_FADV_DONTNEED)
            self._left_bytes = size

    def _cells(self, column: NDArray[Any]) -> Any:  # noqa: ANN401 - arrow's
        """A column as it lies, with NaN (not measured) as null to whoever reads the file."""
        arrow, there = self._arrow, ~np.isnan(column)
        nulls = len(column) - int(np.count_nonzero(there))
        if not nulls:
            return arrow.array(column)
        bits = arrow.py_buffer(np.packbits(there, bitorder="little"))
        kind = arrow.from_numpy_dtype(column.dtype)
        return arrow.Array.from_buffers(kind, len(column), [bits, arrow.py_buffer(column)], nulls)

    def close(self) -> None:
        """Finish the file."""
        with self._again:
            self._flush()
            self._file.close()


class CsvTable(Table):
    """Plain text: a line per report, empty where nothing was measured."""

    def __init__(self, path: Path, columns: Sequence[Column], devices: Sequence[str]) -> None:
        super().__init__(path, columns, devices)
        self._file = path.open("w", encoding="utf-8", newline="")
        self._file.write(",".join(["at_ms", "device", *(c.name for c in columns)]) + "\n")

    def _put(self, at_ms: NDArray[np.int64], values: Sequence[NDArray[Any]]) -> None:
        times = [text for at in at_ms.tolist() for text in [str(at)] * len(self.devices)]
        devices = list(self.devices) * len(at_ms)
        cells = [
            texts(column, spec.places) for column, spec in zip(values, self.columns, strict=True)
        ]
        rows = zip(times, devices, *cells, strict=True)
        self._file.write("\n".join(map(",".join, rows)))
        self._file.write("\n")

    def close(self) -> None:
        """Finish the file."""
        self._file.close()


def texts(values: NDArray[Any], places: int | None) -> list[str]:
    """Numbers as text: ``places`` decimals, or six digits; empty for NaN.

    Sensors have few distinct values on their quantum, and each is written once.
    """
    distinct, inverse = np.unique(values, return_inverse=True)
    form = "%.6g" if places is None else f"%.{places}f"
    written = np.array(
        ["" if value != value else form % value for value in distinct.tolist()],  # noqa: PLR0124
        dtype=object,
    )
    texts_: list[str] = written[inverse].tolist()
    return texts_
