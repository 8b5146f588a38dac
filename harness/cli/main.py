"""The command ``twinrig``: its groups, and what becomes of an error.

Nothing heavy is imported here: each command imports what it needs when it is called, so that
``twinrig --help`` answers at once.
"""

from __future__ import annotations

import atexit
import gc
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from harness.cli import (
    arms,
    compare,
    conform,
    demo,
    explain,
    fork,
    load,
    report,
    rules,
    run,
    twins,
    up,
)
from harness.errors import HarnessError, OurBug

EPILOG = (
    "Exit codes: 0 passed · 1 a check failed · 2 the scenario or the call is wrong · "
    "3 a product is wrong · 4 the DPS did not answer as its contract says · "
    "5 our own bug · 6 the run is invalid (a broker or a load generator fell short)."
)


def example() -> str:
    """The scenario to begin with, as a newcomer would type it.

    It is the one that stands there as a Python script too.
    """
    folder = Path(__file__).parents[2] / "scenarios"
    found = sorted(folder.glob("*/*.yaml"))
    if not found:
        return "my-scenario.yaml"
    scripts = {path.stem.replace("_", "-") for path in folder.glob("*/*.py")}
    first = next((path for path in found if path.stem in scripts), found[0])
    inside = Path.cwd() / "scenarios" == folder
    return str(first.relative_to(folder.parent) if inside else first)


WRONG_CALL: type[Exception] = typer.BadParameter.__mro__[2]
"""What every wrong option or argument is; Typer shows only its kinds by name."""


class Commands(TyperGroup):
    """The commands; a wrong call that asked for ``--json`` gets an object on stdout too."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: Any = None,  # noqa: ANN401
        **extra: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """Read the options before the command; raises what its parent raises."""
        self._call = list(args)
        with self._told():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401
        """Read the rest and run the command; raises what its parent raises."""
        with self._told():
            return super().invoke(ctx)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (WRONG_CALL, HarnessError) as error:
            ran = isinstance(error, HarnessError) and self._call[0] == "run"  # it says so itself
            if wants_json(self._call) and not ran:
                from harness.cli.output import as_json, call_object  # noqa: PLC0415

                message = getattr(error, "format_message", error.__str__)()
                code = getattr(error, "exit_code", OurBug.exit_code)
                typer.echo(as_json([call_object(self._call, message, code)]))
            raise


def wants_json(call: Sequence[str]) -> bool:
    """Whether a call asks for an object on stdout; ``load --json FILE`` does not."""
    if "--json" not in call:
        return False
    rest = call[call.index("--json") + 1 :]
    return call[0] != "load" or rest[:1] == ["-"]


app = typer.Typer(
    name="twinrig",
    cls=Commands,
    help=(
        "Prove a connected-product service before it meets real products: digital twins wear and "
        "fail, the service must notice, order and repair, and the rig knows the truth.\n\n"
        f"Start with: twinrig run {example()}"
    ),
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run", epilog=EPILOG)(run.run)
app.add_typer(rules.app, name="rules")
app.add_typer(twins.app, name="twins")
app.command("load")(load.load)
app.command("demo")(demo.demo)
app.command("up")(up.up)
app.command("conform", epilog=EPILOG)(conform.conform)
app.command("report")(report.report)
app.command("explain")(explain.explain)
app.command("compare")(compare.compare)
app.command("fork", epilog=fork.EPILOG)(fork.fork)
app.command("arms", epilog=arms.EPILOG)(arms.arms)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415

        try:
            typer.echo(f"twinrig {version('twinrig')}")
        except PackageNotFoundError:
            typer.echo("twinrig, run from its source folder")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options of the command as a whole; the help text stands at the app."""


GC_THRESHOLDS = (2_000_000, 20, 20)
"""A run makes millions of small objects and few cycles: looking for those less often saves time.

A start makes 300,000 objects that stay to the end; to look through them took 0.12 s. Twenty devices
make half a million more in some 45 days: to look through those took 0.24 s, and freed 71,000.
"""


def main() -> NoReturn:
    """Run the command line and leave with the exit code that the outcome calls for."""
    gc.set_threshold(*GC_THRESHOLDS)
    atexit.register(gc.freeze)  # a last look for cycles took 0.7 s; all memory goes back anyway
    try:
        app(prog_name="twinrig")
    except OurBug:
        _our_bug()
    except HarnessError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        typer.echo("stopped", err=True)
        sys.exit(130)
    except Exception:  # noqa: BLE001 - the last door: whatever comes here is our mistake
        _our_bug()
    sys.exit(0)


def _our_bug() -> NoReturn:
    traceback.print_exc()
    typer.echo(
        "This is a bug in Twinrig, not in your scenario. Please report it with the lines above.",
        err=True,
    )
    sys.exit(OurBug.exit_code)
