"""The sample of the domain: a recording, and the check of waveforms in all forms that callers have.

A recording is one mono waveform with its sample rate. A batch is a list of recordings, or plain waveforms: ``(T,)``,
``(N, T)``, ``(N, C, T)`` or a list of unequal ones, whose rate the caller names. Full scale is 1; integers are
PCM and are scaled to it.
"""

from dataclasses import dataclass, replace
from math import isinf, isnan
from typing import Any

import numpy as np
import torch
from torch import Tensor

from img_repr.core.arrays import as_array
from img_repr.core.domain import Domain, register_domain
from img_repr.core.errors import ParameterError, SampleError
from img_repr.core.image import Kind, refuse_gradient
from img_repr.core.machine import check_memory
from img_repr.core.metadata import FIT
from img_repr.core.numbers import is_number
from img_repr.domains.audio.augmentation import augment_recordings, mask_images
from img_repr.domains.audio.recording import (
    HIGHEST_HZ,
    LARGEST_RATIO,
    PCM,
    Recording,
    as_floats,
    as_tensor,
    check_rate,
    commonest,
    is_rate,
    make_recordings,
    resample,
)
from img_repr.domains.audio.signature import recordings_signature

_SPEECH_HZ = 16_000  # telephony and speech are recorded at this rate or below, music and nature above
LOUDEST = 1e12  # beyond it the energy of a long window would leave the range of float32
_MOST_CHANNELS = 8  # of surround sound: an array whose last axis is that short has time first


def infer_recordings_parameters(samples: Any) -> dict[str, Any]:
    """Return encoder parameters for recordings: one rate, a fitted duration, the windows of speech or of sounds."""
    rates = [one.sample_rate_hz for one in samples if isinstance(one, Recording)]
    if not rates:
        return {}
    rate = commonest(rates)
    return {"sample_rate_hz": rate, "duration_s": FIT, "preset": "speech" if rate <= _SPEECH_HZ else "environment"}


def waveform_of(recording: Any) -> np.ndarray:
    """Return the waveform of a recording as floats of full scale 1, float32 ``(T,)``; a waveform as it is."""
    held = recording.held().waveform if isinstance(recording, Recording) else recording
    return np.asarray(as_floats(as_tensor(held), torch.float32).cpu().numpy())


AUDIO = register_domain(
    Domain(
        name="audio",
        sample="a recording: a mono waveform (T,) with its sample rate in Hz",
        make_samples=make_recordings,
        augment=augment_recordings,
        augment_images=mask_images,
        infer_parameters=infer_recordings_parameters,
        near_duplicate_signature=recordings_signature,
        numbers=waveform_of,
        encoder="melspectrogram",
        contenders=(
            "cnn:melspectrogram",
            "table:acoustic:logistic",
            "table:acoustic:extra_trees",
            "table:acoustic:ridge",
            "table:duration_and_rate:extra_trees",
            "pixels:melspectrogram:extra_trees",
            "majority",
        ),
    )
)


@dataclass(frozen=True)
class RecordingBatch:
    """Checked waveforms of one sample rate, one row each.

    Parameters
    ----------
    caller : str
        Name of the encoder or feature set, for messages.
    rows : tuple of Tensor, shape (T,)
        Waveforms as they came, floats or PCM; :meth:`wave` gives them as floats.
    sample_rate_hz : int
    leading : tuple of int
        Shape of the caller's batch without the time axis: ``()``, ``(N,)`` or ``(N, C)``.
    kind : {"numpy", "torch"}
        Kind of the caller's arrays.
    default : torch.dtype
        float64 where float64 came, else float32.
    silent : tuple of int
        Numbers of the rows in which every sample is zero.
    """

    caller: str
    rows: tuple[Tensor, ...]
    sample_rate_hz: int
    leading: tuple[int, ...]
    kind: Kind
    default: torch.dtype
    silent: tuple[int, ...] = ()

    @property
    def lengths(self) -> np.ndarray:
        """Samples of each row, int64 ``(M,)``."""
        return np.array([row.shape[-1] for row in self.rows], dtype=np.int64)

    @property
    def device(self) -> torch.device:
        """Device of the rows."""
        return self.rows[0].device

    @property
    def requires_grad(self) -> bool:
        """Whether a gradient is required."""
        return any(row.requires_grad for row in self.rows)

    def wave(self, number: int, dtype: torch.dtype) -> Tensor:
        """One row as floats of full scale 1."""
        return as_floats(self.rows[number], dtype)

    def cut(self, duration_s: float | None) -> "RecordingBatch":
        """Bring all rows to one length: longer ones lose their end, shorter ones are padded with silence."""
        if duration_s is None:
            return self
        if not is_number(duration_s) or not 0 < duration_s < 1e6:
            raise ParameterError(f"{self.caller}: expected duration_s to be seconds above 0, got {duration_s!r}")
        length = max(1, round(duration_s * self.sample_rate_hz))
        check_memory(
            self.caller, 4 * length * len(self.rows), f"recordings of {duration_s:g} s", remedy="a smaller duration_s="
        )
        rows = []
        for row in self.rows:
            silence = 128 if row.dtype == torch.uint8 else 0
            if torch.compiler.is_exporting():  # the length may be a symbol: no branch on it
                rows.append(torch.nn.functional.pad(row, (0, length), value=silence)[..., :length])
                continue
            short = length - row.shape[-1]
            rows.append(torch.nn.functional.pad(row, (0, short), value=silence) if short > 0 else row[:length])
        return replace(self, rows=tuple(rows))


def check_recordings(
    recordings: Any, *, caller: str, sample_rate_hz: int | None = None, lengths: Any = None
) -> RecordingBatch:
    """Check recordings and bring them to one form: rows of one sample rate.

    Parameters
    ----------
    recordings : Recording, list of Recording, or waveforms (T,), (N, T), (N, C, T) or a list of (T,)
        numpy or torch; at least one finite sample each.
    caller : str
        Name of the calling function, for messages.
    sample_rate_hz : int, optional
        Of plain waveforms: their rate. Of recordings: the rate to which those of another are resampled (soxr HQ);
        default: their own, which must be one.
    lengths : array_like of int, shape (N,), optional
        Valid lengths of padded rows of plain waveforms.

    Raises
    ------
    SampleError
        If anything is not as above; the message names the input.
    """
    check_rate(caller, sample_rate_hz)
    several = isinstance(recordings, (list, tuple)) and any(isinstance(one, Recording) for one in recordings)
    holds_recordings = several or isinstance(recordings, Recording)
    if isinstance(recordings, Recording):
        batch = _of_recordings([recordings], caller, sample_rate_hz)
        batch = replace(batch, leading=())
    elif several:
        batch = _of_recordings(recordings, caller, sample_rate_hz)
    else:
        batch = _of_waveforms(recordings, caller, sample_rate_hz)
    if lengths is not None:
        if holds_recordings:
            raise ParameterError(f"{caller}: expected lengths only with plain waveforms, got them with recordings")
        batch = replace(batch, rows=_cut_to(batch, lengths))
    return _check_values(batch)


def _of_recordings(recordings: Any, caller: str, wanted: int | None) -> RecordingBatch:
    for number, one in enumerate(recordings):
        if not isinstance(one, Recording):
            raise SampleError(f"{caller}: expected only recordings in the list, got {one!r:.60} at number {number}")
        if not is_rate(one.sample_rate_hz):
            raise SampleError(
                f"{caller}: expected an integer, 1 to {HIGHEST_HZ}, of samples per second, got "
                f"{one.sample_rate_hz!r} "
                f"in recording number {number}"
            )
    rates = sorted({int(one.sample_rate_hz) for one in recordings})
    if wanted is None and len(rates) > 1:
        raise ParameterError(
            f"{caller}: expected sample_rate_hz= for recordings of unequal rates, got {rates[0]} to {rates[-1]} Hz"
        )
    rate = rates[0] if wanted is None else int(wanted)
    far = next((one for one in rates if not rate / LARGEST_RATIO <= one <= rate * LARGEST_RATIO), None)
    if far is not None:
        raise ParameterError(
            f"{caller}: expected rates within {LARGEST_RATIO} times sample_rate_hz = {rate}, got one of {far} Hz"
        )
    rows, recordings = [], [one.held() for one in recordings]
    for number, one in enumerate(recordings):
        row = _as_row(one.waveform, f"{caller}: expected a waveform of numbers in recording number {number}")
        if row.ndim != 1:
            raise SampleError(
                f"{caller}: expected mono waveforms (T,), got shape {_shape(row)} in recording number "
                f"{number}; average "
                "the channels first"
            )
        if one.sample_rate_hz != rate:
            refuse_gradient(caller, row, f"resampling to {rate} Hz has none")
        rows.append(row if one.sample_rate_hz == rate else resample(row, int(one.sample_rate_hz), rate))
    kind: Kind = "torch" if any(isinstance(one.waveform, Tensor) for one in recordings) else "numpy"
    return RecordingBatch(caller, tuple(rows), rate, (len(rows),), kind, _default(rows))


def _of_waveforms(waveforms: Any, caller: str, rate: int | None) -> RecordingBatch:
    expected = f"{caller}: expected a recording, a list of them, or waveforms of numbers"
    kind: Kind = "torch" if isinstance(waveforms, Tensor) else "numpy"
    if isinstance(waveforms, (list, tuple)):
        kind = "torch" if any(isinstance(one, Tensor) for one in waveforms) else "numpy"
    if isinstance(waveforms, (list, tuple)) and not (len(waveforms) and np.isscalar(waveforms[0])):
        rows = [_as_row(one, expected) for one in waveforms]
        if any(row.ndim != 1 for row in rows):
            raise SampleError(
                f"{caller}: expected a list of waveforms (T,), got shapes {sorted({*map(_shape, rows)})!r:.60}; "
                "average the channels of each first"
            )
        leading: tuple[int, ...] = (len(rows),)
    else:
        whole = _as_row(waveforms, expected)  # a list of numbers is one waveform
        if whole.ndim not in (1, 2, 3):
            raise SampleError(f"{caller}: expected waveforms (T,), (N, T) or (N, C, T), got shape {_shape(whole)}")
        leading = tuple(whole.shape[:-1])
        if torch.compiler.is_exporting():  # numbers may be symbols: all waveforms are one row
            rows = [whole.reshape(-1, whole.shape[-1])]
            return RecordingBatch(caller, tuple(rows), _rate(rate, caller), leading, kind, _default(rows))
        if leading and leading[-1] > whole.shape[-1] > 0 and whole.shape[-1] <= _MOST_CHANNELS:
            raise SampleError(
                f"{caller}: expected waveforms (N, T) or (N, C, T), got shape {_shape(whole)}, which looks "
                "like (T, C): "
                "time comes last here; transpose the last two axes, or average the channels (waves.mean(axis=-1))"
            )
        rows = list(whole.reshape(-1, whole.shape[-1]).unbind(0)) if 0 not in whole.shape else []
    if not rows:
        raise SampleError(f"{caller}: expected at least one sample of sound, got none")
    return RecordingBatch(caller, tuple(rows), _rate(rate, caller), leading, kind, _default(rows))


def _rate(rate: int | None, caller: str) -> int:
    if rate is None:
        raise ParameterError(f"{caller}: expected sample_rate_hz= for plain waveforms, got none")
    return int(rate)


def _as_row(values: Any, expected: str) -> Tensor:
    """View numbers as a tensor; copy what torch cannot view."""
    if not isinstance(values, Tensor):
        caller, _, wanted = expected.partition(": expected ")
        array = as_array(values, caller=caller, expected=wanted)
        if array.dtype.name not in ("float64", "float32", "float16", "int16", "int32", "uint8"):
            raise SampleError(f"{expected}: floats, or PCM of 8 (unsigned), 16 or 32 bits, got {array.dtype}")
        values = as_tensor(array)
    row: Tensor = values
    if not row.is_floating_point() and row.dtype not in PCM:
        raise SampleError(f"{expected}: floats, or PCM of 8 (unsigned), 16 or 32 bits, got {row.dtype}")
    return row


def _default(rows: list[Tensor]) -> torch.dtype:
    return torch.float64 if any(row.dtype == torch.float64 for row in rows) else torch.float32


def _shape(row: Tensor) -> tuple[int, ...]:
    return tuple(row.shape)


def _cut_to(batch: RecordingBatch, lengths: Any) -> tuple[Tensor, ...]:
    try:
        ends = np.atleast_1d(np.asarray(lengths.cpu() if isinstance(lengths, Tensor) else lengths))
    except ValueError:  # numpy's word for rows of unequal length
        ends = np.empty(0, dtype=object)
    count = batch.leading[0] if batch.leading else 1
    if ends.dtype.kind not in "iu" or ends.shape != (count,):
        raise ParameterError(
            f"{batch.caller}: expected one whole length per waveform, got {ends.dtype} of {ends.shape}"
        )
    longest = int(batch.lengths.max())
    if ends.min() < 1 or ends.max() > longest:
        raise ParameterError(f"{batch.caller}: expected lengths from 1 to {longest}, got {ends.min()} to {ends.max()}")
    each = np.repeat(ends, len(batch.rows) // count)
    return tuple(row[: int(end)] for row, end in zip(batch.rows, each, strict=True))


def _check_values(batch: RecordingBatch) -> RecordingBatch:
    """Refuse empty and non-finite rows and record the silent ones; one pass clears ordinary rows."""
    silent = []
    for number, row in enumerate(batch.rows):
        if not row.shape[-1]:
            raise SampleError(f"{batch.caller}: expected at least one sample of sound, got none in number {number}")
        if torch.compiler.is_compiling():
            continue
        if row.is_floating_point() and 0.0 < float(torch.dot(row.detach(), row.detach())) < LOUDEST:
            continue  # of full scale 1, as nearly all
        low, high = (float(extreme) for extreme in row.detach().aminmax())
        if isnan(low) or isinf(low) or isinf(high):
            what = "NaN" if isnan(low) else "infinity"
            raise SampleError(f"{batch.caller}: expected finite samples, got {what} in recording number {number}")
        if row.is_floating_point() and max(-low, high) > LOUDEST:
            raise SampleError(
                f"{batch.caller}: expected samples of full scale 1, got {max(-low, high):.3g} in recording "
                f"number {number}"
            )
        if low == high == (128 if row.dtype == torch.uint8 else 0):
            silent.append(number)
    return replace(batch, silent=tuple(silent))
