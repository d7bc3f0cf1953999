"""NumPy files, ``.npy`` and ``.npz``: read without unpickling, checked before memory is allocated, with one error."""

import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any, TypeVar

import numpy as np

from img_repr.core.errors import DataError
from img_repr.core.machine import check_memory

T = TypeVar("T")
_ZIP, _PIECE = b"PK", 1 << 20
_HEADERS: dict[tuple[int, int], Callable[[Any], Any]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def read_array(path: str | Path, *, mapped: bool = False) -> np.ndarray:
    """Read a ``.npy`` file of numbers, text or dates.

    Parameters
    ----------
    path : str or Path
    mapped : bool
        Return a read-only memory map instead of a copy in memory.

    Raises
    ------
    DataError
        If the file cannot be read, is damaged, holds objects that would have to be unpickled, has a header that does
        not fit its size, or does not fit into free memory.

    Examples
    --------
    >>> import tempfile
    >>> from img_repr.core.array_file import read_array
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(Path(folder, "a.npy"), np.eye(2))
    ...     read_array(Path(folder, "a.npy")).shape
    (2, 2)
    """
    path = Path(path)

    def read() -> np.ndarray:
        with path.open("rb") as file:
            shape, order, dtype = _read_header(file, path.stat().st_size)
            if mapped:
                return np.memmap(path, dtype, "r", file.tell(), shape, order)
            return _read_data(file, str(path), shape, order, dtype)

    return _one_error(path, read)


def read_npz(path: str | Path, names: Iterable[str] | None = None) -> dict[str, np.ndarray]:
    """Read arrays of a ``.npz`` file and check their checksums.

    Parameters
    ----------
    path : str or Path
    names : iterable of str, optional
        Arrays to read; those that end with ``?`` may be missing. Default: all.

    Raises
    ------
    DataError
        As in :func:`read_array`, and if an array is missing or a name occurs twice.
    """
    path = Path(path)

    def read() -> dict[str, np.ndarray]:
        with zipfile.ZipFile(path) as archive:
            inside = {one.filename.removesuffix(".npy"): one for one in archive.infolist()}
            if len(inside) < len(archive.infolist()):
                raise ValueError("two arrays of one name")
            requested = list(inside) if names is None else list(names)
            lost = [name for name in requested if name not in inside and not name.endswith("?")]
            if lost:
                raise ValueError(f"no array {', '.join(lost)}")
            chosen = {name: inside[name] for word in requested if (name := word.removesuffix("?")) in inside}
            check_memory(str(path), sum(one.file_size for one in chosen.values()), "its arrays", error=DataError)
            found = {}
            for name, member in chosen.items():
                with archive.open(member) as file:
                    found[name] = _read_data(file, str(path), *_read_header(file, member.file_size))
            return found

    return _one_error(path, read)


def is_npz(path: str | Path) -> bool:
    """Whether a file begins like an archive; False if it cannot be read."""
    try:
        with Path(path).open("rb") as file:
            return file.read(len(_ZIP)) == _ZIP
    except OSError:
        return False


def _read_header(file: IO[bytes], size: int) -> tuple[tuple[int, ...], Any, np.dtype]:
    version = np.lib.format.read_magic(file)
    if version not in _HEADERS:
        raise ValueError(f"an array of format version {version}")
    shape, fortran, dtype = _HEADERS[version](file)
    if dtype.hasobject:
        raise ValueError("objects that would have to be unpickled")
    if dtype.kind not in "biufcSUmM" or not dtype.itemsize:
        raise ValueError(f"values of type {dtype}")
    if not all(type(side) is int and side >= 0 for side in shape):
        raise ValueError(f"a shape of {shape}")
    stated, there = dtype.itemsize, size - file.tell()
    for side in shape:
        stated *= side
    if stated != there:
        raise ValueError(f"{there} bytes of values where the header states {stated}")
    return shape, "F" if fortran else "C", dtype


def _read_data(file: IO[bytes], caller: str, shape: tuple[int, ...], order: Any, dtype: np.dtype) -> np.ndarray:
    count = dtype.itemsize
    for side in shape:
        count *= side
    check_memory(caller, count, "the array", error=DataError)
    buffer = np.empty(count, np.uint8)
    done = 0
    while done < count:
        piece = file.read(min(_PIECE, count - done))
        if not piece:
            raise EOFError(f"{done} bytes of {count}")
        buffer[done : done + len(piece)] = np.frombuffer(piece, np.uint8)
        done += len(piece)
    file.read(1)  # an archive compares the checksum at the end of a member
    return buffer.view(dtype).reshape(shape, order=order)


def _one_error(path: Path, read: Callable[[], T]) -> T:
    try:
        return read()
    except DataError:
        raise
    except OSError as error:
        raise DataError(f"{path}: expected a file that can be read, got: {error.strerror or error}") from None
    except Exception as error:  # zipfile, zlib, tokenize, ast and NumPy have different errors
        said = " ".join(str(error).split())[:120] or type(error).__name__
        raise DataError(f"{path}: expected arrays of numbers as NumPy writes them, got: {said}") from None
