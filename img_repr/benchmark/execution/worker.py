"""Worker: the loop of one worker process.

It receives runs without their data sets, requests a data set that it does not have, and keeps the last few.
"""

import logging
import os
import pickle
import signal
import threading
import warnings
from collections import OrderedDict
from multiprocessing import connection
from typing import Any

from img_repr.benchmark.execution.run import Run
from img_repr.core.dataset import Dataset
from img_repr.core.executors import end_with_parent

_KEPT_BYTES = 512 << 20  # of data sets, pickled; one is held whatever its size
_POISON = ("CUDA", "cuBLAS", "cuDNN", "allocate")  # after an error with these words the process is replaced


class Link:
    """One end of the pipe, with plain pickle: torch's own shares memory, which ends with the worker."""

    def __init__(self, pipe: connection.Connection) -> None:
        self.pipe = pipe
        self._one_at_a_time = threading.Lock()

    def send(self, *message: Any) -> None:
        """Send a message; safe from several threads."""
        content = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
        with self._one_at_a_time:
            self.pipe.send_bytes(content)

    def receive(self) -> Any:
        """Wait for a message."""
        return pickle.loads(self.pipe.recv_bytes())


def work(pipe: connection.Connection, environment: dict[str, str]) -> None:
    """Execute the tasks of a pipe, ``(function, fields of a run, name of its data set)``, and send back the results."""
    os.environ.update(environment)  # the server of processes has the environment of its start
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, signal.SIG_IGN)  # only the parent stops a worker
    threading.Thread(target=end_with_parent, daemon=True).start()
    link = Link(pipe)
    _forward_log(link)
    held: OrderedDict[tuple[str, str], tuple[Dataset, int]] = OrderedDict()
    link.send("ready")
    while True:
        try:
            content = pipe.recv_bytes()
        except (EOFError, OSError):
            return
        try:
            function, fields, name = pickle.loads(content)
            if name not in held:
                link.send("needs")
                content = pipe.recv_bytes()
                held[name] = pickle.loads(content)[0], len(content)
            held.move_to_end(name)
            while len(held) > 1 and sum(size for _, size in held.values()) > _KEPT_BYTES:
                held.popitem(last=False)
            result = function(Run(dataset=held[name][0], **fields))
            link.send("done", result, _is_poison(result))
        except BaseException as error:
            link.send("raised", error if _is_picklable(error) else RuntimeError(f"{type(error).__name__}: {error}"))


def _forward_log(link: Link) -> None:
    """Send warnings and the log of the package to the parent."""

    class Passing(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            link.send("note", record.levelno, record.getMessage())

    log = logging.getLogger("img_repr")
    log.setLevel(logging.INFO)
    log.propagate = False
    log.handlers = [Passing()]
    warnings.showwarning = lambda message, *_, **__: link.send("note", logging.WARNING, str(message))


def _is_poison(result: dict[str, Any]) -> bool:
    error = result.get("error") or {"class": "", "message": ""}
    return error["class"] == "MemoryError" or any(word in error["message"] for word in _POISON)


def _is_picklable(error: BaseException) -> bool:
    """Whether an error can be sent to the parent and raised there."""
    if not isinstance(error, Exception):
        return False
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return False
    return True
