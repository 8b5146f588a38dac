"""Runs a program that cannot watch its parent, and ends it when our own standard input closes.

Started as a script, imports nothing of ours. Arguments: a program and its arguments; ``{config}``
in them stands for a file that holds the text of the first argument.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading


def main() -> None:
    """Run the program until it ends or the parent goes away."""
    text, *command = sys.argv[1:]
    # A pipe instead of a file: nothing is left on the disk, however this ends.
    readable, writable = os.pipe()
    os.write(writable, text.encode())
    os.close(writable)
    process = subprocess.Popen(  # noqa: S603 - the parent's own command
        [part.replace("{config}", f"/dev/fd/{readable}") for part in command],
        stdin=subprocess.DEVNULL,
        pass_fds=(readable,),
    )
    os.close(readable)

    def exit_with_parent() -> None:
        while os.read(0, 4096):
            pass
        process.kill()

    threading.Thread(target=exit_with_parent, daemon=True).start()
    os._exit(process.wait() & 0xFF)


if __name__ == "__main__":
    main()
