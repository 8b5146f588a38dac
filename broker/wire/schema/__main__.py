"""``python -m broker.wire.schema [FOLDER]``: write the documents, say where."""

from __future__ import annotations

import sys
from pathlib import Path

from broker.wire.schema import FOLDER, write


def main() -> None:
    """Write every document into the folder that is named, or into the package's own."""
    for path in write(Path(sys.argv[1]) if sys.argv[1:] else FOLDER):
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
