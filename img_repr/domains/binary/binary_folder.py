"""Any files in folders: a folder per class, or all in one."""

import re
from pathlib import Path
from typing import Unpack

from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError, ParameterError
from img_repr.core.file_tree import list_files
from img_repr.core.loader import loader
from img_repr.domains.binary.assembly import TEST, TRAIN, Cutting, as_parts, assemble
from img_repr.domains.binary.big2015 import is_big2015
from img_repr.domains.binary.cpu_rec import is_cpu_rec
from img_repr.domains.binary.foreign import is_foreign, is_picture, is_text
from img_repr.domains.binary.malimg import is_malimg
from img_repr.domains.binary.sample import BINARY

_PUBLISHED = (is_big2015, is_cpu_rec, is_malimg)
_LOOK_AT = 32  # folders, and entries of each


def is_binary_folder(path: Path) -> bool:
    """Whether a folder holds folders of files that are mostly neither text, sounds, tables nor pictures.

    A short look, and a cautious one: what may be data of another kind is left to its own loaders.
    """
    if not path.is_dir() or any(recognises(path) for recognises in _PUBLISHED):
        return False
    files = [file for file in list_files(path, at_most=_LOOK_AT).files if file.parent != path]
    if len({file.relative_to(path).parts[0] for file in files}) < 2 or any(map(is_foreign, files)):
        return False
    return 2 * sum(not is_picture(file) and not is_text(file) for file in files) > len(files)


@loader(BINARY, recognises=is_binary_folder)
def load_binary_folder(path: str | Path, *, group: str | None = None, **cutting: Unpack[Cutting]) -> Dataset:
    r"""Load a folder of files of any kind; a subfolder is a class, and all below it belongs to the class.

    Files are read when they are looked at, never unpacked and never executed. Hidden files are passed over; loose
    files beside folders of classes, empty files, pipes, devices and links to nothing or to folders that were listed
    before are left out, and ``notes`` counts and names them.

    Parameters
    ----------
    path : str or Path
        Folder of files (no labels), or of one folder per class. Folders called ``train`` and ``test`` are the
        published split, each such a folder; one for validation joins the training part.
    group : str, optional
        Regular expression for where a file comes from (a package, a device, a campaign): searched in the path below
        the folder, ``/`` between names, its first bracket is the group, e.g. ``^[^/]+/([^/]+)/`` for the subfolder of
        a class. Files of one group are alike, so that a split must not cut it. Default: none of whole files; of
        fragments, their file.
    **cutting
        As of :class:`Cutting`. By default whole files are the samples; ``fragment_bytes=4096`` cuts them.

    Returns
    -------
    Dataset
        In the order of the sorted paths; ``names`` are paths below the folder.

    Raises
    ------
    DataError
        If there is no file, one cannot be read, or its name does not hold the group.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from img_repr.domains.binary.binary_folder import load_binary_folder
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("packed/a.bin", "plain/b.bin"):
    ...         Path(folder, name).parent.mkdir()
    ...         _ = Path(folder, name).write_bytes(bytes(range(100)))
    ...     data = load_binary_folder(folder, fragment_bytes=40)
    >>> data.labels.tolist(), data.names.tolist()[:2], data.groups.tolist()[1:3]
    (['packed', 'packed', 'plain', 'plain'], ['packed/a.bin at 0x0', 'packed/a.bin at 0x28'],
     ['packed/a.bin', 'plain/b.bin'])
    """
    path = Path(path)
    if not path.is_dir():
        raise DataError(f"{path}: expected a folder, got {'a file' if path.exists() else 'nothing there'}")
    tree = list_files(path)
    if tree.unreadable and not cutting.get("skip_unreadable"):
        raise DataError(f"{tree.unreadable[0]}: expected a folder that can be read, got: Permission denied")
    below = {file: tree.below(file) for file in tree.files}
    split = {parts[0].lower() for parts in below.values() if len(parts) > 1}
    by_part = {"train", "test"} <= split <= {*TRAIN, *TEST}
    depth = 1 if by_part else 0
    classed = any(len(parts) > depth + 1 for parts in below.values())
    found = [file for file, parts in below.items() if len(parts) > depth + classed]
    if not found:
        odd = (
            f" but {len(tree.irregular)} pipes, devices or links to listed folders: {tree.names(tree.irregular)}"
            if tree.irregular
            else ""
        )
        raise DataError(f"{path}: expected a folder of files, got none in it{odd}")
    parts, notes = as_parts(below[file][0] for file in found) if by_part else (None, ())
    loose = [file for file in tree.files if len(below[file]) <= depth + classed]
    for left_out, what in (
        (loose, "files that lie beside the classes"),
        (tree.irregular, "pipes, devices or links to listed folders"),
        (tree.dangling, "links to nothing"),
        (tree.unreadable, "folders that cannot be read"),
    ):
        if left_out:
            notes = (*notes, f"left out {len(left_out)} {what}: {tree.names(left_out)}")
    names = ["/".join(below[file]) for file in found]
    return assemble(
        path.resolve().name,
        found,
        names=names,
        labels=[below[file][depth] for file in found] if classed else None,
        groups=None if group is None else _groups(path, names, group),
        parts=parts,
        notes=notes,
        **cutting,
    )


def _groups(root: Path, names: list[str], pattern: str) -> list[str]:
    try:
        search = re.compile(pattern)
    except re.error as error:
        raise ParameterError(
            f"binary_folder: expected group to be a regular expression, got {pattern!r}: {error}"
        ) from None
    if not search.groups:
        raise ParameterError(f"binary_folder: expected a bracket around the group in the expression, got {pattern!r}")
    groups = []
    for name in names:
        found = search.search(name)
        if found is None or not found[1]:
            raise DataError(f"{root / name}: expected a path below {root} that holds {pattern!r}, got none")
        groups.append(found[1])
    return groups
