"""CSV output of all commands: UTF-8, whole or not at all, safe to open in a spreadsheet."""

import csv
import io
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from img_repr.core.atomic import atomic_file
from img_repr.core.errors import DataError

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|nan)")
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")


def neutralize(cell: str) -> str:
    """Return a cell that no spreadsheet evaluates: an apostrophe precedes a formula (OWASP, CSV injection).

    Examples
    --------
    >>> neutralize("=1+1"), neutralize("-0.5"), neutralize("cat")
    ("'=1+1", '-0.5', 'cat')
    """
    return f"'{cell}" if cell.startswith(_FORMULA) and not _NUMBER.fullmatch(cell) else cell


def write_csv(path: Path | None, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write rows under heads to a file in one step, or to stdout if there is no path; always UTF-8.

    Raises
    ------
    DataError
        If not everything can be written; the file then stays as it was.
    """
    content = csv_lines([heads, *rows])
    if path is None:
        write_stdout(content)
        return
    try:
        _write_file(path, content)
    except OSError as error:
        raise DataError(f"{path}: expected a place for a file, got: {error.strerror}") from None


def csv_lines(rows: Iterable[Sequence[str]]) -> bytes:
    """Return rows as lines of CSV, UTF-8, without formulas."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([*map(neutralize, row)] for row in rows)
    return text.getvalue().encode("utf-8", "backslashreplace")


def write_stdout(content: bytes) -> None:
    """Write bytes to stdout at once.

    Raises
    ------
    DataError
        If stdout is closed, full or a pipe without a reader.
    """
    if sys.stdout is None:
        raise DataError("stdout: expected an open stream to write to, got a closed one")
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.flush()
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise DataError(f"stdout: expected a stream that takes all output, got: {said}") from None


def _write_file(path: Path, content: bytes) -> None:
    if path.exists() and not path.is_file():  # a device or a FIFO is written to, never replaced
        path.write_bytes(content)
        return
    target = path.resolve()  # a link stays a link
    with atomic_file(target, flush=True) as temporary:
        temporary.write_bytes(content)
