"""The process in which rumqttd runs; started as a script, it imports nothing of ours.

It ends when its standard input closes. Arguments: port, largest packet in bytes.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from typing import Any


def _exit_with_parent() -> None:
    while os.read(0, 4096):
        pass
    os._exit(0)


def _load_native() -> Any:  # noqa: ANN401 - an extension module without types
    """Import iotcore's extension alone: its Python client would take half of the start time."""
    package = find_spec("iotcore")
    if package is None:
        raise ModuleNotFoundError("the package iotcore is not installed")
    spec = PathFinder.find_spec("iotcore.iotcore", package.submodule_search_locations)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError("the package iotcore has no extension module for this Python")
    native = module_from_spec(spec)
    spec.loader.exec_module(native)
    return native


def main() -> None:
    """Run the broker until the parent goes away."""
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    # rumqttd logs a line for every packet as an error.
    logging.disable(logging.CRITICAL)
    port, max_packet_bytes = int(sys.argv[1]), int(sys.argv[2])
    try:
        _load_native().IotCoreBroker(
            listen="127.0.0.1", port=port, max_payload_size=max_packet_bytes
        ).run_forever()
    except Exception as error:  # noqa: BLE001 - the entrypoint: the parent reads the last line
        os.write(2, f"{error}\n".encode())
    # Not sys.exit: the thread that waits on stdin would abort the interpreter's own shutdown.
    os._exit(1)


if __name__ == "__main__":
    main()
