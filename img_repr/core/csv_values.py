"""Values of cells in text files: missing values, numbers, times and labels, by one rule for all tables."""

import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

MISSING = frozenset(
    (
        *("", "?", "na", "n/a", "nan", "-nan", "<na>", "nat", "null", "none", "#na", "#n/a", "#n/a n/a"),
        *("1.#ind", "-1.#ind", "1.#qnan", "-1.#qnan"),
    )
)
"""Words for a missing value, in lower case, as pandas, R and spreadsheets write them."""

_NAMELESS = frozenset(("", "?", "nan", "<na>", "nat", "#n/a", "#na"))  # "none" and "NA" may name a class

_EXPONENT = r"(?:e[+-]?\d+)?"
_SPACES = " '’\u00a0\u2009\u202f"
_FLOAT = re.compile(r"[+-]?(?:\d+\.0+|\d\.\d+e[+-]\d+)", re.IGNORECASE)  # as numpy, pandas and MATLAB write integers


@dataclass(frozen=True)
class NumberStyle:
    """How the numbers of a table are written.

    Parameters
    ----------
    decimal : str
        Decimal mark, a point or a comma.
    group : str
        Thousands separator, in addition to blanks and apostrophes.
    """

    decimal: str
    group: str

    def parse(self, cell: str) -> float:
        """Return the value of a cell, NaN if it is missing; 5 % is 0.05. ValueError if it is not a number."""
        text = cell.strip()
        if text.lower() in MISSING:
            return math.nan
        text = text.replace("\u2212", "-")
        scale = 1.0
        if text.endswith("%"):
            text, scale = text[:-1].rstrip(), 0.01
        grouped = rf"\d{{1,3}}(?:[{_SPACES}{re.escape(self.group)}]\d{{3}})+"
        decimal = re.escape(self.decimal)
        if re.fullmatch(rf"[+-]?{grouped}(?:{decimal}\d*)?{_EXPONENT}", text, re.IGNORECASE):
            text = re.sub(rf"[{_SPACES}{re.escape(self.group)}]", "", text)
        if self.group in text or "_" in text:  # Python reads 1_0 as ten; no data format does
            raise ValueError(cell)
        return float(text.replace(self.decimal, ".")) * scale


POINT = NumberStyle(".", ",")
"""1,234.5"""

COMMA = NumberStyle(",", ".")
"""1.234,5"""


def number_style(columns: Iterable[Sequence[str]], *, delimiter: str) -> NumberStyle:
    """Return how numbers are written: the style under which more columns hold only numbers.

    If both fit (``1,234``), the delimiter decides: with semicolons and tabs, a comma is the decimal mark.

    Parameters
    ----------
    columns : iterable of sequence of str
        Cells of each column.
    delimiter : str
        Delimiter of the table.

    Examples
    --------
    >>> from img_repr.core.csv_values import number_style
    >>> number_style([["1,5", "2"]], delimiter=";").decimal, number_style([["1,234"]], delimiter=",").decimal
    (',', '.')
    """
    with_mark = [cells for cells in columns if any("," in cell for cell in cells)]
    fits = {style: sum(all(is_number(cell, style) or is_missing(cell) for cell in cells) for cells in with_mark)
            for style in (POINT, COMMA)}  # fmt: skip
    if fits[POINT] == fits[COMMA]:
        return COMMA if delimiter != "," and fits[COMMA] else POINT
    return POINT if fits[POINT] > fits[COMMA] else COMMA


def is_missing(cell: str) -> bool:
    """Whether a cell holds a word for a missing value."""
    return cell.strip().lower() in MISSING


def parse_number(cell: str, style: NumberStyle = POINT) -> float:
    """Return the value of a cell, NaN if it is missing; ValueError if it is not a number.

    Examples
    --------
    >>> from img_repr.core.csv_values import COMMA, parse_number
    >>> parse_number(" 1e3 "), parse_number("NA"), parse_number("12.5 %"), parse_number("1.234,5", COMMA)
    (1000.0, nan, 0.125, 1234.5)
    """
    try:
        if style is POINT and "_" not in cell:
            return float(cell)
    except ValueError:
        pass
    return style.parse(cell)


def is_number(cell: str, style: NumberStyle = POINT) -> bool:
    """Whether a cell holds a number that is not missing."""
    try:
        return not math.isnan(parse_number(cell, style))
    except ValueError:
        return False


def parse_time(cell: str) -> float:
    """Return the time in a cell: a number, or the seconds since 1970 of an ISO date (UTC if it has no zone).

    Raises
    ------
    ValueError
        If it is neither, or not finite.

    Examples
    --------
    >>> from img_repr.core.csv_values import parse_time
    >>> parse_time("12.5"), parse_time("1970-01-02")
    (12.5, 86400.0)
    """
    try:
        value = parse_number(cell)
    except ValueError:
        moment = datetime.fromisoformat(cell.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if not math.isfinite(value):
        raise ValueError(cell)
    return value


def as_text(cell: object) -> str:
    """Text of a label, id or group as written, in composed Unicode (NFC), without blanks at its ends."""
    return unicodedata.normalize("NFC", str(cell)).strip()


def is_nameless(text: str) -> bool:
    """Whether the text of a label, id or group means a missing one."""
    return text.strip().lower() in _NAMELESS


def label_texts(cells: Iterable[object]) -> list[str]:
    """Labels, ids or groups of one column as text: exactly as written, so that ``01`` and ``1`` are distinct.

    Decimals are removed only if every cell is an integer written as a float (``1.0``, ``2.0000e+00``), as by numeric
    exporters, and all names stay distinct.

    Examples
    --------
    >>> from img_repr.core.csv_values import label_texts
    >>> label_texts(["01", "1", "1e2"]), label_texts(["1.0", "-1.0"]), label_texts(["1.0", "1.10"])
    (['01', '1', '1e2'], ['1', '-1'], ['1.0', '1.10'])
    """
    texts = [as_text(cell) for cell in cells]
    distinct = {text for text in texts if not is_nameless(text)}
    if distinct and all(_FLOAT.fullmatch(text) and float(text).is_integer() for text in distinct):
        short = {text: str(int(float(text))) for text in distinct}
        if len({*short.values()}) == len(short):
            return [short.get(text, text) for text in texts]
    return texts
