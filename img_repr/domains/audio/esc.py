"""ESC-10 and ESC-50: environmental sounds in the publisher's five folds; clips of one source stay in one fold."""

import re
from pathlib import Path
from typing import Unpack

from img_repr.core.csv_reader import read_csv_table
from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError
from img_repr.core.file_tree import is_file, is_folder, names_in
from img_repr.core.loader import loader
from img_repr.core.named_files import holds_name, read_named_files
from img_repr.domains.audio.assembly import assemble, is_sound
from img_repr.domains.audio.decoding import Reading
from img_repr.domains.audio.sample import AUDIO

_CLASS = re.compile(r"\d{3} - (?P<label>.+)")
_CLIP = re.compile(r"(?P<fold>[1-5])-(?P<source>\d+)-(?P<take>[A-Z])\.(?i:ogg|wav)")
_PATH = re.compile(f"{_CLASS.pattern}/{_CLIP.pattern}".replace(".+", "[^/]+"))
_CLIP_OF_50 = re.compile(r"[1-5]-\d+-[A-Z]-\d+\.(?i:wav|ogg)")
_COLUMNS = ("filename", "fold", "category", "esc10", "src_file")


def is_esc10(path: Path) -> bool:
    """Return whether a folder is ESC-10 as its repository has it."""
    return any(_CLASS.fullmatch(name) and holds_name(path / name, _CLIP) for name in names_in(path))


@loader(AUDIO, recognizes=is_esc10)
def load_esc10(path: str | Path, **reading: Unpack[Reading]) -> Dataset:
    """Load ESC-10: ten classes of forty clips of five seconds, 44.1 kHz.

    Parameters
    ----------
    path : str or Path
        The repository: folders like ``001 - Dog bark`` of files like ``1-30226-A.ogg``.
    **reading
        ``sample_rate_hz``, ``skip_unreadable``, ``cache`` of :func:`read_recordings`.

    Returns
    -------
    Dataset
        ``labels`` classes, ``split`` the five folds, ``groups`` Freesound sources.

    Raises
    ------
    DataError
        If there is no such file, or one cannot be read.

    References
    ----------
    Piczak 2015, ESC: Dataset for Environmental Sound Classification, ACM Multimedia.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np, soundfile
    >>> from img_repr.domains.audio.esc import load_esc10
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     rain = Path(folder, "002 - Rain")
    ...     rain.mkdir()
    ...     soundfile.write(rain / "3-17367-B.ogg", np.zeros(44100), 44100)
    ...     data = load_esc10(folder)
    >>> data.labels.tolist(), data.split.tolist(), data.groups.tolist()
    (['Rain'], ['fold 3'], ['17367'])
    """
    found = read_named_files(
        path,
        _PATH,
        example="001 - Dog bark/1-30226-A.ogg",
        is_sample=is_sound,
        skip_unreadable=reading.get("skip_unreadable", False),
    )
    return assemble(
        "ESC10",
        found.files,
        names=found.names,
        labels=[clip["label"] for clip in found.matches],
        groups=[clip["source"] for clip in found.matches],
        split=[f"fold {clip['fold']}" for clip in found.matches],
        notes=found.notes,
        **reading,
    )


def _root_of_50(path: Path) -> Path:
    return path.parent if path.name == "audio" else path


def is_esc50(path: Path) -> bool:
    """Return whether a folder is ESC-50 as its repository has it, or the folder ``audio`` in it."""
    root = _root_of_50(path)
    return is_folder(path) and is_file(root / "meta" / "esc50.csv") and holds_name(root / "audio", _CLIP_OF_50)


@loader(AUDIO, recognizes=is_esc50)
def load_esc50(path: str | Path, *, esc10: bool = False, **reading: Unpack[Reading]) -> Dataset:
    """Load ESC-50: fifty classes of forty clips of five seconds, 44.1 kHz.

    All 2,000 clips are 1.8 GB as floats; ``cache=`` keeps half of that, on disk.

    Parameters
    ----------
    path : str or Path
        The repository, with ``audio`` and ``meta/esc50.csv``, or its folder ``audio``.
    esc10 : bool
        Only the ten classes of ESC-10 (in this edition's recordings and names of classes).
    **reading
        ``sample_rate_hz``, ``skip_unreadable``, ``cache`` of :func:`read_recordings`.

    Returns
    -------
    Dataset
        ``labels`` categories, ``split`` the five folds, ``groups`` Freesound sources.

    Raises
    ------
    DataError
        If the table or a file that it names cannot be read.

    References
    ----------
    Piczak 2015, ESC: Dataset for Environmental Sound Classification, ACM Multimedia.
    """
    root = _root_of_50(Path(path))
    table = read_csv_table(root / "meta" / "esc50.csv", header=True)
    columns = (table.texts_of(name) for name in _COLUMNS)
    rows = [row for row in zip(*columns, strict=True) if not esc10 or row[3].lower() == "true"]
    if not rows:
        raise DataError(f"{root}: expected clips that the table marks as esc10, got none")
    files, folds, categories, _, sources = zip(*rows, strict=True)
    return assemble(
        "ESC10" if esc10 else "ESC50",
        [root / "audio" / file for file in files],
        names=files,
        labels=categories,
        groups=sources,
        split=[f"fold {fold}" for fold in folds],
        notes=("the ten classes of ESC-50 that are ESC-10",) if esc10 else (),
        **reading,
    )
