"""Band energies in double precision, block after block.

A transform in float32 rounds to some 1e-8 of the loudest frequency of a window. Where a band is brought up by its own
faintness, that is seen.
"""

from collections.abc import Iterator

from torch import Tensor

from img_repr.domains.audio.filterbank import Weights
from img_repr.domains.audio.fourier import band_energies
from img_repr.domains.audio.framing import Framing

_FRAMES_AT_ONCE = 512  # bounds the memory of an hour of sound


def exact_energies(
    waves: Tensor, framing: Framing, weights: Weights | None = None, *, power: float = 2.0
) -> Iterator[Tensor]:
    """Energy of each band in each window, as :func:`band_energies` gives it, computed in float64.

    Parameters
    ----------
    waves : Tensor, shape (m, T)
        Floats.
    framing, weights, power
        As :func:`band_energies` takes them.

    Yields
    ------
    Tensor, shape (m, H, n)
        The next windows, float64, on the same device.

    Examples
    --------
    >>> import torch
    >>> blocks = list(exact_energies(torch.ones(1, 10_000), Framing(16, 16, 10, 100)))
    >>> [tuple(block.shape) for block in blocks]
    [(1, 9, 512), (1, 9, 489)]
    """
    hop = framing.hop_length
    margin = -(-(framing.n_fft // 2) // hop)  # windows reach back over so many hops
    for start in range(0, framing.count(waves.shape[-1]), _FRAMES_AT_ONCE):
        first = max(0, start - margin)
        piece = waves[:, first * hop : (start + _FRAMES_AT_ONCE - 1) * hop + framing.n_fft]
        energies = band_energies(piece.double(), framing, weights, power=power)
        yield energies[..., start - first : start - first + _FRAMES_AT_ONCE]
