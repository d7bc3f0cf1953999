"""MiniRocket: fractions of positive values of 84 fixed convolutions at many dilations, almost deterministic.

Implemented from the paper in torch, one kernel at a time over a chunk of series: each row is computed by the same
additions as in the published program, independent of the other rows. Random numbers are the same too: one seed gives
aeon's features, bit-identical if biases are equal.
"""

from itertools import combinations

import numpy as np
import torch
from torch import Tensor

from img_repr.core.errors import ParameterError
from img_repr.core.features import features
from img_repr.domains.timeseries.columns import SeriesColumns, at_length, median_length
from img_repr.domains.timeseries.sample import TIMESERIES, SeriesBatch

KERNELS = tuple(combinations(range(9), 3))  # the three of nine taps that weigh 2; the others weigh -1
_CHUNK_VALUES = 1 << 18  # about the size of a core's second-level cache
_MAX_CHANNELS = 9  # of one kernel, as published


@features(
    TIMESERIES,
    name="minirocket",
    reference="Dempster, Schmidt & Webb 2021, MiniRocket: A Very Fast (Almost) Deterministic Transform "
    "for Time Series Classification",
    is_random=True,
)
class MiniRocket(SeriesColumns):
    """Fractions of positive values (PPV) of series convolved with 84 kernels of nine taps.

    Each kernel is spread over dilations up to the length of the series. Its biases are quantiles of its output on a
    random training series; kernels and dilations alternate between padding with zeros and none. For several channels,
    each pair of kernel and dilation reads the sum of a random subset of channels.

    Parameters
    ----------
    n_features : int
        At least 84; rounded down to a multiple of 84 (10,000 gives 9,996).
    max_dilations : int
        Most dilations per kernel.
    seed : int
        Seed of the choice of training series and channels.

    Notes
    -----
    Computed in float32 and, as published, without scaling. Series of unequal length are resampled to the median
    training length, and series shorter than nine values are padded with zeros. Use it with a ridge classifier.

    Examples
    --------
    >>> from img_repr.domains.timeseries.minirocket import MiniRocket
    >>> from img_repr.domains.timeseries.sample import make_series
    >>> MiniRocket(n_features=500).fit(make_series(5)).transform(make_series(3)).shape
    (3, 420)
    """

    def __init__(self, n_features: int = 10_000, max_dilations: int = 32, seed: int = 0) -> None:
        self.n_features = n_features
        self.max_dilations = max_dilations
        self.seed = seed

    def _fit(self, batch: SeriesBatch) -> None:
        if self.n_features < len(KERNELS) or self.max_dilations < 1:
            raise ParameterError(
                f"{self._caller}: expected n_features of at least {len(KERNELS)} and max_dilations of 1, "
                f"got {self.n_features} and {self.max_dilations}"
            )
        self.length_ = median_length(batch)
        series = self._series(batch)
        self.dilations_, self.per_dilation_ = choose_dilations(series.shape[2], self.n_features, self.max_dilations)
        self.channel_sets_ = _draw_channels(series.shape[1], len(self.dilations_), self.seed)
        self.biases_ = _draw_biases(series, self.dilations_, self.per_dilation_, self.channel_sets_, self.seed)

    def _columns(self, batch: SeriesBatch) -> np.ndarray:
        series = self._series(batch)
        table = np.empty((len(series), len(self.biases_)), dtype=np.float32)
        step = max(1, _CHUNK_VALUES // (series.shape[2] * max(series.shape[1], int(self.per_dilation_.max()))))
        for start in range(0, len(series), step):
            rows = slice(start, start + step)
            table[rows] = positive_shares(
                series[rows],
                self.dilations_,
                self.per_dilation_,
                self.channel_sets_,
                torch.from_numpy(self.biases_),
            )
        return table

    def _names(self) -> list[str]:
        return [
            f"dilation{dilation}_kernel{''.join(map(str, kernel))}_{number}"
            for dilation, count in zip(self.dilations_, self.per_dilation_, strict=True)
            for kernel in KERNELS
            for number in range(count)
        ]

    def _series(self, batch: SeriesBatch) -> Tensor:
        """Rows at the training length and at least nine long, float32 ``(N, C, T)``."""
        rows = at_length(batch, self.length_).to("cpu", torch.float32)
        rows = torch.nn.functional.pad(rows, (0, max(0, 9 - self.length_)))
        return rows.reshape(batch.leading[0], -1, rows.shape[1])


def choose_dilations(length: int, n_features: int, max_dilations: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the dilations for a length of series, and the number of features of each kernel at each of them.

    Dilations are evenly spaced in their logarithm from 1 to the one at which nine taps span the series; equal ones
    share their features.
    """
    per_kernel = n_features // len(KERNELS)
    n_dilations = min(per_kernel, max_dilations)
    spread = np.logspace(0, np.log2((length - 1) / 8), n_dilations, base=2).astype(np.int32)
    dilations, counts = np.unique(spread, return_counts=True)
    counts = (counts * (per_kernel / n_dilations)).astype(np.int64)
    for position in range(per_kernel - int(counts.sum())):
        counts[position % len(counts)] += 1
    return dilations, counts


def positive_shares(
    series: Tensor,
    dilations: np.ndarray,
    per_dilation: np.ndarray,
    channel_sets: list[np.ndarray],
    biases: Tensor,
) -> Tensor:
    """Features of series under given parameters: of each dilation, of each kernel, one per bias.

    Parameters
    ----------
    series : Tensor, shape (N, C, T), float32
    dilations, per_dilation : ndarray of int, shape (D,)
    channel_sets : list of D x 84 ndarrays of int
        Channels that each pair of dilation and kernel sums.
    biases : Tensor, shape (F,), float32

    Returns
    -------
    Tensor, shape (N, F), float32
        Fractions in [0, 1] of the output above the bias.
    """
    result = torch.empty(len(series), len(biases))
    done = 0
    for turn, (dilation, count) in enumerate(zip(dilations.tolist(), per_dilation.tolist(), strict=True)):
        minus, triple = _taps(series, dilation)
        above = torch.empty(len(series), count, series.shape[2])
        for kernel in range(len(KERNELS)):
            output = _convolve(minus, triple, kernel, channel_sets[turn * len(KERNELS) + kernel])
            inside = 4 * dilation if (turn + kernel) % 2 else 0
            torch.gt(output[:, None, :], biases[done : done + count, None], out=above)
            seen = above[:, :, inside : above.shape[2] - inside]
            result[:, done : done + count] = seen.sum(dim=2) / seen.shape[2]
            done += count
    return result


def _taps(series: Tensor, dilation: int) -> tuple[Tensor, Tensor]:
    """Minus the sum of the nine shifted series ``(N, C, T)``, and three times each of them ``(N, C, 9, T)``.

    A kernel of weights -1 and 2 is minus the sum of all nine taps plus three times its own three.
    """
    padded = torch.nn.functional.pad(series, (4 * dilation, 4 * dilation))
    shifted = padded.unfold(2, series.shape[2], dilation)
    minus = -shifted[:, :, 4]
    for tap in (0, 1, 2, 3, 5, 6, 7, 8):
        minus = minus - shifted[:, :, tap]
    return minus, (3.0 * padded).unfold(2, series.shape[2], dilation)


def _convolve(minus: Tensor, triple: Tensor, kernel: int, channels: np.ndarray) -> Tensor:
    first, second, third = KERNELS[kernel]
    if len(channels) == 1:
        one = int(channels[0])
        return minus[:, one] + triple[:, one, first] + triple[:, one, second] + triple[:, one, third]
    chosen = torch.from_numpy(channels)
    parts = [minus[:, chosen], *(triple[:, chosen, tap] for tap in (first, second, third))]
    return sum((part.sum(dim=1) for part in parts[1:]), start=parts[0].sum(dim=1))


def _draw_channels(channels: int, n_dilations: int, seed: int) -> list[np.ndarray]:
    """Draw the channels of each pair of dilation and kernel; their number is log-uniform, at most nine."""
    random = np.random.RandomState(seed)  # the generator of the published program, for equal random numbers
    pairs = n_dilations * len(KERNELS)
    if channels == 1:
        return [np.zeros(1, dtype=np.int64)] * pairs
    numbers = (2.0 ** random.uniform(0.0, np.log2(min(channels, _MAX_CHANNELS) + 1), pairs)).astype(np.int64)
    return [random.choice(channels, size=number, replace=False) for number in numbers]


def _draw_biases(
    series: Tensor,
    dilations: np.ndarray,
    per_dilation: np.ndarray,
    channel_sets: list[np.ndarray],
    seed: int,
) -> np.ndarray:
    """Quantiles at multiples of the golden ratio, modulo 1, of each kernel's output on a training series."""
    random = np.random.RandomState(seed)  # restarted, as there
    total = len(KERNELS) * int(per_dilation.sum())
    quantiles = (np.arange(1, total + 1) * ((np.sqrt(5.0) + 1.0) / 2.0)) % 1.0
    biases = np.empty(total, dtype=np.float32)
    done = 0
    for turn, (dilation, count) in enumerate(zip(dilations.tolist(), per_dilation.tolist(), strict=True)):
        for kernel in range(len(KERNELS)):
            chosen = int(random.randint(len(series)))
            output = _convolve(
                *_taps(series[chosen : chosen + 1], dilation),
                kernel,
                channel_sets[turn * len(KERNELS) + kernel],
            )
            biases[done : done + count] = np.quantile(output.numpy(), quantiles[done : done + count])
            done += count
    return biases
