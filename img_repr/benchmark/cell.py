"""A cell of the table, one contender on one split of one data set under one seed, and how it is run."""

import hashlib
import time
import traceback
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from img_repr.benchmark.contender import Contender
from img_repr.benchmark.environment import PeakMemory, describe_environment
from img_repr.benchmark.metrics import check_probabilities, score_probabilities
from img_repr.benchmark.result import SCHEMA, Outcome, cell_key
from img_repr.benchmark.trials import score_trials, trials_of
from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError
from img_repr.core.splits import Split


@dataclass(frozen=True, eq=False)
class Cell:
    """What a cell is made of; it can be pickled and sent to a worker.

    Parameters
    ----------
    dataset, split, contender, seed
        Its four coordinates.
    fingerprint : str
        Of the data set; worked out once for all of its cells.
    number : int
        Which split of the data set, from 0.
    """

    dataset: Dataset
    fingerprint: str
    split: Split
    number: int
    contender: Contender
    seed: int

    @cached_property
    def spec(self) -> dict[str, Any]:
        """All that decides the result, by content and not by name: what the key is made of."""
        return {
            "schema": SCHEMA,
            "dataset": self.fingerprint,
            "split": {"kind": self.split.kind, "name": self.split.name, "sha256": split_sha256(self.split)},
            "contender": self.contender.spec(),
            "seed": self.seed,
        }

    @cached_property
    def key(self) -> str:
        """Sha256 of the spec."""
        return cell_key(self.spec)

    def facts(self) -> dict[str, Any]:
        """Tell what a result says of the cell whether it succeeds or not; the clock is read."""
        return {
            "dataset": self.dataset.name,
            "domain": self.dataset.domain.name,
            "split_kind": self.split.kind,
            "split_name": self.split.name,
            "split_number": self.number,
            "seed": self.seed,
            "contender": self.contender.name,
            "role": self.contender.role,
            "n_train": len(self.split.train),
            "n_test": len(self.split.test),
            "n_classes": len(self.dataset.classes),
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
        }


def split_sha256(split: Split) -> str:
    """Sha256 of the positions of both parts, in their order."""
    digest = hashlib.sha256()
    for part in (split.train, split.test):
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(np.ascontiguousarray(part, dtype="<i8").data)
    return digest.hexdigest()


def run_cell(cell: Cell) -> Outcome:
    """Fit and judge one contender; a failure is an outcome too, and names its stage.

    The test part is looked at once, after fitting. Times are wall-clock seconds of ``fit`` and of
    ``predict_proba`` on the whole test part; making the classifier and importing its libraries is not in
    them.
    """
    split, dataset = cell.split, cell.dataset
    result = cell.facts()
    stage, begun, predictions = "build", time.perf_counter(), None
    try:
        with PeakMemory() as memory:
            train, test = dataset.part(split.train), dataset.part(split.test)
            classifier = cell.contender.build()
            stage, clock = "fit", time.perf_counter()
            classifier.fit(train, seed=cell.seed)
            fit_s = time.perf_counter() - clock
            stage, clock = "predict", time.perf_counter()
            probabilities = np.asarray(classifier.predict_proba(test.samples))
            predict_s = time.perf_counter() - clock
        stage = "score"
        classes = tuple(map(str, classifier.classes))
        labels = test.known_labels.astype(str)
        kept = check_probabilities(probabilities, len(labels), len(classes)).astype(np.float32)
        genuine = np.ones(len(labels), bool) if test.genuine is None else test.genuine
        if not genuine.any():
            raise DataError(f"{dataset.name}: expected genuine samples in the test part, got only impostors")
        result |= score_probabilities(labels[genuine], kept[genuine], classes)
        result |= {
            "fit_s": fit_s,
            "predict_s": predict_s,
            "predict_ms_per_item": 1000.0 * predict_s / len(labels),
            "peak_rss_mb": memory.peak_mb,
            "peak_rss_is_of_cell": memory.of_block,
            "cost": dict(classifier.cost),
            "record": dict(classifier.record),
            "status": "ok",
            "error": None,
        }
        predictions = {
            "indices": np.asarray(split.test, dtype=np.int64),
            "labels": labels,
            "probabilities": kept,
            "classes": np.asarray(classes),
        }
        for name in ("groups", "genuine", "elapsed_s"):
            column = getattr(test, name)
            if column is not None:
                predictions[name] = column.astype(str) if name == "groups" else column
        trials = trials_of(predictions)
        result |= score_trials(trials) if trials is not None else {}
    except Exception as error:
        result |= {"status": "failed", "error": describe_error(error, stage)}
    result["total_s"] = time.perf_counter() - begun
    return Outcome(cell.spec, result, describe_environment(), predictions)


def run_cell_in_worker(cell: Cell) -> Outcome:
    """Run a cell on one thread, as one of several processes on a machine."""
    import torch
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    torch.set_num_threads(1)
    with threadpool_limits(1):
        return run_cell(cell)


def describe_error(error: BaseException, stage: str) -> dict[str, str]:
    """Class, message, stage, and the file and line that raised it, without the folder."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return {"class": type(error).__name__, "message": str(error), "stage": stage, "where": where}
