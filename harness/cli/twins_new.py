"""``twinrig twins new``: a folder for a new product, with small physics to start from."""

from __future__ import annotations

import keyword
import re
from pathlib import Path

import typer

import twins.products
from harness.errors import ScenarioError

NAME = re.compile(r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$")
LONGEST = 24
REFERENCE = Path("docs/reference/scenario.md")
FAULTS = {
    "gear_wear": ("`device`, `params: {onset, pf_interval}`", "the gear begins to wear, and fails"),
    "cooling_blocked": ("`device`, `params: {share}`", "the winding heats up by `share` more"),
}
"""Faults of the template, for the table of the scenario reference."""


def files_of(name: str) -> dict[str, str]:
    """Template by the file that it becomes, relative to the project's folder."""
    home = f"twins/products/{name}"
    return {
        f"{home}/product.toml": "product.toml.j2",
        f"{home}/__init__.py": "init.py.j2",
        f"{home}/model.py": "model.py.j2",
        f"{home}/twin.py": "twin.py.j2",
        f"{home}/faults.py": "faults.py.j2",
        f"{home}/realism.py": "realism.py.j2",
        f"{home}/parts.yaml": "parts.yaml.j2",
        f"{home}/conditions.yaml": "conditions.yaml.j2",
        f"{home}/rules/standard.yaml": "standard.yaml.j2",
        f"{home}/rules/standard_test.yaml": "standard_test.yaml.j2",
        f"{home}/tests/test_{name}_physics.py": "test_physics.py.j2",
        f"{home}/README.md": "README.md.j2",
        f"scenarios/{name}s/first.yaml": "first.yaml.j2",
    }


def main(name: str, *, root: Path | None) -> None:
    """Write the folder and the scenario, and tell what to do next.

    Args:
        name: The product's, which is its folder's.
        root: The project's folder; None: where the twins were imported from.

    Raises:
        ScenarioError: With everything that is wrong with the name, or if a file is in the way.
    """
    place = root or Path(twins.products.__file__).parents[2]
    check(name, place)
    texts = render(name)
    for file, text in texts.items():
        path = place / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        typer.echo(f"wrote {file}")
    if tell_reference(place / REFERENCE, name):
        typer.echo(f"added its faults to {REFERENCE}")
    typer.echo(f"look at it:  twinrig twins plot {name} --fault gear_wear:pf_interval=28d")
    typer.echo(f"run it:      twinrig run scenarios/{name}s/first.yaml --seed 7")
    typer.echo("and then:    docs/howto/new-product.md")


def check(name: str, root: Path) -> None:
    """See that a product of that name can be.

    Raises:
        ScenarioError: With everything that is wrong.
    """
    problems = []
    if not NAME.match(name):
        problems.append(
            f"{name!r} cannot be a package's name: use small letters, digits and single "
            "underscores, and begin with a letter"
        )
    if len(name) > LONGEST:
        problems.append(f"{name!r} has {len(name)} characters, allowed are {LONGEST}")
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        problems.append(f"{name!r} is a word of Python")
    products = root / "twins" / "products"
    if not products.is_dir():
        problems.append(f"{root} is not a folder of this project: it has no twins/products")
    taken = [products / name, products / f"{name}.py", root / "scenarios" / f"{name}s"]
    problems += [
        f"{path.relative_to(root)} is there already" for path in taken if name and path.exists()
    ]
    dashed = name.replace("_", "-")
    for file in sorted(products.glob("*/product.toml")):
        if f'device_prefix = "{dashed}"' in file.read_text(encoding="utf-8"):
            problems.append(f"devices of {file.parent.name} are called {dashed}-... already")
    if problems:
        raise ScenarioError("\nerror: ".join(problems))


def render(name: str) -> dict[str, str]:
    """Text by file, relative to the project's folder."""
    import jinja2  # noqa: PLC0415 - only this command needs it

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("harness.cli", "new_product"),
        undefined=jinja2.StrictUndefined, keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - code and data, no page
    )  # fmt: skip
    spoken = name.replace("_", " ")
    words = {
        "name": name,
        "dashed": name.replace("_", "-"),
        "camel": "".join(part.capitalize() for part in name.split("_")),
        "title": spoken.capitalize(),
        "spoken": spoken,
        "plural": f"{spoken}s",
    }
    return {
        file: environment.get_template(template).render(words)
        for file, template in files_of(name).items()
    }


def tell_reference(path: Path, name: str) -> bool:
    """Add the faults to the table of the scenario reference, if there is one; says if it did."""
    if not path.is_file():
        return False
    lines = path.read_text(encoding="utf-8").split("\n")
    known = [number for number, line in enumerate(lines) if line.startswith("| `fault: ")]
    fresh = [
        f"| `fault: {fault}` | {params} | {name.replace('_', ' ')}: {effect} |"
        for fault, (params, effect) in FAULTS.items()
        if not any(f"| `fault: {fault}` " in lines[number] for number in known)
    ]
    if not known or not fresh:
        return False
    lines[known[-1] + 1 : known[-1] + 1] = fresh
    path.write_text("\n".join(lines), encoding="utf-8")
    return True
