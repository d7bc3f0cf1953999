"""Free Spoken Digit Dataset: ``recordings/{digit}_{speaker}_{index}.wav``; speakers are the groups."""

import re
from pathlib import Path
from typing import Literal, Unpack

from img_repr.core.dataset import Dataset
from img_repr.core.errors import ParameterError
from img_repr.core.file_tree import is_folder
from img_repr.core.loader import loader
from img_repr.core.named_files import holds_name, read_named_files
from img_repr.domains.audio.assembly import assemble, is_sound
from img_repr.domains.audio.decoding import Reading
from img_repr.domains.audio.sample import AUDIO

_NAME = re.compile(r"(?P<digit>\d)_(?P<speaker>[^_/]+)_(?P<index>\d+)\.(?i:wav)")
_OFFICIAL_TEST = range(5)


def _folder(path: Path) -> Path:
    return path / "recordings" if is_folder(path / "recordings") else path


def is_fsdd(path: Path) -> bool:
    """Return whether a folder is this data set."""
    return holds_name(_folder(path), _NAME)


@loader(AUDIO, recognizes=is_fsdd)
def load_fsdd(path: str | Path, *, split: Literal["official"] | None = None, **reading: Unpack[Reading]) -> Dataset:
    """Load the Free Spoken Digit Dataset: ten digits, a few speakers, 8 kHz.

    Parameters
    ----------
    path : str or Path
        The repository, or its folder ``recordings``.
    split : {"official"}, optional
        The README's: recordings 0 to 4 of each speaker and digit are the test part. It asks nothing of a classifier
        that meets a new voice, because every speaker stands on both sides (98 % against 65 to 75 % for the same
        tables), and is therefore not the default. Default: no split; speakers are the groups, to be held out.
    **reading
        ``sample_rate_hz``, ``skip_unreadable``, ``cache`` of :func:`read_recordings`.

    Returns
    -------
    Dataset
        ``labels`` digits, ``groups`` speakers.

    Raises
    ------
    DataError
        If there is no such file, or one cannot be read.

    References
    ----------
    Jackson, Souza, Flaks, Pan, Nicolas & Thite 2018, Free Spoken Digit Dataset v1.0.8.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np, soundfile
    >>> from img_repr.domains.audio.fsdd import load_fsdd
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("7_theo_0.wav", "7_lucas_9.wav"):
    ...         soundfile.write(Path(folder, name), np.zeros(800), 8000)
    ...     data = load_fsdd(folder, split="official")
    >>> data.labels.tolist(), data.groups.tolist(), data.split.tolist()
    (['7', '7'], ['lucas', 'theo'], ['train', 'test'])
    """
    if split not in (None, "official"):
        raise ParameterError(f"fsdd: expected split to be 'official' or None, got {split!r}")
    found = read_named_files(
        _folder(Path(path)),
        _NAME,
        example="7_jackson_32.wav",
        is_sample=is_sound,
        skip_unreadable=reading.get("skip_unreadable", False),
    )
    official = ["test" if int(name["index"]) in _OFFICIAL_TEST else "train" for name in found.matches]
    notes = ("the official split has every speaker in both parts",) if split else ()
    return assemble(
        "FSDD",
        found.files,
        names=found.names,
        labels=[name["digit"] for name in found.matches],
        groups=[name["speaker"] for name in found.matches],
        split=official if split else None,
        notes=(*notes, *found.notes),
        **reading,
    )
