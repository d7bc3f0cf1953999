"""Options of ``bench run`` and ``bench plan``, and the recipe that they make with the data sets."""

import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from img_repr.commands.options import (
    ENCODERS_OF,
    Hyperparameters,
    LoadOptions,
    check_source,
    read_settings,
    report_dataset,
)
from img_repr.console import messages
from img_repr.core.errors import DataError, ImgReprError, ParameterError

if TYPE_CHECKING:
    from img_repr.benchmark.execution.plan import Plan
    from img_repr.benchmark.recipe import Recipe
    from img_repr.core.dataset import Dataset

_NAMED_CLASSES = 6  # more classes are only counted

Sources = Annotated[
    list[str],
    typer.Argument(metavar="DATA|RECIPE...", help="Data sets, a folder of several data sets, or one recipe (.toml)."),
]
Contenders = Annotated[
    list[str] | None,
    typer.Option(
        "--contender",
        "-c",
        help="cnn:ENCODER, table:FEATURES:LEARNER, pixels:ENCODER:LEARNER, majority, defaults (those of the domain) "
        "or pretrained (EfficientNet-Lite0, frozen and fine-tuned); may be repeated; "
        f"the first image and the first table are compared. ENCODER: {ENCODERS_OF} image, a|b: a network each. "
        "FEATURES: minirocket, raw, summary, acoustic, kinematic, ember, raw_columns ... "
        "LEARNER: 1nn, 1nn_dtw, extra_trees, gradient_boosting, logistic, ridge.",
    ),
]
Seeds = Annotated[int | None, typer.Option(max=1000, help="Number of seeds.")]
Resamples = Annotated[
    int | None,
    typer.Option(
        max=1000,
        help="Number of stratified resamples (the first is the published split), of folds, or of periods of time.",
    ),
]
SplitKind = Annotated[
    str | None,
    typer.Option(
        "--split",
        help="published, group, time, group_time (later groups) or resample. Default: the most honest that the data "
        "allow.",
    ),
]
Force = Annotated[
    bool, typer.Option("--force", help="Allow a random split over known groups, times or folds, though it leaks.")
]
Hours = Annotated[float | None, typer.Option(help="Budget in hours; runs that do not fit are reported as missing.")]
Changes = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="A.B=C",
        help="Any value of the recipe, e.g. training.epochs=5, seeds=[0,1], contenders.0.parameters.size=32; may be "
        "repeated. Applied after all other options.",
    ),
]


@dataclass(frozen=True)
class LoadedRecipe:
    """A recipe with the data sets of the command line.

    Parameters
    ----------
    recipe : Recipe
    loaded : list of Dataset
        Data sets that were named on the command line.
    to_write : Recipe
        The same recipe with the sources of its data sets, for a file.
    formats : dict
        How each loaded data set was recognized, by its name.
    """

    recipe: "Recipe"
    loaded: "list[Dataset]"
    to_write: "Recipe"
    formats: "dict[str, str]"

    def plan(self, *, report_all: bool = False) -> "Plan":
        """Return the plan; print how the data sets of the command line, or all, were recognized."""
        from img_repr.benchmark.execution.plan import make_plan

        plan = make_plan(self.recipe, self.loaded)
        for line in self._report(plan, report_all):
            messages.print(line, soft_wrap=True)
        return plan

    def _report(self, plan: "Plan", report_all: bool) -> "Iterator[str]":
        entries = [entry for entry in plan.datasets if report_all or entry["name"] in self.formats]
        for entry in entries:
            format = f" ({self.formats[entry['name']]})" if entry["name"] in self.formats else ""
            classes, splits = entry["classes"], entry["splits"]
            named = ", ".join(f"{name}: {count}" for name, count in classes.items())
            kinds = " and ".join(dict.fromkeys(split["kind"] for split in splits))
            yield (
                f"{entry['name']}: read as {entry['domain']}{format}, {entry['samples']} samples of {len(classes)} "
                f"classes{f' ({named})' if len(classes) <= _NAMED_CLASSES else ''}; split: {kinds}"
                f"{f', {len(splits)} of them' if len(splits) > 1 else ''}, the first with {splits[0]['n_train']} "
                f"training and {splits[0]['n_test']} test samples"
            )
        for domain in dict.fromkeys(entry["domain"] for entry in entries):
            runs = [run for run in plan.runs if run.dataset.domain.name == domain]
            names = dict.fromkeys(run.contender.name for run in runs)
            yield f"contenders on {domain}: {'; '.join(names)}"
        for entry in plan.datasets:
            yield from (f"{entry['name']}: {sentence}" for sentence in entry["leaks"])


@dataclass(frozen=True)
class BenchOptions:
    """Options of the benchmark that a recipe has too."""

    contenders: Contenders = None
    seeds: Seeds = None
    resamples: Resamples = None
    split: SplitKind = None
    force: Force = False
    hours: Hours = None
    hyperparameters: Hyperparameters = None
    changes: Changes = None

    def read(self, sources: list[str], load: LoadOptions) -> LoadedRecipe:
        """Return the recipe of a file, or of data sets, changed by the options.

        Raises
        ------
        ParameterError, DataError
        """
        from img_repr.benchmark.recipe import MOST_RUNS, default_recipe
        from img_repr.benchmark.recipe_file import change_table, read_recipe, recipe_of, table_of
        from img_repr.core.splits.split import check_count

        if self.seeds is not None and not 1 <= self.seeds <= MOST_RUNS:
            raise ParameterError(f"bench: expected --seeds from 1 to {MOST_RUNS}, got {self.seeds}")
        path = Path(sources[0]) if any(source.endswith(".toml") for source in sources) else None
        if path is not None and len(sources) > 1:
            raise ParameterError(f"bench: expected one recipe or data sets, got {', '.join(sources)}")
        if path is not None:
            table = table_of(read_recipe(path))
        else:
            table = {"datasets": [one for source in sources for one in _expanded(source, load.format)]}
        if self.seeds is not None:
            check_count("bench", "the number of seeds", self.seeds)
        changed: dict[str, Any] = {
            "contenders": self.contenders or None,
            "seeds": None if self.seeds is None else list(range(self.seeds)),
            "resamples": self.resamples,
            "split": self.split,
            "force": self.force or None,
            "budget_hours": self.hours,
            "loading": _merged(table.get("loading"), {"format": load.format} if load.format else {}, load.read()),
            "training": _merged(table.get("training"), read_settings(self.hyperparameters, "--train")),
        }
        table = change_table(
            table | {name: value for name, value in changed.items() if value is not None}, self.changes or []
        )
        caller = "bench" if path is None else str(path)
        recipe = recipe_of({"name": "bench"} | table, caller=caller, path=path)  # errors come before data are read
        if path is not None:
            return LoadedRecipe(recipe, [], recipe, {})
        loaded, names, formats = [], [], {}
        for source in recipe.datasets:
            try:
                dataset = _load(source, recipe.loading)
            except ImgReprError:
                if len(recipe.datasets) == 1:
                    raise
                names.append(source)  # the plan reports why, and continues without it
                continue
            loaded.append(dataset)
            names.append(dataset.name)
            formats[dataset.name] = _format_of(source, recipe.loading)
        if "name" not in table and loaded:
            recipe = replace(recipe, name=default_recipe(loaded[0]).name)
        return LoadedRecipe(replace(recipe, datasets=tuple(names)), loaded, recipe, formats)


def check_sources(sources: list[str], format: str | None) -> None:
    """Check that the sources exist, before the slow imports; some of several may be missing.

    Raises
    ------
    DataError, ParameterError
    """
    missing = []
    for source in sources:
        try:
            if source.endswith(".toml") and not Path(source).is_file():
                raise ParameterError(f"bench: expected a recipe, got {source!r}, which is no file")
            check_source(source, format)
        except (DataError, ParameterError) as error:
            missing.append(error)
    if len(missing) == len(sources):
        raise missing[0]


def command_line() -> str:
    """Return the command line, without the shard."""
    words = [word for word in sys.argv[1:] if not word.startswith("--shard=")]
    if "--shard" in words:
        start = words.index("--shard")
        del words[start : start + 2]
    return shlex.join(["img-repr", *words])


def _merged(*tables: Any) -> dict[str, Any] | None:
    return {word: value for table in tables for word, value in (table or {}).items()} or None


def _load(source: str, loading: Any) -> "Dataset":
    from img_repr.core.loader import load_dataset

    dataset = load_dataset(source, **loading)
    report_dataset(source, dataset)
    return dataset


def _recognizer(path: Path) -> str | None:
    from img_repr.core.loader import find_loader

    found = find_loader(path) if path.exists() else None
    return found.name if found else None


def _format_of(source: str, loading: Any) -> str:
    return f"format {found}" if (found := loading.get("format") or _recognizer(Path(source))) else "bundled"


def _expanded(source: str, format: str | None) -> list[str]:
    """Return the data sets of a folder that holds several in their published layouts, else the source alone.

    A folder of class folders looks alike, but no class folder has the layout of a published data set.
    """
    folder = Path(source)
    if format or not folder.is_dir() or not _is_of_folders(_recognizer(folder)):
        return [source]
    within = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    formats = {path: _recognizer(path) for path in within}
    found = [path for path, name in formats.items() if name]
    if not found or any(_is_of_folders(formats[path]) for path in found):
        return [source]
    others = f"; not {', '.join(path.name for path in within if path not in found)}" if len(found) < len(within) else ""
    messages.print(
        f"{source}: {len(found)} data sets, {', '.join(path.name for path in found)}{others}", soft_wrap=True
    )
    return [str(path) for path in found]


def _is_of_folders(format: str | None) -> bool:
    return format is None or format.endswith("folder")
