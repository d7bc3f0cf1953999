"""Executors: worker processes of this machine with their limits, and Dask for those of others."""

import importlib
import multiprocessing
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Collection, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from multiprocessing import connection
from pathlib import Path
from typing import Any, TypeVar

from img_repr.core.errors import ParameterError

_PATIENCE_S = 60.0  # for a scheduler to answer, a first worker to connect, a lost last worker to be replaced
Result = TypeVar("Result")
_CHECK_S = 2.0  # between two checks whether a scheduler has workers
_MEMORY = {  # by default Dask's workers return memory after every task, which makes encoding three times slower
    "MALLOC_TRIM_THRESHOLD_": 1 << 28,
    "MALLOC_MMAP_THRESHOLD_": 1 << 28,
    "MALLOC_TOP_PAD_": 1 << 26,
    "OMP_NUM_THREADS": 1,
}


@contextmanager
def worker_processes(count: int, *, memory_bytes: int | None = None) -> Iterator[Executor]:
    """Yield an executor of worker processes with one thread each; they end with the block or with this process.

    A script that calls this needs the guard ``if __name__ == "__main__":``.

    Parameters
    ----------
    count : int
    memory_bytes : int, optional
        Memory that each may allocate beyond what it starts with; beyond it a ``MemoryError`` ends the task. Linux only.

    Examples
    --------
    >>> from img_repr.core.executors import worker_processes
    >>> with worker_processes(1, memory_bytes=1 << 30) as pool:
    ...     pool.submit(abs, -3).result()
    3
    """
    if count < 1:
        raise ParameterError(f"workers: expected at least one process, got {count}")
    kinds = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in kinds else "spawn")
    if "forkserver" in kinds:  # torch is imported once, and its memory shared
        context.set_forkserver_preload(["img_repr.core.bulk"])
    pool = ProcessPoolExecutor(count, mp_context=context, initializer=_limit, initargs=(memory_bytes,))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _limit(memory_bytes: int | None) -> None:
    """Limit a worker to one thread and its memory, leave Ctrl-C to the parent, and end when the parent does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=end_with_parent, daemon=True).start()
    use_one_thread()
    if memory_bytes is not None and sys.platform == "linux":
        import resource

        has = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_DATA, (has + memory_bytes, resource.RLIM_INFINITY))


def use_one_thread() -> None:
    """Limit a worker process to one thread; call it before the process computes anything.

    A forked process would wait forever for the OpenMP threads of its parent, which were not forked. With one thread it
    never waits for them. The worker processes of a torch ``DataLoader`` do the same.
    """
    import torch
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    torch.set_num_threads(1)
    threadpool_limits(1)


def end_with_parent() -> None:
    """Wait for the parent process to end, then end this process; run it in a thread."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


@contextmanager
def dask_client(where: str) -> Iterator[Any]:
    """Yield a client of a Dask cluster with at least one worker.

    Parameters
    ----------
    where : str
        Address of a scheduler, ``tcp://host:8786``, or ``local:4`` for four single-threaded processes of this machine.

    Raises
    ------
    ParameterError
        If Dask is missing, or there is no cluster at this address.
    """
    try:
        config, distributed = importlib.import_module("dask.config"), importlib.import_module("distributed")
    except ImportError:
        raise ParameterError(
            "dask: expected the package dask, which comes with pip install 'img-repr[scale]', got none"
        ) from None
    kind, _, count = where.partition(":")
    options: dict[str, Any] = {"address": where, "timeout": _PATIENCE_S}
    if kind == "local":
        if not (count.isdecimal() and int(count)):
            raise ParameterError(f"dask: expected the address of a scheduler or local:N, got {where!r}")
        options = {"n_workers": int(count), "threads_per_worker": 1, "dashboard_address": None}
    with ExitStack() as closing:
        try:
            with config.set({"distributed.nanny.pre-spawn-environ": _MEMORY}):
                client = closing.enter_context(distributed.Client(set_as_default=False, **options))
            client.wait_for_workers(1, timeout=_PATIENCE_S)
        except (OSError, ValueError, TimeoutError) as error:
            raise ParameterError(
                f"dask: expected a scheduler with workers at {where}, got {error or type(error).__name__}"
            ) from None
        yield client


@contextmanager
def dask_workers(where: str) -> Iterator[tuple[Executor, int]]:
    """Yield the workers of a Dask cluster as an executor, and their number; see :func:`dask_client`."""
    with dask_client(where) as client, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sending large graph")  # a shard's samples are large, and sent once
        yield client.get_executor(pure=False), max(1, sum(client.nthreads().values()))


def wait_for_first(futures: Collection[Future[Result]], executor: Executor) -> set[Future[Result]]:
    """Wait until at least one future is done, and return all that are done.

    A Dask scheduler waits forever for workers; here a cluster without workers has a minute to get one.

    Raises
    ------
    BrokenExecutor
        If the executor's Dask cluster has had no worker for a minute.
    """
    client = getattr(executor, "_client", None)
    last_seen = time.monotonic()
    while True:
        done = wait(futures, timeout=_CHECK_S if client else None, return_when=FIRST_COMPLETED).done
        if done:
            return done
        if _has_workers(client):
            last_seen = time.monotonic()
        elif time.monotonic() - last_seen > _PATIENCE_S:
            raise BrokenExecutor(f"the Dask cluster has had no worker for {_PATIENCE_S:g} s")


def _has_workers(client: Any) -> bool:
    try:
        return bool(client.nthreads())
    except (OSError, ValueError, TimeoutError):  # the scheduler does not answer
        return False
