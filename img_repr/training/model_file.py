"""The one reader of a saved model's JSON: types and bounds are checked before anything is built of it."""

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from img_repr.core.errors import ResultError

_MOST_BYTES = 64 << 20  # a history of a million epochs

Check = tuple[str, Callable[[Any], bool]]


def is_number(value: Any) -> bool:
    """Whether a JSON value is a finite number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e300


def is_count(value: Any, low: int = 1, high: int = 1_000_000) -> bool:
    """Whether a JSON value is a whole number between bounds."""
    return type(value) is int and low <= value <= high


def is_rows(value: Any) -> bool:
    """Whether a JSON value is a list of objects."""
    return isinstance(value, list) and all(isinstance(one, dict) for one in value)


def read_facts(path: Path, checks: Mapping[str, Check]) -> dict[str, Any]:
    """Read a JSON object with known fields.

    Parameters
    ----------
    path : Path
    checks : mapping of str to (str, callable)
        Each field, with what it is to be, in words, and whether a value is that.

    Raises
    ------
    ResultError
        If the file cannot be read, is no JSON object, or lacks a field or has one of another kind.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "model.json")
    ...     _ = path.write_text('{"temperature": 0}')
    ...     read_facts(path, {"temperature": ("a number above 0", lambda value: is_number(value) and value > 0)})
    Traceback (most recent call last):
    ...
    img_repr.core.errors.ResultError: model.json: expected temperature to be a number above 0, got 0
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ResultError(f"{path.name}: expected at most {_MOST_BYTES} bytes, got {path.stat().st_size}")
        facts = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ResultError(f"{path.name}: expected a file that can be read, got: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        if isinstance(error, ResultError):
            raise
        raise ResultError(f"{path.name}: expected JSON that `save` wrote, got: {str(error)[:120]}") from error
    if not isinstance(facts, dict):
        raise ResultError(f"{path.name}: expected a JSON object, got a {type(facts).__name__}")
    for word, (expected, holds) in checks.items():
        if word not in facts:
            raise ResultError(f"{path.name}: expected {word} to be {expected}, got nothing of that name")
        if not holds(facts[word]):
            raise ResultError(f"{path.name}: expected {word} to be {expected}, got {facts[word]!r:.60}")
    return facts


def is_temperature(value: Any) -> bool:
    """Whether a JSON value can divide scores: far beyond what calibration gives, nothing can be meant."""
    return is_number(value) and 1e-3 <= value <= 1e3


def is_unit(value: Any) -> bool:
    """Whether a JSON value is a fraction."""
    return is_number(value) and -1e-6 <= value <= 1.0 + 1e-6 and not math.isnan(value)


def sha256_of(path: Path) -> str:
    """Sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
