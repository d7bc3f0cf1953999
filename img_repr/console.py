"""What the command line shows: results, errors, notes, live bars, tables."""

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
from img_repr.training.events import Event, Progress

if TYPE_CHECKING:
    from img_repr.training.trainer import Trainer

# a path may hold [brackets] and :colons:, which are to be shown as they are
screen = Console(markup=False, emoji=False, highlight=False)


class _Messages(Console):
    """A console on stderr; what stderr cannot take is lost without an error."""

    def print(self, *words: Any, **how: Any) -> None:
        """Print as ``rich`` does."""
        with suppress(OSError, ValueError):
            super().print(*words, **how)

    def on_broken_pipe(self) -> None:
        """Go on: who read the messages has ended, the command has not."""


messages = _Messages(stderr=True, markup=False, emoji=False, highlight=False)

_REDRAWN_S = 0.1  # between two drawings of a bar
_HOW_MANY = re.compile(r"\d+ of \d+(?= \w+ \(first)| \(first: number \d+\)")


def is_terminal() -> bool:
    """Whether stdout is a terminal, whatever ``FORCE_COLOR`` says."""
    return sys.stdout is not None and sys.stdout.isatty()


def say(text: str) -> None:
    """Print one line of a result, however long."""
    with _all_of_it():
        screen.print(text, soft_wrap=True)


def one_line(start: str, text: str, width: int = 80) -> str:
    """Return a line of a listing, shortened at a word.

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
    """Warnings and the log as lines on stderr; the same note is told once.

    Samples are looked at in batches, and in training again and again: counts within a batch are left out.
    """

    def __init__(self) -> None:
        super().__init__()
        self.told: set[str] = set()

    def tell(self, text: str) -> None:
        """Print a note if it is new."""
        line = _HOW_MANY.sub(lambda found: "some" if found[0][0].isdigit() else "", " ".join(text.split()))
        if line not in self.told:
            self.told.add(line)
            messages.print(f"note: {line}", style="yellow", soft_wrap=True)

    def warned(self, message: Warning | str, *_: Any, **__: Any) -> None:
        """Stand in for ``warnings.showwarning``."""
        self.tell(str(message))

    def emit(self, record: logging.LogRecord) -> None:
        """Print a line of the log; what is less than a warning as it is."""
        if record.levelno >= logging.WARNING:
            self.tell(record.getMessage())
        else:
            messages.print(record.getMessage(), soft_wrap=True)


notes = Notes()


@contextmanager
def counting_bar(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a live bar on a terminal; calling what it gives moves it on."""
    with Bars(console=messages, transient=True, disable=not messages.is_terminal) as progress:
        task = progress.add_task(what, total=total)
        yield lambda count: progress.advance(task, count)


class TrainingBar:
    """Listens to trainings that follow one another, and draws each as a bar over its steps."""

    def __init__(self, bar: Bars, networks: int) -> None:
        self._bar, self._networks, self._number = bar, networks, 0
        self._task = bar.add_task("")
        self._drawn_s = 0.0
        self._trainer: Trainer | None = None

    def __call__(self, event: Event, trainer: "Trainer") -> None:
        """Show what an event tells; to ask after each step how far a trainer is would make a GPU wait."""
        if not trainer.engine.is_main_process:  # of several processes one shows
            return
        if event == "fit_start":
            self._trainer = trainer
            self._number += 1
            at = trainer.progress
            self._bar.reset(self._task, total=at.steps, completed=at.step)
            self._bar.start()
            if at.step == at.steps:
                messages.print(f"network {self._number} of {self._networks} is trained", soft_wrap=True)
            elif at.step:
                messages.print(f"going on from {self._words(at)}", soft_wrap=True)
        if self._bar.disable or (event == "step_end" and time.monotonic() - self._drawn_s < _REDRAWN_S):
            return
        at = trainer.progress
        words = [self._words(at)]
        if math.isfinite(at.loss):
            words.append(f"loss {at.loss:.3f}")
        for name, value in trainer.history[-1].items() if trainer.history else ():
            if name.startswith("valid_") and name != "valid_loss":
                words.append(f"{name.removeprefix('valid_').replace('_', ' ')} {value:.3f}")
        if at.rate:
            words.append(f"rate {at.rate:.1e}")
        self._bar.update(self._task, completed=at.step, description=", ".join(words))
        self._drawn_s = time.monotonic()

    @property
    def place(self) -> str:
        """Where the training is, in words; empty before one has begun."""
        return self._words(self._trainer.progress) if self._trainer else ""

    def _words(self, at: Progress) -> str:
        network = f"network {self._number} of {self._networks}, " if self._networks > 1 else ""
        return f"{network}{'head, ' if at.phase == 'head' else ''}epoch {at.epoch} of {at.epochs}"


@contextmanager
def training_bar(networks: int = 1) -> Iterator[TrainingBar]:
    """Show a live bar on a terminal; what it gives listens to the trainings of so many networks."""
    room = Column(no_wrap=True, max_width=max(messages.width - 24, 8))  # steps and time are to be seen next to it
    text = TextColumn("{task.description}", table_column=room)
    columns = (text, BarColumn(None), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Bars(*columns, console=messages, transient=True, expand=True, disable=not messages.is_terminal)
    try:
        yield TrainingBar(bar, networks)
    finally:
        bar.stop()


def print_table(title: str, heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """Print rows under heads."""
    table = Table(title=title, title_justify="left")
    for head in heads:
        table.add_column(head, overflow="fold")
    for row in rows:
        table.add_row(*row)
    if sys.stdout is None:
        raise DataError("stdout: expected an open stream to write to, got a closed one")
    with _all_of_it():
        screen.print(table)


@contextmanager
def _all_of_it() -> Iterator[None]:
    """Make a stream that takes no more an error that names it."""
    try:
        yield
    except OSError as error:
        raise DataError(f"stdout: expected a stream that takes all output, got: {error.strerror}") from None
