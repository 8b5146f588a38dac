"""What ``twinrig explain`` does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import typer

from harness.cli.folders import read_run
from harness.errors import ScenarioError
from harness.grading.explain import Explainer, Explanation
from harness.report.packs import packs_of
from harness.scenario.units import show_instant


def main(run: Path, ident: str | None, *, as_json: bool) -> None:
    """Explain, and print.

    Raises:
        ScenarioError: If the folder is no run's, or nothing (or too much) has that name.
    """
    explainer = Explainer(packs_of(run))
    for event in read_run(run):
        explainer.on_event(event)
    if ident is None:
        for event in explainer.listed():
            typer.echo(f"{show_instant(event.at_ms)}  {event.kind:<26} {event.subject}")
        return
    found = explainer.explain(ident)
    if found is None:
        near = explainer.near(ident)
        hint = f"did you mean: {', '.join(near)}?" if near else "nothing was decided in this run"
        raise ScenarioError(f"{run} has no one {ident!r}; {hint}")
    if as_json:
        data = msgspec.json.encode(_data(found), enc_hook=str)
        typer.echo(msgspec.json.format(data, indent=2).decode())
        return
    for line in told(found):
        typer.echo(line)


def told(found: Explanation) -> list[str]:
    """An explanation as lines for a terminal."""
    lines = [f"why {found.ident}", *(f"  {cause}" for cause in found.chain)]
    if found.rule is not None:
        rule = found.rule
        lines += ["", f"the rule: {rule.rule} of {rule.pack} {rule.version}"]
        lines += [f"  {line}" for line in rule.lines()]
    if readings := found.readings():
        lines += ["", "the readings in its window:", *(f"  {line}" for line in readings)]
    lines += ["", f"the truth at {show_instant(found.decided_ms)}:"]
    lines += [f"  {line}" for line in found.truth] or ["  nothing was worn"]
    return lines


def _data(found: Explanation) -> dict[str, Any]:
    rule = found.rule
    return {
        "id": found.ident,
        "thing": found.thing,
        "decided_ms": found.decided_ms,
        "chain": [{"at_ms": c.at_ms, "what": c.what, "text": c.text} for c in found.chain],
        "rule": None if rule is None else {
            "id": rule.rule, "pack": rule.pack, "version": rule.version, "model": rule.model,
            "body": dict(rule.body),
        },
        "values": dict(found.values),
        "windows": [{"rule": w.rule, "at_ms": w.at_ms, "inputs": w.inputs} for w in found.windows],
        "truth": list(found.truth),
    }  # fmt: skip
