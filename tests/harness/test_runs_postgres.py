"""The same story with the DPS's store on PostgreSQL: the same hashes, killed and resumed too."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import InvalidRun
from harness.scenario import build as b

pytestmark = [pytest.mark.deep, pytest.mark.postgres, pytest.mark.timeout(400)]


def test_a_story_over_a_broker_ends_with_the_hashes_that_it_has_on_sqlite(
    story, play, undisturbed, new_database
) -> None:
    on_sqlite, _ = undisturbed
    on_postgres, _ = play(story(), link="mqtt", broker="rumqttd", store=new_database(), wait_s=60.0)
    assert (on_sqlite.verdict, on_postgres.verdict) == ("passed", "passed")
    assert on_postgres.trace_hash == on_sqlite.trace_hash
    assert on_postgres.outcome_hash == on_sqlite.outcome_hash
    assert on_postgres.ledger == on_sqlite.ledger


def test_a_dps_killed_within_a_clock_call_comes_to_the_same_hash(
    story, play, undisturbed, new_database
) -> None:
    whole, _ = undisturbed
    killed = story(
        timeline=(*story().timeline, b.kill_dps(at="12d", point="in_clock"), b.kill_dps(at="16d"))
    )
    result, _ = play(killed, link="mqtt", broker="rumqttd", store=new_database(), wait_s=60.0)
    assert result.outcome_hash == whole.outcome_hash


def test_a_run_saved_in_its_middle_goes_on_in_another_database(
    story, play, undisturbed, new_database, tmp_path: Path
) -> None:
    whole, _ = undisturbed
    saved = tmp_path / "saved"
    play(story(), store=new_database(), snapshot_at_ms=14 * 86_400_000, snapshot_dir=saved)
    resumed, _ = play(story(), store=new_database(), resume_from=saved)
    assert resumed.error == ""
    assert (resumed.trace_hash, resumed.outcome_hash) == (whole.trace_hash, whole.outcome_hash)


def test_a_database_that_holds_an_earlier_run_is_refused(story, play, new_database) -> None:
    url = new_database()
    short = story(run=b.run("2026-01-05T00:00:00Z", "1d", sync="6h"), timeline=(), eventually=())
    first, _ = play(short, store=url)
    assert first.error == ""
    assert f"--store {url}" in first.replay
    with pytest.raises(InvalidRun, match="holds an earlier run; give an empty database"):
        play(short, store=url)
