"""Build a data set from sound files, read at once or left in their files until they are used."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Unpack

import numpy as np
import torch

from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError
from img_repr.core.file_tree import text_of
from img_repr.domains.audio.decoding import (
    WORKERS,
    Reading,
    check_ratio,
    notes_of_reading,
    read_recording,
    read_recordings,
)
from img_repr.domains.audio.recording import Recording, check_rate, commonest
from img_repr.domains.audio.sample import AUDIO
from img_repr.domains.audio.sound_file import FOREIGN, SUFFIXES, count_of, open_sound


class RecordingFile(Recording):
    """A recording whose waveform is read from its file, and resampled, on each access.

    Parameters
    ----------
    path : Path
    sample_rate_hz : int
        Of the recording; the file's may be another.
    length : int
        Samples at that rate, by the file's header.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np, soundfile
    >>> from img_repr.domains.audio.assembly import open_recordings
    >>> with tempfile.NamedTemporaryFile(suffix=".wav") as file:
    ...     soundfile.write(file.name, np.zeros(8000), 8000)
    ...     (recording,), _, _ = open_recordings([file.name], sample_rate_hz=4000)
    ...     recording.duration_s, recording.waveform.shape
    (1.0, (4000,))
    """

    def __init__(self, path: Path, sample_rate_hz: int, length: int) -> None:
        for word, value in (("path", path), ("sample_rate_hz", sample_rate_hz), ("length", length)):
            object.__setattr__(self, word, value)

    path: Path
    length: int

    @property
    def waveform(self) -> Any:
        """Read the file: float32 ``(T,)``."""
        return read_recording(self.path, sample_rate_hz=self.sample_rate_hz).waveform

    @property
    def duration_s(self) -> float:
        """Length in seconds, by the file's header."""
        return self.length / self.sample_rate_hz

    def held(self) -> Recording:
        """Return the recording with its waveform in memory."""
        return Recording(self.waveform, self.sample_rate_hz)

    def to(self, device: torch.device) -> Recording:
        """Return the recording as a tensor on a device."""
        return self.held().to(device)

    def hash_into(self, digest: Any) -> None:
        """Feed a hash with the bytes of the file and the rate."""
        with self.path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
        digest.update(str(self.sample_rate_hz).encode())

    def __repr__(self) -> str:
        """Name the file."""
        return f"RecordingFile({str(self.path)!r}, {self.sample_rate_hz}, {self.length})"


def open_recordings(
    paths: Sequence[str | Path], *, sample_rate_hz: int | None = None, skip_unreadable: bool = False
) -> tuple[list[Recording], np.ndarray, tuple[str, ...]]:
    """Read the headers of sound files and leave the sound in the files.

    Parameters
    ----------
    paths : sequence of str or Path
    sample_rate_hz : int, optional
        Rate of all recordings. Default: that of most files, of equally many the higher.
    skip_unreadable : bool
        Leave out files that cannot be read, and list them in the notes; this reads every file in full. Default: a wrong
        header is an error here, damage behind it when the recording is read.

    Returns
    -------
    recordings, kept, notes
        As of :func:`read_recordings`; the recordings are :class:`RecordingFile`.

    Raises
    ------
    DataError
        As :func:`read_recordings` does.
    """
    check_rate("open_recordings", sample_rate_hz)
    if not len(paths):
        raise DataError("open_recordings: expected at least one sound file, got none")

    def inspect(path: str | Path) -> tuple[int, int] | DataError:
        try:
            if not skip_unreadable:
                with open_sound(path) as file:
                    count = count_of(path, file)
                    if count is not None:
                        return file.samplerate, count
            whole = read_recording(path)
            return whole.sample_rate_hz, len(whole.waveform)
        except DataError as error:
            if not skip_unreadable:
                raise
            return error

    with ThreadPoolExecutor(WORKERS) as pool:
        found = list(pool.map(inspect, paths))
    rates = [one[0] for one in found if not isinstance(one, DataError)]
    rate = int(sample_rate_hz or commonest(rates or [1]))
    for number, one in enumerate(found):
        try:
            if not isinstance(one, DataError):
                check_ratio(paths[number], one[0], rate)
        except DataError as error:
            if not skip_unreadable:
                raise
            found[number] = error
    good = {number: one for number, one in enumerate(found) if not isinstance(one, DataError)}
    errors = [one for one in found if isinstance(one, DataError)]
    if not good:
        raise DataError(f"expected at least one sound file that can be read, got {len(errors)} others: {errors[0]}")
    counts = Counter(rate for rate, _ in good.values())
    recordings: list[Recording] = [
        RecordingFile(Path(paths[number]), rate, -(-length * rate // own)) for number, (own, length) in good.items()
    ]
    return recordings, np.array(list(good), dtype=np.int64), notes_of_reading(counts, rate, errors)


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
    """Read files into a data set; skipped files are dropped from all columns.

    Parameters
    ----------
    name : str
        Name of the data set in reports.
    files : sequence of Path
        One per recording.
    names : sequence of str
        Of each recording: its path below the folder, or as its table writes it.
    labels, groups, times, split : sequence, optional
        As of :class:`Dataset`, one entry per file.
    notes : tuple of str
        Notes of the loader; notes of the reading follow.
    **reading
        Of :func:`read_recordings`; ``lazy``: by :func:`open_recordings`.
    """
    rate, skip = reading.get("sample_rate_hz"), reading.get("skip_unreadable", False)
    if reading.get("lazy") and reading.get("cache") is None:  # cached waveforms are memory-mapped already
        samples, kept, said = open_recordings(files, sample_rate_hz=rate, skip_unreadable=skip)
    else:
        samples, kept, said = read_recordings(
            files, sample_rate_hz=rate, skip_unreadable=skip, cache=reading.get("cache")
        )
    columns = {"names": names, "labels": labels, "groups": groups, "times": times, "split": split}
    known: dict[str, Any] = {word: np.asarray(column)[kept] for word, column in columns.items() if column is not None}
    return Dataset(text_of(name), AUDIO, samples, notes=(*notes, *said), **known)


def is_sound(file: Path) -> bool:
    """Return whether a name has the suffix of a sound file, in any case of letters; hidden files do not count."""
    return file.suffix.lower() in (*SUFFIXES, *FOREIGN) and not file.name.startswith(".")
