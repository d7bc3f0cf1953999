"""``img-repr encoders`` and ``formats``: list the encoders and the data formats, or describe one."""

import inspect
import re
from typing import TYPE_CHECKING, Annotated

import typer

from img_repr.console import one_line, plain_text, say

if TYPE_CHECKING:
    from img_repr.core.loader import Loader


def encoders(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[DOMAIN|ENCODER]",
            help="Only those of a domain: timeseries, audio, mouse, binary or tabular; or the details of an encoder.",
        ),
    ] = None,
) -> None:
    """List the encoders; with the name of one, show its parameters, invariances and reference.

    Example: img-repr encoders timeseries
    """
    from img_repr.core.domain import DOMAINS
    from img_repr.core.metadata import ENCODERS
    from img_repr.core.naming import list_encoders

    if name is not None and name in ENCODERS:
        _describe_encoder(name)
        return
    if name is not None and name not in DOMAINS:
        ENCODERS[name]  # raises an error with near names
    for key in list_encoders(name):
        metadata = ENCODERS[key]
        first = re.sub(r"^Encode \w+ (as|along) ", "", _first_line(metadata.function))
        say(one_line(f"{key:20} {metadata.domain.name:11} ", first))
    say("img-repr encoders NAME shows the parameters of an encoder")


def _first_line(function: object) -> str:
    return plain_text((inspect.getdoc(function) or "").partition("\n")[0])


def _describe_encoder(name: str) -> None:
    """Print what an encoder makes, its parameters with their defaults, its invariances and its reference."""
    from img_repr.core.loader_options import describe_parameters
    from img_repr.core.metadata import ENCODERS

    metadata = ENCODERS[name]
    described = describe_parameters(metadata.function)
    say(f"{name} ({metadata.domain.name}): {_first_line(metadata.function)}")
    say("\nParameters (--set NAME=VALUE):")
    for word, value in metadata.defaults().items():
        say(f"  {word}={value!r}")
        if described.get(word):
            say(f"      {plain_text(described[word])}")
    say(f"\nInvariant to: {', '.join(metadata.invariances) or 'nothing'}")
    say(f"Reference: {metadata.reference or 'none'}")


def formats(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Show the options of this one.")] = None,
) -> None:
    """List the data formats; with NAME, show what it reads and its options.

    Options are given by --load NAME=VALUE, columns of tables also by --label-col, --group-col, --time-col, --id-col
    and --drop.

    Example: img-repr formats csv
    """
    from img_repr.core.loader import LOADERS

    if name is not None:
        _describe_format(LOADERS[name])
        return
    for key in LOADERS:
        loader = LOADERS[key]
        kind = f"{loader.domain.name}, bundled" if loader.bundled else loader.domain.name
        first = (inspect.getdoc(loader.function) or "").partition("\n")[0]
        say(one_line(f"{key:16} {kind:20} ", plain_text(first).removeprefix("Load ")))
    say("img-repr formats NAME shows what a format reads and its options")


def _describe_format(loader: "Loader") -> None:
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
