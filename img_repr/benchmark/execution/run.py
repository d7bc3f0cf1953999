"""A run of the table, one contender on one split of one data set under one seed, and how it is run.

What a run costs is measured around the classifier, in wall-clock seconds. A classifier may offer two methods more
than `img_repr.benchmark.contenders.classifier.Classifier` asks for; what is not offered is not measured, and shown as
a dash:

- ``warm_up(few)`` is given up to four samples of the training part, a ``Dataset``, and makes every call whose first
  time costs more than later ones: imports, compiled kernels, filter banks, the context of a device. Best a throw-away
  twin of it that is fitted and predicts. It leaves the classifier as it was.
- ``represent(samples)`` makes what the learner sees of raw samples, images or a table of features, as
  ``predict_proba`` does, and nothing else. It is called after ``predict_proba``.
"""

import hashlib
import logging
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from img_repr.benchmark.contender import Contender
from img_repr.benchmark.contenders.classifier import Classifier
from img_repr.benchmark.evaluation.metrics import check_probabilities, score_probabilities
from img_repr.benchmark.evaluation.trials import score_trials, trials_of
from img_repr.benchmark.execution.environment import PeakMemory, describe_environment, unchanged_draws, wait_for_device
from img_repr.benchmark.result import SCHEMA, Outcome, canonical, run_key
from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError
from img_repr.core.splits.split import Split

log = logging.getLogger(__name__)
_ENCODED = 128  # samples, at most, that the time of representation is taken from
_WARM: set[tuple[str, str]] = set()  # data sets and contenders that were warmed up in this process


@dataclass(frozen=True, eq=False)
class Run:
    """What a run is made of; it can be pickled and sent to a worker.

    Parameters
    ----------
    dataset, split, contender, seed
        Its four coordinates.
    fingerprint : str
        Of the data set; worked out once for all of its runs.
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
        return run_key(self.spec)

    def facts(self) -> dict[str, Any]:
        """Tell what a result says of the run whether it succeeds or not; the clock is read."""
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


def execute_run(run: Run, *, parallel: int = 1) -> Outcome:
    """Fit and judge one contender; a failure is an outcome too, and names its stage.

    The test part is looked at once, after fitting. Times are wall-clock seconds:

    - ``warmup_s``: making the classifier and its ``warm_up``, before any other clock runs. Once per process for a
      contender on a data set: what is warm stays so, and a later run has only the making in it.
    - ``fit_s`` and ``predict_s``: ``fit``, and ``predict_proba`` on the whole test part, both with the making of
      images or features in them.
    - ``encode_s``: ``represent`` on ``n_encoded`` samples of the test part, evenly spaced, after prediction.

    ``peak_rss_mb`` is the peak of the process's resident memory from the making of the classifier to its prediction,
    ``peak_gpu_allocated_mb`` and ``peak_gpu_reserved_mb`` that of CUDA devices as torch's allocator counts them, None
    where there is no device.

    Parameters
    ----------
    run : Run
    parallel : int
        How many runs are run at a time on this machine: ``n_parallel``, for whoever reads the times.
    """
    split, dataset = run.split, run.dataset
    result = run.facts() | {"n_parallel": int(parallel)}
    stage, begun, predictions = "build", time.perf_counter(), None
    try:
        with PeakMemory() as memory:
            train, test = dataset.subset(split.train), dataset.subset(split.test)
            clock = time.perf_counter()
            classifier = run.contender.build()
            _warm_up(classifier, run, train)
            warmup_s = time.perf_counter() - clock
            stage, clock = "fit", time.perf_counter()
            classifier.fit(train, seed=run.seed)
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
            "warmup_s": warmup_s,
            "fit_s": fit_s,
            "predict_s": predict_s,
            "predict_ms_per_item": 1000.0 * predict_s / len(labels),
            "peak_rss_mb": memory.peak_mb,
            "peak_rss_is_of_run": memory.of_block,
            "peak_gpu_allocated_mb": memory.gpu_allocated_mb,
            "peak_gpu_reserved_mb": memory.gpu_reserved_mb,
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
        result |= _time_of_representation(classifier, test)
    except Exception as error:
        result |= {"status": "failed", "error": describe_error(error, stage)}
    result["total_s"] = time.perf_counter() - begun
    return Outcome(run.spec, result, describe_environment(), predictions)


def _warm_up(classifier: Classifier, run: Run, train: Dataset) -> None:
    """Let a classifier make its first calls on a few training samples; what fails here fails in ``fit`` again."""
    warm_up: Callable[[Dataset], None] | None = getattr(classifier, "warm_up", None)
    known = (run.fingerprint, canonical(run.spec["contender"]))
    if warm_up is None or known in _WARM:
        return
    labels = train.known_labels
    few = np.concatenate([np.flatnonzero(labels == name)[:2] for name in train.classes[:2]])
    with unchanged_draws(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # four samples are too few to learn from, and learners say so
        try:
            warm_up(train.subset(few))
        except Exception as error:
            log.debug("%s: not warmed up: %s", run.contender.name, error)
    _WARM.add(known)


def _time_of_representation(classifier: Classifier, test: Dataset) -> dict[str, Any]:
    """Time what makes images or features of samples; that it fails spoils no result, for the predictions are there."""
    represent: Callable[[Any], Any] | None = getattr(classifier, "represent", None)
    if represent is None:
        return {}
    count = min(len(test), _ENCODED)
    samples = test.take(np.linspace(0, len(test) - 1, count).round().astype(np.int64))
    clock = time.perf_counter()
    try:
        represent(samples)
        wait_for_device()
    except Exception as error:
        log.warning("%s: the time of its representation is unknown: %s", test.name, error)
        return {}
    encode_s = time.perf_counter() - clock
    return {"encode_s": encode_s, "n_encoded": count, "encode_ms_per_item": 1000.0 * encode_s / count}


def execute_run_in_worker(run: Run, *, threads: int = 1, parallel: int = 1) -> Outcome:
    """Run a run on so many threads, as one of ``parallel`` processes on a machine."""
    import torch
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    torch.set_num_threads(threads)
    with threadpool_limits(threads):
        return execute_run(run, parallel=parallel)


def describe_error(error: BaseException, stage: str) -> dict[str, str]:
    """Class, message, stage, and the file and line that raised it, without the folder."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return {"class": type(error).__name__, "message": str(error), "stage": stage, "where": where}
