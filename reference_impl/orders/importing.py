"""Parts from a table: all of it, or a report of every problem (SP1). Pure."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from io import StringIO

from pydantic import ValidationError

from reference_impl.kernel.errors import Problem
from reference_impl.kernel.rows import Row
from reference_impl.orders.bodies import NewPartBody, part_of
from reference_impl.orders.catalogue import part_row

NEEDED = ("sku", "title", "price_eur", "supplier", "lead_p50_h", "lead_p90_h")
MORE = ("models", "category", "kind", "images", "superseded_by")
"""``models`` and ``images`` hold several, parted by blanks; ``technical:<name>`` a technical
datum."""
TECHNICAL = "technical:"
_FROM = {"p50": "lead_p50_h", "p90": "lead_p90_h", "lead_time_h": "lead_p50_h"}


def read(text: str) -> tuple[list[tuple[str, Row]], list[Problem]]:
    """Read a table of parts.

    Args:
        text: CSV with a header line.

    Returns:
        Parts as they are stored, each with its place ``row N`` (the header is row 1), and a problem
        per mistake with row and column.
    """
    table = csv.DictReader(StringIO(text, newline=""), strict=True)
    problems = _of_header(table.fieldnames or [])
    if problems:
        return [], problems
    parts: list[tuple[str, Row]] = []
    first: dict[str, int] = {}
    try:
        for number, line in enumerate(table, 2):
            found = list(_part(number, line, parts))
            problems += found
            sku = (line["sku"] or "").strip()
            if sku in first:
                what = f"{sku!r} stands in row {first[sku]} already"
                problems.append(Problem(where=f"row {number}.sku", what=what, allowed="once"))
            first.setdefault(sku, number)
    except csv.Error as error:
        problems.append(Problem(where=f"line {table.line_num}", what=str(error), allowed="CSV"))
    return parts, problems


def _of_header(names: object) -> list[Problem]:
    assert isinstance(names, list | tuple)
    known = (*NEEDED, *MORE)
    unknown = [n for n in names if n not in known and not str(n).startswith(TECHNICAL)]
    found = [
        Problem(where=f"row 1.{name}", what="is not a column", allowed=", ".join(known))
        for name in unknown
    ]
    found += [
        Problem(where=f"row 1.{name}", what="is missing", allowed="a column of this name")
        for name in NEEDED
        if name not in names
    ]
    doubled = {name for name in names if list(names).count(name) > 1}
    found += [Problem(where=f"row 1.{n}", what="stands twice", allowed="once") for n in doubled]
    return found


def _part(
    number: int, line: Mapping[str | None, str | list[str] | None], into: list[tuple[str, Row]]
) -> Iterator[Problem]:
    """Append a row's part, or yield what is wrong with it."""
    cells = {str(k): v.strip() for k, v in line.items() if isinstance(v, str) and k is not None}
    if None in line or len(cells) < len(line):
        what = "has more or fewer cells than the header"
        yield Problem(where=f"row {number}", what=what, allowed="one cell for each column")
        return
    body = {
        **{name: cells[name] for name in ("sku", "title", "price_eur", "supplier")},
        "price_eur": _number(cells["price_eur"]),
        "lead_time_h": {
            "p50": _number(cells["lead_p50_h"]),
            "p90": _number(cells["lead_p90_h"]),
        },
        "models": cells.get("models", "").split(),
        "category": cells.get("category", ""),
        "kind": cells.get("kind", "") or "spare_part",
        "images": cells.get("images", "").split(),
        "superseded_by": cells.get("superseded_by", ""),
        "technical": {
            name.removeprefix(TECHNICAL): value
            for name, value in cells.items()
            if name.startswith(TECHNICAL) and value
        },
    }
    try:
        part = NewPartBody.model_validate(body)
    except ValidationError as error:
        for one in error.errors(include_url=False):
            column = _FROM.get(str(one["loc"][-1]), str(one["loc"][0]))
            yield Problem(where=f"row {number}.{column}", what=one["msg"], allowed="")
        return
    into.append((f"row {number}", part_row(part.sku, part_of(part))))


def _number(text: str) -> float | str:
    """A number, or the text as it stands, for the check to refuse."""
    try:
        return float(text)
    except ValueError:
        return text
