"""Files that include others: one tree of data in which every place still knows its file and line.

Rules: mappings are merged key by key; of two values or lists the including file's goes before the
included one's, and a later include before an earlier one; ``name+: [...]`` adds to the list that
is there; ``name: null`` takes the key away. A path may hold parameters of the file that is read
(``parts/$(machine).yaml``); what an included file declares comes too late for that.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from harness.errors import Problem, Spot
from harness.scenario.variants import Filler, Scalar
from harness.scenario.yamlspots import Path, Read, read, value_at

KEY = "include"
DEPTH_MAX = 8
FILES_MAX = 64
Opens = Callable[[FilePath], str]


@dataclass(slots=True)
class _Reading:
    """What one reading of a file and all that it includes has in common."""

    opens: Opens
    main: FilePath
    filler: Filler
    files: int = 0
    problems: list[Problem] = field(default_factory=list)


def read_text(path: FilePath) -> str:
    """The text of a file.

    Raises:
        OSError: If it cannot be read.
        UnicodeDecodeError: If it is not UTF-8.
    """
    return path.read_text("utf-8")


def read_whole(
    text: str, file: str, opens: Opens = read_text, *, values: Mapping[str, Scalar] | None = None
) -> Read:
    """Read a file and what it includes; every mistake ends up in ``problems``.

    Args:
        text: What stands in the file.
        file: Its path; includes are relative to it.
        opens: Gives the text of an included file.
        values: Of the file's own parameters, for ``$(name)`` in the paths of includes.
    """
    state = _Reading(opens, FilePath(file), Filler(values or {}))
    whole = _read(text, FilePath(file), (os.path.normpath(file),), state)
    whole.problems += state.problems
    whole.used |= state.filler.used
    return whole


def _read(text: str, file: FilePath, above: tuple[str, ...], state: _Reading) -> Read:
    own = read(text, str(file))
    state.problems += own.problems
    own.problems = []
    if not isinstance(own.data, dict):
        return own
    wanted = own.data.pop(KEY, None)
    base: Read | None = None
    names = [wanted] if isinstance(wanted, str) else wanted
    if names is not None and not (
        isinstance(names, list) and names and all(isinstance(name, str) for name in names)
    ):
        text = "include takes the path of a file, or a list of paths"
        state.problems.append(Problem(own.spot((KEY,)), text))
        names = []
    for number, name in enumerate(names or ()):
        spot = own.spot((KEY,) if isinstance(wanted, str) else (KEY, number))
        wrong = len(state.filler.said)
        path = str(state.filler.filled(name))
        if len(state.filler.said) > wrong:
            state.problems.append(Problem(spot, state.filler.said[-1].text))
            continue
        part = _included(file.parent / path, spot, above, state)
        if part is not None:
            base = part if base is None else merge(base, part, state.problems)
    if len(above) > 1:
        _rebase(own, file, state.main)
    if base is None and not any(key.endswith("+") for key in own.data):
        return own
    return merge(base or Read(str(file), data={}), own, state.problems)


def _included(
    file: FilePath,
    spot: Spot,
    above: tuple[str, ...],
    state: _Reading,
) -> Read | None:
    name = os.path.normpath(file)
    state.files += 1
    why = ""
    if name in above:
        why = f"{name} includes itself, by way of {' > '.join((*above, name))}"
    elif len(above) > DEPTH_MAX:
        why = f"includes go deeper than {DEPTH_MAX} files"
    elif state.files > FILES_MAX:
        why = f"more than {FILES_MAX} files are included"
    if not why:
        try:
            text = state.opens(file)
        except (OSError, ValueError) as error:
            said = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            why = f"{name} cannot be read: {said}"
    if why:
        state.problems.append(Problem(spot, why))
        return None
    part = _read(text, file, (*above, name), state)
    if part.data is not None and not isinstance(part.data, dict):
        text = "an included file must be a mapping, such as fleets: [...]"
        state.problems.append(Problem(part.spot(()), text))
        return None
    return part


def _rebase(part: Read, file: FilePath, main: FilePath) -> None:
    """Paths of rule packs are relative to the file that names them: make them the main one's."""
    service = part.data.get("service")
    rules = service.get("rules") if isinstance(service, dict) else None
    if not isinstance(rules, list):
        return
    for number, pack in enumerate(rules):
        if isinstance(pack, str) and (pack.endswith((".yaml", ".yml")) or "/" in pack):
            rules[number] = os.path.relpath(file.parent / pack, main.parent)


def merge(base: Read, over: Read, problems: list[Problem]) -> Read:
    """``over`` on top of ``base``, by the rules above."""
    result = Read(over.file)
    result.data = _Merge(base, over, result, problems).whole((), ())
    return result


@dataclass(slots=True)
class _Merge:
    base: Read
    over: Read
    result: Read
    problems: list[Problem]

    def whole(self, at: Path, to: Path) -> Any:  # noqa: ANN401
        """What stands at ``to`` once merged; ``at`` is the same place in ``over``."""
        base, over, result = self.base, self.over, self.result
        below, above = value_at(base.data, to), value_at(over.data, at)
        if not (isinstance(below, dict) and isinstance(above, dict)):
            return _kept(over, at, to, result)
        result.values[to] = over.values.get(at) or base.spot(to)
        merged: dict[str, Any] = {}
        for key in below:
            if key not in above and f"{key}+" not in above:
                merged[key] = _kept(base, (*to, key), (*to, key), result)
        for key, value in above.items():
            name = key.removesuffix("+")
            here, there = (*at, key), (*to, name)
            if value is None and key in below:
                continue
            if key.endswith("+"):
                merged[name] = self.added(here, there)
            else:
                merged[name] = self.whole(here, there)
            result.keys[there] = over.keys[here]
        return merged

    def added(self, here: Path, there: Path) -> list[Any]:
        """The list that is below with what stands above behind it."""
        below, above = value_at(self.base.data, there), value_at(self.over.data, here)
        first = below if isinstance(below, list) else []
        text = ""
        if below is None:
            text = f"{here[-1]!r} adds to a list that is in no included file"
        elif not isinstance(above, list) or not isinstance(below, list):
            text = f"{here[-1]!r} adds to a list: both have to be lists"
        if text:
            self.problems.append(Problem(self.over.spot(here, key=True), text))
        more = above if isinstance(above, list) else []
        self.result.values[there] = self.over.spot(here)
        for number in range(len(first)):
            _keep(self.base, (*there, number), (*there, number), self.result)
        for number in range(len(more)):
            _keep(self.over, (*here, number), (*there, len(first) + number), self.result)
        return [*first, *more]


def _kept(source: Read, at: Path, to: Path, result: Read) -> Any:  # noqa: ANN401
    _keep(source, at, to, result)
    return value_at(source.data, at)


def _keep(read: Read, at: Path, to: Path, result: Read) -> None:
    """Take over the places of everything at and below ``at``."""
    for kept, source in ((result.values, read.values), (result.keys, read.keys)):
        for path, spot in source.items():
            if path[: len(at)] == at:
                kept[(*to, *path[len(at) :])] = spot
