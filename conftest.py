"""Makes ``python -m pytest`` work in a checkout not installed; knows the feature list."""

import importlib.util
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

if "harness.pytest_plugin" not in {point.value for point in entry_points(group="pytest11")}:
    pytest_plugins = ["harness.pytest_plugin"]


def pytest_addoption(pluginmanager: pytest.PytestPluginManager) -> None:
    """Load the plugin of tests/features, which is on nobody's path."""
    name = "twinrig_feature_list"
    file = Path(__file__).parent / "tests/features/plugin.py"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    pluginmanager.register(module, name)
