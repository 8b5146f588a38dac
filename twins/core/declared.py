"""What a product says its devices obey: commands, settings, features, states, firmware images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from twins.core.errors import named
from twins.core.firmware import IMAGE_FAULTS, Image, version_key
from twins.core.manifest import Param

KINDS: Final = ("number", "whole", "flag", "text")
Plain = float | bool | str


@dataclass(frozen=True, slots=True, kw_only=True)
class ArgSpec:
    """An argument of a command; without ``default`` it must be given.

    ``min`` and ``max`` (in ``unit``, both allowed) are for numbers, ``one_of`` for texts.
    """

    title: str = ""
    kind: Literal["number", "whole", "flag", "text"] = "number"
    unit: str = "1"
    min: float | None = None
    max: float | None = None
    default: Plain | None = None
    one_of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandSpec:
    """Something a device can be asked to do.

    ``feature`` is what must be unlocked for it, ``since`` the first firmware that knows it;
    ``sets`` makes it a short word for changing that setting to its one argument. ``only_while``
    and ``not_while`` name states that must hold, or must not.
    """

    title: str
    args: Mapping[str, ArgSpec] = field(default_factory=dict)
    feature: str = ""
    since: str = ""
    only_while: tuple[str, ...] = ()
    not_while: tuple[str, ...] = ()
    sets: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingSpec:
    """A number that a device keeps; with ``param`` its default is that fleet parameter.

    A ``shared`` one is the same for all devices of a site, whichever of them is told.
    """

    unit: str
    min: float
    max: float
    title: str
    default: float = 0.0
    param: str = ""
    whole: bool = False
    read_only: bool = False
    shared: bool = False
    feature: str = ""

    def arg(self) -> ArgSpec:
        """The setting as an argument of the command that changes it."""
        kind: Literal["number", "whole"] = "whole" if self.whole else "number"
        return ArgSpec(title=self.title, kind=kind, unit=self.unit, min=self.min, max=self.max)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureSpec:
    """A function that is sold by itself; with ``param`` it is there where that is >= 0.5."""

    title: str
    param: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateSpec:
    """Something that holds for a device or not, and what must not be done meanwhile.

    ``safety`` marks an interlock: its edges are truths, and no command overrides it.
    """

    title: str
    blocks: tuple[str, ...] = ()
    blocks_update: bool = False
    safety: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """All of it, by name; ``hardware`` is the revision of the devices."""

    commands: Mapping[str, CommandSpec] = field(default_factory=dict)
    settings: Mapping[str, SettingSpec] = field(default_factory=dict)
    features: Mapping[str, FeatureSpec] = field(default_factory=dict)
    states: Mapping[str, StateSpec] = field(default_factory=dict)
    images: Mapping[str, Image] = field(default_factory=dict)
    hardware: int = 1


def read(manifest: Mapping[str, Any]) -> Declared:
    """Read the tables of a ``product.toml``.

    Raises:
        KeyError, TypeError, ValueError: If a table has not the keys it must have.
    """
    states = {
        name: StateSpec(**_tuples(spec, "blocks"))
        for name, spec in manifest.get("states", {}).items()
    }
    for name, spec in manifest.get("safety", {}).items():
        if name in states:
            raise ValueError(f"{name} is a state and an interlock; one name, one thing")
        given = {"blocks_update": True} | _tuples(spec, "blocks")
        states[name] = StateSpec(**given, safety=True)
    return Declared(
        commands={name: _command(spec) for name, spec in manifest.get("commands", {}).items()},
        settings={name: SettingSpec(**spec) for name, spec in manifest.get("settings", {}).items()},
        features={name: FeatureSpec(**spec) for name, spec in manifest.get("features", {}).items()},
        states=states,
        images={
            version: Image(
                product=manifest["id"],
                version=version,
                **({"for_model": manifest["model"]} | dict(spec)),
            )
            for version, spec in manifest.get("images", {}).items()
        },
        hardware=manifest.get("hardware", 1),
    )


def problems(declared: Declared, params: Mapping[str, Param], core: Iterable[str]) -> list[str]:
    """What is wrong with a declaration.

    Args:
        declared: What a product declares.
        params: Parameters of its fleets.
        core: Names of the commands that every device has.
    """
    commands = {*declared.commands, *core}
    found = [
        f"command {name!r} is one that every device has; choose another name"
        for name in sorted(set(declared.commands) & set(core))
    ]

    def unknown(where: str, names: Iterable[str], there: Iterable[str], what: str) -> None:
        there = tuple(there)
        found.extend(
            f"{where} names {what} {name!r}; there are: {named(there)}"
            for name in names
            if name and name not in there
        )

    for name, command in declared.commands.items():
        where = f"command {name}"
        unknown(where, (*command.only_while, *command.not_while), declared.states, "state")
        unknown(where, (command.feature,), declared.features, "feature")
        unknown(where, (command.sets,), declared.settings, "setting")
        found += [
            f"{where}: {arg} is of kind {spec.kind!r}; there are: {named(KINDS)}"
            for arg, spec in command.args.items()
            if spec.kind not in KINDS
        ]
    for name, setting in declared.settings.items():
        unknown(f"setting {name}", (setting.feature,), declared.features, "feature")
        unknown(f"setting {name}", (setting.param,), params, "parameter")
        if not setting.param and not setting.min <= setting.default <= setting.max:
            found.append(f"setting {name}: default {setting.default} is outside its own range")
    for name, feature in declared.features.items():
        unknown(f"feature {name}", (feature.param,), params, "parameter")
    for name, state in declared.states.items():
        unknown(f"state {name}", state.blocks, commands, "command")
    for version, image in declared.images.items():
        if version_key(version) is None:
            found.append(f"image {version!r}: a version is three numbers, as 1.2.0")
        unknown(f"image {version}", (image.fault,), IMAGE_FAULTS, "fault")
    return found


def _command(spec: Mapping[str, Any]) -> CommandSpec:
    given = _tuples(spec, "only_while", "not_while")
    given["args"] = {
        name: ArgSpec(**_tuples(arg, "one_of")) for name, arg in given.get("args", {}).items()
    }
    return CommandSpec(**given)


def _tuples(spec: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """A table whose lists of names are tuples."""
    return {key: tuple(value) if key in names else value for key, value in spec.items()}
