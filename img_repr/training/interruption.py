"""Ctrl-C during a training: the step at hand is finished first, so that what is kept is whole."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stop_requests(on: bool) -> Iterator[Callable[[], bool]]:
    """Give a question whether Ctrl-C was pressed; pressed again, it interrupts at once, as it does where not ``on``.

    Pressed after the last question, it interrupts at the end: it is never lost. Signals reach the main thread only; in
    another nothing is changed.
    """
    asked: list[int] = []

    def take_notice(number: int, frame: FrameType | None) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    if not on or threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = signal.signal(signal.SIGINT, take_notice)
    try:
        yield lambda: bool(asked)
    finally:
        signal.signal(signal.SIGINT, before)
    if asked:
        raise KeyboardInterrupt
