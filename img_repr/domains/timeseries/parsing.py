"""Text of data files: what is missing, a number, a time, a label; and one message for what is not."""

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from img_repr.core.errors import DataError

MISSING = frozenset({"", "?", "na", "n/a", "nan", "null", "none"})
"""Words for a value that is missing, in any case of letters."""


def read_text(path: Path) -> str:
    """Text of a file in UTF-8, with one kind of line end.

    Raises
    ------
    DataError
        If there is no such file, if it is empty, or if it is no text.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: expected a file that can be read, got: {error.strerror}") from None
    if not content.strip():
        raise DataError(f"{path}: expected series, got an empty file")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(f"{path} line {line}: expected text in UTF-8, got byte 0x{content[error.start]:02x}") from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise DataError(f"{path} line {line}: expected text, got binary content")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def numbered_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines that are not blank, stripped of blanks at the end, with their numbers from 1."""
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, line.rstrip(" ")


def is_missing(cell: str) -> bool:
    """Whether a cell holds a word for a missing value."""
    return cell.strip().lower() in MISSING


def parse_number(cell: str) -> float:
    """Value of a cell; NaN where it is missing; ValueError where it is no number."""
    if is_missing(cell):
        return float("nan")
    if "_" in cell:  # Python reads 1_0 as ten; no data format does
        raise ValueError(cell)
    return float(cell)


def is_number(cell: str) -> bool:
    """Whether a cell holds a number that is not missing."""
    try:
        return not math.isnan(parse_number(cell))
    except ValueError:
        return False


def parse_numbers(cells: Sequence[str], where: str, columns: Sequence[str]) -> list[float]:
    """Values of the cells of one line.

    Parameters
    ----------
    cells : sequence of str
        Numbers, or words for a missing value.
    where : str
        File and line, for messages.
    columns : sequence of str
        What the message calls the column of each cell.

    Raises
    ------
    DataError
        If a cell is no number.
    """
    try:
        if "_" not in "".join(cells):
            return [float(cell) for cell in cells]
    except ValueError:
        pass
    values = []
    for cell, column in zip(cells, columns, strict=True):
        try:
            values.append(parse_number(cell))
        except ValueError:
            raise DataError(f"{where} {column}: expected a number, got {cell.strip()!r:.40}") from None
    return values


def parse_label(cell: str, where: str) -> str:
    """Label as it stands, without the blanks around it; a whole number without its point: ``1``, not ``1.0``.

    Raises
    ------
    DataError
        If the label is missing.
    """
    word = cell.strip()
    if word.lower() in ("", "?", "nan"):  # "none" and "NA" may name a class
        raise DataError(f"{where}: expected a label, got {word!r}")
    try:
        value = parse_number(word)
    except ValueError:
        return word
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else word


def parse_time(cell: str) -> float:
    """Give the number of a time: itself, or the seconds of an ISO date; ValueError where it is neither."""
    try:
        value = float(cell)
    except ValueError:
        moment = datetime.fromisoformat(cell.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if not math.isfinite(value):
        raise ValueError(cell)
    return value
