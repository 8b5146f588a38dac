"""Public holidays are kept on disk and are those of the library."""

from datetime import date

import holidays
import pytest

from twins.field import public_days as kept
from twins.field.places import COUNTRIES


def test_what_is_kept_is_what_the_library_says_for_every_country(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(kept, "FOLDER", tmp_path)
    told = {country: kept.public_days(country, 2026) for country in COUNTRIES}
    assert told == {
        country: frozenset(holidays.country_holidays(country, years=[2026]))
        for country in COUNTRIES
    }
    monkeypatch.setattr(kept, "_looked_up", lambda *_: pytest.fail("it was kept"))
    assert {country: kept.public_days(country, 2026) for country in COUNTRIES} == told
    assert date(2026, 12, 25) in told["SE"]


@pytest.mark.parametrize("text", ["nonsense", ""])
def test_a_file_that_is_none_is_made_anew(tmp_path, monkeypatch, text) -> None:
    monkeypatch.setattr(kept, "FOLDER", tmp_path)
    days = kept.public_days("SE", 2026)
    (file,) = tmp_path.iterdir()
    file.write_text(text)
    assert kept.public_days("SE", 2026) == days
    assert "2026-12-25" in file.read_text()


def test_where_nobody_may_write_nothing_is_kept(tmp_path, monkeypatch) -> None:
    nowhere = tmp_path / "a file"
    nowhere.write_text("")
    monkeypatch.setattr(kept, "FOLDER", nowhere)
    assert date(2026, 12, 25) in kept.public_days("SE", 2026)
