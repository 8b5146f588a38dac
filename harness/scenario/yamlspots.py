"""YAML with the place of everything: plain data, and line and column of each key and value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from harness.errors import Problem, Spot

Path = tuple[str | int, ...]
DEPTH_MAX = 12
"""Levels of nesting; a scenario needs six."""
_TAG = "tag:yaml.org,2002:"


@dataclass(slots=True)
class Read:
    """What a file says and where it says it."""

    file: str
    data: Any = None
    keys: dict[Path, Spot] = field(default_factory=dict)
    values: dict[Path, Spot] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    """Parameters that stand in the paths of includes."""

    def spot(self, path: Path, *, key: bool = False) -> Spot:
        """Where ``path`` stands; the nearest thing around it if it is not there."""
        while path:
            found = (self.keys if key else self.values).get(path) or self.values.get(path)
            if found is not None:
                return found
            path, key = path[:-1], False
        return self.values.get((), Spot(self.file, 1, 1))


def read(text: str, file: str) -> Read:
    """Parse one YAML 1.2 document; mistakes of syntax and duplicate keys end up in ``problems``."""
    result = Read(file)
    try:
        node = YAML(typ="safe", pure=True).compose(text)
    except ReaderError as error:
        before = text[: error.position]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        what = f"this is not YAML: character #x{error.character:04x} is not allowed in a text file"
        result.problems.append(Problem(Spot(file, line, column), what))
        return result
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        spot = Spot(file, mark.line + 1, mark.column + 1) if mark else Spot(file, 1, 1)
        what = " ".join(part for part in (error.context, error.problem) if part)
        result.problems.append(Problem(spot, f"this is not YAML: {what}"))
        return result
    except RecursionError:
        result.problems.append(Problem(Spot(file, 1, 1), f"deeper than {DEPTH_MAX} levels"))
        return result
    except Exception as error:  # noqa: BLE001 - the parser falls over some texts that are no YAML
        what = f"this is not YAML: the parser gives up ({type(error).__name__}: {error})"
        result.problems.append(Problem(Spot(file, 1, 1), what))
        return result
    if node is None:
        result.problems.append(Problem(Spot(file, 1, 1), "the file is empty"))
        return result
    result.data = _take(node, (), result)
    return result


def _take(node: Node, path: Path, result: Read) -> Any:  # noqa: ANN401 - plain data of any shape
    result.values[path] = _spot(node, result.file)
    if len(path) > DEPTH_MAX:  # also ends an anchor that holds itself
        result.problems.append(Problem(_spot(node, result.file), f"deeper than {DEPTH_MAX} levels"))
        return None
    if isinstance(node, MappingNode):
        return _mapping(node, path, result)
    if isinstance(node, SequenceNode):
        return [_take(item, (*path, i), result) for i, item in enumerate(node.value)]
    assert isinstance(node, ScalarNode)
    return _scalar(node)


def _mapping(node: MappingNode, path: Path, result: Read) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = str(key_node.value)
        inner = (*path, key)
        if key in data:
            first = result.keys[inner]
            text = f"key {key!r} stands twice; the first is in line {first.line}"
            result.problems.append(Problem(_spot(key_node, result.file), text))
            continue
        result.keys[inner] = _spot(key_node, result.file)
        data[key] = _take(value_node, inner, result)
    return data


def _scalar(node: ScalarNode) -> Any:  # noqa: ANN401
    kind = str(node.tag).removeprefix(_TAG)
    text: str = node.value
    try:
        if kind == "int":
            return int(text.replace("_", ""), 0) if not text.isdigit() else int(text)
        if kind == "float":
            return float(text.replace("_", "").replace(".inf", "inf").replace(".nan", "nan"))
    except ValueError:  # a tag that says so, or more digits than anything has
        return text
    if kind == "bool":
        return text.lower() == "true"
    return None if kind == "null" else text


def _spot(node: Node, file: str) -> Spot:
    return Spot(file, node.start_mark.line + 1, node.start_mark.column + 1)


def value_at(data: object, path: Path) -> Any:  # noqa: ANN401 - any value of YAML
    """What stands at a place of plain data; None if there is no such place."""
    for part in path:
        if isinstance(data, dict):
            data = data.get(part)
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
        else:
            return None
    return data
