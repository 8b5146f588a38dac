"""Bulk registration from CSV: all rows or none, every problem with its row and column (CC22).

A row is what a ``PUT`` of its kind takes: the column ``id`` and the fields of the body, lists
separated by ``;``, custom properties in columns ``property.<name>``. An empty cell is a field that
is not given. The same file again changes nothing.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from reference_impl.kernel.errors import DpsError, Invalid, Problem
from reference_impl.kernel.store import UnitOfWork

PROPERTY = "property."
ROWS_MAX = 20_000
Put = Callable[[UnitOfWork, str, Mapping[str, Any]], object]


@dataclass(frozen=True, slots=True)
class Kind:
    """What can be imported: the body of its ``PUT``, and the use case."""

    body: type[BaseModel]
    put: Put


def import_csv(uow: UnitOfWork, kind: Kind, text: str, *, is_name: Callable[[str], bool]) -> int:
    """Put each row of a CSV; gives how many there were. The transaction is the caller's.

    Raises:
        Invalid: With every problem of every row; then nothing may be kept.
    """
    problems: list[Problem] = []
    count = 0
    seen: set[str] = set()
    for number, row in _rows(text, kind, problems):
        count += 1
        name = row.pop("id", "")
        where = f"row {number}"
        if not is_name(name):
            what, allowed = f"{name!r} is no id", "lower case letters, digits and hyphens"
            problems.append(Problem(where=f"{where}.id", what=what, allowed=allowed))
            continue
        if name in seen:
            problems.append(Problem(where=f"{where}.id", what=f"{name!r} stands twice"))
            continue
        seen.add(name)
        try:
            kind.put(uow, name, kind.body.model_validate(row).model_dump())
        except ValidationError as error:
            problems += [
                Problem(
                    where=f"{where}.{'.'.join(map(str, one['loc']))}",
                    what=one["msg"],
                    allowed=str(one.get("ctx", {}).get("allowed", "")),
                )
                for one in error.errors()
            ]
        except DpsError as error:
            found = error.problems or [Problem(where="id", what=error.title)]
            problems += [
                Problem(where=f"{where}.{p.where}", what=p.what, allowed=p.allowed) for p in found
            ]
    if problems:
        raise Invalid("nothing was imported", problems)
    return count


def _rows(text: str, kind: Kind, problems: list[Problem]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Numbered rows (the header is row 1) as raw bodies; problems of the whole are noted."""
    reader = csv.DictReader(io.StringIO(text, newline=""))
    fields = {"id", *kind.body.model_fields} - {"properties"}
    header = reader.fieldnames or []
    odd = [c for c in header if c not in fields and not c.startswith(PROPERTY)]
    for column in odd:
        allowed = ", ".join([*sorted(fields), f"{PROPERTY}<name>"])
        problems.append(Problem(where=f"row 1.{column}", what="no such column", allowed=allowed))
    if "id" not in header:
        problems.append(Problem(where="row 1.id", what="the column is missing"))
    if problems:
        return
    for number, cells in enumerate(reader, 2):
        if number > ROWS_MAX + 1:
            what = f"more than {ROWS_MAX} rows"
            problems.append(Problem(where=f"row {number}", what=what, allowed="several files"))
            return
        if None in cells or None in cells.values():
            what = "it has not as many cells as the header"
            problems.append(Problem(where=f"row {number}", what=what, allowed=str(len(header))))
            continue
        yield number, _body(kind, cells)


def _body(kind: Kind, cells: Mapping[str, str]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    properties: dict[str, str] = {}
    for column, cell in cells.items():
        if cell == "":
            continue
        if column.startswith(PROPERTY):
            properties[column.removeprefix(PROPERTY)] = cell
        elif column != "id" and "list" in str(kind.body.model_fields[column].annotation):
            row[column] = [part.strip() for part in cell.split(";")]
        else:
            row[column] = cell
    return {**row, "properties": properties} if properties else row
