"""Cluster: run a benchmark on the workers of a Dask cluster, any of which may be killed."""

import warnings
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import fields
from typing import Any

from img_repr.benchmark.execution.run import Run
from img_repr.core.dataset import Dataset


class Cluster(Executor):
    """Workers of a Dask cluster, as an executor of runs.

    The runs of a worker that dies are repeated elsewhere. A run that kills several workers (four, unless
    ``distributed.scheduler.allowed-failures`` says otherwise) is a failure. A data set is sent to the cluster once.

    Parameters
    ----------
    client : distributed.Client
        Stays open at the end; :func:`img_repr.core.executors.dask_client` opens one.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._executor = client.get_executor(pure=False)
        self._datasets: dict[tuple[str, str], Any] = {}

    @property
    def _max_workers(self) -> int:
        return sum(self._client.nthreads().values()) or 1

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run ``fn(run)`` on the cluster."""
        (run,) = args
        name = run.fingerprint, run.dataset.name
        rest = {word.name: getattr(run, word.name) for word in fields(run) if word.name != "dataset"}
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sending large graph")  # a data set is large, and sent once
            if name not in self._datasets:  # as the result of a task, not scattered, so that Dask restores it
                self._datasets[name] = self._client.submit(_identity, run.dataset, pure=False)
            found: Future[Any] = self._executor.submit(_run, fn, rest, self._datasets[name], **kwargs)
        return found

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Wait for the submitted runs, or cancel them."""
        self._executor.shutdown(wait and not cancel_futures)
        self._datasets.clear()

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self.shutdown(cancel_futures=kind is not None)


def _identity(dataset: Dataset) -> Dataset:
    return dataset


def _run(function: Callable[[Run], Any], rest: dict[str, Any], dataset: Dataset) -> Any:
    return function(Run(dataset=dataset, **rest))
