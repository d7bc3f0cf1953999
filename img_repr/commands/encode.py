"""``img-repr encode``: samples into images on disk."""

import warnings
from pathlib import Path
from typing import Annotated

import typer

from img_repr.commands.options import (
    ENCODERS_OF,
    Format,
    Loading,
    Settings,
    Size,
    Source,
    read_dataset,
    read_settings,
    tell_what_is_asked_for,
)
from img_repr.console import counting_bar, say


def encode(
    data: Source,
    out: Annotated[Path, typer.Option(help="New folder for the images.")],
    encoder: Annotated[
        str | None, typer.Option("--encoder", "-e", help=f"{ENCODERS_OF} image. Default: the domain's own.")
    ] = None,
    size: Size = 64,
    settings: Settings = None,
    format: Format = None,
    loading: Loading = None,
    png: Annotated[bool, typer.Option("--png", help="Write PNG files as well, by label.")] = False,
    keep_degenerate: Annotated[
        bool,
        typer.Option("--keep-degenerate", help="Encode samples whose picture tells nothing (constant series)."),
    ] = False,
) -> None:
    """Turn samples into images: shards of uint8 .npy with a manifest, and PNG files if asked.

    Example: img-repr encode gunpoint --encoder gadf --size 64 --out pictures --png
    """
    from img_repr.core.errors import DegenerateSampleWarning, SampleError
    from img_repr.core.naming import encoders_for, get_encoder
    from img_repr.core.places import check_place
    from img_repr.core.shards import export_png, write_shards

    values = {"size": size, **read_settings(settings, "--set")}
    if encoder is not None:
        get_encoder(encoder, **values)  # what is wrong with it is said before the data are read
    check_place(out)
    dataset = read_dataset(data, format, loading)
    chosen = encoders_for(dataset, encoder, **values)[0]
    tell_what_is_asked_for(data, dataset, values)
    judged = [] if dataset.parts is None else (dataset.parts == "test").nonzero()[0]  # is not learned from
    chosen = chosen.fit(dataset.take([place for place in range(len(dataset)) if place not in judged]))
    with warnings.catch_warnings(), counting_bar("encoding", len(dataset)) as advance:
        if not keep_degenerate:
            warnings.simplefilter("error", DegenerateSampleWarning)
        try:
            folder = write_shards(chosen, dataset, out, on_images=advance)
        except DegenerateSampleWarning as warning:
            raise SampleError(f"{warning}; --keep-degenerate encodes them all the same") from None
    if png:
        export_png(folder)
    say(f"{len(dataset)} images of {dataset.name} by {chosen!r} in {folder}")
