"""Acoustic features of recordings: the field's clip statistics, and cepstra in slices of time."""

from collections.abc import Iterable

import numpy as np

from img_repr.core.errors import ParameterError
from img_repr.core.features import features
from img_repr.domains.audio.clip_statistics import fitted_framing, in_slices, measure, over_the_clip
from img_repr.domains.audio.columns import RecordingColumns
from img_repr.domains.audio.framing import Framing
from img_repr.domains.audio.sample import AUDIO

SETS = ("statistics", "slices")


@features(
    AUDIO,
    name="acoustic",
    reference="Tzanetakis & Cook 2002, Musical Genre Classification of Audio Signals; Piczak 2015, ESC: Dataset for "
    "Environmental Sound Classification",
)
class AcousticFeatures(RecordingColumns):
    """Statistics of features measured in the windows of each recording.

    Parameters
    ----------
    sets : tuple of {"statistics", "slices"}
        ``"statistics"``: mean, standard deviation and the distances of the 10th and 90th percentiles from the mean,
        over the clip, of 20 MFCC, their speed and acceleration, spectral centroid, bandwidth, roll-off, flatness,
        contrast, zero crossings, level, chroma and onset strength; the duration in seconds, and the fraction of
        windows that sound. ``"slices"``: mean and standard deviation of MFCC and their speed, less the mean of the
        clip, in five equal slices of its sounding windows: the order in time, which
        statistics over the clip lose.
    depth_db : float
        Windows at most this many decibels below the loudest count as sounding; others are left out of all but the
        duration. ``inf``: every window counts.
    sample_rate_hz : int, optional
        Rate to which all recordings are brought, and that of plain waveforms. Default: the commonest of training.

    Attributes
    ----------
    sample_rate_hz_ : int
        The rate in use; of equally common ones the lowest.

    Notes
    -----
    Windows are the longest power of two within 50 ms: 46 ms at 44.1 kHz, 32 ms at 8 kHz. 746 columns at 44.1 kHz, 742
    at 8 kHz, where the spectral contrast has fewer octaves. Silence and clips of one sample have finite rows. No
    tempo: librosa's estimate would take longer than all the rest.

    Of ``depth_db`` = 60, 40, 30, 25, 20, 15 and 10, by speakers held out inside the training speakers of FSDD and by
    folds held out inside the training folds of ESC-10, 15 or 20 is best for digits and 15 to 30 for other sounds,
    with either linear learner.

    Examples
    --------
    >>> from img_repr.domains.audio.features import AcousticFeatures
    >>> from img_repr.domains.audio.recording import make_recordings
    >>> acoustic = AcousticFeatures(sets=("statistics",)).fit(make_recordings(4))
    >>> acoustic.transform(make_recordings(3)).shape
    (3, 342)
    >>> acoustic.get_feature_names_out()[:4].tolist()
    ['mfcc_0_mean', 'mfcc_0_deviation', 'mfcc_0_below', 'mfcc_0_above']
    """

    def __init__(self, sets: tuple[str, ...] = SETS, depth_db: float = 20.0, sample_rate_hz: int | None = None) -> None:
        super().__init__(sample_rate_hz)
        self.sets = sets
        self.depth_db = depth_db

    def _fit(self) -> None:
        if not self.sets or not set(self.sets) <= set(SETS):
            raise ParameterError(f"{self._caller}: expected sets to be of {SETS}, got {self.sets!r}")
        if isinstance(self.depth_db, bool) or not isinstance(self.depth_db, (int, float)) or not self.depth_db > 0:
            raise ParameterError(f"{self._caller}: expected depth_db to be decibels above 0, got {self.depth_db!r}")

    def _columns(self, waves: Iterable[np.ndarray]) -> np.ndarray:
        framing = fitted_framing(self.sample_rate_hz_)
        return np.array([list(self._row(wave, framing).values()) for wave in waves])

    def _names(self) -> list[str]:
        silence = np.zeros(1, dtype=np.float32)
        return list(self._row(silence, fitted_framing(self.sample_rate_hz_)))

    def _row(self, wave: np.ndarray, framing: Framing) -> dict[str, float]:
        """Columns of one clip by name."""
        courses = measure(wave, framing, self.depth_db)
        row: dict[str, float] = {}
        for chosen in self.sets:
            if chosen == "statistics":
                row |= over_the_clip(courses)
                row["duration_s"] = len(wave) / framing.sample_rate_hz
                row["sounding_fraction"] = len(courses["level"]) / framing.count(len(wave))
            else:
                row |= in_slices(courses)
        return row
