"""What ``twinrig explain`` does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import typer

from harness.cli.folders import read_run
from harness.engine.accounts import account_of
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
    account, missing = account_of(run, found.ident)
    if as_json:
        own = {"account": account, "account_missing": missing}
        data = msgspec.json.encode({**_data(found), **own}, enc_hook=str)
        typer.echo(msgspec.json.format(data, indent=2).decode())
        return
    for line in [*told(found), "", *own_account(account, missing)]:
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


def own_account(account: Mapping[str, Any] | None, missing: str) -> list[str]:
    """What the DPS itself says, as lines; or why that is not known."""
    if account is None:
        return [f"what the service says itself: not known, {missing}"]
    lines = ["what the service says itself:"]
    rule = account.get("rule")
    if rule is not None:
        held = "" if rule["held"] in ("", "0s") else f" for {rule['held']}"
        lines.append(
            f"  rule {rule['id']} of {rule['pack']} {rule['version']}: {rule['when']}{held}"
        )
    inputs = ", ".join(f"{name} {value:g}" for name, value in account["inputs"].items())
    lines.append(f"  inputs: {inputs or 'none'}")
    for window in account["windows"]:
        at, values = window["at_ms"], window["values"]
        newest = f", the last {values[-1]:g} at {show_instant(at[-1])}" if at else ""
        many = f"{len(at)} reading{'' if len(at) == 1 else 's'}"
        lines.append(
            f"  window {window['name']}: {window['take']} of {window['signal']}, {many}{newest}"
        )
    for seen in account["forecasts"]:
        end = seen["runout_p50_ms"]
        wear = "unknown" if seen["wear_pct"] is None else f"{seen['wear_pct']:.1f} %"
        ends = "no end in sight" if end is None else f"used up about {show_instant(end)}"
        lines.append(f"  forecast {seen['condition']}: wear {wear}, {ends}")
    chain = ", ".join(f"{one['kind']} {one['id']} ({one['state']})" for one in account["chain"])
    return [*lines, f"  chain: {chain or 'nothing else'}"]


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
