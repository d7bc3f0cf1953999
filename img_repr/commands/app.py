"""The command line program. Commands import what they need when they are called, so that ``--help`` is fast."""

from importlib.metadata import version
from typing import Annotated

import typer

from img_repr.commands.bench import bench, report
from img_repr.commands.encode import encode
from img_repr.commands.explain import explain
from img_repr.commands.export import export
from img_repr.commands.hub import pull, push
from img_repr.commands.layers import layers
from img_repr.commands.listings import encoders, formats
from img_repr.commands.predict import predict
from img_repr.commands.show import show
from img_repr.commands.train import train
from img_repr.console import say

app = typer.Typer(
    name="img-repr",
    help="Turn data that are not images into images, train one CNN on them, and measure whether it pays.",
    epilog="Begin with: img-repr bench gunpoint",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (show, encode, export, train, predict, explain, layers, push, pull, report, encoders, formats):
    app.command()(command)
app.add_typer(bench, name="bench")


def _print_version(wanted: bool) -> None:
    if wanted:
        say(f"img-repr {version('img-repr')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    traceback: Annotated[
        bool, typer.Option("--traceback", help="Show the traceback of an error; accepted anywhere.")
    ] = False,
) -> None:
    """Declare the options of the program; ``--traceback`` is read before the commands are imported."""
