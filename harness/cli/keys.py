"""Keys that hold, step, warp and end a paced run while it tells its story in the terminal."""

from __future__ import annotations

import contextlib
import os
import select
import sys
import threading
from collections.abc import Callable, Iterator
from typing import IO

from harness.events import Event, StepDone
from harness.world.control import Control

HELP = "keys: space pause · s step · + faster · - slower · j one day on · w one week on · q end"
FACTOR = 2.0
"""What one press makes of the speed."""
LEAST, MOST = 1.0, 1e9
"""Simulated seconds per second that keys can reach."""
DAY_MS = 86_400_000
LOOK_EVERY_S = 0.2
"""How often the thread looks whether the run is over."""


class Keys:
    """What each key does. Listens to the run too, to know where a jump begins."""

    def __init__(self, control: Control, say: Callable[[str], None]) -> None:
        self._control, self._say, self._now_ms = control, say, 0

    def on_event(self, event: Event) -> None:
        """Take note of the time."""
        if isinstance(event, StepDone):
            self._now_ms = event.now_ms

    def press(self, key: str) -> None:
        """Do what a key stands for; keys that stand for nothing do nothing."""
        control = self._control
        if key == " ":
            (control.resume if control.paused else control.pause)()
            self._say("paused" if control.paused else f"goes on at {control.speed:g} x")
        elif key == "s":
            control.pause()
            control.step()
        elif key in "+-" and key:
            factor = FACTOR if key == "+" else 1 / FACTOR
            control.set_speed(min(MOST, max(LEAST, control.speed * factor)))
            self._say(f"{control.speed:g} x real time")
        elif key in ("j", "w"):
            control.jump(self._now_ms + (DAY_MS if key == "j" else 7 * DAY_MS))
        elif key == "q":
            control.stop()


@contextlib.contextmanager
def listening(keys: Keys, source: IO[str] = sys.stdin) -> Iterator[bool]:
    """Read keys from a terminal in a thread as long as this is open.

    Gives False and reads nothing where there is no terminal (or none that can be set so).
    """
    if not source.isatty():
        yield False
        return
    try:
        import termios  # noqa: PLC0415 - not on every platform
        import tty  # noqa: PLC0415
    except ImportError:
        yield False
        return
    number = source.fileno()
    before, done = termios.tcgetattr(number), threading.Event()
    tty.setcbreak(number)
    thread = threading.Thread(target=_read, args=(number, keys, done), daemon=True)
    thread.start()
    try:
        yield True
    finally:
        done.set()
        thread.join()
        termios.tcsetattr(number, termios.TCSADRAIN, before)


def _read(number: int, keys: Keys, done: threading.Event) -> None:
    while not done.is_set():
        if select.select([number], [], [], LOOK_EVERY_S)[0]:
            for key in os.read(number, 64).decode(errors="ignore"):
                keys.press(key)
