"""Base class of the audio feature sets: resamples recordings to the sample rate of training."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self

import numpy as np
import torch

from img_repr.core.columns import NamedColumns
from img_repr.core.errors import SampleError
from img_repr.domains.audio.recording import Recording, commonest
from img_repr.domains.audio.sample import RecordingBatch, check_recordings


class RecordingColumns(NamedColumns):
    """A scikit-learn transformer from a batch of recordings to a table with named columns.

    A feature set gives ``_columns(waves)``, ``_names()`` and, where its parameters need a check, ``_fit()``.
    Recordings come as a list of them; plain waveforms ``(N, T)`` or a list of ``(T,)`` need ``sample_rate_hz``.

    Parameters
    ----------
    sample_rate_hz : int, optional
        Rate to which all recordings are brought, and that of plain waveforms. Default: the commonest of training.

    Attributes
    ----------
    sample_rate_hz_ : int
        The rate in use; of equally common ones the lowest.
    """

    samples_in_words = "recordings"
    input_tags: ClassVar[Mapping[str, bool]] = {"two_d_array": True}

    def __init__(self, sample_rate_hz: int | None = None) -> None:
        self.sample_rate_hz = sample_rate_hz

    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit the sample rate; labels are ignored."""
        wanted = _commonest_rate(X) if self.sample_rate_hz is None else self.sample_rate_hz
        self.sample_rate_hz_ = self._check(X, wanted).sample_rate_hz
        self._fit()
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Return the table of a batch of recordings, float64 ``(N, number of columns)``."""
        self._expect_fit()
        batch = self._check(X, self.sample_rate_hz_)
        waves = (batch.wave(number, torch.float32).detach().cpu().numpy() for number in range(len(batch.rows)))
        return self._columns(waves)

    def _check(self, recordings: Any, sample_rate_hz: int | None) -> RecordingBatch:
        batch = check_recordings(recordings, caller=self._caller, sample_rate_hz=sample_rate_hz)
        if len(batch.leading) != 1:
            raise SampleError(
                f"{self._caller}: expected a batch of mono recordings, a list of them or waveforms (N, T), "
                f"got {'one' if not batch.leading else f'waveforms of several channels, {batch.leading}'}"
            )
        return batch

    def _fit(self) -> None:
        """Fit nothing more than the rate."""

    @abstractmethod
    def _columns(self, waves: Iterable[np.ndarray]) -> np.ndarray:
        """Columns of waveforms, float32 ``(T,)`` each, at the rate in use."""


def _commonest_rate(recordings: Any) -> int | None:
    """Return the commonest rate of a list of recordings; None where there is none."""
    if not isinstance(recordings, (list, tuple)):
        return None
    rates = [one.sample_rate_hz for one in recordings if isinstance(one, Recording)]
    return commonest(rates) if rates else None
