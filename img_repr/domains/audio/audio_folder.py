"""Recordings in folders: a folder per class, or all in one."""

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Unpack

from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError, ParameterError
from img_repr.core.loader import loader
from img_repr.domains.audio.assembly import TEST, TRAIN, as_parts, assemble, entries, is_sound
from img_repr.domains.audio.decoding import Reading
from img_repr.domains.audio.esc import is_esc10, is_esc50
from img_repr.domains.audio.fsdd import is_fsdd
from img_repr.domains.audio.sample import AUDIO
from img_repr.domains.audio.speech_commands import is_speech_commands
from img_repr.domains.audio.urbansound8k import is_urbansound8k

_PUBLISHED = (is_fsdd, is_esc10, is_esc50, is_urbansound8k, is_speech_commands)
_SERIES = (".npy", ".csv", ".tsv", ".txt")
_NAMED = 5


def is_audio_folder(path: Path) -> bool:
    """Whether a folder holds at least as many sound files as tables and arrays, as far as a short look tells."""
    try:
        if not path.is_dir() or any(recognises(path) for recognises in _PUBLISHED):
            return False
        files = list(islice(_some_files(path, depth=3), 256))
    except OSError:
        return False
    sounds = sum(map(is_sound, files))
    return sounds > 0 and sounds >= sum(file.suffix.lower() in _SERIES for file in files)


def _some_files(folder: Path, depth: int) -> Iterator[Path]:
    for entry in entries(folder, at_most=32):
        if not entry.is_dir():
            yield entry
        elif depth > 1:
            yield from _some_files(entry, depth - 1)


@loader(AUDIO, recognises=is_audio_folder)
def load_audio_folder(path: str | Path, *, group: str | None = None, **reading: Unpack[Reading]) -> Dataset:
    r"""Load a folder of recordings; a subfolder is a class, and all below it belongs to the class.

    Files that are no sound are left out, and so are hidden ones and, beside folders of classes, loose ones; ``notes``
    counts and names them.

    Parameters
    ----------
    path : str or Path
        Folder of sound files (no labels), or of one folder per class. Folders called ``train`` and ``test`` are the
        published split, each such a folder; one for validation joins the training part.
    group : str, optional
        Regular expression for who or what stands behind a recording (a speaker, a place, a day): searched in the path
        below the folder, ``/`` between names, its first bracket is the group. Recordings of one group are alike, so
        that a split must not cut it; without groups a random split is all that is left.
    **reading
        ``sample_rate_hz``, ``skip_unreadable``, ``cache`` of :func:`read_recordings`.

    Returns
    -------
    Dataset
        In the order of the sorted paths.

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
    path = Path(path)
    if not path.is_dir():
        raise DataError(f"{path}: expected a folder, got {'a file' if path.exists() else 'nothing there'}")
    split = {folder.name.lower() for folder in entries(path) if folder.is_dir()}
    by_part = {"train", "test"} <= split <= {*TRAIN, *TEST}
    depth = 1 if by_part else 0
    files = sorted(file for file in path.rglob("*") if file.is_file() and not _hidden(file, path))
    sounds = [file for file in files if is_sound(file)]
    classed = any(_depth(file, path) > depth for file in sounds)
    found = [file for file in sounds if _depth(file, path) >= depth + classed]
    if not found:
        raise DataError(f"{path}: expected a folder of sound files, got {len(files)} files that are none")
    below = [file.relative_to(path).parts for file in found]
    parts, notes = as_parts([names[0] for names in below]) if by_part else (None, ())
    skipped = sorted({*files} - {*found})
    if skipped:
        names = ", ".join(str(file.relative_to(path)) for file in skipped[:_NAMED]) + ", ..." * (len(skipped) > _NAMED)
        notes = (*notes, f"left out {len(skipped)} files that are no sound or lie beside the classes: {names}")
    return assemble(
        path.resolve().name,
        found,
        labels=[names[depth] for names in below] if classed else None,
        groups=None if group is None else _groups(path, found, group),
        parts=parts,
        notes=notes,
        **reading,
    )


def _hidden(file: Path, root: Path) -> bool:
    return any(name.startswith(".") for name in file.relative_to(root).parts)


def _depth(file: Path, root: Path) -> int:
    return len(file.relative_to(root).parts) - 1


def _groups(root: Path, files: list[Path], pattern: str) -> list[str]:
    try:
        search = re.compile(pattern)
    except re.error as error:
        raise ParameterError(
            f"audio_folder: expected group to be a regular expression, got {pattern!r}: {error}"
        ) from None
    if not search.groups:
        raise ParameterError(f"audio_folder: expected a bracket around the group in the expression, got {pattern!r}")
    groups = []
    for file in files:
        found = search.search(file.relative_to(root).as_posix())
        if found is None or not found[1]:
            raise DataError(f"{file}: expected a path below {root} that holds {pattern!r}, got none")
        groups.append(found[1])
    return groups
