"""What all tests share: profiles, optional programs, PostgreSQL, and nothing left behind."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import HealthCheck, settings

SLOW_IS_FINE = (HealthCheck.too_slow, HealthCheck.data_too_large)

settings.register_profile("small", max_examples=30, deadline=None, print_blob=True)
settings.register_profile("ci", settings.get_profile("small"), derandomize=True, database=None)
settings.register_profile(
    "deep",
    settings.get_profile("ci" if os.environ.get("CI") else "small"),
    max_examples=500,
    suppress_health_check=SLOW_IS_FINE,
)

SESSION_MARK = "TWINRIG_TEST_SESSION"
"""Each process that a test starts inherits this variable, so orphans are found as well."""


def pytest_configure(config: pytest.Config) -> None:
    """Choose how many examples hypothesis tries: HYPOTHESIS_PROFILE, else by where we run."""
    deep = config.getoption("markexpr", "") == "deep"
    usual = "deep" if deep else "ci" if os.environ.get("CI") else "small"
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", usual))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare ``--whole``."""
    parser.addoption(
        "--whole", action="store_true", help="run all cases of tests of which otherwise some run"
    )


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out cases of ``sampled`` tests, always the same, unless all or one are asked for."""
    if config.getoption("whole") or any("::" in word for word in config.args):
        return
    families: dict[tuple[Path, str], list[pytest.Item]] = {}
    for item in sorted(items, key=lambda item: item.nodeid):
        if item.get_closest_marker("deep"):
            families.setdefault((item.path, getattr(item, "originalname", "")), []).append(item)
    left: set[pytest.Item] = set()
    for (path, _), family in families.items():
        mark = family[0].get_closest_marker("sampled")
        if mark is not None:
            left.update(item for n, item in enumerate(family) if n % mark.args[0])
        elif path.suffix == ".yaml":  # one variant of a scenario, not of all the same one
            kept = zlib.crc32(path.stem.encode()) % len(family)
            left.update(item for n, item in enumerate(family) if n != kept)
    if left:
        config.hook.pytest_deselected(items=list(left))
        items[:] = [item for item in items if item not in left]


def _program(name: str) -> str | None:
    """Where a program is; Debian keeps servers outside the PATH of ordinary users."""
    postgres = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    extra = ["/usr/sbin", "/usr/local/sbin", *map(str, postgres)]
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *extra]))


NEEDS = {"browser": "chromium", "mosquitto": "mosquitto", "postgres": "initdb"}
"""Marker -> the program without which a test so marked is skipped."""


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a program that is not installed here, and say which."""
    for marker, program in NEEDS.items():
        if item.get_closest_marker(marker) and _program(program) is None:
            pytest.skip(f"{program} is not installed (Debian package: see .ci/run)")


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say how to run the same order again when something failed."""
    seed = getattr(config.option, "randomly_seed", None)
    if terminalreporter.stats.get("failed") and isinstance(seed, int):
        terminalreporter.write_line(f"same order again: pytest --randomly-seed={seed}")


def _left_behind(mark: str) -> list[psutil.Process]:
    """Processes of this session that are alive: our children, and orphans that carry the mark."""
    found = {child.pid: child for child in psutil.Process().children(recursive=True)}
    for process in psutil.process_iter():
        try:
            if process.environ().get(SESSION_MARK) == mark and process.pid != os.getpid():
                found[process.pid] = process
        except (psutil.Error, OSError):
            continue  # Gone meanwhile, or not ours to look at: then we did not start it.
    return [process for process in found.values() if _matters(process)]


def _matters(process: psutil.Process) -> bool:
    """Alive, and none of Python's own helpers, which end with us."""
    try:
        helper = "multiprocessing" in " ".join(process.cmdline())
        return not helper and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _command(process: psutil.Process) -> str:
    try:
        return f"{process.pid}: {' '.join(process.cmdline())[:200]}"
    except psutil.Error:
        return str(process.pid)


@pytest.fixture(scope="session", autouse=True)
def nothing_is_left_behind() -> Iterator[None]:
    """Fail the session if a broker, a DPS or anything else that a test started is still there."""
    mark = secrets.token_hex(8)
    os.environ[SESSION_MARK] = mark
    yield
    del os.environ[SESSION_MARK]
    psutil.wait_procs(_left_behind(mark), timeout=3.0)
    left = _left_behind(mark)
    lines = "\n  ".join(map(_command, left))
    for process in left:
        process.kill()
    if left:
        pytest.fail(f"processes that the tests left behind (killed now):\n  {lines}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A throw-away PostgreSQL of our own on loopback: ``postgresql+psycopg://...``.

    PostgreSQL refuses to run as root, so there it runs as the user ``postgres``.
    """
    initdb, server = _program("initdb"), _program("postgres")
    if initdb is None or server is None:
        pytest.skip("PostgreSQL (initdb, postgres) is not installed (Debian package postgresql)")
    who = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.getuid() == 0 else {}
    home = Path(tempfile.mkdtemp(prefix="twinrig-pg-"))
    if who:
        shutil.chown(home, "postgres", "postgres")
    data, port = home / "data", _free_port()
    try:
        subprocess.run(
            [initdb, "-D", str(data), "-U", "postgres", "--auth=trust", "--no-sync", "-E", "UTF8"],
            check=True, cwd=home, capture_output=True, **who,
        )  # fmt: skip
        with (home / "log").open("wb") as log:
            process = subprocess.Popen(
                [server, "-D", str(data), "-p", str(port), "-k", str(home), "-F",
                 "-c", "listen_addresses=127.0.0.1"],
                cwd=home, stdout=log, stderr=log, **who,
            )  # fmt: skip
        try:
            _wait_until_ready(process, port, home / "log")
            yield f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres"
        finally:
            process.terminate() if process.poll() is None else None
            process.wait(timeout=90)
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def new_database(postgres_url: str) -> Callable[..., str]:
    """Makes empty databases on the throw-away server, and gives their URLs.

    What it is given goes behind ``CREATE DATABASE <name>``.
    """
    import sqlalchemy as sa

    def make(options: str = "") -> str:
        name = f"twin_{secrets.token_hex(6)}"
        engine = sa.create_engine(postgres_url, isolation_level="AUTOCOMMIT")
        with engine.connect() as conn:
            conn.exec_driver_sql(f"CREATE DATABASE {name} {options}")
        engine.dispose()
        return sa.make_url(postgres_url).set(database=name).render_as_string(hide_password=False)

    return make


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Ask ``pg_isready`` (it waits by itself) until the server takes connections."""
    ready = _program("pg_isready")
    assert ready is not None, "pg_isready comes with every PostgreSQL client"
    for _ in range(300):
        if process.poll() is not None:
            pytest.fail(f"PostgreSQL did not start:\n{log.read_text()}")
        asked = [ready, "-h", "127.0.0.1", "-p", str(port), "-t", "2"]
        if subprocess.run(asked, check=False, capture_output=True).returncode == 0:
            return
        try:
            process.wait(timeout=0.1)
        except subprocess.TimeoutExpired:
            continue
    pytest.fail(f"PostgreSQL was not ready within 30 s:\n{log.read_text()}")
