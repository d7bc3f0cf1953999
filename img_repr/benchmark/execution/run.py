"""Run: one contender on one split of one data set under one seed, and its execution.

The cost of a run is measured around the classifier, in wall-clock seconds. A classifier may have two methods beyond
`img_repr.benchmark.contenders.classifier.Classifier`; without them the page shows a dash:

- ``warm_up(few)`` gets up to four samples of the training part, a ``Dataset``, and makes every call whose first
  time costs more than later ones: imports, compiled kernels, filter banks, the context of a device; for example by
  fitting a copy. It does not change the classifier.
- ``represent(samples)`` computes the images or features of raw samples, as ``predict_proba`` does, and nothing else.
  It is called after ``predict_proba``.
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
from img_repr.benchmark.execution.environment import (
    PeakMemory,
    describe_environment,
    preserved_random_state,
    wait_for_device,
)
from img_repr.benchmark.result import SCHEMA, Outcome, canonical, run_key
from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError
from img_repr.core.splits.split import Split

log = logging.getLogger(__name__)
_ENCODED = 128  # samples, at most, that are encoded to measure the time
_WARM: set[tuple[str, str]] = set()  # data sets and contenders that were warmed up in this process


@dataclass(frozen=True, eq=False)
class Run:
    """One contender on one split of one data set under one seed; it can be pickled and sent to a worker.

    Parameters
    ----------
    dataset, split, contender, seed
        The four that identify it.
    fingerprint : str
        Fingerprint of the data set, computed once for all of its runs.
    number : int
        Number of the split, from 0.
    """

    dataset: Dataset
    fingerprint: str
    split: Split
    number: int
    contender: Contender
    seed: int

    @cached_property
    def spec(self) -> dict[str, Any]:
        """Everything that decides the result, by content and not by name; the key is its hash."""
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

    def metadata(self) -> dict[str, Any]:
        """Return the fields of a result that do not depend on its success, with the current time."""
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
    """Return the sha256 of the positions of both parts, in their order."""
    digest = hashlib.sha256()
    for part in (split.train, split.test):
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(np.ascontiguousarray(part, dtype="<i8").data)
    return digest.hexdigest()


def execute_run(run: Run, *, parallel: int = 1) -> Outcome:
    """Fit and score one contender; a failure is an outcome too, and names its stage.

    The test part is used once, after fitting. Times are wall-clock seconds:

    - ``warmup_s``: ``build`` and ``warm_up``. ``warm_up`` is called once per process for a contender on a data
      set; later runs only build.
    - ``fit_s`` and ``predict_s``: ``fit``, and ``predict_proba`` on the whole test part; both include encoding or
      features.
    - ``encode_s``: ``represent`` on ``n_encoded`` samples of the test part, evenly spaced, after prediction.

    ``peak_rss_mb`` is the peak of the process's resident memory from ``build`` to ``predict_proba``,
    ``peak_gpu_allocated_mb`` and ``peak_gpu_reserved_mb`` that of CUDA devices by torch's allocator, None without a
    device.

    Parameters
    ----------
    run : Run
    parallel : int
        Number of runs at a time on this machine, recorded as ``n_parallel``.
    """
    split, dataset = run.split, run.dataset
    result = run.metadata() | {"n_parallel": int(parallel)}
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
    """Let a classifier make its first calls on a few training samples; an error here comes again in ``fit``."""
    warm_up: Callable[[Dataset], None] | None = getattr(classifier, "warm_up", None)
    known = (run.fingerprint, canonical(run.spec["contender"]))
    if warm_up is None or known in _WARM:
        return
    labels = train.known_labels
    few = np.concatenate([np.flatnonzero(labels == name)[:2] for name in train.classes[:2]])
    with preserved_random_state(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # learners warn that four samples are too few
        try:
            warm_up(train.subset(few))
        except Exception as error:
            log.debug("%s: not warmed up: %s", run.contender.name, error)
    _WARM.add(known)


def _time_of_representation(classifier: Classifier, test: Dataset) -> dict[str, Any]:
    """Measure the time of images or features; a failure is only logged, since the predictions are there."""
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
    """Execute a run on that many threads, as one of ``parallel`` processes of a machine."""
    import torch
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    torch.set_num_threads(threads)
    with threadpool_limits(threads):
        return execute_run(run, parallel=parallel)


def describe_error(error: BaseException, stage: str) -> dict[str, str]:
    """Return class, message and stage of an error, and the file and line that raised it, without the folder."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return {"class": type(error).__name__, "message": str(error), "stage": stage, "where": where}
