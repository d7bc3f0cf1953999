"""Duration and sample rate of recordings: a control that ignores the sound."""

from typing import Any

import numpy as np

from img_repr.core.columns import FixedColumns
from img_repr.core.errors import SampleError
from img_repr.core.features import features
from img_repr.domains.audio.recording import Recording
from img_repr.domains.audio.sample import AUDIO, check_recordings


@features(
    AUDIO,
    name="duration_and_rate",
    reference="a control: known without listening",
    leak_only=True,
)
class DurationAndRate(FixedColumns):
    """The duration in seconds and the sample rate in Hz, as each recording came, and nothing of its sound.

    These alone separate classes whose clips were cut or recorded in different ways:
    only a gain beyond them comes from the sound.

    Parameters
    ----------
    sample_rate_hz : int, optional
        Rate of plain waveforms ``(N, T)``; recordings have their own.

    Examples
    --------
    >>> from img_repr.domains.audio.duration_and_rate import DurationAndRate
    >>> from img_repr.domains.audio.recording import Recording
    >>> DurationAndRate().fit_transform([Recording(np.zeros(4000), 8000), Recording(np.zeros(4000), 16000)]).tolist()
    [[0.5, 8000.0], [0.25, 16000.0]]
    """

    samples_in_words = "recordings"
    column_names = ("duration_s", "sample_rate_hz")

    def __init__(self, sample_rate_hz: int | None = None) -> None:
        self.sample_rate_hz = sample_rate_hz

    def _table(self, recordings: Any) -> np.ndarray:
        apart = isinstance(recordings, (list, tuple)) and all(isinstance(one, Recording) for one in recordings)
        if apart and len(recordings):
            several = [
                check_recordings([one], caller=self._caller) for one in recordings
            ]  # apart, so that rates may differ
        else:
            batch = check_recordings(recordings, caller=self._caller, sample_rate_hz=self.sample_rate_hz)
            if len(batch.leading) != 1:
                raise SampleError(f"{self._caller}: expected a batch of mono recordings, got the shape {batch.leading}")
            several = [batch]
        return np.array([
            (length / batch.sample_rate_hz, batch.sample_rate_hz) for batch in several for length in batch.lengths
        ])  # fmt: skip
