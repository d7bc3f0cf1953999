"""``img-repr layers``: show what excites the units of a layer."""

from pathlib import Path
from typing import Annotated

import typer

from img_repr.commands.options import (
    Device,
    LoadOptions,
    Source,
    check_source,
    check_written,
    expand_options,
    read_dataset,
    read_device,
)
from img_repr.console import print_table, say


@expand_options
def layers(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A folder that `train` wrote.")],
    data: Source,
    layer: Annotated[str | None, typer.Option(help="Name of a layer with maps. Default: the last one.")] = None,
    units: Annotated[int, typer.Option(min=1, max=100, help="Units, the most selective ones.")] = 6,
    top: Annotated[int, typer.Option(min=1, max=10, help="Samples of each unit.")] = 3,
    out: Annotated[Path | None, typer.Option(help="Draw them into this file: .png, .svg or .pdf.")] = None,
    load: LoadOptions = LoadOptions(),  # noqa: B008 - frozen
    device: Device = "auto",
) -> None:
    """Show which samples excite the units of a layer most, and where in the raw data they do.

    A wrong name of a layer is answered with the names that there are.

    Example: img-repr layers models/gunpoint gunpoint --out layers.png
    """
    from img_repr.core.errors import DataError

    options = load.read()
    check_written(model, "train", "model.json")
    check_source(data, load.format)
    chosen = read_device(device)
    from img_repr.explain.explainer import load_model
    from img_repr.explain.layers import layers as find
    from img_repr.explain.layers import plot_layers

    fitted = load_model(model, device=chosen)
    dataset = read_dataset(data, options, load.format, labeled="label" in options, columns=fitted.columns)
    found = find(fitted, dataset, layer, units=units, top=top)
    rows = []
    for one in (one for unit in found for one in unit):
        rows.append((str(one.unit), one.name, f"{one.value:.3f}", one.strongest_place()))
    print_table("the most excited units", ("unit", "sample", "activation", "strongest place"), rows)
    if out is not None:
        try:
            plot_layers(found, fitted.encoders[0]).savefig(out, dpi=150)
        except (OSError, ValueError) as error:
            raise DataError(f"{out}: expected a path for a figure (.png, .svg, .pdf), got: {error}") from None
        say(f"{len(found)} units in {out}")
