"""One hash for one scenario and seed: whatever the hash seed of strings, the broker, the Python."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from broker.servers import mosquitto

ROOT = Path(__file__).parents[2]
STORY = ROOT / "scenarios/links/every-third-acknowledgement-lost.yaml"
FLAGSHIP = ROOT / "scenarios/pumps/bearing-wears-out.yaml"
NEEDED = (
    "import amqtt, cel, gmqtt, iotcore, msgspec, numba, numpy, paho, pydantic, simpy, sqlalchemy"
)
NEWER = ("3.12", "3.13")

pytestmark = pytest.mark.deep


def trace_hash(
    folder: Path,
    python: str = sys.executable,
    *,
    story: Path = STORY,
    seed: str = "0",
    **options: str,
) -> str:
    """Run the story in a process of its own, by the command that people type."""
    words = [word for key, value in options.items() for word in (f"--{key}", value)]
    command = [python, "-m", "harness", "run", str(story), "--seed", "7", "--json", *words]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": seed}
    ran = subprocess.run(
        [*command, "--report-dir", str(folder)],
        cwd=folder, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr[-2000:]
    return str(json.loads(ran.stdout)["trace_hash"])


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> str:
    return trace_hash(tmp_path_factory.mktemp("usual"), link="memory")


@pytest.mark.parametrize("seed", ["1", "4711", "random"])
def test_the_hash_seed_of_strings_changes_nothing(usual: str, tmp_path: Path, seed: str) -> None:
    assert trace_hash(tmp_path, seed=seed, link="memory") == usual


@pytest.mark.parametrize("broker", ["rumqttd", "amqtt", "mosquitto"])
def test_a_broker_and_a_dps_as_a_process_change_nothing(
    usual: str, tmp_path: Path, broker: str
) -> None:
    if broker == "mosquitto" and mosquitto.find() is None:
        pytest.skip("mosquitto is not installed (on Debian: apt-get install mosquitto)")
    assert trace_hash(tmp_path, seed="99", link="mqtt", broker=broker) == usual


def interpreters(version: str) -> list[str]:
    """Pythons of a version: named by TWINRIG_PYTHONS (paths, as in PATH), on PATH, of pyenv."""
    named = [path for path in os.environ.get("TWINRIG_PYTHONS", "").split(os.pathsep) if path]
    found = [*named, shutil.which(f"python{version}") or ""]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found += [str(path) for path in sorted(pyenv.glob(f"{version}.*/bin/python"))]
    return [python for python in dict.fromkeys(found) if python and _says(python) == version]


def _says(python: str) -> str:
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    ran = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return ran.stdout.strip()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("version", NEWER)
def test_a_newer_python_changes_nothing(usual: str, tmp_path: Path, version: str) -> None:
    if sys.version_info[:2] == tuple(map(int, version.split("."))):
        pytest.skip(f"this is Python {version}; the others are compared with it")
    there = interpreters(version)
    if not there:
        pytest.skip(f"no Python {version} here (PATH, pyenv, TWINRIG_PYTHONS)")
    able = [
        python
        for python in there
        if not subprocess.run([python, "-c", NEEDED], capture_output=True, check=False).returncode
    ]
    if not able:
        pytest.skip(
            f"{', '.join(there)}: what Twinrig needs is not installed there; name a virtual "
            "environment that has it in TWINRIG_PYTHONS"
        )
    assert trace_hash(tmp_path, able[0], link="memory") == usual
    ours = trace_hash(tmp_path, story=FLAGSHIP, link="memory")
    assert trace_hash(tmp_path, able[0], story=FLAGSHIP, seed="3", link="memory") == ours
