"""Resize matrices of frequency and time to images of any size, clip by clip, and project pixels back.

Without ``size`` an encoder returns the matrix that librosa returns: row 0 is the lowest band. With ``size`` it returns
an image: the lowest band at the bottom, every pixel the mean over its area of the matrix.
"""

import functools
import inspect
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from img_repr.core.cells import cells_to_pixels
from img_repr.core.errors import DegenerateSampleWarning, ParameterError, SampleError
from img_repr.core.image import ValueRange, check_sides, render, resolve_dtype
from img_repr.core.metadata import ENCODERS, FIT
from img_repr.domains.audio.assembly import RecordingFile
from img_repr.domains.audio.constants import Constant
from img_repr.domains.audio.framing import FRAMING_OPTIONS, Framing
from img_repr.domains.audio.recording import Recording, commonest
from img_repr.domains.audio.sample import RecordingBatch, check_recordings

Draw: TypeAlias = Callable[[Tensor], Tensor]
Size: TypeAlias = int | tuple[int, int] | None

_MOST_WEIGHTS = 1 << 20  # of one recording's columns in its pixels, some 8 MB
_LONGEST = 0.95  # fraction of the training recordings that the fitted duration holds whole


@dataclass(frozen=True)
class Grid:
    """Rows and columns of an encoder's matrix.

    Parameters
    ----------
    rows : int
        H, from the lowest band up.
    hop_length : int
        Samples from one column to the next; the first is centered on sample 0.
    odd : int
        1 where a window of odd length loses the column centered on the last sample's end.
    hz : ndarray, shape (H,), optional
        Frequency of each row, where rows are frequencies.
    """

    rows: int
    hop_length: int
    odd: int = 0
    hz: np.ndarray | None = field(default=None, compare=False)

    def columns(self, length: int) -> int:
        """Count the columns of a waveform of that many samples."""
        return 1 + (length - self.odd) // self.hop_length

    def centers(self, length: int) -> np.ndarray:
        """Return the samples on which the columns are centered."""
        return np.arange(self.columns(length)) * float(self.hop_length)

    def cells(self, length: int) -> tuple[np.ndarray, float]:
        """Return the columns' centers on the axis that an image spans, and the end of that axis."""
        return self.centers(length), float(length)


def check_size(caller: str, size: Any) -> tuple[int, int] | None:
    """Height and width in pixels; None where the matrix itself is wanted."""
    return None if size is None else check_sides(caller, size)


def render_images(
    batch: RecordingBatch,
    draw: Draw,
    grid: Grid,
    *,
    size: tuple[int, int] | None,
    value_range: ValueRange,
    blank: float,
    dtype: Any,
    out: Any,
) -> Any:
    """Render each recording independently of its batch, into ``out`` or a new array.

    Parameters
    ----------
    batch : RecordingBatch
        Already of equal duration if the encoder needs one.
    draw
        ``draw(waves)`` returns matrices ``(m, H, K)`` of floating waveforms ``(m, T)``.
    grid : Grid
    size : (int, int) or None
        As :func:`check_size` gives it. None: matrices, the shorter followed by ``blank``.
    value_range, dtype, out
        As :func:`img_repr.core.image.render` takes them.
    blank : float
        Padding of matrices that are shorter than the longest.
    """
    lengths = batch.lengths
    sides = size or (grid.rows, grid.columns(int(lengths.max())))
    functional = batch.requires_grad or torch.compiler.is_compiling()
    precision = _precision(batch, dtype, out)
    together = (functional or batch.device.type != "cpu") and len(set(lengths)) == 1
    if batch.silent:
        warnings.warn(
            f"{batch.caller}: {len(batch.silent)} of {len(batch.rows)} recordings (first: number "
            f"{batch.silent[0]}) are "
            "silent: their image is blank",
            DegenerateSampleWarning,
            stacklevel=3,
        )

    def fill(rows: slice, target: Tensor | None) -> Tensor:
        stacks: Iterable[Tensor]
        waves = (batch.wave(number, precision) for number in range(*rows.indices(len(batch.rows))))
        if torch.compiler.is_exporting():
            stacks = [batch.wave(0, precision)]
        else:
            stacks = [torch.stack(list(waves))] if together else (wave[None] for wave in waves)
        if target is None:
            return torch.cat([_fitted(draw(stack), grid, stack.shape[-1], size, sides, blank) for stack in stacks])
        start = 0
        for stack in stacks:
            target[start : start + len(stack)] = _fitted(draw(stack), grid, stack.shape[-1], size, sides, blank)
            start += len(stack)
        return target

    return render(
        fill,
        caller=batch.caller,
        shape=(*batch.leading, *sides),
        value_range=value_range,
        kind=batch.kind,
        default=batch.default,
        device=batch.device,
        dtype=dtype,
        out=out,
        functional=functional,
    )


def _precision(batch: RecordingBatch, dtype: Any, out: Any) -> torch.dtype:
    """Return float64 if the input or the output is float64, else float32."""
    wanted = dtype if out is None else getattr(out, "dtype", dtype)
    double = batch.default == torch.float64 if wanted is None else resolve_dtype(batch.caller, wanted) == torch.float64
    return torch.float64 if double or batch.default == torch.float64 else torch.float32


def _fitted(
    matrices: Tensor, grid: Grid, length: int, size: tuple[int, int] | None, sides: tuple[int, int], blank: float
) -> Tensor:
    if size is None and matrices.shape[-1] == sides[1]:
        return matrices
    if size is None:
        return torch.nn.functional.pad(matrices, (0, sides[1] - matrices.shape[-1]), value=blank)
    upright = _row_weights(grid.rows, size[0]).like(matrices) @ matrices
    columns = _column_weights(grid, length, size[1])
    return torch.cat([upright[..., cells] @ weights.like(matrices) for _, cells, weights in columns], dim=-1)


@functools.lru_cache(maxsize=16)
def _row_weights(rows: int, height: int) -> Constant:
    """Fractions of the matrix's rows in those of the image, ``(height, H)``, float64; the lowest comes last."""
    return Constant(cells_to_pixels(np.arange(rows) + 0.5, float(rows), height)[::-1].copy())


@functools.lru_cache(maxsize=16)
def _column_weights(grid: Grid, length: int, width: int) -> tuple[tuple[slice, slice, Constant], ...]:
    """Fractions of the matrix's columns in those of the image, float64: pixels, cells that they touch, ``(k, p)``.

    All in one, but for long recordings some pixels at a time: each touches few of the columns.
    """
    (centers, span), count = grid.cells(length), grid.columns(length)
    edges = (centers[1:] + centers[:-1]) / 2.0
    at_once = width if count * width <= _MOST_WEIGHTS or count < 4 * width else max(1, _MOST_WEIGHTS // count)
    found = []
    for first in range(0, width, at_once):
        pixels = slice(first, min(first + at_once, width))
        begin, end = (span * pixel / width for pixel in (pixels.start, pixels.stop))
        cells = slice(int(np.searchsorted(edges, begin, "right")), int(np.searchsorted(edges, end)) + 1)
        weights = cells_to_pixels(centers[cells] - begin, end - begin, pixels.stop - pixels.start)
        found.append((pixels, cells, Constant(weights.T.copy())))
    return tuple(found)


def fit_duration(samples: Any, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Fit the parameters that are ``"fit"``.

    The duration becomes the one that holds 95 % of the training recordings whole, the rate their most common.
    """
    fitted: dict[str, Any] = {}
    rate = parameters["sample_rate_hz"]
    if rate == FIT:
        rates = [one.sample_rate_hz for one in samples if isinstance(one, Recording)]
        rate = fitted["sample_rate_hz"] = commonest(rates) if rates else None
    if isinstance(samples, (list, tuple)) and all(isinstance(one, RecordingFile) for one in samples):
        durations_s = np.array([one.duration_s for one in samples])  # by their headers: reading them all takes long
    else:
        batch = check_recordings(samples, caller="audio", sample_rate_hz=rate)
        durations_s = batch.lengths / batch.sample_rate_hz
    if parameters["duration_s"] == FIT:
        length = float(np.quantile(durations_s, _LONGEST, method="inverted_cdf"))
        fitted["duration_s"] = max(0.01, float(np.ceil(round(length * 100, 2)) / 100))
    return fitted


@dataclass(frozen=True)
class BackProjection:
    """Map the pixels of an image back to the matrix it was made from.

    Call ``back(heat, sample, **parameters)`` to get weights over the matrix, ``(H, K)``, row 0 the lowest band; the sum
    is conserved. Samples cut off by ``duration_s`` have no columns, added silence has. An encoder that makes one band
    per row of the image has as many bands here.

    Parameters
    ----------
    grid_of
        ``grid_of(framing, **parameters)`` returns the grid of an encoder's matrix; of the encoder's parameters it
        receives those named in its signature.
    """

    grid_of: Callable[..., Grid]

    def matrix_of(self, sample: Any, options: Mapping[str, Any]) -> tuple[RecordingBatch, Grid]:
        """Check one sample under an encoder's parameters; return it with the grid of its matrix."""
        name = self.grid_of.__module__.rpartition(".")[2]
        parameters = ENCODERS[name].defaults() | dict(options)
        batch = check_recordings(sample, caller=name, sample_rate_hz=parameters["sample_rate_hz"])
        if len(batch.leading) > 1:
            raise SampleError(f"{name}: expected one recording, got waveforms of leading shape {batch.leading}")
        return batch.cut(parameters["duration_s"]), self.grid(name, batch.sample_rate_hz, parameters)

    def grid(self, name: str, sample_rate_hz: int, parameters: Mapping[str, Any]) -> Grid:
        """Return the grid of an encoder's matrix under all its parameters."""
        windows = {word: parameters[word] for word in FRAMING_OPTIONS if word in parameters}
        framing = Framing.of(name, sample_rate_hz, **windows)
        words = list(inspect.signature(self.grid_of).parameters)[1:]
        return self.grid_of(framing, **{word: parameters[word] for word in words})

    def __call__(self, heat: np.ndarray, sample: Any, **options: Any) -> np.ndarray:
        """Carry ``(H, W)`` weights over an image, or ``(C, H, W)`` over those of several waveforms, to the matrix."""
        batch, grid = self.matrix_of(sample, options)
        name, length = batch.caller, int(batch.lengths[0])
        size = check_size(name, options.get("size"))
        shape = size or (grid.rows, grid.columns(length))
        heat = heat.reshape(-1, *heat.shape[-2:])
        if heat.shape != (len(batch.rows), *shape):
            raise ParameterError(f"{name}: expected heat of shape {shape}, got {heat.shape}")
        if size is not None:
            upright = _row_weights(grid.rows, size[0]).values.T @ heat
            heat = np.zeros((len(heat), grid.rows, grid.columns(length)))
            for pixels, cells, weights in _column_weights(grid, length, size[1]):
                heat[..., cells] += upright[..., pixels] @ weights.values.T
        return heat if batch.leading else heat[0]
