"""Summary features of series: catch22 with mean and standard deviation, and shape, spectrum and trend."""

import itertools
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from img_repr.core.columns import FixedColumns
from img_repr.core.errors import ParameterError, SampleError
from img_repr.core.features import features
from img_repr.domains.timeseries.catch22 import NAMES, catch22
from img_repr.domains.timeseries.columns import SeriesColumns, per_channel
from img_repr.domains.timeseries.correlation import autocorrelation
from img_repr.domains.timeseries.sample import TIMESERIES, SeriesBatch, check_series

SETS = ("catch24", "shape")
_WINDOWS = 8
_BANDS = 8
_LAGS = (1, 2, 3, 5, 8, 13)
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@features(
    TIMESERIES,
    name="summary",
    reference="Lubba et al. 2019, catch22: CAnonical Time-series CHaracteristics; and 48 more",
)
class SummaryFeatures(SeriesColumns):
    """Summaries of each series, per channel.

    Parameters
    ----------
    sets : tuple of {"catch24", "shape"}
        ``"catch24"``: the 22 features of catch22, with mean and standard deviation. ``"shape"``: extremes and
        their positions, quantiles, skewness, excess, level and slope in eight windows, trend, curvature,
        autocorrelations, power in eight bands, spectral entropy, crossings, peaks, roughness and permutation
        entropy, all but the extremes of the z-scored series.

    Notes
    -----
    Series of one length are computed together. A feature that is undefined for a series is 0; so are all features of a
    constant series except mean and extremes.

    Examples
    --------
    >>> from img_repr.domains.timeseries.features import SummaryFeatures
    >>> from img_repr.domains.timeseries.sample import make_series
    >>> summary = SummaryFeatures(sets=("catch24",)).fit(make_series(5))
    >>> summary.transform(make_series(3)).shape
    (3, 24)
    >>> summary.get_feature_names_out()[:3].tolist()
    ['mean', 'std', 'mode_5']
    """

    def __init__(self, sets: tuple[str, ...] = SETS) -> None:
        self.sets = sets

    def _fit(self, batch: SeriesBatch) -> None:
        if not self.sets or not set(self.sets) <= set(SETS):
            raise ParameterError(f"{self._caller}: expected sets to be of {SETS}, got {self.sets!r}")

    def _columns(self, batch: SeriesBatch) -> np.ndarray:
        values = batch.values.cpu().numpy()
        table = np.empty((len(values), len(self._names_of_one())))
        for length in np.unique(batch.lengths):
            rows = batch.lengths == length
            one_length = values[rows, :length]
            table[rows] = np.concatenate([_COMPUTE[name](one_length) for name in self.sets], axis=1)
        return np.nan_to_num(table, nan=0.0, posinf=0.0, neginf=0.0).reshape(batch.leading[0], -1)

    def _names_of_one(self) -> list[str]:
        return [name for chosen in self.sets for name in _NAMES[chosen]]

    def _names(self) -> list[str]:
        return per_channel(self._names_of_one(), self.channels_)


def catch24(values: np.ndarray) -> np.ndarray:
    """Mean, standard deviation (n - 1) and catch22 of series of one length, ``(N, 24)``."""
    moments = np.stack([values.mean(axis=1), values.std(axis=1, ddof=1)], axis=1)
    return np.concatenate([moments, catch22(values)], axis=1)


def shape(values: np.ndarray) -> np.ndarray:
    """Return summaries of the shape, trend and spectrum of series of one length.

    Parameters
    ----------
    values : ndarray of float64, shape (N, T)

    Returns
    -------
    ndarray of float64, shape (N, 48)
        In the order of ``_NAMES["shape"]``; each line of the body is one group there.
    """
    count, length = values.shape
    low, high = values.min(axis=1), values.max(axis=1)
    centered = values - values.mean(axis=1, keepdims=True)
    spread = centered.std(axis=1, keepdims=True)
    varied = spread > 1e-13 * np.abs(values).max(axis=1, keepdims=True)
    z = np.where(varied, centered / np.where(varied, spread, 1.0), 0.0)
    steps = np.diff(z, axis=1)
    bounds = np.linspace(0, length, _WINDOWS + 1).astype(np.int64)
    windows = [z[:, begin : max(end, begin + 1)] for begin, end in itertools.pairwise(bounds)]
    acf = autocorrelation(z)
    rises_end = (steps[:, :-1] > 0.0) & (steps[:, 1:] <= 0.0)
    columns = [low, high, z.argmin(axis=1) / length, z.argmax(axis=1) / length]
    columns += list(np.quantile(z, _QUANTILES, axis=1))
    columns += [(z**3).mean(axis=1), (z**4).mean(axis=1) - 3.0 * varied[:, 0]]
    columns += [window.mean(axis=1) for window in windows]
    columns += [(window[:, -1] - window[:, 0]) / window.shape[1] for window in windows]
    columns += _trend(z)
    columns += [acf[:, lag] if lag < length else np.zeros(count) for lag in _LAGS]
    columns += _bands(z)
    columns += [
        (z[:, 1:] * z[:, :-1] < 0.0).mean(axis=1),
        rises_end.sum(axis=1) / length,
    ]
    columns += [np.sqrt((steps**2).mean(axis=1)), _permutation_entropy(z)]
    return np.stack(columns, axis=1)


def _trend(z: np.ndarray) -> list[np.ndarray]:
    """Coefficients of the straight line and of the parabola over the whole series."""
    time = np.linspace(-1.0, 1.0, z.shape[1])
    parabola = time**2 - (time**2).mean()
    return [z @ time / (time @ time), z @ parabola / max(float(parabola @ parabola), 1e-300)]


def _bands(z: np.ndarray) -> list[np.ndarray]:
    """Fraction of power in bands that widen with frequency, and the entropy of the spectrum."""
    power = np.abs(np.fft.rfft(z, axis=1)[:, 1:]) ** 2
    total = power.sum(axis=1, keepdims=True)
    power = power / np.where(total > 0.0, total, 1.0)
    edges = np.geomspace(1, power.shape[1] + 1, _BANDS + 1) - 1
    edges = np.maximum(np.round(edges).astype(np.int64), np.arange(_BANDS + 1))  # each band holds a frequency
    entropy = -(power * np.log(np.where(power > 0.0, power, 1.0))).sum(axis=1)
    return [*(power[:, edges[band] : edges[band + 1]].sum(axis=1) for band in range(_BANDS)), entropy]


def _permutation_entropy(z: np.ndarray) -> np.ndarray:
    """Entropy of the order of three successive values."""
    if z.shape[1] < 3:
        return np.zeros(len(z))
    a, b, c = z[:, :-2], z[:, 1:-1], z[:, 2:]
    order = 4 * (a > b) + 2 * (b > c) + (a > c)
    fractions = (order[:, :, None] == np.arange(8)).mean(axis=1)
    return np.asarray(-(fractions * np.log(np.where(fractions > 0.0, fractions, 1.0))).sum(axis=1))


_COMPUTE = {"catch24": catch24, "shape": shape}
_NAMES = {
    "catch24": ("mean", "std", *NAMES),
    "shape": (
        *("minimum", "maximum", "minimum_at", "maximum_at"),
        *(f"quantile_{round(100 * fraction)}" for fraction in _QUANTILES),
        *("skewness", "excess"),
        *(f"level_{window}" for window in range(_WINDOWS)),
        *(f"slope_{window}" for window in range(_WINDOWS)),
        *("trend", "curvature"),
        *(f"acf_{lag}" for lag in _LAGS),
        *(f"power_{band}" for band in range(_BANDS)),
        *("spectral_entropy", "crossings", "peaks", "roughness", "permutation_entropy"),
    ),
}


@features(
    TIMESERIES,
    name="length_and_missing",
    reference="a control: length and missing values alone",
    leak_only=True,
)
class LengthAndMissing(FixedColumns):
    """The number of steps and the fraction of missing values of each series, as a control.

    If all series have one length and no missing value, all rows are equal: the baseline is the majority class.

    Examples
    --------
    >>> from img_repr.domains.timeseries.features import LengthAndMissing
    >>> LengthAndMissing().fit_transform([[1.0, 2.0, 3.0, 4.0], [5.0, float("nan")]]).tolist()
    [[4.0, 0.0], [2.0, 0.5]]
    """

    samples_in_words = "series"
    column_names = ("length", "missing_fraction")
    input_tags: ClassVar[Mapping[str, bool]] = {"two_d_array": True, "three_d_array": True, "allow_nan": True}

    def _table(self, series: Any) -> np.ndarray:
        batch = check_series(series, caller=self._caller, missing="interpolate")
        if not batch.leading:
            raise SampleError(f"{self._caller}: expected a batch of series, (N, T) or (N, C, T), got one series")
        channels = len(batch.lengths) // batch.leading[0]
        missing = np.zeros(len(batch.lengths)) if batch.missing is None else batch.missing
        fraction = (missing / batch.lengths).reshape(-1, channels).mean(axis=1)
        return np.stack([batch.lengths[::channels], fraction], axis=1)
