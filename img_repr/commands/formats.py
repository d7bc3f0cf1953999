"""``img-repr formats``: the formats that data are read from, and their options."""

import inspect
from typing import TYPE_CHECKING, Annotated

import typer

from img_repr.console import one_line, plain_text, say

if TYPE_CHECKING:
    from img_repr.core.loader import Loader


def formats(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Show the options of this one.")] = None,
) -> None:
    """List the formats that data are read from; with NAME, what it reads and its options.

    Options are given by --load NAME=VALUE, columns of tables also by --label-col, --group-col, --time-col, --id-col
    and --drop.

    Example: img-repr formats csv
    """
    from img_repr.core.loader import LOADERS

    if name is not None:
        _describe(LOADERS[name])
        return
    for key in LOADERS:
        loader = LOADERS[key]
        kind = f"{loader.domain.name}, bundled" if loader.bundled else loader.domain.name
        first = (inspect.getdoc(loader.function) or "").partition("\n")[0]
        say(one_line(f"{key:16} {kind:20} ", plain_text(first).removeprefix("Load ")))
    say("img-repr formats NAME shows what a format reads and its options")


def _describe(loader: "Loader") -> None:
    """Print what a loader reads, and each option with its type, its default and its description."""
    from img_repr.core.loader_options import type_in_words

    text = (inspect.getdoc(loader.function) or "").partition("\nParameters\n")[0].partition("\nExamples\n")[0]
    say(f"{loader.name} ({loader.domain.name}{', bundled' if loader.bundled else ''})\n\n{plain_text(text.strip())}")
    say("\nOptions (--load NAME=VALUE):" if loader.options else "\nIt has no options.")
    for option in loader.options.values():
        default = "" if option.default is inspect.Parameter.empty else f"; default: {option.default!r}"
        say(f"  {option.name}: {type_in_words(option.type)}{default}")
        if option.description:
            say(f"      {plain_text(option.description)}")
