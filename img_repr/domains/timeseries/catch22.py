"""Twenty-two canonical features of series (catch22), over whole batches of one length.

Implemented from the published definitions for arrays of series, and compared with the authors' program (the version of
the paper, before 1.0) by a golden test. Every definition refers to the z-scored series (n - 1 in the standard
deviation). Where the program deviates from the definition (a probability compared with a density), the number is the
program's, and a comment says so. The linear features are in ``correlation.py``.

C. H. Lubba et al.: catch22: CAnonical Time-series CHaracteristics, Data Mining and Knowledge Discovery, 2019.
"""

import numpy as np

from img_repr.domains.timeseries.correlation import (
    autocorrelation,
    first_minimum,
    first_true,
    forecasts,
    gaussian_timescale,
    low_power_and_centroid,
    periodicity,
    timescale,
)

NAMES = (
    "mode_5",
    "mode_10",
    "outlier_timing_pos",
    "outlier_timing_neg",
    "acf_timescale",
    "acf_first_min",
    "low_freq_power",
    "centroid_freq",
    "forecast_error",
    "whiten_timescale",
    "high_fluctuation",
    "stretch_high",
    "stretch_decreasing",
    "entropy_pairs",
    "ami2",
    "trev",
    "ami_timescale",
    "transition_variance",
    "periodicity",
    "embedding_dist",
    "rs_range",
    "dfa",
)
_SHORTEST = 10  # below it most definitions have no value


def catch22(values: np.ndarray) -> np.ndarray:
    """Compute the 22 features of series of one length.

    Parameters
    ----------
    values : ndarray of float64, shape (N, T)
        Finite values.

    Returns
    -------
    ndarray of float64, shape (N, 22)
        In the order of ``NAMES``. All zero for a constant series and for one of fewer than 10 values; single
        features that are undefined for a series are NaN.

    Examples
    --------
    >>> import numpy as np
    >>> wave = np.sin(2 * np.pi * np.arange(100) / 20)[None]
    >>> dict(zip(NAMES, catch22(wave)[0].round(3).tolist(), strict=True))["acf_first_min"]
    10.0
    """
    result = np.zeros((len(values), len(NAMES)))
    if values.shape[1] < _SHORTEST:
        return result
    centered = values - values.mean(axis=1, keepdims=True)
    deviation = centered.std(axis=1, ddof=1)
    varied = deviation > 1e-13 * np.abs(values).max(axis=1)  # a smaller value is rounding of the mean
    if varied.any():
        z = centered[varied] / deviation[varied, None]
        acf = autocorrelation(z)
        zero = first_true(acf <= 0.0)
        columns = [
            _mode(z, 5),
            _mode(z, 10),
            _outlier_timing(z),
            _outlier_timing(-z),
            timescale(acf),
            first_minimum(acf),
        ]
        columns += [*low_power_and_centroid(z), *forecasts(z, zero)]
        columns.append((np.abs(np.diff(z, axis=1)) > 0.04).mean(axis=1))
        columns += [_longest(z > 0.0), _longest(np.diff(z, axis=1) <= 0.0)]
        columns += [
            _pair_entropy(z),
            _mutual_information(z),
            (np.diff(z, axis=1) ** 3).mean(axis=1),
            gaussian_timescale(z),
        ]
        columns += [_transition_variance(z, zero), periodicity(z), _embedding_distance(z, zero)]
        columns += [_fluctuation(z, lag=1, spread="range"), _fluctuation(z, lag=2, spread="square")]
        result[varied] = np.stack(columns, axis=1)
    return result


def _histogram(
    values: np.ndarray, low: np.ndarray, step: np.ndarray, n_bins: np.ndarray, valid: np.ndarray
) -> np.ndarray:
    """Count the values of rows in bins of their own width and number, ``(N, most bins)``."""
    width = int(n_bins.max())
    bins = ((values - low[:, None]) / step[:, None]).astype(np.int64)
    bins = np.clip(bins, 0, n_bins[:, None] - 1) + width * np.arange(len(values))[:, None]
    return np.bincount(bins[valid], minlength=width * len(values)).reshape(len(values), width)


def _mode(z: np.ndarray, n_bins: int) -> np.ndarray:
    """Center of the fullest of equal bins; the mean of the centers if there are several."""
    low = z.min(axis=1)
    step = (z.max(axis=1) - low) / n_bins
    counts = _histogram(z, low, step, np.full(len(z), n_bins), np.ones(z.shape, dtype=bool))
    fullest = counts == counts.max(axis=1, keepdims=True)
    return np.asarray(low + step * ((np.arange(n_bins) + 0.5) * fullest).sum(axis=1) / fullest.sum(axis=1))


def _outlier_timing(z: np.ndarray) -> np.ndarray:
    """Time of large values, -1 to 1: median over thresholds of the median time of the values above.

    Thresholds rise in steps of 0.01 for as long as more than 2 % of the non-negative values are above.
    """
    length = z.shape[1]
    medians = _medians_of_the_largest(z)
    ordered = np.sort(z, axis=1)
    result = np.zeros(len(z))
    for row, top in enumerate(ordered[:, -1]):
        if top < 0.01:
            continue
        below = np.searchsorted(ordered[row], 0.01 * np.arange(int(top / 0.01) + 1), side="left")
        above = length - below
        enough = np.flatnonzero((above - 1) * 100.0 / above[0] > 2.0)
        last = min(enough[-1] if len(enough) else 0, (above >= 2).sum() if above[-1] < 2 else len(above) - 1)
        result[row] = np.median(medians[row, below[: last + 1]])
    return np.asarray(result / (length / 2) - 1.0)


def _medians_of_the_largest(z: np.ndarray) -> np.ndarray:
    """Median position (from 1) of all but the k smallest values of each row, for k from 0 to T - 1.

    Positions form a linked list; values leave it from the smallest on, and the median moves one position at
    most.
    """
    count, length = z.shape
    rows = np.arange(count)
    order = np.argsort(z, axis=1, kind="stable") + 1
    before = np.tile(np.arange(-1, length + 1), (count, 1))
    after = before + 2
    middle = np.full(count, (length + 1) // 2)  # the lower one of two
    medians = np.empty((count, length))
    for left in range(length, 0, -1):
        upper = middle if left % 2 else after[rows, middle]
        medians[:, length - left] = (middle + upper) / 2.0
        gone = order[:, length - left]
        if left % 2:
            middle = np.where(gone >= middle, before[rows, middle], middle)
        else:
            middle = np.where(gone <= middle, after[rows, middle], middle)
        after[rows, before[rows, gone]] = after[rows, gone]
        before[rows, after[rows, gone]] = before[rows, gone]
    return medians


def _longest(run: np.ndarray) -> np.ndarray:
    """Length of the longest run of True in each row."""
    position = np.arange(1, run.shape[1] + 1)
    length: np.ndarray = (position - np.maximum.accumulate(np.where(run, 0, position), axis=1)).max(axis=1)
    return length


def _thirds(z: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Letter 0, 1, 2 of each value by the thirds (Hazen's) of its row's first ``lengths`` values."""
    valid = np.arange(z.shape[1]) < lengths[:, None]
    ordered = np.sort(np.where(valid, z, np.inf), axis=1)
    letters = np.zeros(z.shape, dtype=np.int64)
    rows = np.arange(len(z))
    for fraction in (1.0 / 3.0, 2.0 / 3.0):
        position = np.clip(lengths * fraction - 0.5, 0, lengths - 1)
        left = np.floor(position).astype(np.int64)
        low, high = ordered[rows, left], ordered[rows, np.minimum(left + 1, lengths - 1)]
        letters += z > (low + (position - left) * (high - low))[:, None]
    return letters


def _pair_entropy(z: np.ndarray) -> np.ndarray:
    """Entropy of two successive letters of the series in thirds."""
    letters = _thirds(z, np.full(len(z), z.shape[1]))
    pairs = 3 * letters[:, :-1] + letters[:, 1:]
    fractions = (pairs[:, :, None] == np.arange(9)).mean(axis=1)
    return np.asarray(-(fractions * np.log(np.where(fractions > 0.0, fractions, 1.0))).sum(axis=1))


def _mutual_information(z: np.ndarray) -> np.ndarray:
    """Mutual information of values two steps apart, in 5 x 5 bins between the extremes -+ 0.1."""
    low = z.min(axis=1, keepdims=True) - 0.1
    step = (z.max(axis=1, keepdims=True) + 0.1 - low) / 5.0
    bins = ((z - low) / step).astype(np.int64)
    joint = (5 * bins[:, :-2] + bins[:, 2:])[:, :, None] == np.arange(25)
    fractions = joint.mean(axis=1).reshape(-1, 5, 5)
    apart = fractions.sum(axis=2, keepdims=True) * fractions.sum(axis=1, keepdims=True)
    ratio = np.where(fractions > 0.0, fractions / np.where(apart > 0.0, apart, 1.0), 1.0)
    return np.asarray((fractions * np.log(ratio)).sum(axis=(1, 2)))


def _transition_variance(z: np.ndarray, zero: np.ndarray) -> np.ndarray:
    """Trace of the covariance of the columns of the letters' transitions, one step per correlation length."""
    length = z.shape[1]
    lengths = (length - 1) // zero + 1
    positions = np.minimum(np.arange(lengths.max()) * zero[:, None], length - 1)
    letters = _thirds(np.take_along_axis(z, positions, axis=1), lengths)
    moves = (np.arange(1, letters.shape[1]) < lengths[:, None])[:, :, None]
    pairs = ((3 * letters[:, :-1] + letters[:, 1:])[:, :, None] == np.arange(9)) & moves
    fractions = pairs.sum(axis=1).reshape(-1, 3, 3) / np.maximum(lengths - 1, 1)[:, None, None]
    return np.asarray(fractions.var(axis=1, ddof=1).sum(axis=1))


def _embedding_distance(z: np.ndarray, zero: np.ndarray) -> np.ndarray:
    """Return how far the distances between successive points (z[t], z[t + lag]) are from exponentially distributed."""
    length = z.shape[1]
    lag = np.where(zero > length / 10, length // 10, zero)
    number = length - lag - 1
    early = np.arange(length - 1)
    late = np.minimum(early + lag[:, None], length - 2)
    steps = np.diff(z, axis=1)
    distance = np.sqrt(steps**2 + np.take_along_axis(steps, late, axis=1) ** 2)
    valid = early < number[:, None]
    mean = (distance * valid).sum(axis=1) / number
    spread = np.sqrt((((distance - mean[:, None]) * valid) ** 2).sum(axis=1) / (number - 1))
    low = np.where(valid, distance, np.inf).min(axis=1)
    extent = np.where(valid, distance, -np.inf).max(axis=1) - low
    varied = (spread >= 1e-3) & (extent > 0.0)
    width = np.where(varied, 3.5 * spread / np.cbrt(number), 1.0)  # Scott's rule
    n_bins = np.where(varied, np.ceil(extent / width), 1).astype(np.int64)
    step = np.where(varied, extent / n_bins, 1.0)
    fractions = _histogram(distance, low, step, n_bins, valid) / number[:, None]
    center = low[:, None] + step[:, None] * (np.arange(fractions.shape[1]) + 0.5)
    scale = np.where(mean > 0.0, mean, 1.0)[:, None]
    apart = np.abs(fractions - np.exp(-center / scale) / scale)  # a fraction compared with a density, as published
    used = np.arange(fractions.shape[1]) < n_bins[:, None]
    return np.where(varied, (apart * used).sum(axis=1) / n_bins, 0.0)


def _fluctuation(z: np.ndarray, *, lag: int, spread: str) -> np.ndarray:
    """Breakpoint of the log-log law of fluctuation against window length, as a fraction of the windows."""
    length = z.shape[1]
    windows = np.unique(np.round(np.exp(np.linspace(np.log(5), np.log(length // 2), 50))).astype(np.int64))
    path = z[:, : length // lag * lag : lag].cumsum(axis=1)
    windows = windows[windows <= path.shape[1]]
    if len(windows) < 12:
        return np.zeros(len(z))
    sizes = np.empty((len(z), len(windows)))
    for position, window in enumerate(windows):
        pieces = path[:, : path.shape[1] // window * window].reshape(len(z), -1, window)
        basis = np.linalg.qr(np.stack([np.ones(window), np.arange(window)], axis=1))[0]
        rest = pieces - (pieces @ basis) @ basis.T
        squares = np.ptp(rest, axis=2) ** 2 if spread == "range" else (rest**2).mean(axis=2)
        sizes[:, position] = np.sqrt(squares.mean(axis=1))
    x, y = np.log(windows), np.log(np.maximum(sizes, 1e-300))
    errors = [_misfit(x[:cut], y[:, :cut]) + _misfit(x[cut - 1 :], y[:, cut - 1 :]) for cut in range(6, len(x) - 5)]
    return np.asarray((np.argmin(errors, axis=0) + 6) / len(x))


def _misfit(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    basis = np.linalg.qr(np.stack([np.ones(len(x)), x], axis=1))[0]
    return np.asarray(np.linalg.norm(y - (y @ basis) @ basis.T, axis=1))
