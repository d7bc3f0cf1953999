"""``img-repr explain``: show which parts of raw samples speak for a model's predictions."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from img_repr.commands.options import (
    Device,
    LoadOptions,
    check_source,
    check_written,
    expand_options,
    read_dataset,
    read_device,
)
from img_repr.console import counting_bar, print_table, say

if TYPE_CHECKING:
    from img_repr.explain.explanation import Explanation

_EXPLAINED = "explanations.json"


@expand_options
def explain(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A folder that `train` wrote.")],
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT...", help="Files or folders of raw samples.")],
    method: Annotated[
        str,
        typer.Option(help="integrated_gradients, gradcam, layercam, occlusion, saliency or raw_occlusion."),
    ] = "integrated_gradients",
    target: Annotated[str | None, typer.Option(help="The class to explain. Default: the predicted one.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Explain at most this many samples of each input.")] = 10,
    out: Annotated[
        Path | None, typer.Option(help=f"Write a PNG and an NPZ per sample and {_EXPLAINED} into this new folder.")
    ] = None,
    load: LoadOptions = LoadOptions(),  # noqa: B008 - frozen
    device: Device = "auto",
) -> None:
    """Show which parts of raw samples speak for a model's predictions, and measure whether they do.

    Faithfulness compares the strongest 10 % of each raw sample with as much at random places: a good explanation loses
    more probability when it is masked.

    Example: img-repr explain models/gunpoint new_series.csv --out explained
    """
    from img_repr.core.atomic import check_new_folder
    from img_repr.core.errors import DataError

    options = load.read()
    check_written(model, "train", "model.json")
    for source in inputs:
        check_source(source, load.format)
    if out is not None:
        check_new_folder(out, replaces=_EXPLAINED)
    chosen = read_device(device)
    from img_repr.explain.explainer import explain as explain_samples
    from img_repr.explain.explainer import load_model

    fitted = load_model(model, device=chosen)
    found: list[Explanation] = []
    with counting_bar("explaining", len(inputs)) as advance:
        for source in inputs:
            dataset = read_dataset(source, options, load.format, labeled="label" in options, columns=fitted.columns)
            expected = fitted.encoders[0].domain
            if dataset.domain.name != expected.name:
                raise DataError(f"{source}: expected {expected.name} as the model, got {dataset.domain.name}")
            found += explain_samples(fitted, dataset.subset(range(min(limit, len(dataset)))), method, target)
            advance(1)
    rows = [
        (one.name, one.target, "" if one.probability is None else f"{one.probability:.3f}", _place(one))
        for one in found
    ]
    print_table("explanations", ("sample", "class", "probability", "strongest place"), rows)
    table = _faithfulness(fitted, found)
    if table:
        print_table(f"faithfulness over {len(found)} samples", ("", "strongest", "random", "p"), table)
    if out is not None:
        _write(out, found, table)
        say(f"{len(found)} explanations in {out}")


def _place(one: "Explanation") -> str:
    strongest = one.strongest()[:1]
    return ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        for row in strongest
        for name, value in row.items()
        if name != "weight"
    )


def _faithfulness(model: object, found: list["Explanation"]) -> list[tuple[str, str, str, str]]:
    """Return the table of faithfulness; empty for a regressor, and where nothing speaks for any prediction."""
    from img_repr.explain.faithfulness import faithfulness
    from img_repr.training.classifier import ImageClassifier

    if not isinstance(model, ImageClassifier) or not any(one.weights.any() for one in found):
        return []
    return faithfulness(model, found).rows()


def _write(out: Path, found: list["Explanation"], table: list[tuple[str, str, str, str]]) -> None:
    import numpy as np

    from img_repr.core.atomic import atomic_folder
    from img_repr.core.file_name import file_name

    with atomic_folder(out, replaces=_EXPLAINED) as folder:
        for number, one in enumerate(found):
            stem = f"{number:04d}-{file_name(one.name, ascii_only=True, filler='-')[:80]}"
            figure = one.plot().get_figure(root=True)
            assert figure is not None
            figure.savefig(folder / f"{stem}.png", dpi=150)
            np.savez_compressed(folder / f"{stem}.npz", **one.arrays())  # type: ignore[arg-type]
        content = {"explanations": [one.to_dict() for one in found], "faithfulness": table}
        (folder / _EXPLAINED).write_text(json.dumps(content, indent=1), "utf-8")
