"""Ctrl-C during a training: the current step is finished first, so that the checkpoint is complete."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stop_requests(on: bool) -> Iterator[Callable[[], bool]]:
    """Yield a function that returns True once Ctrl-C was pressed; the second Ctrl-C interrupts at once.

    A Ctrl-C that the block has not read interrupts at its end. Nothing changes if not ``on``, or outside the main
    thread, which alone receives signals.
    """
    pressed: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        if pressed:
            raise KeyboardInterrupt
        pressed.append(number)

    if not on or threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = signal.signal(signal.SIGINT, handle)
    try:
        yield lambda: bool(pressed)
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed:
        raise KeyboardInterrupt
