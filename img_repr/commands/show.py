"""``img-repr show``: some samples next to their images."""

from pathlib import Path
from typing import Annotated

import typer

from img_repr.commands.options import (
    ENCODERS_OF,
    LoadOptions,
    Settings,
    Size,
    Source,
    check_source,
    expand_options,
    read_dataset,
    read_settings,
)
from img_repr.console import say


@expand_options
def show(
    data: Source,
    encoder: Annotated[
        str | None, typer.Option("--encoder", "-e", help=f"{ENCODERS_OF} image. Default: the domain's own.")
    ] = None,
    count: Annotated[int, typer.Option(min=1, max=400, help="Samples, evenly spaced over the data set.")] = 6,
    size: Size = 64,
    settings: Settings = None,
    load: LoadOptions = LoadOptions(),  # noqa: B008 - frozen
    out: Annotated[Path, typer.Option(help="File of the figure: .png, .svg or .pdf.")] = Path("samples.png"),
) -> None:
    """Draw some samples next to their images, with labels and axes in units.

    Example: img-repr show gunpoint --encoder gadf --out samples.png
    """
    from img_repr.core.errors import DataError

    options = load.read()
    check_source(data, load.format)
    dataset = read_dataset(data, options, load.format)
    from img_repr.core.gallery import show as draw
    from img_repr.core.naming import encoders_for, get_encoder

    given = {"size": size, **read_settings(settings, "--set")}
    made = encoders_for(dataset, **given)[0] if encoder is None else get_encoder(encoder, **given)
    figure = draw(dataset, made, count=count)
    try:
        figure.savefig(out, dpi=150)
    except (OSError, ValueError) as error:
        raise DataError(f"{out}: expected a path for a figure (.png, .svg, .pdf), got: {error}") from None
    say(f"{min(count, len(dataset))} of {len(dataset)} samples in {out}")
