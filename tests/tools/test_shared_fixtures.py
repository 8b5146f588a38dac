"""The fixtures of tests/conftest.py themselves."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy


@pytest.mark.deep
@pytest.mark.postgres
def test_postgres_url_is_a_database_that_takes_tables(postgres_url: str) -> None:
    engine = sqlalchemy.create_engine(postgres_url)
    try:
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text("create table t (n int)"))
            connection.execute(sqlalchemy.text("insert into t values (42)"))
            assert connection.execute(sqlalchemy.text("select n from t")).scalar_one() == 42
    finally:
        engine.dispose()


def test_an_orphan_left_behind_fails_the_session(tmp_path: Path) -> None:
    """After a crash the parent is gone: looking at our own children only would miss the rest."""
    shutil.copy(Path(__file__).parents[1] / "conftest.py", tmp_path)
    (tmp_path / "test_leaves.py").write_text(
        "import subprocess\n"
        "def test_leaves_an_orphan():\n"
        "    subprocess.run(['sh', '-c', 'sleep 60 >/dev/null 2>&1 &'], check=True)\n"
    )
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--timeout=60"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert run.returncode == 1, run.stdout
    assert "processes that the tests left behind" in run.stdout
    assert "sleep 60" in run.stdout
