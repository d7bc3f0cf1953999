"""Output of the command line: results, errors, notes, progress bars, tables."""

import logging
import math
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.table import Column, Table

from img_repr.core.errors import DataError

if TYPE_CHECKING:
    from img_repr.training.events import Event, Progress, TrainerView

# no markup, because paths may contain [brackets] and :colons:
screen = Console(markup=False, emoji=False, highlight=False)


class _Messages(Console):
    """A console on stderr; output that stderr does not take is dropped without an error."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Print as ``rich`` does."""
        with suppress(OSError, ValueError):
            super().print(*objects, **options)

    def on_broken_pipe(self) -> None:
        """Continue: the reader of the messages has ended, the command has not."""


messages = _Messages(stderr=True, markup=False, emoji=False, highlight=False)

_REFRESH_S = 0.1  # between two updates of a bar
_HOW_MANY = re.compile(r"\d+ of \d+(?= \w+ \(first)| \(first: number \d+\)")


def is_terminal() -> bool:
    """Return whether stdout is a terminal, regardless of ``FORCE_COLOR``."""
    return sys.stdout is not None and sys.stdout.isatty()


def say(text: str) -> None:
    """Print one line of a result, without wrapping."""
    with _complete_output():
        screen.print(text, soft_wrap=True)


def one_line(start: str, text: str, width: int = 80) -> str:
    """Return a line of a listing, shortened between words.

    Examples
    --------
    >>> one_line("gadf  ", "Gramian angular difference fields", 32)
    'gadf  Gramian angular ...'
    """
    return start + shorten(text, width - len(start), placeholder=" ...")


def plain_text(markup: str) -> str:
    """Return a docstring without its reStructuredText marks.

    Examples
    --------
    >>> plain_text("``x`` of :func:`img_repr.load`")
    'x of img_repr.load'
    """
    return re.sub(r":\w+:`~?([^`]*)`", r"\1", markup).replace("``", "")


def complain(text: str) -> None:
    """Print an error as one line."""
    messages.print(f"error: {' '.join(text.split())}", style="red", soft_wrap=True)


class Notes(logging.Handler):
    """Warnings and log records as lines on stderr, each note once.

    Counts within a batch are removed from notes, because samples are read in batches, in training repeatedly.
    """

    def __init__(self) -> None:
        super().__init__()
        self.shown: set[str] = set()

    def show(self, text: str) -> None:
        """Print a note if it is new."""
        line = _HOW_MANY.sub(lambda found: "some" if found[0][0].isdigit() else "", " ".join(text.split()))
        if line not in self.shown:
            self.shown.add(line)
            messages.print(f"note: {line}", style="yellow", soft_wrap=True)

    def warned(self, message: Warning | str, *_: Any, **__: Any) -> None:
        """Replace ``warnings.showwarning``."""
        self.show(str(message))

    def emit(self, record: logging.LogRecord) -> None:
        """Print a log record; warnings and errors as notes."""
        if record.levelno >= logging.WARNING:
            self.show(record.getMessage())
        else:
            messages.print(record.getMessage(), soft_wrap=True)


notes = Notes()


@contextmanager
def counting_bar(description: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a progress bar on a terminal; yield a function that advances it."""
    with Bars(console=messages, transient=True, disable=not messages.is_terminal) as progress:
        task = progress.add_task(description, total=total)
        yield lambda count: progress.advance(task, count)


class TrainingBar:
    """A listener that shows consecutive trainings as progress bars over their steps."""

    def __init__(self, bar: Bars, networks: int) -> None:
        self._bar, self._networks, self._number = bar, networks, 0
        self._task = bar.add_task("")
        self._shown_s = 0.0
        self._trainer: TrainerView | None = None

    def __call__(self, event: "Event", trainer: "TrainerView") -> None:
        """Show an event; progress is not read after every step, which would make a GPU wait."""
        if not trainer.engine.is_main_process:
            return
        if event == "fit_start":
            self._trainer = trainer
            self._number += 1
            progress = trainer.progress
            self._bar.reset(self._task, total=progress.steps, completed=progress.step)
            self._bar.start()
            if progress.step == progress.steps:
                messages.print(f"network {self._number} of {self._networks} is trained", soft_wrap=True)
            elif progress.step:
                messages.print(f"resuming from {self._position(progress)}", soft_wrap=True)
        if self._bar.disable or (event == "step_end" and time.monotonic() - self._shown_s < _REFRESH_S):
            return
        progress = trainer.progress
        texts = [self._position(progress)]
        if math.isfinite(progress.loss):
            texts.append(f"loss {progress.loss:.3f}")
        for name, value in trainer.history[-1].items() if trainer.history else ():
            if name.startswith("valid_") and name != "valid_loss":
                texts.append(f"{name.removeprefix('valid_').replace('_', ' ')} {value:.3f}")
        if progress.rate:
            texts.append(f"rate {progress.rate:.1e}")
        self._bar.update(self._task, completed=progress.step, description=", ".join(texts))
        self._shown_s = time.monotonic()

    @property
    def position(self) -> str:
        """Position of the training in words; empty before the first one."""
        return self._position(self._trainer.progress) if self._trainer else ""

    def _position(self, progress: "Progress") -> str:
        network = f"network {self._number} of {self._networks}, " if self._networks > 1 else ""
        return f"{network}{'head, ' if progress.phase == 'head' else ''}epoch {progress.epoch} of {progress.epochs}"


@contextmanager
def training_bar(networks: int = 1) -> Iterator[TrainingBar]:
    """Show a progress bar on a terminal; yield a listener for the trainings of ``networks`` networks."""
    column = Column(no_wrap=True, max_width=max(messages.width - 24, 8))  # leaves space for steps and time
    text = TextColumn("{task.description}", table_column=column)
    columns = (text, BarColumn(None), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Bars(*columns, console=messages, transient=True, expand=True, disable=not messages.is_terminal)
    try:
        yield TrainingBar(bar, networks)
    finally:
        bar.stop()


def print_table(title: str, heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """Print a table."""
    table = Table(title=title, title_justify="left")
    for head in heads:
        table.add_column(head, overflow="fold")
    for row in rows:
        table.add_row(*row)
    if sys.stdout is None:
        raise DataError("stdout: expected an open stream to write to, got a closed one")
    with _complete_output():
        screen.print(table)


@contextmanager
def _complete_output() -> Iterator[None]:
    """Raise an error that names stdout if it does not take all output."""
    try:
        yield
    except OSError as error:
        raise DataError(f"stdout: expected a stream that takes all output, got: {error.strerror}") from None
