"""The benchmark from memory: compare images with tables on samples and labels in one call."""

import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from img_repr.benchmark.contender import Contender
from img_repr.benchmark.evaluation.tables import ResultsTable, read_results
from img_repr.benchmark.evaluation.verdict import headline, reach_verdicts
from img_repr.benchmark.recipe import default_recipe
from img_repr.benchmark.report.page import write_report
from img_repr.benchmark.run_benchmark import run_benchmark
from img_repr.core.dataset import Dataset
from img_repr.core.domain import DOMAINS
from img_repr.core.errors import DataError
from img_repr.core.loader import load_dataset
from img_repr.training.samples import as_dataset


@dataclass(frozen=True)
class CompareResult:
    """Result of :func:`compare`.

    Parameters
    ----------
    folder : Path
        Records of all runs; `img-repr report` reads them too.
    dataset : Dataset
        The compared data.
    """

    folder: Path
    dataset: Dataset

    @property
    def verdict(self) -> str:
        """Whether the image helps, and by which test: the sentence of the report page."""
        verdicts = reach_verdicts(self._table.rows)
        return " ".join(one.answer for one in verdicts) or headline(verdicts)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One row per contender, best first.

        Keys are ``dataset``, ``contender``, ``role`` (image, table, leak or control), ``measure``, ``value``, its 95 %
        interval ``low`` and ``high``, ``cost_ms`` (to fit one sample and predict one), and ``missing`` (missing and
        failed runs, in words).
        """
        found = []
        for row in self._table.rows:
            for name, score in row.scores.items():
                low, high = score.interval if score.good else (float("nan"), float("nan"))
                found.append(
                    {
                        "dataset": row.name,
                        "contender": name,
                        "role": score.role,
                        "measure": score.measure if score.good else "",
                        "value": score.value if score.good else float("nan"),
                        "low": low,
                        "high": high,
                        "cost_ms": score.cost_ms if score.good else float("nan"),
                        "missing": score.gaps,
                    }
                )
        return sorted(found, key=lambda one: (one["value"] != one["value"], -one["value"]))

    def to_frame(self) -> Any:
        """Return :attr:`rows` as a pandas data frame.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        import pandas as pd

        return pd.DataFrame(self.rows)

    def report(self, path: str | Path) -> Path:
        """Write the report page, one HTML file that loads nothing from the network."""
        return write_report(self.folder, path)

    @property
    def _table(self) -> ResultsTable:
        return read_results(self.folder)


def compare(
    X: Any,
    y: Any = None,
    *,
    domain: str = "timeseries",
    groups: Any = None,
    times: Any = None,
    name: str = "data",
    contenders: Sequence[str | Contender] = (),
    split: str | None = None,
    resamples: int = 1,
    seeds: int = 1,
    hours: float | None = None,
    training: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    executor: Executor | None = None,
) -> CompareResult:
    """Compare images with tables on samples and labels: `img-repr bench` from memory.

    Parameters
    ----------
    X : array, Tensor, list of samples, DataFrame, path, or Dataset
        N samples.
    y : array, shape (N,), optional
        Labels. Default: those of a path or Dataset.
    domain : str
        Kind of the samples: ``"timeseries"``, ``"audio"``, ``"mouse"``, ``"binary"`` or ``"tabular"``. A path or a
        Dataset knows its own.
    groups, times : array, shape (N,), optional
        Source (patient, speaker, site) and time of each sample: the split never cuts a group, and tests on
        later samples.
    name : str
        Name of the data in tables.
    contenders : sequence of str or Contender
        As ``--contender`` takes them: ``"cnn:gadf"``, ``"table:summary:extra_trees"``. Default: those of the domain.
    split, resamples, seeds, hours, training
        As of :class:`img_repr.benchmark.recipe.Recipe`; ``seeds`` is their number, ``hours`` the budget.
    out : str or Path, optional
        Folder of the records, resumed if it has some. Default: a temporary folder.
    executor : Executor, optional
        Where runs are executed. Default: in this process.

    Returns
    -------
    CompareResult
        With ``.verdict``, ``.rows``, ``.to_frame()`` and ``.report(path)``.

    Raises
    ------
    DataError, ParameterError, UnknownNameError

    Examples
    --------
    >>> from img_repr import compare, load_dataset
    >>> data = load_dataset("gunpoint")
    >>> result = compare(data.samples, data.labels, contenders=["table:summary:ridge", "majority"])
    >>> [row["contender"] for row in result.rows]
    ['ridge on summary', 'majority']
    """
    if isinstance(X, (str, Path)):
        X = load_dataset(X)
    known_domain = X.domain if isinstance(X, Dataset) else DOMAINS[domain]
    data = as_dataset(X, y, groups, domain=known_domain, caller="compare")
    if not isinstance(X, Dataset):
        data = replace(data, name=name)
    if times is not None:
        data = replace(data, times=_column(times, "times", len(data)))
    if data.labels is None:
        raise DataError(f"compare: expected labels y, one for each of the {len(data)} samples, got none")
    data = replace(data, labels=data.known_labels.astype(str))
    recipe = default_recipe(
        data,
        contenders=tuple(Contender.parse(one) if isinstance(one, str) else one for one in contenders),
        split=split,
        resamples=resamples,
        seeds=tuple(range(seeds)) if isinstance(seeds, int) and 0 < seeds <= 1000 else (seeds,),
        budget_hours=hours,
        training=dict(training or {}),
    )
    folder = Path(tempfile.mkdtemp(prefix="img_repr-compare-")) if out is None else Path(out)
    run_benchmark(recipe, folder, datasets=[data], executor=executor, watch=lambda *_: None)
    return CompareResult(folder, data)


def _column(values: Any, word: str, count: int) -> Any:
    column = np.asarray(values)
    if column.shape != (count,):
        raise DataError(f"compare: expected {count} {word}, one per sample, got shape {column.shape}")
    return column
