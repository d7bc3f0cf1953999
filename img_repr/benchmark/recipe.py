"""Recipe: one benchmark as a value, read from a TOML file or made for one data set."""

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from img_repr.benchmark.contender import Contender
from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError, ParameterError
from img_repr.core.loader import LOADERS
from img_repr.core.splits import Split, group_splits, published_splits, resampled_splits, time_splits

SPLITS = ("published", "resample", "group", "time")
DATA_FOLDER = "IMG_REPR_DATA"
_KINDS: dict[str, tuple[type, str]] = {
    **dict.fromkeys(("name", "note", "split"), (str, "text")),
    "datasets": (list, "a list of texts"),
    **dict.fromkeys(("contenders", "seeds"), (list, "a list")),
    **dict.fromkeys(("loading", "training"), (dict, "a table")),
    "resamples": (int, "a whole number"),
    "force": (bool, "true or false"),
}
"""What a key of a recipe's file holds, and in words."""


@dataclass(frozen=True)
class Recipe:
    """One benchmark.

    Parameters
    ----------
    name : str
        What the page and the plan on disk call it.
    datasets : tuple of str
        Names of bundled data sets, or paths.
    contenders : tuple of Contender
        In an order that is declared before any result: the first image and the first table are the primary
        ones, whose comparison is the verdict. One that reads another kind of sample than a data set is not
        set on it. Default: what each data set's domain proposes.
    split : {"published", "resample", "group", "time"}, optional
        Default: resamples where several are asked for, else the publisher's split where the data have one, by
        time where times are known, by groups where groups are, else one stratified resample.
    resamples : int
        How many; number 0 is the published split. Of groups: how many folds, where more than one.
    force : bool
        Allow a random split where groups, times or folds are known: it leaks, and is there to show by how much.
    seeds : tuple of int
        Each contender is run once under each, on every split; one that draws nothing only under the first.
    budget_hours : float, optional
        A cell that is not expected to fit in is not begun.
    loading : mapping
        Options of the data sets' formats: ``skip_unreadable``, ``sample_rate_hz`` ...
    training : mapping
        Values for the trainer of every CNN that does not say otherwise.
    note : str
        Shown on the page.
    path : Path, optional
        The file that it was read from; paths of data sets may be relative to its folder.

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
    force: bool = False
    seeds: tuple[int, ...] = (0,)
    budget_hours: float | None = None
    loading: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""
    path: Path | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        who = f"recipe {self.name}"
        if not self.name or not set(self.name) <= set(
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-."
        ):
            raise ParameterError(f"recipe: expected a name of letters, digits, '-', '_' and '.', got {self.name!r}")
        if not self.datasets or len(set(self.datasets)) != len(self.datasets):
            raise ParameterError(
                f"{who}: expected at least one data set, each once, got {', '.join(self.datasets) or 'none'}"
            )
        if self.split is not None and self.split not in SPLITS:
            raise ParameterError(f"{who}: expected split to be one of {', '.join(SPLITS)}, got {self.split!r}")
        if self.resamples < 1 or (self.resamples > 1 and self.split in ("published", "time")):
            raise ParameterError(
                f"{who}: expected resamples to be 1 or, with split = 'resample' or 'group', more; "
                f"got {self.resamples} with split = {self.split!r}"
            )
        if not self.seeds or len(set(self.seeds)) != len(self.seeds):
            raise ParameterError(f"{who}: expected at least one seed, each once, got {list(self.seeds)}")
        if not all(type(seed) is int and seed >= 0 for seed in self.seeds):
            raise ParameterError(f"{who}: expected seeds to be whole numbers of at least 0, got {list(self.seeds)}")
        hours = self.budget_hours
        if hours is not None and not (isinstance(hours, (int, float)) and hours > 0):
            raise ParameterError(f"{who}: expected budget_hours above 0, got {hours!r}")
        names = [contender.name for contender in self.contenders]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ParameterError(
                f"{who}: expected contenders with distinct names, got {', '.join(twice)} twice; give one a name"
            )

    def contenders_for(self, dataset: Dataset) -> tuple[Contender, ...]:
        """Contenders that read the samples of a data set, in their declared order."""
        declared = self.contenders or tuple(Contender.parse(text) for text in dataset.domain.contenders)
        fitting = [contender for contender in declared if contender.domain in (None, dataset.domain.name)]
        if not fitting:
            raise ParameterError(
                f"recipe {self.name}: expected a contender that reads {dataset.domain.name}, got none for "
                f"{dataset.name}"
            )
        asked_for = dataset.asks_for()
        return tuple(contender.trained_with(self.training).suited(asked_for) for contender in fitting)

    def splits_of(self, dataset: Dataset) -> Iterator[Split]:
        """Give the splits of a data set that the recipe asks for."""
        kind = self.split or self._usual_split(dataset)
        if kind == "published":
            return published_splits(dataset)
        if kind == "time":
            return time_splits(dataset)
        if kind == "group":
            return group_splits(dataset, self.resamples if self.resamples > 1 else None)
        return resampled_splits(dataset, self.resamples, force=self.force)

    def _usual_split(self, dataset: Dataset) -> str:
        by_chance = dataset.groups is None and dataset.times is None
        if dataset.parts is not None and not (self.resamples > 1 and by_chance):
            return "published"
        if dataset.times is not None:
            return "time"
        return "group" if dataset.groups is not None else "resample"


def default_recipe(dataset: Dataset, **values: Any) -> Recipe:
    """Make the recipe of one data set, with the contenders of its domain; ``values`` are further fields."""
    return Recipe(**{"name": _slug(dataset.name), "datasets": (dataset.name,), **values})


def read_recipe(path: str | Path) -> Recipe:
    """Read a recipe from a TOML file whose keys are the fields of :class:`Recipe`.

    A contender is a short string, ``"cnn:gadf"``, or a table: ``{kind = "cnn", encoder = "gadf", parameters =
    {size = 64}, training = {epochs = 10}, name = "small"}``. The name of the recipe is by default
    that of the file.

    Raises
    ------
    ParameterError
        Naming the file, and the key with near names where one is unknown.
    """
    path = Path(path)
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise DataError(f"{path}: expected a recipe, got {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ParameterError(f"{path}: expected TOML, got {error}") from None
    known = [word.name for word in fields(Recipe) if word.name != "path"]
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=2, cutoff=0.5)
            hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known)}"
            raise ParameterError(f"{path}: no key of a recipe is called {key!r}; {hint}")
    for key, value in table.items():
        kind, words = _KINDS.get(key, (object, ""))
        texts = key != "datasets" or not isinstance(value, list) or all(isinstance(name, str) for name in value)
        if not isinstance(value, kind) or (isinstance(value, bool) and key != "force") or not texts:
            raise ParameterError(f"{path}: expected {key} to be {words}, got {value!r:.60}")
    read = [
        Contender.parse(entry) if isinstance(entry, str) else Contender.of(entry)
        for entry in table.pop("contenders", [])
    ]
    lists = {key: tuple(table.pop(key)) for key in ("datasets", "seeds") if key in table}
    values: dict[str, Any] = {"name": path.stem, "datasets": ()} | table | lists
    return Recipe(**values, contenders=tuple(read), path=path)


def resolve_dataset(name: str, folder: Path | None = None) -> str | Path:
    """Find what a recipe calls a data set: bundled, in the recipe's folder, or among the public ones.

    The last is named by the environment variable ``IMG_REPR_DATA``; it and its direct subfolders are
    searched.

    Raises
    ------
    DataError
        Naming the places that were searched.
    """
    if name.lower() in LOADERS and LOADERS[name.lower()].bundled:
        return name.lower()
    places = [Path() if folder is None else folder]
    if os.environ.get(DATA_FOLDER):
        root = Path(os.environ[DATA_FOLDER])
        places += [root, *sorted(place for place in root.glob("*") if place.is_dir())]
    for place in places:
        if (place / Path(name).expanduser()).exists():
            return place / Path(name).expanduser()
    hint = "" if len(places) > 1 else f"; {DATA_FOLDER} may name a folder of public data sets"
    bundled = ", ".join(key for key in LOADERS if LOADERS[key].bundled)
    raise DataError(
        f"data set {name!r}: expected one of {bundled or 'none bundled'}, or a path, got none in "
        f"{places[0].resolve().name}/{hint}"
    )


def _slug(text: str) -> str:
    return "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in text).strip("-") or "recipe"
