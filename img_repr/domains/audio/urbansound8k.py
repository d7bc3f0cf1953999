"""UrbanSound8K: sounds of the city in the publisher's ten folds; slices of one recording stay in one fold."""

import re
from pathlib import Path
from typing import Unpack

from img_repr.core.csv_reader import read_csv_table
from img_repr.core.dataset import Dataset
from img_repr.core.file_tree import is_file, is_folder
from img_repr.core.loader import loader
from img_repr.core.named_files import holds_name
from img_repr.domains.audio.assembly import assemble
from img_repr.domains.audio.decoding import Reading
from img_repr.domains.audio.sample import AUDIO

_TABLE = "UrbanSound8K.csv"
_COLUMNS = ("slice_file_name", "fsID", "fold", "class")
_SLICE = re.compile(r"\d+-\d-\d+-\d+\.(?i:wav)")
_RATE_HZ = 44100


def _places(path: Path) -> tuple[Path, Path] | None:
    """Find the table and the folder of the folds, as published or as copies have it: all at the root."""
    root = path.parent if path.name == "audio" else path
    for table in (root / "metadata" / _TABLE, root / _TABLE):
        if is_file(table):
            return table, root / "audio" if is_folder(root / "audio") else root
    return None


def is_urbansound8k(path: Path) -> bool:
    """Return whether a folder is this data set, or the folder ``audio`` in it."""
    places = _places(path) if is_folder(path) else None
    return places is not None and any(holds_name(places[1] / f"fold{number}", _SLICE) for number in range(1, 11))


@loader(AUDIO, recognizes=is_urbansound8k)
def load_urbansound8k(path: str | Path, **reading: Unpack[Reading]) -> Dataset:
    """Load UrbanSound8K: 8,732 slices of at most four seconds in ten classes.

    The files have many rates; they are brought to 44,100 Hz unless ``sample_rate_hz`` is set, and take 6 GB as floats
    then: ``cache=`` keeps half of that, on disk. The folds are the publisher's and must not be shuffled: a random
    split scores 95 to 98 % where they give 80 to 85.

    Parameters
    ----------
    path : str or Path
        The folder with ``audio/fold1`` ... and ``metadata/UrbanSound8K.csv``; its folder ``audio``; or a copy with
        the folds and the table next to each other.
    **reading
        ``sample_rate_hz`` (44100), ``skip_unreadable``, ``cache`` of :func:`read_recordings`.

    Returns
    -------
    Dataset
        ``labels`` classes, ``split`` the folds, ``groups`` Freesound recordings.

    Raises
    ------
    DataError
        If the table or a file that it names cannot be read.

    References
    ----------
    Salamon, Jacoby & Bello 2014, A Dataset and Taxonomy for Urban Sound Research, ACM Multimedia.
    """
    path = Path(path)
    reading.setdefault("sample_rate_hz", _RATE_HZ)
    table, folds = _places(path) or (path / "metadata" / _TABLE, path)
    rows = read_csv_table(table, header=True)
    files, sources, numbers, classes = (rows.texts_of(name) for name in _COLUMNS)
    names = [f"fold{fold}/{file}" for fold, file in zip(numbers, files, strict=True)]
    return assemble(
        "UrbanSound8K",
        [folds / name for name in names],
        names=names,
        labels=classes,
        groups=sources,
        split=[f"fold {int(fold):02d}" if fold.isdecimal() else fold for fold in numbers],
        **reading,
    )
