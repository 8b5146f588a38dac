"""What all pages have in common: their templates, their data, and the program that draws."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from harness.report import words

if TYPE_CHECKING:
    import jinja2

FILTERS = ("stamp", "long_stamp", "span", "euros", "plain", "number", "count")
"""Functions of :mod:`harness.report.words` that templates use."""


def rendered(template: str, *, data: Any, **said: Any) -> str:  # noqa: ANN401 - any JSON, any words
    """A page as text; it needs no internet.

    Args:
        template: Its file in ``templates``.
        data: What its script draws, put into the page as JSON.
        said: The template's own names.
    """
    import jinja2  # noqa: PLC0415 - the console can do without
    from markupsafe import Markup  # noqa: PLC0415

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("harness.report", "templates"),
        bytecode_cache=_kept(),
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    for name in FILTERS:
        environment.filters[name] = getattr(words, name)
    # "</" would end the script element that the data stand in.
    text = msgspec.json.encode(data).decode().replace("</", "<\\/")
    return environment.get_template(template).render(
        plotly=Markup(_plotly()),  # noqa: S704 - a file of the installed package
        data=Markup(text),  # noqa: S704 - JSON, its only way out of the script is closed above
        **said,
    )


def _kept() -> jinja2.BytecodeCache | None:
    """Where templates are kept as Python knows them: to compile one takes 0.1 s of every run."""
    import jinja2  # noqa: PLC0415

    try:
        return jinja2.FileSystemBytecodeCache()
    except (OSError, RuntimeError):
        return None  # no temporary folder of our own, so they are compiled


def _plotly() -> str:
    """plotly.js as the installed package carries it; its Python is not needed, and not imported."""
    spec = find_spec("plotly")
    assert spec is not None
    assert spec.origin is not None
    return (Path(spec.origin).parent / "package_data" / "plotly.min.js").read_text("utf-8")
