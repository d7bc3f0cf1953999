"""What the command line shows: results, errors, notes, live bars, tables."""

import csv
import logging
import math
import os
import re
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.table import Column, Table

from img_repr.core.errors import DataError, DegenerateSampleWarning, ImgReprError
from img_repr.training.events import Event, Progress

if TYPE_CHECKING:
    from img_repr.training.trainer import Trainer

# a path may hold [brackets] and :colons:, which are to be shown as they are
screen = Console(markup=False, emoji=False, highlight=False)
messages = Console(stderr=True, markup=False, emoji=False, highlight=False)

_REDRAWN_S = 0.1  # between two drawings of a bar
_HOW_MANY = re.compile(r"\d+ of \d+(?= \w+ \(first)| \(first: number \d+\)")


def say(text: str) -> None:
    """Print one line of a result, however long."""
    screen.print(text, soft_wrap=True)


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


class Stopped(SystemExit):
    """Ctrl-C was pressed; carries the sentence that says what is kept."""

    def __init__(self, said: str) -> None:
        super().__init__(130)
        self.said = said


@contextmanager
def in_plain_words() -> Iterator[None]:
    """End with one sentence and exit code 2 where a user can mend what is wrong; tell warnings as notes."""
    log = logging.getLogger("img_repr")
    log.setLevel(logging.INFO)
    log.addHandler(notes)
    notes.told.clear()
    try:
        with warnings.catch_warnings():
            warnings.showwarning = notes.warned
            warnings.simplefilter("default", DegenerateSampleWarning)
            yield
    except ImgReprError as error:
        complain(str(error))
        sys.exit(2)
    except (OSError, MemoryError, RuntimeError) as error:
        said = refusal(error)
        if said is None:
            raise
        complain(said)
        sys.exit(2)
    except SystemExit as done:
        if done.code == 130:  # what typer makes of Ctrl-C too
            said = done.said if isinstance(done, Stopped) else "stopped; what was finished is kept"
            messages.print(said, style="yellow", soft_wrap=True)
        raise
    finally:
        log.removeHandler(notes)


def refusal(error: BaseException) -> str | None:
    """Say what the machine refused, a file or memory, as a sentence; None if it was something else."""
    if isinstance(error, OSError):
        said = error.strerror or str(error)
        return f"{os.fspath(error.filename)}: {said}" if error.filename else said
    if isinstance(error, MemoryError) or "allocate" in str(error):
        return f"there is not enough memory: {error}"
    return None


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
        if not trainer.engine.leads:  # of several processes one shows
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
    room = Column(no_wrap=True, max_width=max(messages.width - 24, 8))  # steps and time are to be seen beside it
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
    screen.print(table)


def write_csv(path: Path | None, heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """Write rows under heads into a file, as one step, or to stdout where there is none."""
    if path is None:
        _write_rows(sys.stdout, heads, rows)
        return
    beside = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("w", newline="", encoding="utf-8") as file:
            _write_rows(file, heads, rows)
        beside.replace(path)
    except OSError as error:
        raise DataError(f"{path}: expected a place for a file, got: {error.strerror}") from None
    finally:
        with suppress(OSError):
            beside.unlink()


def _write_rows(file: TextIO, heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(heads)
    writer.writerows(rows)
