"""Recordings for explanations: plotted as a spectrogram with weights on it, masked in time and frequency."""

from typing import Any

import numpy as np

from img_repr.core.encoder import AbstractEncoder
from img_repr.core.raw_view import WEIGHT_COLORS, RawView, register_raw_view
from img_repr.core.stack import EncoderStack
from img_repr.domains.audio.axes import MatrixAxes, matrix_axes
from img_repr.domains.audio.recording import Recording
from img_repr.domains.audio.sample import AUDIO, check_recordings

_FLOOR_DB = -70.0


def _matrix_axes(sample: Any, encoder: AbstractEncoder) -> MatrixAxes:
    return matrix_axes(encoder.parts[0] if isinstance(encoder, EncoderStack) else encoder, sample)


def _rows(sample: Any, encoder: AbstractEncoder) -> int:
    return len(np.asarray(encoder.back_project(np.ones(np.shape(encoder([sample]))[-2:]), sample)))


def _axes(sample: Any, encoder: AbstractEncoder) -> dict[str, np.ndarray]:
    seconds, hz = _matrix_axes(sample, encoder)
    if hz is None:
        return {"row": np.arange(_rows(sample, encoder)), "time_s": seconds}
    return {"frequency_hz": hz, "time_s": seconds}


def _waveform(sample: Any) -> tuple[np.ndarray, int]:
    rate = getattr(sample, "sample_rate_hz", None)
    batch = check_recordings(sample, caller="raw view", sample_rate_hz=None if rate else 1)
    wave = np.asarray(batch.wave(0, batch.default).cpu().numpy(), dtype=np.float64)
    return wave, int(rate or 1)


def _spectrum(wave: np.ndarray, rate: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    from scipy import signal  # costs two seconds: imported when used

    width = min(len(wave), max(32, 2 ** round(np.log2(max(2, rate * 0.032)))))
    hz, seconds, spectrum = signal.stft(wave, rate, nperseg=width)
    return hz, seconds, spectrum


def _nearest(values: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Index of the grid's entry nearest to each value."""
    return np.asarray(np.abs(values[:, None] - grid[None]).argmin(axis=1))


def _on_spectrum(matrix: np.ndarray, axes: MatrixAxes, hz: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    columns = _nearest(seconds, axes.seconds)
    if axes.hz is None:
        return np.broadcast_to(matrix.mean(axis=0)[columns], (len(hz), len(seconds)))
    return np.asarray(matrix[np.ix_(_nearest(hz, axes.hz), columns)])


def _plot(axes: Any, sample: Any, encoder: AbstractEncoder, weights: np.ndarray | None) -> None:
    wave, rate = _waveform(sample)
    hz, seconds, spectrum = _spectrum(wave, rate)
    level = np.abs(spectrum)
    level_db = 20 * np.log10(np.maximum(level / max(level.max(), 1e-12), 10 ** (_FLOOR_DB / 20)))
    axes.pcolormesh(seconds, hz, level_db, cmap="gray_r", shading="nearest", rasterized=True)
    if weights is not None:
        heat = _on_spectrum(weights, _matrix_axes(sample, encoder), hz, seconds)
        shown = np.ma.masked_less(heat, 0.1)
        axes.pcolormesh(
            seconds, hz, shown, cmap=WEIGHT_COLORS, vmin=0, vmax=1, alpha=0.6, shading="nearest", rasterized=True
        )
    axes.set_xlabel("time (s)")
    axes.set_ylabel("frequency (Hz)")


def _mask(sample: Any, encoder: AbstractEncoder, masked: np.ndarray) -> Recording:
    """Silence the masked cells of the matrix in the short-time spectrum; rows that are no frequencies mask times."""
    from scipy import signal

    wave, rate = _waveform(sample)
    hz, seconds, spectrum = _spectrum(wave, rate)
    out = _on_spectrum(masked.astype(np.float64), _matrix_axes(sample, encoder), hz, seconds)
    gain = out < 0.5 if _matrix_axes(sample, encoder).hz is not None else 1.0 - out
    _, quiet = signal.istft(spectrum * gain, rate, nperseg=2 * (len(hz) - 1))
    quiet = np.pad(quiet, (0, max(0, len(wave) - len(quiet))))[: len(wave)]
    return Recording(quiet.astype(np.float32), rate)


register_raw_view(RawView(AUDIO, _axes, _plot, _mask))
