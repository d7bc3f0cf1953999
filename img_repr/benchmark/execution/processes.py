"""Processes that run runs: how they are begun. Imports nothing, so that they can be prepared first of all."""

import multiprocessing
import signal
import sys
from typing import Any

_FORKS = sys.platform == "linux"
# None of these starts a thread, so that forks are safe; nothing is trained there, which would not be.
_PRELOADED = ["img_repr.benchmark.execution.worker", "sklearn.ensemble"]

# Linux forks each worker from a server that has only imported: a fraction of a second instead of many.
context: Any = multiprocessing.get_context("forkserver" if _FORKS else "spawn")


def prepare() -> None:
    """Let the server import what workers need, next to whatever this process does meanwhile."""
    if _FORKS:
        from multiprocessing import forkserver, resource_tracker

        resource_tracker.ensure_running()  # which unblocks what is blocked below
        context.set_forkserver_preload(_PRELOADED)
        held = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])  # it inherits that: Ctrl-C is not for it
        try:
            forkserver.ensure_running()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, held)
