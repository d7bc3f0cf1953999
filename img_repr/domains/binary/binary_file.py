"""One file of any kind as a data set of one binary, without a label: for prediction."""

from pathlib import Path
from typing import Unpack

from img_repr.core.dataset import Dataset
from img_repr.core.file_tree import is_file, text_of
from img_repr.core.loader import LOADERS, loader
from img_repr.domains.binary.assembly import Cutting, assemble
from img_repr.domains.binary.foreign import is_foreign, is_text
from img_repr.domains.binary.sample import BINARY

_SUFFIXES = (".bin", ".exe", ".dll", ".so", ".o", ".elf", ".dat", ".img", ".fw")
_MACH_O = tuple(bytes.fromhex(word) for word in ("feedface", "feedfacf", "cefaedfe", "cffaedfe", "cafebabe"))
_MAGIC = (b"\x7fELF", b"MZ", *_MACH_O)


def is_binary_file(path: Path) -> bool:
    """Return whether a file is a program by its first bytes, or a binary by its name, and no other domain claims it.

    Every file is a binary: others are taken when the format is named. A text is none where its name may be that of a
    table (``.dat``).
    """
    if not is_file(path):
        return False
    try:
        with path.open("rb") as file:
            program = file.read(4).startswith(_MAGIC) and not is_text(path)
    except OSError:
        return False
    named = path.suffix.lower() in _SUFFIXES and not (is_foreign(path) and is_text(path))
    others = (LOADERS[name] for name in LOADERS)
    return (program or named) and not any(one.domain is not BINARY and one.recognizes(path) for one in others)


@loader(BINARY, recognizes=is_binary_file)
def load_binary_file(path: str | Path, **cutting: Unpack[Cutting]) -> Dataset:
    """Load one file of any kind; it is read on access, never unpacked and never executed.

    Parameters
    ----------
    path : str or Path
    **cutting
        As of :class:`Cutting`. By default the whole file is the sample; ``fragment_bytes=4096`` cuts it.

    Returns
    -------
    Dataset
        One binary, no label; ``names`` the name of the file.

    Raises
    ------
    DataError
        If the file is empty or cannot be read.
    SampleError
        If it is no plain file.

    Examples
    --------
    >>> import sys
    >>> from img_repr.domains.binary.binary_file import load_binary_file
    >>> data = load_binary_file(sys.executable)
    >>> len(data), data.labels is None
    (1, True)
    """
    path = Path(path)
    return assemble(path.name, [path], names=[text_of(path.name)], **cutting)
