"""Files of the running Python by their types: data that every machine has, split by package."""

import hashlib
import os
import re
import sysconfig
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath
from typing import NamedTuple

import numpy as np

from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError
from img_repr.core.file_tree import is_folder, name_some, text_of
from img_repr.core.loader import loader
from img_repr.domains.binary.binary import Binary
from img_repr.domains.binary.fragments import FRAGMENT_BYTES, check_count, fragment_offsets
from img_repr.domains.binary.sample import BINARY

_TYPES = {
    **dict.fromkeys((".so", ".pyd", ".dll", ".dylib"), "native code"),
    **dict.fromkeys((".h", ".hpp", ".c", ".cc", ".cpp", ".cu", ".cuh"), "c"),
    **dict.fromkeys((".gz", ".bz2", ".xz", ".zip", ".whl", ".npz"), "compressed"),
    **dict.fromkeys((".txt", ".rst", ".md"), "text"),
    **{".pyc": "pyc", ".py": "py", ".pyi": "pyi", ".json": "json", ".png": "png", ".csv": "csv", ".npy": "npy"},
    **{".html": "html", ".js": "js", ".css": "css", ".svg": "svg", ".ttf": "ttf", ".mo": "mo"},
}
_VERSION = re.compile(r"\.so(\.\d+)+$")  # libssl.so.3 is an .so
_COPIES = re.compile(r"site-packages|dist-packages|_vendor|_distutils|_bundled|.+\.libs|.+\.(dist|egg)-info|\..*")
_TEST_FRACTION = 0.3
_PER_FILE = 4
_LEAST_FRAGMENTS, _LEAST_PACKAGES = 16, 2  # of a class in each part


class _File(NamedTuple):
    path: str
    name: str  # from its root on


class _Fragment(NamedTuple):
    content: bytes
    package: str
    name: str


@loader(BINARY, bundled=True)
def load_python_files(
    *,
    at_most: int = 100,
    fragment_bytes: int = FRAGMENT_BYTES,
    seed: int = 0,
    folders: Sequence[str | Path] | None = None,
) -> Dataset:
    """Load fragments of the files of this Python installation, labeled by file type.

    The files are those of the standard library and of the installed packages. A package is wholly on one side: of the
    packages that hold a type, 30 % and at least two are for testing, in the order of a hash of their names, and rare
    types choose first. Vendored copies (``_vendor``, ``*.libs``, the licenses in ``*.dist-info``) are
    passed over, and so is a fragment whose bytes were taken before. Of a file at most 4 fragments are taken, without
    its first and its last, so that no header gives the type away; packages take turns. Files differ between
    installations: compare scores of one only.

    Parameters
    ----------
    at_most : int
        Fragments of each class in each part.
    fragment_bytes : int
        Bytes of each sample.
    seed : int
        Of the hash: another seed, other packages in each part.
    folders : sequence of path, optional
        Folders of packages to take instead; the first name below each is the package.

    Returns
    -------
    Dataset
        ``labels`` types of files, by the endings of their names: those with at least 16 fragments of two packages in
        both parts; ``groups`` packages, ``split`` train and test; ``names`` files with offsets.

    Raises
    ------
    DataError
        If less than two types are left.

    Examples
    --------
    >>> from img_repr.domains.binary.python_files import load_python_files
    >>> data = load_python_files(at_most=20)
    >>> {"native code", "py"} <= set(data.classes), len(data.samples[0])
    (True, 4096)
    """
    for word, value in (("at_most", at_most), ("fragment_bytes", fragment_bytes)):
        check_count("python_files", word, value)
    roots = _usual_folders() if folders is None else [Path(folder) for folder in folders]
    for root in roots if folders is not None else ():
        if not is_folder(root):
            raise DataError(f"python_files: expected folders of packages, got {root}")
    closed: list[str] = []
    found = _list_types(roots, closed, least_bytes=2 * fragment_bytes + 1)
    held_out = _hold_out(found, seed)
    samples, rows, few = [], [], []
    seen: set[bytes] = set()
    for label in sorted(found):
        both: dict[str, list[_Fragment]] = {}
        for part in ("train", "test"):
            packages = {name: files for name, files in found[label].items() if (name in held_out) == (part == "test")}
            both[part] = _take(packages, at_most, fragment_bytes, seen)
        if any(
            len(taken) < min(_LEAST_FRAGMENTS, at_most) or len({one.package for one in taken}) < _LEAST_PACKAGES
            for taken in both.values()
        ):
            few.append(label)
            continue
        for part, taken in both.items():
            samples += [Binary(np.frombuffer(one.content, np.uint8)) for one in taken]
            rows += [(label, one.package, part, one.name) for one in taken]
    classes = {label for label, *_ in rows}
    if len(classes) < 2:
        raise DataError(
            f"python_files: expected at least two types of files with {_LEAST_FRAGMENTS} fragments of "
            f"{_LEAST_PACKAGES} packages in both parts, got {len(classes)} of {len(found)} types"
        )
    labels, groups, parts, names = (np.array(column) for column in zip(*rows, strict=True))
    count = len({package for _, package, *_ in rows})
    notes = [f"files of one installation of Python, {count} packages: other installations have other files"]
    if closed:
        notes.append(f"left out {len(closed)} folders that cannot be read: {name_some(closed)}")
    if few:
        notes.append(f"left out {len(few)} types with too few fragments or packages in a part: {', '.join(few)}")
    return Dataset(
        "PythonFiles", BINARY, samples, labels=labels, groups=groups, split=parts, names=names, notes=tuple(notes)
    )


def _usual_folders() -> list[Path]:
    paths = sysconfig.get_paths()
    return list(dict.fromkeys(Path(paths[key]).resolve() for key in ("stdlib", "purelib", "platlib")))


def _list_types(folders: Sequence[Path], closed: list[str], least_bytes: int) -> dict[str, dict[str, list[_File]]]:
    """Return the files of each type by their packages, small ones apart, in the order of a hash of their names."""
    found: dict[str, dict[str, list[_File]]] = defaultdict(lambda: defaultdict(list))
    for folder in folders:
        start = len(str(folder)) + 1
        for entry in _walk(folder, closed):
            label = _TYPES.get(PurePath(_VERSION.sub(".so", entry.name)).suffix.lower())
            if label is not None and entry.stat(follow_symlinks=False).st_size >= least_bytes:
                name = text_of(entry.path[start:]).replace(os.sep, "/")
                found[label][_package_of(name)].append(_File(entry.path, name))
    for packages in found.values():
        for files in packages.values():
            files.sort(key=lambda file: _hash(file.name))
    return found


def _walk(root: Path, closed: list[str]) -> Iterator[os.DirEntry[str]]:
    """Return the files below a folder; links are not followed, and closed folders are added to a list."""
    waiting = [str(root)]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(folder) as inside:
                for entry in inside:
                    if entry.is_dir(follow_symlinks=False):
                        if not _COPIES.fullmatch(entry.name):
                            waiting.append(entry.path)
                    elif entry.is_file(follow_symlinks=False):
                        yield entry
        except OSError:
            closed.append(text_of(folder))


def _package_of(name: str) -> str:
    """Return the package of a file: the first name below the root, without what surrounds it.

    Examples
    --------
    >>> [_package_of(name) for name in ("numpy/core/a.so", "__pycache__/os.cpython-311.pyc", "_cffi_backend.so")]
    ['numpy', 'os', 'cffi_backend']
    """
    first, *rest = name.split("/")
    if first == "__pycache__" and rest:
        first = rest[0]
    return first.partition(".")[0].lstrip("_") or first


def _hold_out(found: dict[str, dict[str, list[_File]]], seed: int) -> set[str]:
    """Choose the packages of the test part, those of rare types first, so that common ones do not take them all."""
    held_out: set[str] = set()
    placed: set[str] = set()
    for label in sorted(found, key=lambda label: (len(found[label]), label)):
        packages = found[label].keys()
        lacking = max(_LEAST_PACKAGES, round(_TEST_FRACTION * len(packages))) - len(held_out & packages)
        free = sorted(packages - placed, key=lambda name: _hash(f"{seed} {name}"))
        held_out.update(free[: max(0, lacking)])
        placed |= packages
    return held_out


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def _take(packages: dict[str, list[_File]], at_most: int, count: int, seen: set[bytes]) -> list[_Fragment]:
    """Take fragments, the packages by turns, until there are enough."""
    turns = deque(_fragments_of(name, packages[name], count, seen) for name in sorted(packages, key=_hash))
    taken: list[_Fragment] = []
    while turns and len(taken) < at_most:
        package = turns.popleft()
        fragment = next(package, None)
        if fragment is not None:
            taken.append(fragment)
            turns.append(package)
    return taken


def _fragments_of(package: str, files: list[_File], count: int, seen: set[bytes]) -> Iterator[_Fragment]:
    for path, name in files:
        try:
            with open(path, "rb") as file:  # noqa: PTH123, thousands of them
                size = os.fstat(file.fileno()).st_size
                for offset in fragment_offsets(size, fragment_bytes=count, at_most=_PER_FILE, skip_ends=True):
                    file.seek(int(offset))
                    content = file.read(count)
                    digest = hashlib.sha256(content).digest()
                    if len(content) == count and digest not in seen:
                        seen.add(digest)
                        yield _Fragment(content, package, f"{name} at {int(offset):#x}")
        except OSError:
            continue
