"""Microsoft's malware challenge of 2015: ``trainLabels.csv`` and hex dumps ``{Id}.bytes``."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Unpack

from img_repr.core.csv_reader import read_csv_table
from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError
from img_repr.core.file_tree import is_file, is_folder, name_some
from img_repr.core.loader import loader
from img_repr.core.named_files import holds_name, read_named_files
from img_repr.domains.binary.assembly import Cutting, assemble
from img_repr.domains.binary.binary import Binary
from img_repr.domains.binary.hexdump import FILL_BYTES, Gaps, read_hexdump
from img_repr.domains.binary.sample import BINARY

_TABLE = "trainLabels.csv"
_DUMP = re.compile(r"(?P<id>[^/]+)\.bytes", re.IGNORECASE)
_FAMILIES = {
    **{"1": "Ramnit", "2": "Lollipop", "3": "Kelihos_ver3", "4": "Vundo", "5": "Simda"},
    **{"6": "Tracur", "7": "Kelihos_ver1", "8": "Obfuscator.ACY", "9": "Gatak"},
}


def _places(path: Path) -> tuple[Path, Path] | None:
    """Find the table and the folder of the dumps: next to each other, or the dumps in ``train``."""
    for table in (path / _TABLE, path.parent / _TABLE):
        for folder in (path, path / "train"):
            if is_file(table) and holds_name(folder, _DUMP):
                return table, folder
    return None


def is_big2015(path: Path) -> bool:
    """Return whether a folder is this data set, or its folder ``train`` next to the table of labels."""
    return is_folder(path) and _places(path) is not None


@loader(BINARY, recognizes=is_big2015)
def load_big2015(path: str | Path, *, fill_bytes: int = FILL_BYTES, **cutting: Unpack[Cutting]) -> Dataset:
    r"""Load the training part of Microsoft's malware challenge: 10,868 hex dumps of nine families.

    The dumps are text and are turned to bytes here, in memory: about a third of their size on disk, 13 GB of all;
    ``fragment_bytes`` and ``at_most`` keep only some of each. ``??`` is a byte that is not known.

    Parameters
    ----------
    path : str or Path
        Folder with ``trainLabels.csv`` and the dumps, there or in ``train``; or that folder ``train``.
    fill_bytes : int
        Gaps between addresses of up to this many bytes become unknown bytes; wider ones are closed, and
        notes count them.
    **cutting
        As of :class:`Cutting`. By default whole files are the samples; ``fragment_bytes=4096`` cuts them.

    Returns
    -------
    Dataset
        ``labels`` families, in the order of the table; there is no published split of labeled files.

    Raises
    ------
    DataError
        If the table or a dump cannot be read; a dump is not there, unless ``skip_unreadable``.

    References
    ----------
    Ronen, Radu, Feuerstein, Yom-Tov & Ahmadi 2018, Microsoft Malware Classification Challenge, arXiv:1802.10135.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from img_repr.domains.binary.big2015 import load_big2015
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "trainLabels.csv").write_text('"Id","Class"\n"0A",1\n"0B",9\n')
    ...     for name in ("0A", "0B"):
    ...         _ = Path(folder, f"{name}.bytes").write_text("00401000 56 8D ?? 44")
    ...     data = load_big2015(folder)
    >>> data.labels.tolist(), data.samples[0].known.tolist()
    (['Ramnit', 'Gatak'], [True, True, False, True])
    """
    path = Path(path)
    places = _places(path)
    if places is None:
        raise DataError(f"{path}: expected {_TABLE} and files like 0A32eTdBKayjCWhZqDOQ.bytes, got none of one")
    table, folder = places
    labels = _read_labels(table)
    skip_unreadable = cutting.get("skip_unreadable", False)
    dumps = read_named_files(
        folder,
        _DUMP,
        example="0A32eTdBKayjCWhZqDOQ.bytes",
        is_sample=lambda file: file.suffix.lower() == ".bytes",
        skip_unreadable=skip_unreadable,
    )
    here = {match["id"]: file for file, match in zip(dumps.files, dumps.matches, strict=True)}
    missing = [name for name in labels if name not in here]
    if missing and not skip_unreadable:
        raise DataError(
            f"{folder}: expected the dumps of all {len(labels)} rows of {_TABLE}, got none of {len(missing)} of them "
            f"({name_some(missing)}); skip_unreadable=True takes those that are here"
        )
    names = [name for name in labels if name in here]
    without = sorted(here.keys() - labels.keys())
    if not names:
        raise DataError(f"{folder}: expected dumps that {_TABLE} has labels for, got {len(without)} others")
    gaps: list[Gaps] = []

    def decode(file: Path) -> Binary:
        dump = read_hexdump(file, fill_bytes=fill_bytes)
        gaps.append(dump.gaps)
        return dump.binary

    data = assemble(
        "BIG2015",
        [here[name] for name in names],
        names=names,
        decode=decode,
        labels=[labels[name] for name in names],
        **cutting,
    )
    notes = (*_notes(len(labels), missing, without), *dumps.notes, *_gaps(gaps, fill_bytes), *data.notes)
    return replace(data, notes=notes)


def _read_labels(path: Path) -> dict[str, str]:
    table = read_csv_table(path, header=True)
    ids, families = (table.texts_of(name) for name in ("Id", "Class"))
    labels: dict[str, str] = {}
    for row, (name, family) in enumerate(zip(ids, families, strict=True)):
        if family not in _FAMILIES:
            raise DataError(f"{table.where(row)}: expected a Class from 1 to 9, got {family!r}")
        if name in labels:
            raise DataError(f"{table.where(row)}: expected each Id once, got {name} twice")
        labels[name] = _FAMILIES[family]
    return labels


def _notes(count: int, missing: list[str], without: list[str]) -> Iterator[str]:
    if missing:
        yield f"{len(missing)} of {count} labeled dumps are not here: {name_some(missing)}"
    if without:
        yield f"left out {len(without)} dumps without a label: {name_some(without)}"


def _gaps(gaps: list[Gaps], fill_bytes: int) -> Iterator[str]:
    for counts, what in zip(
        zip(*gaps, strict=True),
        (
            f"gaps of at most {fill_bytes} bytes between addresses, filled with bytes that are not known",
            "wider gaps between addresses, closed: the bytes on both sides are adjacent",
            "addresses that go back; the bytes stay in the order of the lines",
        ),
        strict=True,
    ):
        if sum(counts):
            yield f"{sum(map(bool, counts))} dumps have {sum(counts)} {what}"
