"""TOML files: every problem with a file is one kind of error."""

import tomllib
from pathlib import Path
from typing import Any

from img_repr.core.errors import DataError, ImgReprError

_MOST_BYTES = 16 << 20  # of a file written by hand


def read_toml(path: Path, what: str, *, error: type[ImgReprError] = DataError) -> dict[str, Any]:
    """Read a TOML file.

    Parameters
    ----------
    path : Path
    what : str
        Kind of file, for messages.
    error : type
        Raised if the text is not TOML.

    Raises
    ------
    DataError
        If the file cannot be read.
    ImgReprError
        ``error``, if it is not TOML in UTF-8, or is nested too deeply.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise DataError(f"{path}: expected {what} of at most {_MOST_BYTES >> 20} MiB, got a larger file")
        text = path.read_text("utf-8")
    except OSError as refused:
        raise DataError(f"{path}: expected {what}, got: {refused.strerror}") from None
    except ValueError as refused:  # not UTF-8, or a path that no file can have
        raise error(f"{path}: expected {what} in UTF-8, got: {refused}") from None
    return parse_toml(text, f"{path}: expected {what} in TOML", error=error)


def parse_toml(text: str, expected: str, *, error: type[ImgReprError] = DataError) -> dict[str, Any]:
    """Parse TOML; ``expected`` is the beginning of the message.

    Raises
    ------
    ImgReprError
        ``error``.

    Examples
    --------
    >>> from img_repr.core.toml_file import parse_toml
    >>> parse_toml("seeds = [0, 1]", "recipe: expected TOML")
    {'seeds': [0, 1]}
    """
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise error(f"{expected}, got values that are nested too deeply") from None
    except ValueError as refused:  # an integer of thousands of digits too
        raise error(f"{expected}, got: {refused}") from None
