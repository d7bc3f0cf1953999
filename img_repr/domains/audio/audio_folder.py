"""Recordings in folders: a folder per class, or all in one."""

from pathlib import Path
from typing import Unpack

from img_repr.core.class_folders import read_class_folders
from img_repr.core.dataset import Dataset
from img_repr.core.file_tree import is_folder, list_files
from img_repr.core.loader import loader
from img_repr.domains.audio.assembly import assemble, is_sound
from img_repr.domains.audio.decoding import Reading
from img_repr.domains.audio.esc import is_esc10, is_esc50
from img_repr.domains.audio.fsdd import is_fsdd
from img_repr.domains.audio.sample import AUDIO
from img_repr.domains.audio.speech_commands import is_speech_commands
from img_repr.domains.audio.urbansound8k import is_urbansound8k

_PUBLISHED = (is_fsdd, is_esc10, is_esc50, is_urbansound8k, is_speech_commands)
_SERIES = (".npy", ".csv", ".tsv", ".txt")
_INSPECTED = 32  # folders, and entries of each


def is_audio_folder(path: Path) -> bool:
    """Return whether the first entries of a folder hold at least as many sound files as tables and arrays."""
    if not is_folder(path) or any(recognizes(path) for recognizes in _PUBLISHED):
        return False
    files = list_files(path, at_most=_INSPECTED).files
    sounds = sum(map(is_sound, files))
    return sounds > 0 and sounds >= sum(file.suffix.lower() in _SERIES for file in files)


@loader(AUDIO, recognizes=is_audio_folder)
def load_audio_folder(path: str | Path, *, group: str | None = None, **reading: Unpack[Reading]) -> Dataset:
    r"""Load a folder of recordings; a subfolder is a class, and all below it belongs to the class.

    Links are followed. Files that are no sound, hidden files, files outside of the class folders, pipes, devices and
    links to nothing are left out; ``notes`` count and name them.

    Parameters
    ----------
    path : str or Path
        Folder of sound files (no labels), or of one folder per class. Folders whose names mean a split (``train``,
        ``val``, ``testing``) are the published split, above the class folders or below them; a validation split joins
        the training part.
    group : str, optional
        Regular expression for the source of a recording (a speaker, a place, a day), searched in the path
        below the folder, ``/`` between names, its first bracket is the group. Recordings of one group are alike, so
        that a split must not cut it; without groups a random split is all that is left.
    **reading
        ``sample_rate_hz``, ``skip_unreadable``, ``cache`` of :func:`read_recordings`.

    Returns
    -------
    Dataset
        In the order of the sorted paths; ``names`` are paths below the folder.

    Raises
    ------
    DataError
        If there is no recording, one cannot be read, or its name does not hold the group.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np, soundfile
    >>> from img_repr.domains.audio.audio_folder import load_audio_folder
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("bark/rex_1.wav", "purr/tom_1.wav"):
    ...         Path(folder, name).parent.mkdir()
    ...         soundfile.write(Path(folder, name), np.zeros(800), 8000)
    ...     data = load_audio_folder(folder, group=r"/(\w+)_\d")
    >>> data.labels.tolist(), data.groups.tolist()
    (['bark', 'purr'], ['rex', 'tom'])
    """
    found = read_class_folders(
        path,
        is_sound,
        caller="audio_folder",
        kind="sound files",
        group=group,
        skip_unreadable=reading.get("skip_unreadable", False),
    )
    return assemble(
        Path(path).resolve().name,
        found.files,
        names=found.names,
        labels=found.labels,
        groups=found.groups,
        split=found.splits,
        notes=found.notes,
        **reading,
    )
