"""Arguments and options that several commands share: data, columns, parameters, device."""

import ast
import difflib
import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass
from functools import wraps
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from img_repr.console import messages, notes
from img_repr.core.errors import DataError, ParameterError
from img_repr.core.file_tree import check_regular
from img_repr.core.registry import ENTRY_POINT_GROUP
from img_repr.training.config import TrainConfig

if TYPE_CHECKING:
    import torch

    from img_repr.core.dataset import Dataset

BUNDLED = (
    "basic_motions", "breast_cancer", "coffee", "digits", "gunpoint", "iris", "python_files", "synthetic_sounds",
    "synthetic_traces", "wine_recognition",
)  # fmt: skip
"""Bundled data sets; the registry of loaders, which lists them too, takes seconds to import."""

_DEFAULTS = ", ".join(f"{name}={value}" for name, value in asdict(TrainConfig()).items())
ENCODERS_OF = "Names such as gadf, mtf or scalogram (img-repr encoders lists all); a+b: channels of one"

Source = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="A file (.csv, .tsv, .ts, .npy, .npz, .wav, .jsonl ...), a folder (of the UCR archive, of FSDD, ESC, "
        "UrbanSound8K or Speech Commands, of Balabit or SapiMouse, of cpu_rec, BIG 2015 or Malimg, of class folders), "
        f"or a bundled set: {', '.join(BUNDLED)}.",
    ),
]
Runs = Annotated[Path, typer.Argument(metavar="RUNS", help="A folder that `bench` wrote; merged ones too.")]
Size = Annotated[int, typer.Option(help="Side of the image in pixels.")]
Format = Annotated[
    str | None,
    typer.Option("--format", help="csv, audio_folder ... (img-repr formats lists all). Default: the first that fits."),
]
Loading = Annotated[
    list[str] | None,
    typer.Option(
        "--load",
        metavar="NAME=VALUE",
        help="An option of the data's format, e.g. skip_unreadable=True, sample_rate_hz=16000; may be repeated. "
        "img-repr formats NAME lists the options of a format.",
    ),
]
_COLUMN = "by name, or by number from 0"
LabelColumn = Annotated[
    str | None, typer.Option("--label-col", metavar="COLUMN", help=f"Column of the labels, {_COLUMN}.")
]
GroupColumn = Annotated[
    str | None,
    typer.Option(
        "--group-col", metavar="COLUMN", help="Column of the groups (patient, speaker, site); no split cuts a group."
    ),
]
TimeColumn = Annotated[
    str | None, typer.Option("--time-col", metavar="COLUMN", help="Column of the times, numbers or ISO dates.")
]
IdColumn = Annotated[str | None, typer.Option("--id-col", metavar="COLUMN", help="Column that names the samples.")]
DropColumns = Annotated[
    list[str] | None, typer.Option("--drop", metavar="COLUMN", help="Column to leave out; may be repeated.")
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps; auto: the GPU if there is one.")]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="A parameter of the encoder, e.g. missing=interpolate to fill missing values; may be repeated.",
    ),
]
Hyperparameters = Annotated[
    list[str] | None,
    typer.Option(
        "--train", metavar="NAME=VALUE", help=f"A hyperparameter of training; may be repeated. Defaults: {_DEFAULTS}."
    ),
]


@dataclass(frozen=True)
class LoadOptions:
    """Options of every command that reads data."""

    format: Format = None
    loading: Loading = None
    label_col: LabelColumn = None
    group_col: GroupColumn = None
    time_col: TimeColumn = None
    id_col: IdColumn = None
    drop: DropColumns = None

    def read(self) -> dict[str, Any]:
        """Return the options of the data's format, without the format itself."""
        return read_loading(
            self.loading,
            label=self.label_col,
            group=self.group_col,
            time=self.time_col,
            id=self.id_col,
            drop=self.drop,
        )


def expand_options(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command that declares the fields of its dataclass parameters as options of its own."""
    parameters = inspect.signature(command).parameters.values()
    groups: dict[str, Any] = {one.name: one.annotation for one in parameters if is_dataclass(one.annotation)}
    expanded: list[inspect.Parameter] = []
    for one in parameters:
        members = [(own.name, own.type, own.default) for own in fields(groups[one.name])] if one.name in groups else []
        for name, annotation, default in members or [(one.name, one.annotation, one.default)]:
            expanded.append(
                inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
            )

    @wraps(command)
    def called(**values: Any) -> None:
        made = {
            name: group(**{own.name: values.pop(own.name) for own in fields(group) if own.name in values})
            for name, group in groups.items()
        }
        command(**values, **made)

    called.__signature__ = inspect.Signature(expanded)  # type: ignore[attr-defined]
    called.__annotations__ = {one.name: one.annotation for one in expanded}
    return called


def read_settings(settings: list[str] | None, option: str) -> dict[str, Any]:
    """Return ``name=value`` pairs as a dict; values are Python literals, else text.

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
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            values[name] = text
    return values


def read_loading(
    loading: list[str] | None,
    *,
    label: str | None = None,
    group: str | None = None,
    time: str | None = None,
    id: str | None = None,
    drop: list[str] | None = None,
) -> dict[str, Any]:
    """Return the options of a format: ``--load``, and the columns that have their own option.

    Examples
    --------
    >>> from img_repr.commands.options import read_loading
    >>> read_loading(["layout=wide"], label="diagnosis", drop=["age", "date"])
    {'layout': 'wide', 'label': 'diagnosis', 'drop': ['age', 'date']}
    """
    values = read_settings(loading, "--load")
    columns = {"label": label, "group": group, "time": time, "id": id, "drop": drop or None}
    for name, column in columns.items():
        if column is not None and name in values:
            raise ParameterError(f"--load {name}: expected this column once, got it by its own option too")
    return values | {name: column for name, column in columns.items() if column is not None}


def check_source(source: str, format: str | None = None) -> None:
    """Check that data exist, before the slow imports.

    Raises
    ------
    DataError
        If there is no such path or bundled data set, with near names; or it is or holds a FIFO, a socket or a device.
    """
    try:
        exists = Path(source).exists()
    except OSError as error:
        raise DataError(f"{source:.200}: expected a path that can be read, got: {error.strerror}") from None
    if exists:
        check_regular(Path(source))
    bundled = source.replace("_", "").lower() in {name.replace("_", "") for name in BUNDLED}
    if exists or bundled or format in BUNDLED or entry_points(group=ENTRY_POINT_GROUP):  # a plug-in may bundle others
        return
    near = [name for name in (_near_path(source), *difflib.get_close_matches(source.lower(), BUNDLED, n=1)) if name]
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    raise DataError(
        f"expected a file, a folder or one of {', '.join(BUNDLED)}, got {source!r}, which does not exist{hint}"
    )


def check_written(folder: Path, by: str, file: str = "") -> None:
    """Check that a folder written by a command exists, before the slow imports.

    Raises
    ------
    DataError
        If it does not, or lacks ``file``.
    """
    if folder.is_dir() and (not file or (folder / file).is_file()):
        return
    near = "" if folder.exists() else _near_path(str(folder))
    got = f"a folder without {file}" if folder.is_dir() else "a file" if folder.exists() else "none"
    raise DataError(f"{folder}: expected a folder that `{by}` wrote, got {got}{f'; did you mean {near}?' * bool(near)}")


def _near_path(source: str) -> str:
    """Return the path next to a missing one whose name is most similar, or nothing."""
    path = Path(source)
    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except (OSError, ValueError):
        return ""
    near = difflib.get_close_matches(path.name, names, n=1)
    return str(path.with_name(near[0])) if near else ""


def read_dataset(
    source: str,
    options: dict[str, Any],
    format: str | None = None,
    *,
    lazy: bool = False,
    labeled: bool = True,
    columns: Sequence[str] | None = None,
) -> "Dataset":
    """Load a data set with the options of its format; print its summary and the notes of its loader."""
    from img_repr.core.loader import load_dataset  # it brings torch

    dataset = load_dataset(
        source, **({"format": format, "lazy": lazy, "labeled": labeled, "columns": columns} | options)
    )
    report_dataset(source, dataset)
    return dataset


def report_dataset(source: str, dataset: "Dataset") -> None:
    """Print the summary of a data set and the notes of its loader."""
    messages.print(f"{source}: {dataset.summary()}", soft_wrap=True)
    for note in dataset.notes:
        notes.show(f"{source}: {note}")


def read_device(name: str) -> "torch.device | None":
    """Return the device of that name; None for ``auto``.

    Raises
    ------
    ParameterError
        If this machine has no such device.
    """
    if name == "auto":
        return None
    if not re.fullmatch(r"cpu|mps|cuda(:\d{1,3})?", name):
        raise ParameterError(f"--device: expected auto, cpu, cuda, cuda:N or mps, got {name!r}")
    import torch

    device = torch.device(name)
    there = {"cpu": 1, "mps": int(torch.backends.mps.is_available()), "cuda": torch.cuda.device_count()}[device.type]
    if (device.index or 0) >= there:
        raise ParameterError(f"--device: expected a device of this machine, got {name!r}; {device.type}: {there} here")
    return device


def report_inferred_parameters(source: str, dataset: "Dataset", given: dict[str, Any]) -> None:
    """Print the encoder parameters that the samples decide and the user did not set."""
    inferred = {word: value for word, value in dataset.infer_parameters().items() if word not in given}
    if inferred:
        notes.show(f"{source}: these samples set {', '.join(f'{word}={value!r}' for word, value in inferred.items())}")
