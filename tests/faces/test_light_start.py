"""What a command imports is most of its start, so what it does not need stays out."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
TELLS = """
import atexit, sys
from pathlib import Path
from harness.cli.main import main
atexit.register(lambda: Path("modules.txt").write_text(" ".join(sys.modules)))
main()
"""
STORY = """
schema: 1
title: Two hours
story: Nothing happens to two devices.
run: {start: 2026-01-05T00:00:00Z, until: 2h}
fleets: [{product: pump, sites: 1, devices_per_site: 2}]
service: {rules: [standard]}
always: [nothing_lost]
"""


def imported(folder: Path, *call: str) -> tuple[set[str], str]:
    """The modules of a command that succeeded, and what it printed."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", TELLS, *call]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=True)
    return set((folder / "modules.txt").read_text().split()), done.stdout


def test_help_imports_neither_arrays_nor_twins_nor_a_dps(tmp_path: Path) -> None:
    modules, _ = imported(tmp_path, "--help")
    assert modules.isdisjoint({"numpy", "numba", "pydantic", "fastapi", "sqlalchemy", "jinja2"})
    assert modules.isdisjoint({"harness.engine", "twins", "reference_impl", "broker"})


def test_a_run_in_memory_imports_no_client_server_or_compiler_and_no_other_product(
    tmp_path: Path,
) -> None:
    (tmp_path / "story.yaml").write_text(STORY)
    call = ("run", "story.yaml", "--seed", "7", "--link", "memory")
    modules, told = imported(tmp_path, *call)
    if "compiling" in told or "holidays" in modules:  # once a machine
        modules, told = imported(tmp_path, *call)
    assert "PASSED" in told
    assert "compiling" not in told
    clients = {"httpx", "stamina", "aiosmtplib", "gmqtt", "paho", "h11", "uvicorn", "http.server"}
    assert modules.isdisjoint(clients)
    assert modules.isdisjoint({"alembic", "nicegui", "plotly", "faker", "xml.etree", "holidays"})
    assert "numba" in modules
    assert modules.isdisjoint({"numba.np.linalg", "numba.np.npyimpl", "numba.cpython.mathimpl"})
    assert "reference_impl.registry.api" in modules
    assert modules.isdisjoint(
        {"reference_impl.registry.api_rights", "reference_impl.rules.view_api"}
    )
    assert "twins.products.pump.twin" in modules
    assert "twins.products.ventilation.twin" not in modules
