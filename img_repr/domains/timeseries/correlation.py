"""The linear features of catch22: correlation over lags, the spectrum, forecasts by means; see ``catch22.py``."""

import numpy as np


def autocorrelation(z: np.ndarray) -> np.ndarray:
    """Autocorrelation of centered rows at the lags 0 to T - 1, ``(N, T)``; 1 at lag 0, uncorrected."""
    length = z.shape[1]
    spectrum = np.fft.rfft(z, n=_power_of_two(2 * length), axis=1)
    full: np.ndarray = np.fft.irfft(np.abs(spectrum) ** 2, axis=1)[:, :length]
    return full / np.where(full[:, :1] > 0.0, full[:, :1], 1.0)


def _power_of_two(length: int) -> int:
    return 1 << (length - 1).bit_length()


def first_true(found: np.ndarray) -> np.ndarray:
    """Position of the first True in each row; the row's length if there is none."""
    return np.asarray(np.where(found.any(axis=1), found.argmax(axis=1), found.shape[1]))


def timescale(acf: np.ndarray) -> np.ndarray:
    """Lag at which the autocorrelation falls below 1/e, on the line between two lags."""
    rows, threshold = np.arange(len(acf)), np.exp(-1.0)
    position = first_true(acf[:, 1:] < threshold)
    inside = np.minimum(position, acf.shape[1] - 2)
    here, there = acf[rows, inside], acf[rows, inside + 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(
            np.where(position == acf.shape[1] - 1, acf.shape[1], inside + (threshold - here) / (there - here))
        )


def first_minimum(acf: np.ndarray) -> np.ndarray:
    """Lag of the first local minimum of the autocorrelation; the length if there is none."""
    lowest = (acf[:, 1:-1] < acf[:, :-2]) & (acf[:, 1:-1] < acf[:, 2:])
    return np.asarray(np.where(lowest.any(axis=1), lowest.argmax(axis=1) + 1, acf.shape[1]))


def low_power_and_centroid(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Power in the lowest fifth of frequencies, and the angular frequency that halves the power."""
    length = z.shape[1]
    padded = _power_of_two(length)
    power = np.abs(np.fft.rfft(z, n=padded, axis=1)) ** 2 / length
    power[:, 1:-1] *= 2.0
    power /= 2.0 * np.pi
    step = 2.0 * np.pi / padded
    total = power.cumsum(axis=1)
    fifth: np.ndarray = power[:, : power.shape[1] // 5].sum(axis=1) * step
    return fifth, first_true(total > 0.5 * total[:, -1:]) * step


def forecasts(z: np.ndarray, zero: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Spread of errors of a forecast by the mean of three values; how much differencing shortens memory."""
    mean3 = (z[:, :-3] + z[:, 1:-2] + z[:, 2:-1]) / 3.0
    steps = np.diff(z, axis=1)
    memory = first_true(autocorrelation(steps - steps.mean(axis=1, keepdims=True)) <= 0.0)
    return (z[:, 3:] - mean3).std(axis=1, ddof=1), memory / zero


def gaussian_timescale(z: np.ndarray) -> np.ndarray:
    """First minimum of the Gaussian mutual information over lags up to 40; the last if there is none."""
    length = z.shape[1]
    lags = min(40, (length + 1) // 2)
    information = np.empty((len(z), lags))
    for lag in range(1, lags + 1):
        early, late = z[:, :-lag], z[:, lag:]
        early, late = early - early.mean(axis=1, keepdims=True), late - late.mean(axis=1, keepdims=True)
        scale = np.sqrt((early**2).sum(axis=1) * (late**2).sum(axis=1))
        correlation = (early * late).sum(axis=1) / np.where(scale > 0.0, scale, 1.0)
        with np.errstate(divide="ignore"):
            information[:, lag - 1] = -0.5 * np.log(np.maximum(1.0 - correlation**2, 0.0))
    lowest = (information[:, 1:-1] < information[:, :-2]) & (information[:, 1:-1] < information[:, 2:])
    return np.asarray(np.where(lowest.any(axis=1), lowest.argmax(axis=1) + 2.0, float(lags)))


def periodicity(z: np.ndarray) -> np.ndarray:
    """First peak of the detrended autocorrelation that rises 0.01 above the trough before it; 0: none."""
    length = z.shape[1]
    time = np.arange(length, dtype=np.float64)
    knot = length // 2 - 1
    scaled = time / length
    design = np.stack([scaled**0, scaled, scaled**2, scaled**3, np.clip(scaled - knot / length, 0, None) ** 3], axis=1)
    basis = np.linalg.qr(design)[0]  # least squares on the cubic spline with one knot in the middle
    rest = z - (z @ basis) @ basis.T
    lags = -(-length // 3)
    acf = np.stack([(rest[:, :-lag] * rest[:, lag:]).mean(axis=1) for lag in range(1, lags + 1)], axis=1)
    slope = np.diff(acf, axis=1)
    trough = np.pad((slope[:, :-1] < 0.0) & (slope[:, 1:] > 0.0), ((0, 0), (1, 1)))
    peak = np.pad((slope[:, :-1] > 0.0) & (slope[:, 1:] < 0.0), ((0, 0), (1, 1)))
    latest = np.maximum.accumulate(np.where(trough, np.arange(lags), -1), axis=1)
    rise = acf - np.take_along_axis(acf, np.maximum(latest, 0), axis=1)
    good = peak & (latest >= 0) & (rise >= 0.01) & (acf >= 0.0)
    return np.where(good.any(axis=1), good.argmax(axis=1) + 1, 0).astype(np.float64)
