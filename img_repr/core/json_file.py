"""JSON files with a format number and a checksum, written atomically and checked when read.

A file is a JSON object. Its first key is ``format``, its last is ``checksum``: the sha256 of every byte before it. A
changed, missing or added byte is detected, and other programs can read the file as plain JSON.
"""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from img_repr.core.atomic import atomic_file
from img_repr.core.errors import ResultError
from img_repr.core.machine import check_memory

_TAIL = re.compile(rb',\n"checksum": "([0-9a-f]{64})"\n}\n\Z')
_BYTES_PER_BYTE = 10  # of Python objects, for each byte of JSON


def json_bytes(content: Mapping[str, Any], *, format: int, indent: int | None = 1) -> bytes:
    """Return the bytes of a file that :func:`read_json` accepts.

    Parameters
    ----------
    content : mapping
        Keys are text. NumPy values become numbers and lists, non-finite numbers ``null``, other objects text.
    format : int
        Version of the content's layout. A reader refuses other versions.
    indent : int or None
        Spaces per level; None writes one line, for long columns.
    """
    body = json.dumps({"format": format} | to_plain(content), indent=indent, allow_nan=False)[:-1].rstrip().encode()
    return body + b',\n"checksum": "' + hashlib.sha256(body).hexdigest().encode() + b'"\n}\n'


def write_json(path: Path, content: Mapping[str, Any], *, format: int) -> None:
    """Write a JSON file atomically, and its folder if needed; see :func:`json_bytes`."""
    with atomic_file(path) as temporary:
        temporary.write_bytes(json_bytes(content, format=format))


def read_json(path: Path, shape: Any, *, format: int, sha256: str | None = None) -> dict[str, Any]:
    """Read a JSON file and check its checksum, its format and the types of its values.

    Parameters
    ----------
    path : Path
    shape
        Expected types and bounds, see :func:`find_mismatch`.
    format : int
        Expected number.
    sha256 : str, optional
        Expected sha256 of the whole file, if another file states it.

    Returns
    -------
    dict
        The content without ``format`` and ``checksum``.

    Raises
    ------
    ResultError
        If the file is missing or damaged, or its format or values are not as expected.

    Examples
    --------
    >>> import tempfile
    >>> from img_repr.core.json_file import read_json, write_json
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_json(Path(folder, "a.json"), {"count": 3, "names": ["x"]}, format=2)
    ...     read_json(Path(folder, "a.json"), {"count": range(9), "names": [str]}, format=2)
    {'count': 3, 'names': ['x']}
    """
    caller = path.name
    try:
        check_memory(caller, _BYTES_PER_BYTE * path.stat().st_size, "its values", error=ResultError)
        data = path.read_bytes()
    except OSError as error:
        raise ResultError(f"{caller}: expected a file that can be read, got: {error.strerror}") from None
    try:
        content = parse_json(data)
    except ValueError as error:
        raise ResultError(f"{caller}: expected JSON, got: {error}") from None
    if not isinstance(content, dict):
        raise ResultError(f"{caller}: expected a JSON object, got {type(content).__name__}")
    if content.get("format") != format:
        found = content.get("format", "none, as older versions wrote it")
        raise ResultError(f"{caller}: expected format {format}, got {found!s:.60}")
    tail = _TAIL.search(data)
    digest = hashlib.sha256(data[: tail.start()] if tail else data).hexdigest()
    whole = sha256 is None or hashlib.sha256(data).hexdigest() == sha256
    if tail is None or tail[1].decode() != digest or not whole:
        raise ResultError(f"{caller}: expected the bytes that were written, got another checksum")
    del content["format"], content["checksum"]
    mismatch = find_mismatch(content, shape)
    if mismatch:
        raise ResultError(f"{caller}: expected {mismatch}")
    return content


def parse_json(text: str | bytes) -> Any:
    """Parse JSON text.

    Raises
    ------
    ValueError
        If it is not JSON, holds NaN or infinity, or is nested too deeply.
    """
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("values that are nested too deeply") from None


def _refuse_constant(word: str) -> Any:
    raise ValueError(f"{word}, which JSON does not have")


def find_mismatch(value: Any, shape: Any, where: str = "the content") -> str:
    """Compare a parsed value with a shape; return an empty string, or what was expected and the actual value.

    Parameters
    ----------
    value
        A JSON value.
    shape
        A type or a tuple of types (an int is a float too, a bool is neither); a ``range`` for a bounded int; a
        ``frozenset`` of allowed values; ``[shape]`` for a list of any length; ``{"key": shape}`` for an object with at
        least these keys, a key that ends with ``?`` may be missing; ``{str: shape}`` for an object with any keys.

    Examples
    --------
    >>> from img_repr.core.json_file import find_mismatch
    >>> find_mismatch({"sizes": [3, -1]}, {"sizes": [range(1, 100)]})
    'the content.sizes[1] to be an integer from 1 to 99, got -1'
    """
    if isinstance(shape, list):
        if not isinstance(value, list):
            return f"{where} to be a list, got {value!r:.60}"
        found = (find_mismatch(inner, shape[0], f"{where}[{place}]") for place, inner in enumerate(value))
        return next(filter(None, found), "")
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return f"{where} to be an object, got {value!r:.60}"
        if str in shape:
            return next(
                filter(None, (find_mismatch(one, shape[str], f"{where}.{key}") for key, one in value.items())), ""
            )
        for key, inner in shape.items():
            name = key.removesuffix("?")
            if name in value or name == key:
                if name not in value:
                    return f"{where} to have {name}, got {', '.join(value) or 'no key'!s:.60}"
                mismatch = find_mismatch(value[name], inner, f"{where}.{name}")
                if mismatch:
                    return mismatch
        return ""
    if isinstance(shape, range):
        words = f"an integer from {shape.start} to {shape.stop - 1}"
        good = type(value) is int and value in shape
    elif isinstance(shape, frozenset):
        words, good = f"one of {', '.join(map(str, sorted(shape)))}", isinstance(value, str) and value in shape
    else:
        types = shape if isinstance(shape, tuple) else (shape,)
        words = " or ".join("null" if one is type(None) else one.__name__ for one in types)
        good = isinstance(value, types) or (float in types and isinstance(value, int))
        good = good and (not isinstance(value, bool) or bool in types or object in types)
    return "" if good else f"{where} to be {words}, got {value!r:.60}"


def to_plain(value: Any) -> Any:
    """Return a value in JSON types: NumPy values as numbers and lists, NaN as None, other objects as text."""
    if isinstance(value, Mapping):
        return {str(key): to_plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(inner) for inner in value]
    if isinstance(value, np.ndarray):
        return to_plain(value.tolist())
    if isinstance(value, np.generic):
        return to_plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, int)):
        return value
    return str(value)
