from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from harness.engine.runner import load
from harness.scenario import build as b

ROOT = Path(__file__).parents[2]


def test_two_runs_of_one_seed_have_one_trace_hash_and_another_seed_another(
    story, play, undisturbed
) -> None:
    first, second = undisturbed[0], play(story())[0]
    other = play(story(), seed=8)[0]

    assert first.verdict == "passed", first.checks
    assert (first.trace_hash, first.outcome_hash) == (second.trace_hash, second.outcome_hash)
    assert first.run_dir != second.run_dir
    assert other.trace_hash != first.trace_hash


MOSQUITTO = pytest.param(
    "mosquitto",
    marks=[
        pytest.mark.skipif(shutil.which("mosquitto") is None, reason="mosquitto not installed"),
        pytest.mark.deep,
    ],
)


@pytest.mark.parametrize(
    "broker", ["rumqttd", pytest.param("amqtt", marks=pytest.mark.deep), MOSQUITTO]
)
def test_every_embedded_broker_gives_the_hash_of_the_memory_link(
    story, play, undisturbed, broker: str
) -> None:
    memory, _ = undisturbed
    real, _ = play(story(), link="mqtt", broker=broker)

    assert real.verdict == "passed", (real.error, real.checks)
    assert real.broker == broker
    assert real.trace_hash == memory.trace_hash
    assert (real.orders, real.work_orders) == (1, 1)


def test_the_python_story_is_the_story_of_the_file(tmp_path: Path) -> None:
    """Compared as models and over the first days, so that it stays quick."""
    from scenarios.pumps import bearing_wears_out

    file = load(ROOT / "scenarios/pumps/bearing-wears-out.yaml")
    told = bearing_wears_out.scenario()

    unlike = {"title", "story", "always", "eventually"}
    assert told.model_dump(exclude=unlike) == file.model_dump(exclude=unlike)
    for phase in ("always", "eventually"):
        ours, theirs = getattr(told, phase), getattr(file, phase)
        assert [(c.check, c.args) for c in ours] == [(c.check, c.args) for c in theirs]


def test_a_wear_constant_and_a_noise_draw_are_in_the_hash(
    story, play, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = story(run=b.run("2026-01-05T00:00:00Z", "6d", sync="6h"), eventually=())
    before, _ = play(short)

    wear = b.fault("bearing_wear", "pump-01-1", at="4d", onset="0h", pf_interval="433h")
    other_wear, _ = play(short.model_copy(update={"timeline": (wear,)}))
    assert other_wear.trace_hash != before.trace_hash

    from twins.core import noise

    original = noise.keys

    def other_keys(names):
        return original(f"{name}'" if name.endswith("pump-01-2") else name for name in names)

    monkeypatch.setattr(noise, "keys", other_keys)
    other_noise, _ = play(short)
    assert other_noise.trace_hash != before.trace_hash


@pytest.mark.parametrize("sync", ["1h", "6h"])
def test_what_is_decided_before_anybody_reacts_does_not_depend_on_sync(
    story, play, undisturbed, sync: str
) -> None:
    """The first external reaction is the supplier's: everything the DPS said before is equal."""

    def until_order(notes) -> list[tuple[int, str, str, object]]:
        told = [e for e in notes.events if type(e).__name__ == "FeedSeen"]
        reaction = next(e.at_ms for e in notes.events if type(e).__name__ == "ActorActed")
        rows = [(e.at_ms, e.kind, e.subject, e.data) for e in told if e.at_ms < reaction]
        return sorted(rows, key=lambda row: row[:3])

    base = until_order(undisturbed[1])
    assert any(kind == "order.placed" for _, kind, _, _ in base)
    _, other = play(story(run=b.run("2026-01-05T00:00:00Z", "16d", sync=sync)))
    assert until_order(other) == base


def test_a_run_saved_in_its_middle_and_taken_up_again_ends_with_the_same_hashes(
    story, play, undisturbed, tmp_path: Path
) -> None:
    """Saved with an open order, a worn bearing and the DPS's timers on their way."""
    whole, _ = undisturbed
    saved, _ = play(story(), snapshot_at_ms=14 * 86_400_000, snapshot_dir=tmp_path / "saved")
    resumed, notes = play(story(), resume_from=tmp_path / "saved")

    assert saved.trace_hash == whole.trace_hash
    assert (resumed.trace_hash, resumed.outcome_hash) == (whole.trace_hash, whole.outcome_hash)
    assert resumed.verdict == "passed", resumed.checks
    assert resumed.ledger == whole.ledger
    assert ("order.placed", "ord-pump-01-1-bearing-1-1") not in notes.decisions()
    assert ("order.delivered", "ord-pump-01-1-bearing-1-1") in notes.decisions()


@pytest.mark.deep
def test_a_run_saved_over_memory_goes_on_with_the_dps_as_a_process(
    story, play, undisturbed, tmp_path: Path
) -> None:
    whole, _ = undisturbed
    play(story(), snapshot_at_ms=14 * 86_400_000, snapshot_dir=tmp_path / "saved")
    resumed, _ = play(story(), resume_from=tmp_path / "saved", link="mqtt", broker="rumqttd")

    assert resumed.error == ""
    assert resumed.trace_hash == whole.trace_hash
