"""The how-to for tests in Python, executed: a reader who types it in has green tests."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/howto/pytest.md").read_text()


@pytest.fixture(scope="module")
def typed_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the how-to, as it says."""
    folder = tmp_path_factory.mktemp("reader")
    (folder / "stories").mkdir()
    for language, code in re.findall(r"```(\w+)\n(.*?)```", TEXT, flags=re.DOTALL):
        if language == "yaml":
            (folder / "stories/a-day.yaml").write_text(code)
        elif language == "ini":
            (folder / "pytest.ini").write_text(code)
        elif language == "python":
            (folder / code.split("\n")[0].removeprefix("# ")).write_text(code)
    return folder


@pytest.mark.deep
def test_every_example_of_the_how_to_is_green(typed_in: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    plugin = ("-p", "no:twinrig", "-p", "harness.pytest_plugin")
    command = [sys.executable, "-m", "pytest", *plugin, "-q", "-rA", "--strict-markers"]
    ran = subprocess.run(
        command, cwd=typed_in, env=env, capture_output=True, text=True, check=False
    )
    passed = set(re.findall(r"^PASSED \S+::(\S+)", ran.stdout, flags=re.MULTILINE))

    assert ran.returncode == 0, ran.stdout[-3000:]
    defined = set(re.findall(r"^def (test_\w+)", TEXT, flags=re.MULTILINE))
    assert {name.split("[")[0] for name in passed} == {*defined, "a-day"}
    assert len(passed) == len(defined) + 1 + 2, "three seeds are three cases"


def test_the_how_to_names_every_fixture_and_option_of_the_plugin() -> None:
    source = (ROOT / "harness/pytest_plugin.py").read_text()
    fixtures = re.findall(r"@pytest\.fixture\ndef (\w+)", source)
    options = re.findall(r'(?:addini|addoption)\(\s*"([\w-]+)"', source)

    assert len(fixtures) >= 7
    assert [name for name in [*fixtures, *options] if name not in TEXT] == []
