"""What the commands ask for in the same words, and how it is read: data, settings, knobs."""

import ast
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from img_repr.console import notes
from img_repr.core.errors import ParameterError
from img_repr.training.config import TrainConfig

if TYPE_CHECKING:
    from img_repr.core.dataset import Dataset

_KNOBS = ", ".join(f"{knob.name}={knob.default}" for knob in fields(TrainConfig))
ENCODERS_OF = "Names such as gadf, mtf or scalogram (img-repr encoders lists all); a+b: channels of one"

Source = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="A file (.csv, .tsv, .ts, .npy, .npz, .wav, .jsonl ...), a folder (of the UCR archive, of FSDD, ESC, "
        "UrbanSound8K or Speech Commands, of Balabit or SapiMouse, of cpu_rec, BIG 2015 or Malimg, of class folders), "
        "or a bundled set: gunpoint, coffee, basic_motions, synthetic_sounds, synthetic_traces, python_files.",
    ),
]
Runs = Annotated[Path, typer.Argument(metavar="RUNS", help="A folder that `bench` wrote; merged ones too.")]
Size = Annotated[int, typer.Option(help="Side of the image in pixels.")]
Format = Annotated[
    str | None, typer.Option("--format", help="csv, audio_folder, ts, ucr ...; default: found by looking.")
]
Loading = Annotated[
    list[str] | None,
    typer.Option(
        "--load",
        metavar="NAME=VALUE",
        help="An option of the data's format, e.g. skip_unreadable=True, sample_rate_hz=16000; may be repeated.",
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="A parameter of the encoder, e.g. missing=interpolate to fill missing values; may be repeated.",
    ),
]
Knobs = Annotated[
    list[str] | None,
    typer.Option("--train", metavar="NAME=VALUE", help=f"A knob of the trainer; may be repeated. Defaults: {_KNOBS}."),
]


def read_settings(settings: list[str] | None, option: str) -> dict[str, Any]:
    """Read ``name=value`` pairs; values are Python literals, else words.

    Examples
    --------
    >>> from img_repr.commands.options import read_settings
    >>> read_settings(["n_bins=4", "missing=interpolate"], "--set")
    {'n_bins': 4, 'missing': 'interpolate'}
    """
    values: dict[str, Any] = {}
    for setting in settings or []:
        name, equals, text = setting.partition("=")
        if not (equals and name):
            raise ParameterError(f"{option}: expected name=value, got {setting!r}")
        try:
            values[name] = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            values[name] = text
    return values


def read_dataset(
    source: str,
    format: str | None = None,
    loading: list[str] | None = None,
    *,
    lazy: bool = False,
    columns: Sequence[str] | None = None,
) -> "Dataset":
    """Load a data set with the options of its format, and tell what its loader found."""
    from img_repr.core.loader import load_dataset  # it brings torch

    dataset = load_dataset(
        source, **({"format": format, "lazy": lazy, "columns": columns} | read_settings(loading, "--load"))
    )
    for note in dataset.notes:
        notes.tell(f"{source}: {note}")
    return dataset


def tell_what_is_asked_for(source: str, dataset: "Dataset", given: dict[str, Any]) -> None:
    """Say which parameters the samples set where the user set none."""
    asked_for = {word: value for word, value in dataset.asks_for().items() if word not in given}
    if asked_for:
        notes.tell(f"{source}: these samples set {', '.join(f'{word}={value!r}' for word, value in asked_for.items())}")
