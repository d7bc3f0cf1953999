"""Files of a published data set, found by the form of their names; see also :mod:`img_repr.core.class_folders`."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from img_repr.core.errors import DataError
from img_repr.core.file_tree import list_readable, names_in


@dataclass(frozen=True)
class NamedFiles:
    """Files, one entry per file in each column.

    Parameters
    ----------
    files : list of Path
        In the order of their sorted paths.
    names : list of str
        Paths below the folder, ``/`` between names.
    matches : list of re.Match
        Match of each name.
    notes : tuple of str
        Which files were skipped, with counts and names.
    """

    files: list[Path]
    names: list[str]
    matches: list[re.Match[str]]
    notes: tuple[str, ...]


def read_named_files(
    root: str | Path,
    pattern: re.Pattern[str],
    *,
    example: str,
    is_sample: Callable[[Path], bool] = lambda file: True,
    skip_unreadable: bool = False,
) -> NamedFiles:
    r"""Find the files below a folder whose whole path below it matches a regular expression.

    Parameters
    ----------
    root : str or Path
    pattern : re.Pattern
    example : str
        A path that matches, for messages.
    is_sample : callable
        Whether a file that does not match looks like a sample, so that a note counts it.
    skip_unreadable : bool
        As in :func:`img_repr.core.class_folders.read_class_folders`.

    Raises
    ------
    DataError
        If no file matches, or a folder cannot be read.

    Examples
    --------
    >>> import re, tempfile
    >>> from pathlib import Path
    >>> from img_repr.core.named_files import read_named_files
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("7_theo.wav", "README.md"):
    ...         _ = Path(folder, name).write_bytes(b"")
    ...     found = read_named_files(folder, re.compile(r"(\d)_(\w+)\.wav"), example="7_theo.wav")
    >>> found.names, found.matches[0].groups(), found.notes
    (['7_theo.wav'], ('7', 'theo'), ('left out 1 files not called like 7_theo.wav: README.md',))
    """
    tree = list_readable(root, skip_unreadable=skip_unreadable)
    names = ["/".join(tree.below(file)) for file in tree.files]
    matches = [pattern.fullmatch(name) for name in names]
    found = [(file, name, match) for file, name, match in zip(tree.files, names, matches, strict=True) if match]
    notes = [*tree.notes(hidden=False)]
    if not found:
        raise DataError("; ".join([f"{root}: expected files like {example}, got none", *notes]))
    others = [file for file, match in zip(tree.files, matches, strict=True) if not match and is_sample(file)]
    if others:
        notes.insert(0, f"left out {len(others)} files not called like {example}: {tree.names(others)}")
    files, kept, matched = (list(column) for column in zip(*found, strict=True))
    return NamedFiles(files, kept, matched, tuple(notes))


def holds_name(folder: Path, pattern: re.Pattern[str]) -> bool:
    """Whether a folder has an entry whose name matches; reads few entries and never raises."""
    return any(pattern.fullmatch(name) for name in names_in(folder))
