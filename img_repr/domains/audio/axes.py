"""Axes of an encoder's matrix: the second of each column and the frequency of each row."""

from typing import Any, NamedTuple

import numpy as np

from img_repr.core.encoder import AbstractEncoder, Encoder
from img_repr.core.errors import ParameterError
from img_repr.domains.audio.images import BackProjection


class MatrixAxes(NamedTuple):
    """Axes of a matrix ``(H, K)``.

    Parameters
    ----------
    seconds : ndarray, shape (K,)
        Where each column is centered, from the beginning of the recording.
    hz : ndarray, shape (H,), or None
        Frequency of each row, the lowest first; None where rows are no frequencies (coefficients, pitch classes,
        tempi).
    """

    seconds: np.ndarray
    hz: np.ndarray | None


def matrix_axes(encoder: AbstractEncoder, recording: Any) -> MatrixAxes:
    """Return the axes of the matrix that an image of a recording is made of.

    They are the axes of ``encoder.back_project(heat, recording)``, and of the encoder's result without ``size``.

    Parameters
    ----------
    encoder : Encoder
        Of recordings, fitted; of a stack, one of its ``parts``.
    recording : Recording, or waveform (T,)
        As the encoder takes it.

    Raises
    ------
    SampleError
        If the recording is none.
    ParameterError
        If the encoder has no such matrix.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr import get_encoder
    >>> from img_repr.domains.audio.axes import matrix_axes
    >>> encoder = get_encoder("melspectrogram", size=(32, 40), sample_rate_hz=8000, hop_ms=10)
    >>> wave = np.sin(2 * np.pi * 1250 * np.arange(8000) / 8000)
    >>> seconds, hz = matrix_axes(encoder, wave)
    >>> heat = encoder.back_project(encoder(wave)[0, 0] == 1.0, wave)
    >>> seconds[[0, 1, -1]].tolist(), round(hz[heat.sum(axis=1).argmax()])
    ([0.0, 0.01, 1.0], 1239)
    """
    carrier = encoder.metadata.back_project if isinstance(encoder, Encoder) else None
    if not isinstance(encoder, Encoder) or not isinstance(carrier, BackProjection):
        raise ParameterError(f"matrix_axes: expected one encoder of recordings, got {encoder!r:.100}")
    batch, grid = carrier.matrix_of(recording, dict(encoder.parameters))
    return MatrixAxes(grid.centers(int(batch.lengths[0])) / batch.sample_rate_hz, grid.hz)
