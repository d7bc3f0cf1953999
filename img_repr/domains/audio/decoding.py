"""Decode sound files: read by soundfile, mixed to mono, then resampled, in the order of librosa."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import torch

from img_repr.core.errors import DataError, ParameterError
from img_repr.core.numbers import is_number
from img_repr.domains.audio.recording import LARGEST_RATIO, Recording, check_rate, commonest, resample
from img_repr.domains.audio.sound_file import check_count, check_frames, open_sound, read_frames
from img_repr.domains.audio.waveform_cache import Read, through_cache

WORKERS = min(8, os.cpu_count() or 1)  # soundfile lets other threads run while it decodes
_FRAMES = 1 << 16  # of a long file at a time
_NAMED = 5  # files in a note; the others are counted


class Reading(TypedDict, total=False):
    """Options of every loader of sound files on how to read them; :func:`read_recordings` takes them.

    Parameters
    ----------
    sample_rate_hz : int, optional
        Rate of all recordings. Default: that of most files.
    skip_unreadable : bool
        Skip files and folders that cannot be read, with a note. Default: they raise an error.
    cache : str or Path, optional
        Folder that caches the waveforms in 16 bits.
    lazy : bool
        Leave the waveforms in their files until they are used: :func:`open_recordings`.
    """

    sample_rate_hz: int | None
    skip_unreadable: bool
    cache: str | Path | None
    lazy: bool


def read_recording(path: str | Path, *, sample_rate_hz: int | None = None) -> Recording:
    """Read one sound file: the mean over its channels, float32, full scale 1.

    The waveform is that of ``librosa.load(path, sr=sample_rate_hz)`` bit for bit. A file that breaks off is refused
    where that can be seen: where less follows than the header promises (WAV, AIFF, W64, AU, MP3), or where the last
    page is incomplete or is no last page (OGG); FLAC says so itself. A header whose size is the mark of a pipe, or
    off by less than itself, is no promise; where it is 0 or unknown although sound follows (WAV, RF64, CAF, AU, FLAC),
    the file is read to its end. One case goes unnoticed: an MP3 of variable rate without its
    Xing header is read as far as libsndfile guesses its length.

    Parameters
    ----------
    path : str or Path
        WAV, FLAC, OGG, Opus, MP3, AIFF, CAF, W64, AU, VOC; any sample format and number of channels, also codecs that
        can only be read from the start (GSM 6.10, G.721, ADPCM).
    sample_rate_hz : int, optional
        The rate to resample to (soxr HQ, after the mix). Default: the file's own.

    Returns
    -------
    Recording
        ``ceil(T * sample_rate_hz / rate)`` samples of a file of T.

    Raises
    ------
    DataError
        If it is no regular file, no sound file, empty, damaged, broken off, holds NaN or infinity, or does not fit into
        memory; for formats that soundfile does not read, the message has the command of ffmpeg that converts the file.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np, soundfile
    >>> from img_repr.domains.audio.decoding import read_recording
    >>> with tempfile.NamedTemporaryFile(suffix=".wav") as file:
    ...     soundfile.write(file.name, np.zeros((4410, 2)), 44100)
    ...     recording = read_recording(file.name, sample_rate_hz=16000)
    >>> recording.waveform.shape, recording.waveform.dtype, recording.sample_rate_hz
    ((1600,), dtype('float32'), 16000)
    """
    check_rate("read_recording", sample_rate_hz)
    with open_sound(path) as file:
        frames = read_frames(path, file)
        check_count(path, file, len(frames))
        check_frames(path, frames, file.samplerate)
        recording = Recording(_mono(frames), file.samplerate)
    return _at_rate(path, recording, sample_rate_hz or recording.sample_rate_hz)


def stream_recording(path: str | Path, *, block_s: float, sample_rate_hz: int | None = None) -> Iterator[Recording]:
    """Read a sound file piece by piece, in memory that does not grow with its length.

    Parameters
    ----------
    path, sample_rate_hz
        As of :func:`read_recording`.
    block_s : float
        Length of each piece in seconds, but of the last, which may be shorter.

    Yields
    ------
    Recording
        Put together, the pieces are the waveform that :func:`read_recording` gives, sample by sample.

    Raises
    ------
    DataError
        As of :func:`read_recording`; a defect further on, when the reading comes to it.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np, soundfile
    >>> from img_repr.domains.audio.decoding import stream_recording
    >>> with tempfile.NamedTemporaryFile(suffix=".wav") as file:
    ...     soundfile.write(file.name, np.zeros(20000), 8000)
    ...     [piece.duration_s for piece in stream_recording(file.name, block_s=1.0)]
    [1.0, 1.0, 0.5]
    """
    check_rate("stream_recording", sample_rate_hz)
    if not is_number(block_s) or not 0 < block_s < 1e6:
        raise ParameterError(f"stream_recording: expected block_s to be seconds above 0, got {block_s!r}")
    return _stream(path, block_s, sample_rate_hz)


def _stream(path: str | Path, block_s: float, sample_rate_hz: int | None) -> Iterator[Recording]:
    with open_sound(path) as file:
        rate = sample_rate_hz or file.samplerate
        check_ratio(path, file.samplerate, rate)
        size = max(1, round(block_s * rate))
        rest = np.empty(0, np.float32)
        for wave in _waves(path, file, rate):
            rest = np.concatenate([rest, wave])
            whole = len(rest) - len(rest) % size
            for start in range(0, whole, size):
                yield Recording(rest[start : start + size], rate)
            rest = rest[whole:]
        if len(rest):
            yield Recording(rest, rate)


def _waves(path: str | Path, file: Any, rate: int) -> Iterator[np.ndarray]:
    import soxr

    resampler = soxr.ResampleStream(file.samplerate, rate, 1, dtype="float32", quality="soxr_hq")
    decoded = given = 0
    last = False
    while not last:
        frames = file.read(_FRAMES, dtype="float32", always_2d=True)
        check_frames(path, frames, file.samplerate, start=decoded)
        decoded += len(frames)
        last = len(frames) < _FRAMES
        wave = _mono(frames)
        if rate != file.samplerate:
            wave = resampler.resample_chunk(wave, last=last)
        if last:
            check_count(path, file, decoded)
            missing = -(-decoded * rate // file.samplerate) - given - len(wave)
            wave = np.pad(wave, (0, missing)) if missing > 0 else wave[: len(wave) + missing]
        given += len(wave)
        yield wave


def read_recordings(
    paths: Sequence[str | Path],
    *,
    sample_rate_hz: int | None = None,
    skip_unreadable: bool = False,
    cache: str | Path | None = None,
) -> tuple[list[Recording], np.ndarray, tuple[str, ...]]:
    """Read sound files, several at once, and bring them to one sample rate.

    Parameters
    ----------
    paths : sequence of str or Path
        Files as :func:`read_recording` reads them.
    sample_rate_hz : int, optional
        Rate of all recordings. Default: that of most files, of equally many the higher.
    skip_unreadable : bool
        Skip files that cannot be read and list them in the notes. Default: the first of them is an error.
    cache : str or Path, optional
        Folder that caches the waveforms in 16 bits: see :func:`through_cache`.

    Returns
    -------
    recordings : list of Recording
        In the order of the paths.
    kept : ndarray of int64
        Positions of the paths that they come from.
    notes : tuple of str
        Notes for the report: numbers of recordings resampled, skipped (by name), or clipped by the cache.

    Raises
    ------
    DataError
        If a file cannot be read, the message names it; if there is none, or none of them can be read.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np, soundfile
    >>> from img_repr.domains.audio.decoding import read_recordings
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     files = [Path(folder, name) for name in ("a.wav", "b.wav", "c.wav", "d.wav")]
    ...     for file, rate in zip(files, (8000, 8000, 16000)):
    ...         soundfile.write(file, np.zeros(rate), rate)
    ...     recordings, kept, notes = read_recordings(files, skip_unreadable=True)
    >>> [one.sample_rate_hz for one in recordings], kept.tolist()
    ([8000, 8000, 8000], [0, 1, 2])
    >>> notes[0]
    '1 of 3 recordings were resampled to 8000 Hz (from 16000)'
    >>> notes[1]
    'skipped 1 of 4 files that could not be read: ...d.wav: expected a sound file that can be read, got: No such...'
    """
    check_rate("read_recordings", sample_rate_hz)
    if not len(paths):
        raise DataError("read_recordings: expected at least one sound file, got none")
    rate = None if sample_rate_hz is None else int(sample_rate_hz)  # numpy's would be no JSON value for the cache

    def read() -> Read:
        return _read_all(paths, rate, skip_unreadable)

    if cache is None:
        return read()
    return through_cache(cache, paths, read, sample_rate_hz=rate, skip_unreadable=skip_unreadable)


def _read_all(paths: Sequence[str | Path], sample_rate_hz: int | None, skip_unreadable: bool) -> Read:
    def attempt(read: Callable[[], Recording]) -> Recording | DataError:
        try:
            return read()
        except DataError as error:
            if not skip_unreadable:
                raise
            return error

    def bring(path: str | Path, one: Recording | DataError) -> Recording | DataError:
        return one if isinstance(one, DataError) else attempt(lambda: _at_rate(path, one, rate))

    with ThreadPoolExecutor(WORKERS) as pool:
        found = list(pool.map(lambda path: attempt(lambda: read_recording(path)), paths))
        rates = [one.sample_rate_hz if isinstance(one, Recording) else 0 for one in found]
        rate = sample_rate_hz or commonest(filter(None, rates) if any(rates) else [1])
        found = list(pool.map(bring, paths, found))
    kept = [at for at, one in enumerate(found) if isinstance(one, Recording)]
    recordings = [one for one in found if isinstance(one, Recording)]
    errors = [one for one in found if isinstance(one, DataError)]
    if not recordings:
        raise DataError(f"expected at least one sound file that can be read, got {len(errors)} others: {errors[0]}")
    return recordings, np.array(kept, dtype=np.int64), notes_of_reading(Counter(rates[at] for at in kept), rate, errors)


def notes_of_reading(counts: Counter[int], rate: int, errors: Sequence[DataError]) -> tuple[str, ...]:
    """Return notes: how many recordings were resampled, given the counts per rate, and which files were skipped."""
    notes = []
    others = sorted(counts.keys() - {rate})
    if others:
        rates = ", ".join(map(str, others))
        notes.append(
            f"{counts.total() - counts[rate]} of {counts.total()} recordings were resampled to {rate} Hz (from {rates})"
        )
    if errors:
        named = "; ".join(map(str, errors[:_NAMED])) + "; ..." * (len(errors) > _NAMED)
        count = counts.total() + len(errors)
        notes.append(f"skipped {len(errors)} of {count} files that could not be read: {named}")
    return tuple(notes)


def _mono(frames: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(frames[:, 0] if frames.shape[1] == 1 else frames.mean(axis=1))


def _at_rate(path: str | Path, recording: Recording, rate: int) -> Recording:
    if recording.sample_rate_hz == rate:
        return recording
    check_ratio(path, recording.sample_rate_hz, rate)
    wave = torch.from_numpy(recording.waveform)
    try:
        return Recording(resample(wave, recording.sample_rate_hz, rate).numpy(), rate)
    except (MemoryError, RuntimeError, ValueError) as error:
        raise DataError(f"{path}: expected sound that can be resampled to {rate} Hz, got: {error}") from None


def check_ratio(path: str | Path, own: int, rate: int) -> None:
    """Refuse a file whose rate is too far from the one that is wanted, as of a damaged header.

    Raises
    ------
    DataError
        If one is more than ``LARGEST_RATIO`` times the other.
    """
    if not rate / LARGEST_RATIO <= own <= rate * LARGEST_RATIO:
        raise DataError(f"{path}: expected a rate within {LARGEST_RATIO} times {rate} Hz, got {own} Hz")
