"""Folders of sample files: one folder per class, below one folder per split if there are splits.

``read_class_folders`` has the rules for all loaders of folders: splits, classes, links, and notes on skipped files.
:mod:`img_repr.core.named_files` reads published sets by the form of their file names, and
:mod:`img_repr.core.file_table` tables that name files; they describe only their differences.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from img_repr.core.errors import DataError, ParameterError
from img_repr.core.file_tree import FileTree, list_readable, name_some
from img_repr.core.split_names import is_split_layout, normalize_split_names, split_of


@dataclass(frozen=True)
class ClassFolders:
    """Files with the labels, splits and groups in their paths, one entry per file in each column.

    Parameters
    ----------
    files : list of Path
        In the order of their sorted paths.
    names : list of str
        Paths below the folder, ``/`` between names.
    labels : list of str or None
        Names of the class folders; None if all files are in one folder.
    splits : list of str or None
        ``"train"`` or ``"test"``; None without folders of splits.
    groups : list of str or None
        Matches of the regular expression; None without one.
    notes : tuple of str
        Which files were skipped and which splits joined, with counts and names.
    """

    files: list[Path]
    names: list[str]
    labels: list[str] | None
    splits: list[str] | None
    groups: list[str] | None
    notes: tuple[str, ...]


def read_class_folders(
    root: str | Path,
    is_sample: Callable[[Path], bool],
    *,
    caller: str,
    kind: str,
    group: str | None = None,
    skip_unreadable: bool = False,
) -> ClassFolders:
    r"""Find the samples below a folder, and read class, split and group from their paths.

    Folders whose names mean a split (``train``, ``val``, ``testing``; :mod:`img_repr.core.split_names`) are splits and
    never classes, at the top, below the class folders, or inside a single top folder. The next folder is the class of
    everything below it. Links are followed, and no folder is entered twice. Notes count and name all skipped files and
    all folders without a sample.

    Parameters
    ----------
    root : str or Path
    is_sample : callable
        Whether a file is a sample, by its name or its first bytes.
    caller : str
        Name of the loader, for messages.
    kind : str
        Name of the samples, for messages: ``"sound files"``.
    group : str, optional
        Regular expression with one group in brackets, searched in the path below the folder.
    skip_unreadable : bool
        Skip folders that cannot be read, with a note, instead of raising an error.

    Raises
    ------
    DataError
        If there is no sample, or a folder cannot be read.
    ParameterError
        If ``group`` is not a regular expression with one group in brackets.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from img_repr.core.class_folders import read_class_folders
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("Train/cat/1.wav", "val/cat/2.wav", "val/dog/3.wav", "test/dog/4.wav", "test/readme.txt"):
    ...         Path(folder, name).parent.mkdir(parents=True, exist_ok=True)
    ...         _ = Path(folder, name).write_bytes(b"")
    ...     found = read_class_folders(folder, lambda file: file.suffix == ".wav", caller="doc", kind="sounds")
    >>> found.labels, found.splits
    (['cat', 'dog', 'cat', 'dog'], ['train', 'test', 'train', 'train'])
    >>> found.notes
    ("the validation split ('val') joins the training part", 'left out 1 files that are no sounds: test/readme.txt')
    """
    root = Path(root)
    search = None if group is None else _group_pattern(group, caller)
    tree = list_readable(root, skip_unreadable=skip_unreadable)
    samples = [file for file in tree.files if is_sample(file)]
    paths = {file: tree.below(file) for file in samples}
    depth, named, notes = _split_depth([path[:-1] for path in paths.values()])
    unlabeled = [file for file in samples if depth is not None and split_of(paths[file][depth]) == "unlabeled"]
    extra = [
        file
        for file in samples
        if depth is not None and (len(paths[file]) <= depth + 1 or split_of(paths[file][depth]) is None)
    ]
    kept = _without(samples, unlabeled, extra)
    is_wrapped = depth == 1 and len({paths[file][0] for file in kept}) == 1
    rest = {file: paths[file][2:] if is_wrapped else _rest(paths[file], depth) for file in kept}
    loose: list[Path] = []
    if any(len(path) > 1 for path in rest.values()):
        loose = [file for file in kept if len(rest[file]) == 1]
        kept = _without(kept, loose)
    if not kept:
        raise DataError(f"{root}: expected a folder of {kind}, got {_what_there_is(tree, samples)}")
    labels = [rest[file][0] for file in kept] if len(rest[kept[0]]) > 1 else None
    if labels and len({*labels}) == 1 and all(len(path) > 2 for path in map(rest.__getitem__, kept)):
        notes.append(f"all {kind} lie in one class, {labels[0]!r}; for the folders in it as classes, load that folder")
    splits = None
    if depth is not None:
        splits, said = normalize_split_names([paths[file][depth] for file in kept])
        notes += said
    for left_out, what in (
        (_without(tree.files, samples), f"files that are no {kind}"),
        (loose, "files outside of the class folders"),
        (extra, f"{kind} outside of the split folders {', '.join(named)}"),
        (unlabeled, f"{kind} in a folder of unlabeled ones"),
    ):
        if left_out:
            notes.append(f"left out {len(left_out)} {what}: {tree.names(left_out)}")
    empty = _without_samples(tree, paths.values(), 2 if depth == 0 else 1)
    if empty:
        notes.append(f"{len(empty)} folders hold no {kind}: {name_some(empty)}")
    names = ["/".join(paths[file]) for file in kept]
    return ClassFolders(
        kept,
        names,
        labels,
        splits,
        None if search is None else _groups(root, names, search),
        (*notes, *tree.notes()),
    )


def _without(files: Sequence[Path], *others: Iterable[Path]) -> list[Path]:
    left_out = {file for other in others for file in other}
    return [file for file in files if file not in left_out]


def _without_samples(tree: FileTree, paths: Iterable[tuple[str, ...]], levels: int) -> list[str]:
    """Name the topmost folders of splits and classes without a sample."""
    filled = {path[:level] for path in paths for level in range(levels + 1)}
    folders = [tree.below(folder) for folder in tree.folders if len(folder.parts) <= len(tree.root.parts) + levels]
    return ["/".join(folder) for folder in folders if folder not in filled and folder[:-1] in filled]


def _split_depth(folders: list[tuple[str, ...]]) -> tuple[int | None, list[str], list[str]]:
    """Return the depth of the split folders (None without any), the names of the splits, and notes."""
    top = sorted({path[0] for path in folders if path})
    if is_split_layout(top):
        return 0, [name for name in top if split_of(name)], []
    if folders and all(len(path) > 1 for path in folders):
        below = sorted({path[1] for path in folders})
        if all(map(split_of, below)) or (len(top) == 1 and is_split_layout(below)):
            return 1, [name for name in below if split_of(name)], []
    alike = [name for name in top if split_of(name)]
    said = f"read {name_some(alike)} as a class like the other folders, although it is the name of a split"
    return None, [], [said] if alike else []


def _rest(path: tuple[str, ...], depth: int | None) -> tuple[str, ...]:
    """Remove the name of the split from a path."""
    return path if depth is None else path[:depth] + path[depth + 1 :]


def _what_there_is(tree: FileTree, samples: list[Path]) -> str:
    if samples:
        return f"{len(samples)} that lie outside of folders of classes and splits: {tree.names(samples)}"
    said = [f"{len(tree.files)} other files: {tree.names(tree.files)}"] if tree.files else ["no file"]
    return "; ".join([*said, *tree.notes()])


def _group_pattern(group: str, caller: str) -> re.Pattern[str]:
    try:
        search = re.compile(group)
    except (re.error, TypeError) as error:
        raise ParameterError(f"{caller}: expected group to be a regular expression, got {group!r}: {error}") from None
    if not search.groups:
        raise ParameterError(f"{caller}: expected brackets around the group in the expression, got {group!r}")
    return search


def _groups(root: Path, names: list[str], search: re.Pattern[str]) -> list[str]:
    found = [search.search(name) for name in names]
    missing = [name for name, match in zip(names, found, strict=True) if match is None or not match[1]]
    if missing:
        raise DataError(f"{root / missing[0]}: expected a path below {root} that holds {search.pattern!r}, got none")
    return [match[1] for match in found if match is not None]
