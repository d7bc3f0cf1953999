"""The corpus of cpu_rec: machine code of one processor per file, ``{ARCHITECTURE}.corpus.xz``."""

import re
from collections import Counter
from pathlib import Path

import numpy as np

from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError, SampleError
from img_repr.core.file_tree import is_folder, name_some
from img_repr.core.loader import loader
from img_repr.core.named_files import holds_name, read_named_files
from img_repr.domains.binary.binary import Binary
from img_repr.domains.binary.compressed import read_compressed
from img_repr.domains.binary.fragments import FRAGMENT_BYTES, check_count, cut_fragment, evenly_spaced
from img_repr.domains.binary.sample import BINARY

_NAME = re.compile(r"(?P<label>[^/]+)\.corpus(\.(xz|gz|bz2))?", re.IGNORECASE)
_STRETCHES, _TRAIN = 10, 7


def _folder(path: Path) -> Path:
    return path / "cpu_rec_corpus" if is_folder(path / "cpu_rec_corpus") else path


def is_cpu_rec(path: Path) -> bool:
    """Return whether a folder is this corpus, or the repository that holds it."""
    return holds_name(_folder(path), _NAME)


@loader(BINARY, recognizes=is_cpu_rec)
def load_cpu_rec(
    path: str | Path,
    *,
    fragment_bytes: int = FRAGMENT_BYTES,
    at_most: int | None = None,
    pseudo: bool = False,
    skip_unreadable: bool = False,
) -> Dataset:
    """Load the corpus of cpu_rec as fragments, labeled with the processor of the machine code.

    Each corpus is cut on one grid; the first 70 % of its fragments are for training, the last 30 % for testing, but
    for the first of these, so that the parts do not touch. A corpus joins a few programs, and both parts may hold
    code of one library: only other binaries show how a classifier generalizes.

    Parameters
    ----------
    path : str or Path
        The repository, or its folder ``cpu_rec_corpus``: files ``{ARCHITECTURE}.corpus``, plain or ``.xz``, ``.gz``,
        ``.bz2``, which are unpacked in memory.
    fragment_bytes : int
        Bytes of each sample.
    at_most : int, optional
        Fragments of each class in each part, evenly spaced: corpora differ in size by a factor of 200. Default: all.
    pseudo : bool
        Take also the corpora that are no machine code, ``_zero`` and ``_words`` for example.
    skip_unreadable : bool
        Skip corpora that cannot be read and list them in the notes. Default: the first of them is an error.

    Returns
    -------
    Dataset
        ``labels`` architectures; ``split`` as above; ``groups`` tenths of each corpus, so that a validation part is
        cut by place too; ``names`` files with offsets. Corpora of fewer than 4 fragments are left out.

    Raises
    ------
    DataError
        If there is no corpus, one cannot be read, or two are of one architecture.

    References
    ----------
    Granboulan 2017, cpu_rec.py, un outil statistique pour la reconnaissance d'architectures binaires exotiques, SSTIC.

    Examples
    --------
    >>> import lzma, tempfile
    >>> from pathlib import Path
    >>> from img_repr.domains.binary.cpu_rec import load_cpu_rec
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("ARM64", "Z80"):
    ...         _ = Path(folder, f"{name}.corpus.xz").write_bytes(lzma.compress(bytes(range(200))))
    ...     data = load_cpu_rec(folder, fragment_bytes=20, at_most=2)
    >>> data.classes, data.split.tolist()[:4], str(data.names[0])
    (('ARM64', 'Z80'), ['train', 'train', 'test', 'test'], 'ARM64.corpus.xz at 0x14')
    """
    check_count("cpu_rec", "fragment_bytes", fragment_bytes)
    if at_most is not None:
        check_count("cpu_rec", "at_most", at_most)
    path = Path(path)
    found = read_named_files(
        _folder(path),
        _NAME,
        example="ARM64.corpus.xz",
        is_sample=lambda file: "corpus" in file.name.lower(),
        skip_unreadable=skip_unreadable,
    )
    rows_of_files = zip(found.files, found.names, found.matches, strict=True)
    chosen = [(file, name, match["label"]) for file, name, match in rows_of_files if pseudo or name[0] != "_"]
    if not chosen:
        raise DataError(f"{path}: expected files like ARM64.corpus.xz, got {len(found.files)} that are no machine code")
    ((label, times),) = Counter(label for _, _, label in chosen).most_common(1)
    if times > 1:
        raise DataError(f"{path}: expected one corpus of each architecture, got {times} of {label}")
    samples, rows, errors, short = [], [], [], []
    for file, name, label in chosen:
        try:
            corpus = Binary(read_compressed(file))
        except (DataError, SampleError) as error:
            if not skip_unreadable:
                raise
            errors.append(str(error))
            continue
        count = len(corpus) // fragment_bytes
        border = count * _TRAIN // _STRETCHES
        sides = {"train": np.arange(border), "test": np.arange(border + 1, count)}
        if not all(map(len, sides.values())):
            short.append(name)
            continue
        for part, places in sides.items():
            for place in places if at_most is None else places[evenly_spaced(len(places), at_most)]:
                offset = int(place) * fragment_bytes
                samples.append(cut_fragment(corpus, offset, fragment_bytes))
                rows.append((label, part, f"{label} {place * _STRETCHES // count}", f"{name} at {offset:#x}"))
    if not samples:
        raise DataError(
            f"{path}: expected a corpus of at least 4 fragments of {fragment_bytes} bytes, got {len(short)} shorter "
            f"ones and {len(errors)} that could not be read{f': {errors[0]}' if errors else ''}"
        )
    notes = ["both parts of a corpus may hold code of one library; only binaries from elsewhere test for new code"]
    if len(found.files) > len(chosen):
        notes.append(
            f"left out {len(found.files) - len(chosen)} corpora that are no machine code; pseudo=True takes them"
        )
    if short:
        notes.append(f"left out {len(short)} corpora below 4 fragments of {fragment_bytes} bytes: {name_some(short)}")
    if errors:
        notes.append(f"skipped {len(errors)} of {len(chosen)} corpora that could not be read: {'; '.join(errors[:5])}")
    notes += found.notes
    labels, parts, groups, names = (np.array(column) for column in zip(*rows, strict=True))
    return Dataset(
        "CpuRec",
        BINARY,
        samples,
        labels=labels,
        split=parts,
        groups=groups,
        names=names,
        notes=tuple(notes),
    )
