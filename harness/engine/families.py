"""Which scenarios can be run with a DPS that offers so much: by family, with reasons."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from harness.engine.checking import IMPLICIT, wanted_checks
from harness.engine.needs import needs_of, run_needs
from harness.engine.runner import load
from harness.errors import ScenarioError
from harness.sut.levels import Need, Reach, said


@dataclass(slots=True, kw_only=True)
class Family:
    """The scenarios of one folder."""

    name: str
    whole: list[str] = field(default_factory=list)
    """Those whose checks can all be judged."""
    partly: dict[str, str] = field(default_factory=dict)
    """Those of which some can, with what the others lack."""
    not_at_all: dict[str, str] = field(default_factory=dict)
    """Those that cannot be run, or of which nothing can be judged, with the reason."""


def families(folder: Path, reach: Reach) -> Iterator[Family]:
    """Sort every scenario file below a folder by what it needs, one family per sub-folder."""
    found: dict[str, Family] = {}
    for path in sorted(folder.rglob("*.yaml")):
        if not path.read_text("utf-8").lstrip().startswith("schema"):
            continue
        try:
            scenario = load(path)
        except ScenarioError:
            continue  # one that is broken on purpose
        name = path.parent.relative_to(folder).as_posix()
        family = found.setdefault(name, Family(name=name))
        lacking = reach.lacks(run_needs(scenario))
        refs = [ref for _, ref in wanted_checks(scenario) if ref.check != IMPLICIT]
        lacks = [missing for ref in refs if (missing := reach.lacks(needs_of(ref)))]
        missed = {need for needs in lacks for need in needs}
        every = [need for need in Need if need in missed]
        if lacking:
            family.not_at_all[path.stem] = said(lacking)
        elif len(lacks) == len(refs) and refs:
            family.not_at_all[path.stem] = said(every)
        elif lacks:
            family.partly[path.stem] = said(every)
        else:
            family.whole.append(path.stem)
    yield from found.values()
