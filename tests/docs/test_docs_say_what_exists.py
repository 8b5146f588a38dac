"""The documents name what exists: each command, option, check, fault, key and exit code."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import click
import pytest
import typer.main
from pydantic import BaseModel

from harness import errors
from harness.checks import base as checks
from harness.checks.base import catalog as catalog_of_checks
from harness.checks.equals_oracle import ORACLES
from harness.checks.invariants import numbers
from harness.cli.main import app
from harness.oracles.invariants import REGISTRY
from harness.scenario import schema
from harness.scenario.checkrefs import KINDS
from harness.scenario.entries import DpsFault
from twins.core.common_faults import COMMON_FAULTS
from twins.products import catalog

ROOT = Path(__file__).resolve().parents[2]
DOCS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
CLI = (ROOT / "docs/reference/cli.md").read_text()
SCENARIO = (ROOT / "docs/reference/scenario.md").read_text()
CHECKS = (ROOT / "docs/reference/checks.md").read_text()
COMMAND = typer.main.get_command(app)


def commands(command: Any, path: tuple[str, ...] = ("twinrig",)) -> Iterator[tuple[str, Any]]:
    """Every command that can be called, with its whole name."""
    if hasattr(command, "commands"):
        for name, sub in command.commands.items():
            yield from commands(sub, (*path, name))
    else:
        yield " ".join(path), command


def section(name: str) -> str:
    """The part of the command line's document under the heading that names a command."""
    parts = re.split(r"^## ", CLI, flags=re.MULTILINE)
    return next((part for part in parts if f"`{name}" in part.split("\n")[0]), "")


@pytest.mark.parametrize(("name", "command"), list(commands(COMMAND)), ids=str)
def test_every_command_and_option_stands_in_the_reference(name: str, command: Any) -> None:
    text = section(name)
    options = [
        option
        for parameter in command.params
        for option in parameter.opts
        if option.startswith("--") and option != "--help"
    ]

    assert text, f"docs/reference/cli.md has no section for {name}"
    assert [option for option in options if f"`{option}" not in text] == []


def test_the_reference_names_no_option_that_is_gone() -> None:
    """A reader who types what we wrote must not be told that there is no such option."""
    gone = []
    for name, command in commands(COMMAND):
        known = {option for parameter in command.params for option in parameter.opts}
        known |= {option for parameter in command.params for option in parameter.secondary_opts}
        siblings = [other for other, _ in commands(COMMAND) if section(other) == section(name)]
        for other, twin in commands(COMMAND):
            if other in siblings:
                known |= {option for parameter in twin.params for option in parameter.opts}
        gone += [
            f"{name} {option}"
            for option in re.findall(r"^\| `(--[a-z-]+)", section(name), flags=re.MULTILINE)
            if option not in known
        ]

    assert gone == []


def shell_lines() -> list[tuple[str, str]]:
    """Each ``twinrig ...`` line in a shell block of any document: ``(document, line)``."""
    return [
        (document.name, line.split(" #")[0].strip())
        for document in DOCS
        for block in re.findall(r"```sh\n(.*?)```", document.read_text(), flags=re.DOTALL)
        for line in block.splitlines()
        if line.startswith("twinrig ")
    ]


@pytest.mark.parametrize(("document", "line"), shell_lines())
def test_what_a_document_tells_to_type_is_understood(document: str, line: str) -> None:
    """Only parsed, not run: wrong options and files that are not there are found."""
    command: Any = COMMAND
    words = shlex.split(line)[1:]
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    try:
        context = command.make_context("twinrig", words)
    except click.ClickException as error:
        pytest.fail(f"{document}: {line}: {error.format_message()}")
    named = [word for word in words if re.match(r"[\w./-]+\.ya?ml$", word)]

    assert context is not None
    assert [word for word in named if not (ROOT / word).exists()] == []


def test_every_check_stands_in_the_reference() -> None:
    rows = set(re.findall(r"^\| `([a-z_]+)` \| (?:always|eventually)", CHECKS, re.MULTILINE))
    kinds = CHECKS.split("## Kinds")[1].split("## Checks by name")[0]

    assert rows == set(checks.catalog()) - set(KINDS)
    assert set(re.findall(r"^\| `([a-z_]+)` \|", kinds, re.MULTILINE)) == set(KINDS)


def test_every_argument_of_a_check_stands_in_its_row() -> None:
    lines = dict(re.findall(r"^\| `([a-z_]+)` \| (.*)$", CHECKS.split("## Kinds")[1], re.MULTILINE))
    unsaid = [
        f"{name}: {field.alias or argument}"
        for name, arguments in checks.arguments().items()
        for argument, field in arguments.model_fields.items()
        if f"`{field.alias or argument}`" not in lines.get(name, "").replace(", ", "`, `")
        and not re.search(rf"\b{field.alias or argument}\b", lines.get(name, ""))
    ]

    assert unsaid == []


def test_every_invariant_stands_in_the_reference_with_the_domain_s_sentence() -> None:
    rows = dict(re.findall(r"^\| ((?:FW|SU|[OACWKSR])[0-9]+) \| (.*) \|$", CHECKS, re.MULTILINE))

    assert list(rows) == numbers()
    assert rows == {ident: REGISTRY[ident].sentence() for ident in numbers()}


def test_every_oracle_and_budget_stands_in_the_reference() -> None:
    told = CHECKS.split("## Oracles")[1].split("## Invariants")[0]
    budgets = get_args(catalog_of_checks()["budget"].Arguments.model_fields["budget"].annotation)

    assert set(re.findall(r"^\| `([a-z_]+)` \|", told, re.MULTILINE)) == set(ORACLES)
    assert [name for name in budgets if f"`{name}`" not in CHECKS] == []


def test_every_fault_stands_in_the_reference() -> None:
    own = {name for product in catalog().values() for name in product.faults}
    of_products = {f"fault: {name}" for name in own | set(COMMON_FAULTS)}
    of_links = {
        f"link: {kind}" for kind in get_args(schema.LinkFault.model_fields["link"].annotation)
    }
    points = get_args(DpsFault.model_fields["point"].annotation)
    ways = {f"dps: {how}" for how in get_args(DpsFault.model_fields["dps"].annotation)}
    rows = set(re.findall(r"^\| `((?:fault|link|dps): [a-z_]+)`", SCENARIO, re.MULTILINE))

    assert rows == of_products | of_links | {"dps: kill"}
    assert [way for way in ways if f"`{way}`" not in SCENARIO] == []
    assert [point for point in points if f"`{point}`" not in SCENARIO] == []


def keys(model: type[BaseModel]) -> Iterator[str]:
    """Every key that a scenario file may hold, in any place."""
    for name, field in model.model_fields.items():
        yield field.alias or name
        for inner in models_in(field.annotation):
            yield from keys(inner)


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from models_in(argument)


def test_every_key_of_a_scenario_stands_in_the_reference() -> None:
    internal = {"args", "where", "phase"}  # The long form of a check, which no file needs to write.
    unsaid = [key for key in set(keys(schema.Scenario)) - internal if f"`{key}" not in SCENARIO]

    assert sorted(unsaid) == []


def test_every_exit_code_stands_where_people_look_for_it() -> None:
    def below(error: type[errors.HarnessError]) -> Iterator[int]:
        yield error.exit_code
        for child in error.__subclasses__():
            yield from below(child)

    codes = {0, 1, *below(errors.HarnessError)}
    readme = (ROOT / "README.md").read_text()

    assert [code for code in codes if f"| {code} |" not in CLI] == []
    in_readme = {int(code) for code in re.findall(r"(?:^|· )(\d) [a-z]", readme, re.MULTILINE)}
    assert codes - in_readme == set()


def test_every_link_between_documents_leads_somewhere() -> None:
    broken = [
        f"{document.relative_to(ROOT)}: {target}"
        for document in DOCS
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text())
        if "://" not in target and not (document.parent / target).exists()
    ]

    assert broken == []


def test_every_decision_has_a_number_of_its_own_and_its_four_parts() -> None:
    pages = sorted((ROOT / "docs/adr").glob("[0-9]*.md"))
    numbers = [int(page.name[:4]) for page in pages]

    assert numbers == list(range(1, len(pages) + 1))
    for page in pages:
        text = page.read_text()
        assert text.startswith(f"# {int(page.name[:4])}. "), page.name
        for part in ("Context", "Decision", "Given up", "Consequences"):
            assert f"**{part}.**" in text, f"{page.name} lacks {part}"
