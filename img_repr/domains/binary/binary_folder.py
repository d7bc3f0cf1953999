"""Any files in folders: a folder per class, or all in one."""

from pathlib import Path
from typing import Unpack

from img_repr.core.class_folders import read_class_folders
from img_repr.core.dataset import Dataset
from img_repr.core.file_tree import is_folder, list_files
from img_repr.core.loader import loader
from img_repr.domains.binary.assembly import Cutting, assemble
from img_repr.domains.binary.big2015 import is_big2015
from img_repr.domains.binary.cpu_rec import is_cpu_rec
from img_repr.domains.binary.foreign import is_foreign, is_image, is_text
from img_repr.domains.binary.malimg import is_malimg
from img_repr.domains.binary.sample import BINARY

_PUBLISHED = (is_big2015, is_cpu_rec, is_malimg)
_INSPECTED = 32  # folders, and entries of each


def is_binary_folder(path: Path) -> bool:
    """Return whether a folder holds folders of files that are mostly neither text, sounds, tables nor images.

    The check is short and cautious: data that may be of another kind are left to other loaders.
    """
    if not is_folder(path) or any(recognizes(path) for recognizes in _PUBLISHED):
        return False
    files = [file for file in list_files(path, at_most=_INSPECTED).files if file.parent != path]
    if len({file.parts[len(path.parts)] for file in files}) < 2 or any(map(is_foreign, files)):
        return False
    return 2 * sum(not is_image(file) and not is_text(file) for file in files) > len(files)


@loader(BINARY, recognizes=is_binary_folder)
def load_binary_folder(path: str | Path, *, group: str | None = None, **cutting: Unpack[Cutting]) -> Dataset:
    r"""Load a folder of files of any kind; a subfolder is a class, and all below it belongs to the class.

    Files are read when they are used, never unpacked and never executed. Links are followed. Hidden files, files
    outside of the class folders, empty files, pipes, devices and links to nothing or to folders that were listed
    before are left out; ``notes`` count and name them.

    Parameters
    ----------
    path : str or Path
        Folder of files (no labels), or of one folder per class. Folders whose names mean a split (``train``, ``val``,
        ``testing``) are the published split, above the class folders or below them; a validation split joins the
        training part.
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
    found = read_class_folders(
        path,
        lambda file: True,
        caller="binary_folder",
        kind="files",
        group=group,
        skip_unreadable=cutting.get("skip_unreadable", False),
    )
    return assemble(
        Path(path).resolve().name,
        found.files,
        names=found.names,
        labels=found.labels,
        groups=found.groups,
        split=found.splits,
        notes=found.notes,
        **cutting,
    )
