"""Kernels are leaves: Numba's cache sees changes of a kernel's own file only."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = {"broker", "harness", "loadtests", "reference_impl", "twins"}
DECORATORS = {"twins.core.compiled", "reference_impl.kernel.compiled"}
KERNELS = sorted(
    path
    for package in ("reference_impl", "twins")
    for path in (ROOT / package).rglob("*.py")
    if any(f"from {one} import" in path.read_text(encoding="utf-8") for one in DECORATORS)
)


def foreign(source: str) -> set[str]:
    """Modules of ours, other than the decorator's, that a source imports."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
        elif isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
    return {name for name in names if name.split(".")[0] in OURS} - DECORATORS


def test_there_are_kernels() -> None:
    assert KERNELS


@pytest.mark.parametrize("path", KERNELS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_kernel_module_imports_nothing_of_ours_but_the_decorator(path: Path) -> None:
    assert not foreign(path.read_text(encoding="utf-8"))


def test_an_import_of_ours_would_be_seen() -> None:
    assert foreign("from twins.core.noise import mix32\nimport math\nimport broker.wire") == {
        "twins.core.noise",
        "broker.wire",
    }
