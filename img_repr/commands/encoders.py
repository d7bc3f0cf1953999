"""``img-repr encoders``: what there is to encode with."""

from typing import Annotated

import typer

from img_repr.console import print_table


def encoders(
    domain: Annotated[
        str | None,
        typer.Argument(metavar="DOMAIN", help="Only those of one: timeseries, audio, mouse, binary or tabular."),
    ] = None,
) -> None:
    """List the encoders with what they take and what their images are.

    Example: img-repr encoders timeseries
    """
    from img_repr.core.domain import DOMAINS
    from img_repr.core.facts import ENCODERS
    from img_repr.core.naming import list_encoders

    if domain is not None:
        DOMAINS[domain]
    rows = []
    for name in list_encoders(domain):
        facts = ENCODERS[name]
        words = ", ".join(f"{word}={value}" for word, value in facts.defaults().items() if word != "size")
        rows.append((name, facts.domain.name, words, ", ".join(facts.invariances) or "-", facts.reference))
    print_table("encoders", ("name", "domain", "parameters beside size", "blind to", "reference"), rows)
