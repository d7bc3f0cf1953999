"""How worker processes start. Light to import, so that the server of processes can start before torch is imported."""

import multiprocessing
import signal
import sys
from typing import Any

_FORKS = sys.platform == "linux"
# None of these starts a thread, so that forking is safe; nothing is trained in the server.
_PRELOADED = ["img_repr.benchmark.execution.worker", "sklearn.ensemble"]

# Linux forks each worker from a server that has imported the packages: a fraction of a second instead of several.
context: Any = multiprocessing.get_context("forkserver" if _FORKS else "spawn")


def prepare() -> None:
    """Let the server import the packages of workers while this process continues."""
    if _FORKS:
        from multiprocessing import forkserver, resource_tracker

        resource_tracker.ensure_running()  # it unblocks the signal that is blocked below
        context.set_forkserver_preload(_PRELOADED)
        held = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])  # inherited by the server
        try:
            forkserver.ensure_running()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, held)
