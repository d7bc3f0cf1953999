"""Recipe: one benchmark as a value; :mod:`img_repr.benchmark.recipe_file` reads and writes it."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from img_repr.benchmark.contender import Contender, DefaultsContender
from img_repr.benchmark.wildcards import expand_wildcards
from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError, ParameterError
from img_repr.core.file_name import file_name
from img_repr.core.loader import LOADERS
from img_repr.core.numbers import is_number
from img_repr.core.seed import check_seed
from img_repr.core.splits.policy import check_split_options, default_split_kind, make_splits
from img_repr.core.splits.split import Split

MOST_RUNS = 1000  # seeds, and resamples: ten times as many as in publications
_MAX_LENGTH = 10_000
DATA_FOLDER = "IMG_REPR_DATA"


@dataclass(frozen=True)
class Recipe:
    """One benchmark.

    Parameters
    ----------
    name : str
        Name on the page and of the plan on disk.
    datasets : tuple of str
        Names of bundled data sets, or paths.
    contenders : tuple of Contender
        In an order that is declared before any result: the verdict compares the first image with the first table. A
        contender is used on the data sets of its domain. Default: the contenders of each data set's domain.
    split : {"published", "resample", "group", "time", "group_time"}, optional
        Default: :func:`img_repr.core.splits.policy.default_split_kind`: the published split if the data have one
        and ``resamples`` is 1; else whole groups if groups are known, later ones if a time separates them; by time if
        times are known; else stratified resamples.
    resamples : int
        Number of resamples; number 0 is the published split. By groups: the number of folds if above 1, else five, or
        one for each group if there are fewer. By time: the number of periods that are tested, each by models fitted
        on everything before it.
    test_size : float, optional
        Fraction of the samples in the test part, for splits by time, and stratified ones without a published split.
        Default: 0.3.
    gap : float
        Time left out between training and test parts, and in inner splits, in the units of the times; with
        ``split="time"`` only. Default: the gap of each data set.
    force : bool
        Allow a random split over known groups, times or folds: it leaks, and serves to show by how much.
    seeds : tuple of int
        Each contender runs once under each seed on every split; one that uses no random numbers only under the first.
    budget_hours : float, optional
        A run that is not expected to end in time is not started.
    loading : mapping
        Options of the data sets' formats: ``skip_unreadable``, ``sample_rate_hz`` ...
    training : mapping
        Hyperparameters of every network, unless a contender sets its own.
    note : str
        Shown on the page.
    path : Path, optional
        File of the recipe; paths of data sets may be relative to its folder.

    Examples
    --------
    >>> two = Contender.parse("cnn:gadf"), Contender.parse("majority")
    >>> recipe = Recipe("small", ("gunpoint",), two, seeds=(0, 1))
    >>> [contender.name for contender in recipe.contenders]
    ['CNN on gadf', 'majority']
    """

    name: str
    datasets: tuple[str, ...]
    contenders: tuple[Contender, ...] = ()
    split: str | None = None
    resamples: int = 1
    test_size: float | None = None
    gap: float = 0.0
    force: bool = False
    seeds: tuple[int, ...] = (0,)
    budget_hours: float | None = None
    loading: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""
    path: Path | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or file_name(self.name, ascii_only=True) != self.name or self.name[0] == "-":
            raise ParameterError(
                "recipe: expected a name of at most 80 letters, digits, '-', '_' and '.', without '.' at its ends, got "
                f"{self.name!r:.100}"
            )
        caller = f"recipe {self.name}"
        self._check_kinds(caller)
        if not self.datasets or len(set(self.datasets)) != len(self.datasets):
            raise ParameterError(
                f"{caller}: expected at least one data set, each once, got {', '.join(self.datasets) or 'none'}"
            )
        check_split_options(caller, self.split, resamples=self.resamples, test_size=self.test_size, gap=self.gap)
        for seed in self.seeds[: MOST_RUNS + 1]:
            check_seed(caller, seed)
        if not self.seeds or len(set(self.seeds)) != len(self.seeds) or len(self.seeds) > MOST_RUNS:
            raise ParameterError(
                f"{caller}: expected 1 to {MOST_RUNS} seeds, each once, got {len(self.seeds)}: {list(self.seeds[:9])}"
            )
        names = [contender.name for contender in self.contenders]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ParameterError(
                f"{caller}: expected contenders with distinct names, got {', '.join(twice)} twice; give one a name"
            )

    def _check_kinds(self, caller: str) -> None:
        """Refuse values of other types or out of bounds."""
        if type(self.resamples) is not int or not 1 <= self.resamples <= MOST_RUNS:
            raise ParameterError(f"{caller}: expected resamples from 1 to {MOST_RUNS}, got {self.resamples!r:.60}")
        bounds = {"gap": (0.0, 1e300), "test_size": (0.0, 1.0), "budget_hours": (0.0, 1e6)}
        for word, (low, high) in bounds.items():
            value = getattr(self, word)
            number = is_number(value)
            good = (
                number and low <= value <= high and (word == "gap" or value not in (0.0, 1.0 if high == 1.0 else 0.0))
            )
            if not good and not (value is None and word != "gap"):
                words = f"between {low:g} and {high:g}" if high < 1e300 else "to be units of the times, 0 or more"
                raise ParameterError(f"{caller}: expected {word} {words}, got {value!r:.60}")
        texts = {"note": self.note, **{f"datasets[{index}]": name for index, name in enumerate(self.datasets)}}
        for word, text in texts.items():
            if not isinstance(text, str) or len(text) > _MAX_LENGTH or "\0" in text:
                raise ParameterError(
                    f"{caller}: expected {word} to be text of at most {_MAX_LENGTH} letters, got {text!r:.60}"
                )
        for word in ("loading", "training"):
            if not isinstance(getattr(self, word), Mapping):
                raise ParameterError(f"{caller}: expected {word} to be a table, got {getattr(self, word)!r:.60}")
        if not isinstance(self.force, bool):
            raise ParameterError(f"{caller}: expected force to be true or false, got {self.force!r:.60}")

    def contenders_for(self, dataset: Dataset) -> tuple[Contender, ...]:
        """Return the contenders that read the samples of a data set, in their declared order."""
        declared = expand_wildcards(self.contenders or [DefaultsContender()], dataset.domain.name)
        fitting = [contender for contender in declared if contender.domain in (None, dataset.domain.name)]
        if not fitting:
            raise ParameterError(
                f"recipe {self.name}: expected a contender that reads {dataset.domain.name}, got none for "
                f"{dataset.name}"
            )
        inferred = dataset.infer_parameters()
        return tuple(contender.trained_with(self.training).with_inferred_parameters(inferred) for contender in fitting)

    def splits_of(self, dataset: Dataset) -> Iterator[Split]:
        """Yield the splits of a data set."""
        if self.gap:
            kind = self.split or default_split_kind(dataset, self.resamples, test_size=self.test_size)
            check_split_options(dataset.name, kind, gap=self.gap)
        return make_splits(
            replace(dataset, gap=self.gap or dataset.gap),
            self.split,
            resamples=self.resamples,
            test_size=self.test_size,
            force=self.force,
        )


def default_recipe(dataset: Dataset, **values: Any) -> Recipe:
    """Return a recipe for one data set; ``values`` are further fields."""
    return Recipe(**{"name": _slug(dataset.name), "datasets": (dataset.name,), **values})


def resolve_dataset(name: str, folder: Path | None = None) -> str | Path:
    """Return the name or path of a data set of a recipe: bundled, in the recipe's folder, or a public data set.

    Public data sets are searched in the folder of the environment variable ``IMG_REPR_DATA`` and its direct
    subfolders.

    Raises
    ------
    DataError
        If there is no such data set.
    """
    if is_bundled(name):
        return name.lower()
    folders = [Path() if folder is None else folder]
    if os.environ.get(DATA_FOLDER):
        root = Path(os.environ[DATA_FOLDER])
        folders += [root, *sorted(path for path in root.glob("*") if path.is_dir())]
    for parent in folders:
        if (parent / Path(name).expanduser()).exists():
            return parent / Path(name).expanduser()
    hint = "" if len(folders) > 1 else f"; {DATA_FOLDER} may name a folder of public data sets"
    bundled = ", ".join(key for key in LOADERS if LOADERS[key].bundled)
    raise DataError(
        f"data set {name!r}: expected one of {bundled or 'none bundled'}, or a path, got none in "
        f"{folders[0].resolve().name}/{hint}"
    )


def is_bundled(name: str) -> bool:
    """Whether a data set of that name is bundled."""
    return name.lower() in LOADERS and LOADERS[name.lower()].bundled


def _slug(text: str) -> str:
    return file_name(text, ascii_only=True, filler="-").strip("-_.") or "recipe"
