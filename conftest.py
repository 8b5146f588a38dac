"""Makes ``python -m pytest`` work in a checkout that was never installed."""

from importlib.metadata import entry_points

if "harness.pytest_plugin" not in {point.value for point in entry_points(group="pytest11")}:
    pytest_plugins = ["harness.pytest_plugin"]
