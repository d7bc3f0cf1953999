"""Sound files, with all that is known of each, to a data set of recordings."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from img_repr.core.dataset import Dataset
from img_repr.core.file_tree import text_of
from img_repr.domains.audio.decoding import Reading, read_recordings
from img_repr.domains.audio.recording_file import open_recordings
from img_repr.domains.audio.sample import AUDIO
from img_repr.domains.audio.sound_file import FOREIGN, SUFFIXES

Column = Sequence[object] | np.ndarray | None


def assemble(
    name: str,
    files: Sequence[Path],
    *,
    names: Sequence[str],
    labels: Column = None,
    groups: Column = None,
    times: Column = None,
    split: Column = None,
    notes: tuple[str, ...] = (),
    **reading: Unpack[Reading],
) -> Dataset:
    """Read files and put them together with what is known of each; what was skipped is left out of every column.

    Parameters
    ----------
    name : str
        What tables call the set.
    files : sequence of Path
        One per recording.
    names : sequence of str
        Of each recording: its path below the folder, or as its table writes it.
    labels, groups, times, split : sequence, optional
        As of :class:`Dataset`, one entry per file.
    notes : tuple of str
        What the loader found; notes of the reading follow.
    **reading
        Of :func:`read_recordings`; ``lazy``: by :func:`open_recordings`.
    """
    rate, skip = reading.get("sample_rate_hz"), reading.get("skip_unreadable", False)
    if reading.get("lazy") and reading.get("cache") is None:  # what is cached is a memory map already
        samples, kept, said = open_recordings(files, sample_rate_hz=rate, skip_unreadable=skip)
    else:
        samples, kept, said = read_recordings(
            files, sample_rate_hz=rate, skip_unreadable=skip, cache=reading.get("cache")
        )
    columns = {"names": names, "labels": labels, "groups": groups, "times": times, "split": split}
    known: dict[str, Any] = {word: np.asarray(column)[kept] for word, column in columns.items() if column is not None}
    return Dataset(text_of(name), AUDIO, samples, notes=(*notes, *said), **known)


def is_sound(file: Path) -> bool:
    """Whether a name ends as that of a sound file, in any case of letters, readable or not; hidden ones are none."""
    return file.suffix.lower() in (*SUFFIXES, *FOREIGN) and not file.name.startswith(".")
