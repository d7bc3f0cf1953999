"""Plan: the runs of a recipe in running order, and its file for the report."""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from img_repr.benchmark.contender import Contender
from img_repr.benchmark.execution.budget import cheapest_pair_first
from img_repr.benchmark.execution.leaks import find_leaks
from img_repr.benchmark.execution.run import Run, describe_error, split_sha256
from img_repr.benchmark.recipe import Recipe, resolve_dataset
from img_repr.benchmark.result import KEY_LENGTH, SCHEMA, canonical, check_runs_folder
from img_repr.benchmark.wildcards import expand_wildcards
from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError, ParameterError
from img_repr.core.json_file import write_json
from img_repr.core.loader import load_dataset
from img_repr.core.splits.inner import validation_notes
from img_repr.core.splits.split import Split

log = logging.getLogger(__name__)
_MOST_NOTES = 3  # sentences on validation parts of one data set
_MOST_RUNS = 100_000


@dataclass(frozen=True, eq=False)
class Plan:
    """The runs of a recipe.

    Parameters
    ----------
    recipe : Recipe
        The recipe.
    runs : list of Run
        In running order: every contender on split 0 of every data set under the first seed, then the other seeds, then
        the other splits, so that results are balanced at any time. With a budget the cheapest table and the cheapest
        image of each data set run first, and are compared.
    datasets : list of dict
        Description of each data set for the report, as JSON values.
    unreadable : dict
        Data sets that could not be read or split, with the error; they are left out.
    """

    recipe: Recipe
    runs: list[Run]
    datasets: list[dict[str, Any]]
    unreadable: dict[str, dict[str, str]] = field(default_factory=dict)

    def write(self, runs_folder: Path, *, command: str) -> Path:
        """Write ``plans/<recipe>.json``, from which the report knows missing runs and the command.

        Raises
        ------
        DataError
            If the folder has other files than those of runs.
        """
        recipe = self.recipe
        check_runs_folder(runs_folder)
        path = runs_folder / "plans" / f"{recipe.name}.json"
        write_json(
            path,
            {
                "name": recipe.name,
                "note": recipe.note,
                "seeds": recipe.seeds,
                "split": recipe.split,
                "resamples": recipe.resamples,
                "test_size": recipe.test_size,
                "gap": recipe.gap,
                "force": recipe.force,
                "loading": recipe.loading,
                "budget_hours": recipe.budget_hours,
                "command": command,
                "written": datetime.now(UTC).isoformat(timespec="seconds"),
                "datasets": self.datasets,
                "unreadable": self.unreadable,
                "runs": [_run_entry(run) for run in self.runs],
            },
            format=SCHEMA,
        )
        return path


def make_plan(recipe: Recipe, datasets: Iterable[Dataset] = ()) -> Plan:
    """Load the data sets of a recipe, split them, and return its runs in running order.

    Parameters
    ----------
    recipe : Recipe
    datasets : iterable of Dataset
        Loaded data sets, used for the data sets of that name.

    Raises
    ------
    DataError
        If none of the data sets can be used.
    UnknownNameError, ParameterError
        If a contender has an unknown name, or reads none of the data sets.
    """
    for contender in recipe.contenders:
        contender.trained_with(recipe.training).check()
    in_time = recipe.budget_hours is not None
    loaded = {dataset.name: dataset for dataset in datasets}
    runs: list[tuple[tuple[int, ...], Run]] = []
    entries: list[dict[str, Any]] = []
    unreadable: dict[str, dict[str, str]] = {}
    folder = None if recipe.path is None else recipe.path.parent
    for rank, name in enumerate(recipe.datasets):
        try:
            known = loaded.get(name)
            dataset = load_dataset(resolve_dataset(name, folder), **recipe.loading) if known is None else known
            dataset = replace(dataset, gap=recipe.gap or dataset.gap)  # for inner splits too
            if any(entry["name"] == dataset.name for entry in entries):
                raise DataError(f"data set {name!r}: expected data sets of distinct names, got a second {dataset.name}")
            if len(dataset.classes) < 2:
                raise DataError(f"{dataset.name}: expected at least two classes, got {', '.join(dataset.classes)}")
            splits = list(recipe.splits_of(dataset))
            contenders = _distinct(recipe.contenders_for(dataset), dataset.name)
            contenders = cheapest_pair_first(contenders) if in_time else contenders
            fingerprint = dataset.fingerprint()
            same = next((entry["name"] for entry in entries if entry["fingerprint"] == fingerprint), None)
            if same is not None:  # their runs would have the same keys
                raise DataError(f"{dataset.name}: expected data sets of distinct content, got that of {same} again")
        except Exception as error:
            unreadable[name] = describe_error(error, "load")
            continue
        entries.append(_dataset_entry(dataset, name, fingerprint, splits, contenders))
        for number, split in enumerate(splits):
            for position, contender in enumerate(contenders):
                seeds = recipe.seeds if contender.needs_seed else recipe.seeds[:1]
                for repeat, seed in enumerate(seeds):
                    run = Run(dataset, fingerprint, split, number, contender, seed)
                    later = in_time and position > 1  # than the pairs of the other data sets
                    runs.append(((number, repeat, later, rank, position), run))
                    if len(runs) > _MOST_RUNS:
                        raise ParameterError(
                            f"recipe {recipe.name}: expected at most {_MOST_RUNS:,} runs, got more; fewer resamples, "
                            "seeds or contenders make fewer"
                        )
    if not runs:
        reasons = "; ".join(error["message"] for error in unreadable.values())
        raise DataError(f"recipe {recipe.name}: expected a data set that can be used, got none: {reasons}")
    _check_all_are_used(recipe, {entry["domain"] for entry in entries}, is_known=not unreadable)
    return Plan(recipe, [run for _, run in sorted(runs, key=lambda pair: pair[0])], entries, unreadable)


def _check_all_are_used(recipe: Recipe, domains: set[str], *, is_known: bool) -> None:
    """Refuse a contender that reads none of the data sets; warn where some data sets could not be read."""
    for one in recipe.contenders:
        fits = any(made.domain in (None, domain) for domain in domains for made in expand_wildcards((one,), domain))
        if not fits:
            reads = f"samples of the domain {one.domain}" if one.domain else "samples that it can read"
            said = f"contender {one.name}: expected {reads}, got {', '.join(sorted(domains))}"
            if is_known:
                raise ParameterError(said)
            log.warning("%s", said)


def _distinct(contenders: Iterable[Contender], dataset: str) -> list[Contender]:
    """Drop contenders that equal another one except for the name: their runs would have the same keys."""
    kept: dict[str, Contender] = {}
    for one in contenders:
        first = kept.setdefault(canonical(one.spec()), one)
        if first is not one:
            log.warning("%s: %s is the same as %s, and is left out", dataset, one.name, first.name)
    return list(kept.values())


def _validation_notes(dataset: Dataset, splits: list[Split], contenders: Iterable[Contender]) -> list[str]:
    """Return sentences on what the validation parts of networks compromise, and in how many splits."""
    fractions = {one for contender in contenders for one in _values_of("validation_fraction", contender.spec()) if one}
    found = Counter(
        sentence
        for split in splits
        for sentence in {line for one in sorted(fractions) for line in validation_notes(dataset, split.train, one)}
    )
    return [
        sentence if count == len(splits) else f"In {count} of {len(splits)} splits: {sentence}"
        for sentence, count in sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))[:_MOST_NOTES]
    ]


def _values_of(key: str, spec: Any) -> Iterator[Any]:
    """Yield the values of a key anywhere in a nested spec."""
    if isinstance(spec, Mapping):
        for word, value in spec.items():
            yield from [value] if word == key else _values_of(key, value)
    elif isinstance(spec, (list, tuple)):
        for one in spec:
            yield from _values_of(key, one)


def _dataset_entry(
    dataset: Dataset, source: str, fingerprint: str, splits: list[Split], contenders: Iterable[Contender]
) -> dict[str, Any]:
    labels = dataset.known_labels.astype(str)
    names, counts = np.unique(labels, return_counts=True)
    inferred = dataset.infer_parameters()
    needs = ", ".join(f"{word}={value!r}" for word, value in inferred.items())
    return {
        "name": dataset.name,
        "source": source,
        "domain": dataset.domain.name,
        "sample": dataset.domain.sample,
        "samples": len(dataset),
        "classes": dict(zip(names.tolist(), counts.tolist(), strict=True)),
        "groups": None if dataset.groups is None else len(np.unique(dataset.groups)),
        "has_times": dataset.times is not None,
        "notes": [*dataset.notes, *([f"its samples set {needs} of encoders"] if inferred else [])],
        "leaks": list(dict.fromkeys([*find_leaks(dataset, splits), *_validation_notes(dataset, splits, contenders)])),
        "fingerprint": fingerprint,
        "splits": [
            {
                "kind": split.kind,
                "name": split.name,
                "n_train": len(split.train),
                "n_test": len(split.test),
                "sha256": split_sha256(split),
            }
            for split in splits
        ],
    }


def _run_entry(run: Run) -> Mapping[str, Any]:
    return {
        "key": run.key[:KEY_LENGTH],
        "dataset": run.dataset.name,
        "contender": run.contender.name,
        "role": run.contender.role,
        "needs_seed": run.contender.needs_seed,
        "spec": run.spec["contender"],
        "split": run.number,
        "seed": run.seed,
    }
