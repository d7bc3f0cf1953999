"""``img-repr encoders``: the encoders, one a line, or all that is known of one."""

import inspect
import re
from typing import Annotated

import typer

from img_repr.console import one_line, plain_text, say


def encoders(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[DOMAIN|ENCODER]",
            help="Only those of a domain: timeseries, audio, mouse, binary or tabular; or the details of an encoder.",
        ),
    ] = None,
) -> None:
    """List the encoders, one a line; with the name of one, its parameters, invariances and reference.

    Example: img-repr encoders timeseries
    """
    from img_repr.core.domain import DOMAINS
    from img_repr.core.metadata import ENCODERS
    from img_repr.core.naming import list_encoders

    if name is not None and name in ENCODERS:
        _describe(name)
        return
    if name is not None and name not in DOMAINS:
        ENCODERS[name]  # the error has near names
    for key in list_encoders(name):
        facts = ENCODERS[key]
        first = re.sub(r"^Encode \w+ (as|along) ", "", _first_line(facts.function))
        say(one_line(f"{key:20} {facts.domain.name:11} ", first))
    say("img-repr encoders NAME shows the parameters of an encoder")


def _first_line(function: object) -> str:
    return plain_text((inspect.getdoc(function) or "").partition("\n")[0])


def _describe(name: str) -> None:
    """Print what an encoder makes, its parameters with their defaults, its invariances and its reference."""
    from img_repr.core.loader_options import describe_parameters
    from img_repr.core.metadata import ENCODERS

    facts = ENCODERS[name]
    described = describe_parameters(facts.function)
    say(f"{name} ({facts.domain.name}): {_first_line(facts.function)}")
    say("\nParameters (--set NAME=VALUE):")
    for word, value in facts.defaults().items():
        say(f"  {word}={value!r}")
        if described.get(word):
            say(f"      {plain_text(described[word])}")
    say(f"\nInvariant to: {', '.join(facts.invariances) or 'nothing'}")
    say(f"Reference: {facts.reference or 'none'}")
