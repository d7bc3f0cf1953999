"""What the command line reads and shows: settings, live bars, tables."""

import ast
import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

screen, messages = Console(), Console(stderr=True)


def read_settings(settings: list[str] | None) -> dict[str, Any]:
    """Read ``name=value`` pairs; values are Python literals, else words."""
    values: dict[str, Any] = {}
    for setting in settings or []:
        name, equals, text = setting.partition("=")
        if not (equals and name):
            raise typer.BadParameter(f"expected name=value, got {setting!r}")
        try:
            values[name] = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            values[name] = text
    return values


@contextmanager
def counting_bar(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a live bar on a terminal; calling what it gives moves it on."""
    with Progress(console=messages, transient=True, disable=not messages.is_terminal) as progress:
        task = progress.add_task(what, total=total)
        yield lambda count: progress.advance(task, count)


@contextmanager
def training_bar() -> Iterator[Callable[[dict[str, Any]], None]]:
    """Show a live bar over epochs with loss, validation accuracy and rate."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=messages, transient=True, disable=not messages.is_terminal) as progress:
        task = progress.add_task("training")

        def on_epoch(row: dict[str, Any]) -> None:
            valid = f", validation {row['valid_accuracy']:.3f}" if "valid_accuracy" in row else ""
            text = f"{row['phase']}: loss {row['loss']:.3f}{valid}, rate {row['rate']:.1e}"
            progress.update(task, total=row["epochs"], completed=row["epoch"], description=text)

        yield on_epoch


def print_table(title: str, heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """Print rows under heads."""
    table = Table(title=title, title_justify="left")
    for head in heads:
        table.add_column(head, overflow="fold")
    for row in rows:
        table.add_row(*row)
    screen.print(table)


def write_csv(path: Path, heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """Write rows under heads."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(heads)
        writer.writerows(rows)
