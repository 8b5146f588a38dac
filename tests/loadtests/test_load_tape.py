import subprocess
import sys

import pytest

from broker.wire import codec
from broker.wire import messages as m
from loadtests.errors import TapeError
from loadtests.source import Generated, Played
from loadtests.tape import HEAD, read_tape, tracks, write_tape


def birth(device="pump-01", at_ms=1_000, boot=1):
    return m.Birth(
        device=device,
        boot=boot,
        at_ms=at_ms,
        product="pump",
        model="pump-7k5",
        serial="s1",
        firmware="1",
        signals={"level_m": m.Signal(unit="m", min=0.0, max=3.0)},
    )


def report(seq, at_ms, device="pump-01"):
    return m.Telemetry(device=device, boot=1, seq=seq, at_ms=at_ms, signals={"level_m": 0.5 * seq})


def test_a_tape_gives_back_what_was_written_with_offsets_from_the_first_message(tmp_path):
    path = tmp_path / "a.tape"
    said = [
        ("station-1", birth()),
        ("station-1", report(1, 61_000)),
        ("station-1", report(2, 121_000)),
    ]

    assert write_tape(path, said) == 3

    items = list(read_tape(path))
    assert [(item.site, item.message) for item in items] == said
    assert [item.offset_ms for item in items] == [0, 60_000, 120_000]


def test_a_batch_is_written_as_the_single_reports_it_holds(tmp_path):
    path = tmp_path / "a.tape"
    batch = m.TelemetryBatch(
        device="pump-01",
        boot=1,
        samples=[m.Sample(seq=n, at_ms=2_000 + n, signals={"level_m": 1.0}) for n in (1, 2)],
    )

    assert write_tape(path, [("s1", birth(at_ms=5_000)), ("s1", batch)]) == 3

    assert [item.message.seq for item in tracks(path)[0].messages] == [1, 2]


def test_a_player_stamps_its_own_boot_and_changes_nothing_else(tmp_path):
    path = tmp_path / "a.tape"
    write_tape(path, [("s1", birth()), ("s1", report(1, 2_000)), ("s1", birth(at_ms=2_500))])

    player = Played(tracks(path)[0], boot=77)
    (sent,) = player.messages()

    site, message = codec.decode_uplink(sent.topic, sent.payload)
    assert (site, message.boot, message.seq, message.at_ms) == ("s1", 77, 1, 2_000)
    assert message.signals == {"level_m": 0.5}
    assert player.birth.boot == 77


def test_built_in_telemetry_is_what_the_wire_allows_numbered_from_one():
    source = Generated(41, boot=9, start_ms=1_000, interval_ms=500.0)
    messages = source.messages()

    for seq in (1, 2, 3):
        out = next(messages)
        site, message = codec.decode_uplink(out.topic, out.payload)
        assert (site, message.device) == ("load-site-002", "load-00041")
        assert (out.seq, message.seq, message.boot, message.at_ms) == (
            seq,
            seq,
            9,
            1_000 + 500 * seq,
        )
        assert message.signals.keys() == source.birth.signals.keys()


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ([("s1", m.Will(device="pump-01", boot=1, seq=-1))], "a will of pump-01 cannot be played"),
        ([("s1", birth(at_ms=9_000)), ("s1", report(1, 8_000))], "seq 1 is 1000 ms older"),
    ],
)
def test_what_cannot_be_played_is_refused_when_it_is_written(tmp_path, said, problem):
    with pytest.raises(TapeError, match=problem):
        write_tape(tmp_path / "a.tape", said)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"{}", r"a\.tape:2: Expected `array`"),
        (b'[0,"s1","pump-01",1,"x/y",{}]', r"a\.tape:2: x/y: not an uplink topic"),
        (
            (
                b'[0,"s1","pump-01",2,"twinrig/v1/up/s1/pump-01/telemetry",{"type":"telemetry.v1",'
                b'"device":"pump-01","boot":1,"seq":1,"at_ms":1,"signals":{}}]'
            ),
            r"a\.tape:2: the line says s1/pump-01 seq 2, its message s1/pump-01 seq 1",
        ),
    ],
)
def test_a_broken_line_is_named_by_file_and_number(tmp_path, line, problem):
    path = tmp_path / "a.tape"
    path.write_bytes(HEAD + b"\n" + line + b"\n")

    with pytest.raises(TapeError, match=problem):
        list(read_tape(path))


def test_a_file_that_is_no_tape_says_what_its_first_line_must_be(tmp_path):
    path = tmp_path / "a.tape"
    path.write_text("hello\n")

    with pytest.raises(TapeError, match="its first line must be"):
        tracks(path)
    with pytest.raises(TapeError, match="No such file"):
        tracks(tmp_path / "none.tape")


def test_a_track_begins_with_its_birth_and_is_one_boot(tmp_path):
    early, twice = tmp_path / "early.tape", tmp_path / "twice.tape"
    write_tape(early, [("s1", report(1, 1_000))])
    write_tape(twice, [("s1", birth()), ("s1", birth(boot=2))])

    with pytest.raises(TapeError, match="pump-01 sends seq 1 before its birth"):
        tracks(early)
    with pytest.raises(TapeError, match=r"pump-01 starts twice \(boot 1 and 2\)"):
        tracks(twice)


def test_tape_ledger_and_runner_need_no_locust():
    code = (
        "import sys; sys.modules['locust'] = sys.modules['gevent'] = None\n"
        "import loadtests.tape, loadtests.account, loadtests.stored, loadtests.run\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
