"""Workers: execute runs in processes of this machine, within its limits; a crash fails one run only."""

import atexit
import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, fields
from multiprocessing import connection
from types import TracebackType
from typing import Any

from img_repr.benchmark.execution.processes import context, prepare
from img_repr.benchmark.execution.run import Run
from img_repr.benchmark.execution.worker import Link, work
from img_repr.core.errors import ParameterError
from img_repr.core.machine import free_memory_gb, usable_cores

log = logging.getLogger(__name__)
_USUAL_GB = 2.0  # memory of a worker by default; torch alone takes a third of it
_MEMORY_FRACTION = 0.9  # of the free memory, for all workers together
_WATCHED_S = 0.2  # between two checks of a worker's memory and time
_PATIENCE_S = 10.0  # for a process to end
_REUSED_FRACTION = 0.75  # of a worker's memory: one that holds more after a run is replaced
_STARTS = 3  # tries to start a worker; the machine may be short of memory for a moment
_starting = threading.Lock()


class WorkerDiedError(RuntimeError):
    """A worker ended before its run did."""


class MemoryLimitError(WorkerDiedError):
    """A worker exceeded its memory."""


class TimeLimitError(WorkerDiedError):
    """A run exceeded its time."""


class NoWorkerError(BrokenExecutor):
    """No worker can be started."""


@dataclass(frozen=True)
class Limits:
    """Limits of one worker.

    Parameters
    ----------
    threads : int
        Of each worker.
    memory_gb : float
        Resident memory, GB of 1e9 bytes.
    run_hours : float or None
        Hours of one run.
    """

    threads: int
    memory_gb: float
    run_hours: float | None = None


class Workers(Executor):
    """An executor of runs in processes of this machine; a process that dies is replaced.

    If a worker crashes, exceeds its memory or time, or is killed, the future of its run raises
    :class:`WorkerDiedError`; the others go on. Workers end with this process, however it ends.

    Parameters
    ----------
    count : int, optional
        Number of workers. Default: one per core that this process may use, as memory allows; one with a CUDA device.
    memory_gb : float, optional
        Resident memory of each. Default: an even share of what is free.
    run_hours : float, optional
        Hours that a run may take.
    at_most : int, optional
        Number of runs: by default there are no more workers.

    Raises
    ------
    ParameterError
        If a number is not above 0.

    Examples
    --------
    >>> with Workers(1, memory_gb=4) as workers:
    ...     workers.limits.memory_gb
    4
    """

    def __init__(
        self,
        count: int | None = None,
        *,
        memory_gb: float | None = None,
        run_hours: float | None = None,
        at_most: int | None = None,
    ) -> None:
        for word, value in (("count", count), ("memory_gb", memory_gb), ("run_hours", run_hours)):
            if value is not None and not value > 0:
                raise ParameterError(f"workers: expected {word} above 0, got {value}")
        cores, free_gb = usable_cores(), _MEMORY_FRACTION * free_memory_gb()
        self.count = count or max(1, min(_fitting(cores, free_gb, memory_gb), at_most or cores))
        self.limits = Limits(max(1, cores // self.count), memory_gb or free_gb / self.count, run_hours)
        self._stopping = threading.Event()
        self._slots: list[_Slot] = []
        self._here = threading.local()
        self._pool = ThreadPoolExecutor(self.count, "run", self._open_slot)
        atexit.register(self._end)  # before multiprocessing waits for processes that wait for it

    @property
    def _max_workers(self) -> int:
        return self.count

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call ``fn(run)`` in a worker."""
        (run,) = args
        if kwargs:
            raise TypeError(f"workers: expected a function and a run, got {', '.join(kwargs)} too")
        return self._pool.submit(self._run, fn, run)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the workers: after the submitted runs, or at once with ``cancel_futures``."""
        if cancel_futures:
            self._stopping.set()
        self._pool.shutdown(wait or cancel_futures, cancel_futures=cancel_futures)
        if wait or cancel_futures:
            self._end()
            atexit.unregister(self._end)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown(cancel_futures=kind is not None)

    def _open_slot(self) -> None:
        self._here.slot = _Slot(self.limits, self._stopping)
        self._slots.append(self._here.slot)

    def _run(self, function: Callable[..., Any], run: Run) -> Any:
        return self._here.slot.run(function, run)

    def _end(self) -> None:
        self._stopping.set()
        for slot in self._slots:
            slot.end()


class _Slot:
    """Starts, watches and ends one worker; used by one thread only."""

    def __init__(self, limits: Limits, stopping: threading.Event) -> None:
        self._limits, self._stopping = limits, stopping
        self._process: Any = None
        self._watched: Any = None
        self._link: Link

    def run(self, function: Callable[..., Any], run: Run) -> Any:
        if self._process is not None and not self._process.is_alive():  # it ended while it had nothing to do
            self.end()
        if self._process is None:
            self._start()
        caller, begun = f"{run.contender.name} on {run.dataset.name}", time.monotonic()
        rest = {word.name: getattr(run, word.name) for word in fields(run) if word.name != "dataset"}
        self._send(caller, function, rest, (run.fingerprint, run.dataset.name))
        while True:
            match self._listen(caller, begun):
                case ("needs",):
                    self._send(caller, run.dataset)
                case ("note", level, text):
                    log.log(level, "%s", text)
                case ("raised", error):
                    raise error
                case ("done", result, is_poison):
                    if is_poison or self._resident_gb() > _REUSED_FRACTION * self._limits.memory_gb:
                        self.end()
                    return result

    def _send(self, caller: str, *message: Any) -> None:
        try:
            self._link.send(*message)
        except OSError:
            raise self._died(caller) from None
        except Exception:  # not picklable: the worker would take the next run for the data set that it requested
            self.end()
            raise

    def _listen(self, caller: str, begun: float | None = None) -> Any:
        """Return the next message, and check the limits meanwhile; the time limit only for a run that has begun."""
        while True:
            message, ended = None, False
            if connection.wait([self._link.pipe, self._process.sentinel], _WATCHED_S):
                try:
                    ended = not self._link.pipe.poll()  # a message counts even if the worker has ended since
                    message = None if ended else self._link.receive()
                except (EOFError, OSError):
                    ended = True
            if ended:
                raise self._died(caller)
            if message is not None and message[0] == "done":
                return message
            self._check_limits(caller, begun)
            if message is not None:
                return message

    def _check_limits(self, caller: str, begun: float | None) -> None:
        """End a worker that exceeds a limit, or whose result is no longer needed."""
        hours, most_gb, resident_gb = self._limits.run_hours, self._limits.memory_gb, self._resident_gb()
        refusal: WorkerDiedError | None = None
        if resident_gb > most_gb:
            refusal = MemoryLimitError(
                f"{caller}: expected a worker of at most {most_gb:.3g} GB, got {resident_gb:.3g} GB; "
                "fewer workers may have more each"
            )
        elif hours is not None and begun is not None and time.monotonic() - begun > 3600.0 * hours:
            refusal = TimeLimitError(f"{caller}: expected at most {hours:g} hours, got more")
        elif self._stopping.is_set():
            refusal = WorkerDiedError(f"{caller}: stopped")
        if refusal is not None:
            self.end()
            raise refusal

    def _start(self) -> None:
        import psutil

        last = ""
        for _ in range(_STARTS):
            ours, theirs = context.Pipe()
            with _starting:
                prepare()
                self._process = context.Process(target=work, args=(theirs, dict(os.environ)), name="img-repr worker")
                self._process.start()
            theirs.close()
            self._watched = psutil.Process(self._process.pid)
            self._link = Link(ours)
            try:
                self._listen("a worker")
                return
            except WorkerDiedError as error:
                last = str(error)
            if self._stopping.is_set():
                break
        raise NoWorkerError(
            f"{last}, {_STARTS} times, before any run; "
            "a script that uses workers begins its work under if __name__ == '__main__'"
        )

    def _died(self, caller: str) -> WorkerDiedError:
        """Return the error that says how the worker ended."""
        self._process.join(_PATIENCE_S)
        code = self._process.exitcode
        self.end()
        if code is None or code >= 0:
            return WorkerDiedError(f"{caller}: expected a result, got a worker that ended with exit code {code}")
        name = next((one.name for one in signal.Signals if one == -code), "unknown")
        hint = ", as the kernel does where memory runs out" if name == "SIGKILL" else ""
        return WorkerDiedError(f"{caller}: expected a result, got a worker ended by signal {-code} ({name}){hint}")

    def _resident_gb(self) -> float:
        import psutil

        try:
            return float(self._watched.memory_info().rss) / 1e9
        except psutil.Error:  # it has ended
            return 0.0

    def end(self) -> None:
        """End the worker and its child processes."""
        import psutil

        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(psutil.Error):
            for child in self._watched.children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    child.kill()
        process.kill()
        process.join(_PATIENCE_S)
        self._link.pipe.close()


def _fitting(cores: int, free_gb: float, memory_gb: float | None) -> int:
    import torch

    return 1 if torch.cuda.is_available() else min(cores, int(free_gb / (memory_gb or _USUAL_GB)))
