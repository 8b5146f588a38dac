"""Public holidays by country and year, kept on disk as kernels are.

The library that knows them imports two hundred countries for one: 0.13 s of every command's CPU.
"""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import date
from importlib import metadata
from pathlib import Path

FOLDER = Path(__file__).parent / "__pycache__"
"""Where Python keeps what it made of this folder; where nobody may write, nothing is kept."""


def public_days(country: str, year: int) -> frozenset[date]:
    """The public holidays of a country (ISO 3166-1, two letters) in a year."""
    release = metadata.version("holidays")
    file = FOLDER / f"public_days-{country}-{year}-{release}.txt"
    try:
        kept = frozenset(map(date.fromisoformat, file.read_text("ascii").split()))
    except (OSError, ValueError):
        kept = frozenset()
    if kept:  # every country has some: a file without any is none
        return kept
    days = _looked_up(country, year)
    with suppress(OSError):
        FOLDER.mkdir(exist_ok=True)
        mine = file.with_suffix(f".{os.getpid()}")  # others may read meanwhile: whole, or not yet
        mine.write_text(" ".join(day.isoformat() for day in sorted(days)), "ascii")
        mine.replace(file)
    return days


def _looked_up(country: str, year: int) -> frozenset[date]:
    import holidays  # noqa: PLC0415 - see above

    return frozenset(holidays.country_holidays(country, years=[year]))
