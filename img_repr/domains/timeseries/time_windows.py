"""Windows in time: resampling of the T values of a series to the S pixels of a side, and back.

Down (S <= T) a pixel is the mean over a window, piecewise aggregate approximation (PAA); the bounds are those of
pyts, so that images are equal to pyts' to the last window. Up (S > T) a pixel is interpolated linearly between two
values, as in bilinear interpolation (half-pixel centers, ends held).
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Windows:
    """Windows of a batch of rows.

    Parameters
    ----------
    starts, ends : ndarray of int64, shape (M, S)
        Window ``s`` of row ``m`` holds the values ``starts[m, s]`` to ``ends[m, s]`` (excluded); one row serves all
        where ``M`` is 1.
    lengths : ndarray of int64, shape (M,)
        Valid lengths of the rows.
    """

    starts: np.ndarray
    ends: np.ndarray
    lengths: np.ndarray

    @classmethod
    def of(cls, lengths: np.ndarray, size: int, *, overlapping: bool = False) -> "Windows":
        """Cut rows of the given lengths into ``size`` windows, with the bounds of ``pyts.utils.segmentation``.

        Parameters
        ----------
        lengths : ndarray of int64, shape (M,)
            Windows of rows shorter than ``size`` are not used: these rows are interpolated, see :meth:`means`.
        size : int
            Number of windows.
        overlapping : bool
            If a length is not a multiple of ``size``, use overlapping windows of one width instead of neighboring
            windows whose widths differ by one.

        Examples
        --------
        >>> import numpy as np
        >>> Windows.of(np.array([16]), 5).ends - Windows.of(np.array([16]), 5).starts
        array([[3, 3, 3, 3, 4]])
        """
        distinct, back = np.unique(lengths, return_inverse=True)
        bounds = np.array([_bounds(int(length), size, overlapping) for length in distinct])
        starts, ends = bounds[:, 0], bounds[:, 1]
        if len(distinct) > 1:
            starts, ends = starts[back], ends[back]
        return cls(starts, ends, lengths)

    @property
    def size(self) -> int:
        """Number of windows."""
        return int(self.starts.shape[1])

    def means(self, values: Tensor) -> Tensor:
        """Means of rows ``(M, T)`` over the windows, ``(M, S)``; rows shorter than S are interpolated.

        Sums are differences of running sums, so scale values first: they should lie around zero, and their variation
        should not be small compared with their size.
        """
        size = self.size
        if (self.lengths == size).all() and values.shape[1] == size:
            return values
        short = self.lengths < size
        means = None
        if not short.all():
            sums = torch.nn.functional.pad(values.cumsum(dim=1), (1, 0))
            starts, ends = self._on(values, self.starts), self._on(values, self.ends)
            means = (sums.gather(1, ends) - sums.gather(1, starts)) / (ends - starts).clamp_min(
                1
            )  # a stretched row has empty windows
        if not short.any():
            assert means is not None
            return means
        stretched = self._stretch(values)
        if means is None:
            return stretched
        return torch.where(torch.from_numpy(short).to(values.device)[:, None], stretched, means)

    def histogram(self, bins: Tensor, n_bins: int) -> Tensor:
        """Fraction of each bin among the values of each window: ``bins`` (M, T) int64 to float64 ``(M, S, n_bins)``."""
        neighbors = (self.starts[:, 1:] == self.ends[:, :-1]).all() and (self.ends > self.starts).all()
        if not neighbors or len(self.starts) > 1 or (self.lengths != bins.shape[1]).any():
            counts = torch.nn.functional.one_hot(bins, n_bins).to(torch.float64)
            return torch.stack([self.means(counts[..., one]) for one in range(n_bins)], dim=-1)
        widths = torch.from_numpy(self.ends[0] - self.starts[0]).to(bins.device)
        positions = torch.from_numpy(np.repeat(np.arange(self.size), self.ends[0] - self.starts[0])).to(bins.device)
        counts = torch.zeros(bins.shape[0], self.size * n_bins, dtype=torch.float64, device=bins.device)
        counts.scatter_add_(1, positions * n_bins + bins, counts.new_ones(()).expand(bins.shape))
        return counts.view(-1, self.size, n_bins) / widths[:, None]

    def spread(self, weights: np.ndarray) -> np.ndarray:
        """Project weights over the S pixels of a single row back to its T values: the adjoint of ``means``.

        Each window's weight is divided equally among its values, each interpolated pixel's between its two values; the
        sum is conserved.
        """
        length, size = int(self.lengths[0]), self.size
        result = np.zeros(length)
        if length < size:
            left, right, fraction = _stretching(length, size)
            np.add.at(result, left, weights * (1.0 - fraction))
            np.add.at(result, right, weights * fraction)
            return result
        steps = np.zeros(length + 1)
        density = weights / (self.ends[0] - self.starts[0])
        np.add.at(steps, self.starts[0], density)
        np.add.at(steps, self.ends[0], -density)
        return np.cumsum(steps)[:-1]

    def _on(self, values: Tensor, bounds: np.ndarray) -> Tensor:
        return (
            torch.from_numpy(bounds).to(values.device).expand(values.shape[0], -1)
        )  # len() would fix a symbolic count

    def _stretch(self, values: Tensor) -> Tensor:
        distinct, back = np.unique(self.lengths, return_inverse=True)
        left, right, fraction = (
            np.array(part) for part in zip(*[_stretching(int(n), self.size) for n in distinct], strict=True)
        )
        if len(distinct) > 1:
            left, right, fraction = left[back], right[back], fraction[back]
        low, high = values.gather(1, self._on(values, left)), values.gather(1, self._on(values, right))
        return torch.lerp(low, high, self._on(values, fraction))


def _bounds(length: int, size: int, overlapping: bool) -> tuple[np.ndarray, np.ndarray]:
    width = -(-length // size)
    if overlapping and length % size and length > size:
        starts = np.arange(size) * width - np.linspace(0, size * width - length, size).astype(np.int64)
        return starts, starts + width
    bounds = np.linspace(0, length, size + 1).astype(np.int64)  # in floating point, as pyts has it
    return bounds[:-1], bounds[1:]


def _stretching(length: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Left and right neighbor of each of ``size`` > ``length`` pixels, and the weight of the right one."""
    position = np.clip((np.arange(size) + 0.5) * length / size - 0.5, 0, length - 1)
    left = np.floor(position).astype(np.int64)
    return left, np.minimum(left + 1, length - 1), position - left
