"""What a stranger installs: the wheel carries code and data, and works outside our folder."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.deep, pytest.mark.timeout(500), pytest.mark.xdist_group("wheel")]
DATA = (".toml", ".yaml", ".yml", ".json", ".html", ".j2", ".jinja", ".mako", ".css", ".js")


def run(*command: str | Path, cwd: Path) -> str:
    """Run without a hint of this checkout in the environment; show all output on failure."""
    bare = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=bare,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from the tracked files only, as from a fresh clone."""
    top = tmp_path_factory.mktemp("wheel")
    source = top / "source"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(source)], check=True)
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", top, source, cwd=top)
    (built,) = top.glob("twinrig-*.whl")
    return built


def test_the_wheel_carries_code_and_data_and_nothing_else(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    tops = ("broker/", "harness/", "loadtests/", "reference_impl/", "scenarios/", "twins/")
    ours = [name for name in listed if name.startswith(tops) and "/tests/" not in name]
    wanted = {name for name in ours if name.endswith((".py", *DATA))} | {"twinrig.py"}

    assert {name for name in wanted if name.endswith(DATA)}, "products and scenarios are data"
    assert wanted - names == set()
    assert [name for name in names if name.split("/")[0] in {"tests", "docs"}] == []


def test_a_fresh_environment_runs_the_main_job_from_an_empty_folder(
    wheel: Path, tmp_path: Path
) -> None:
    """Base install only, with the pinned versions: no extra may be needed for ``twinrig run``."""
    venv = tmp_path / "venv"
    run(sys.executable, "-m", "venv", venv, cwd=tmp_path)
    python = venv / "bin" / "python"
    pins = ROOT / "constraints.txt"
    run(python, "-m", "pip", "install", "--quiet", "-c", pins, wheel, cwd=tmp_path)
    installed = run(python, "-m", "pip", "list", "--format=freeze", cwd=tmp_path).lower()
    scenarios = run(python, "-c", "import scenarios; print(scenarios.__path__[0])", cwd=tmp_path)
    scenario = Path(scenarios.strip()) / "pumps" / "bearing-wears-out.yaml"

    assert not [
        word for word in ("locust", "psycopg", "distributed", "pytest") if word in installed
    ]
    assert "run" in run(venv / "bin" / "twinrig", "--help", cwd=tmp_path)
    assert "run" in run(python, "-m", "twinrig", "--help", cwd=tmp_path)
    run(venv / "bin" / "twinrig", "run", scenario, "--seed", "7", "--link", "memory", cwd=tmp_path)
