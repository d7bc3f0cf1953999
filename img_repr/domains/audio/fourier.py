"""The short-time Fourier transform, in pieces that stay in a core's cache, straight into bands."""

import threading
from collections.abc import Iterator

import torch
from torch import Tensor

from img_repr.domains.audio.filterbank import Weights
from img_repr.domains.audio.framing import Framing

_kept = threading.local()
_BYTES_IN_CACHE = 1 << 20  # of windows that are transformed together: their spectra stay in the cache
_FRAMES_AT_ONCE = 512  # windows whose bands are gathered by one matrix product each


def band_energies(waves: Tensor, framing: Framing, weights: Weights | None = None, *, power: float = 2.0) -> Tensor:
    """Energy of each band in each window.

    Parameters
    ----------
    waves : Tensor, shape (m, T)
        Floats.
    framing : Framing
    weights : Weights, optional
        Fraction of each frequency in each of H bands. Default: every frequency is a band.
    power : {2.0, 1.0}
        Squared magnitudes, or magnitudes.

    Returns
    -------
    Tensor, shape (m, H, K)
        Same dtype and device.

    Examples
    --------
    >>> import torch
    >>> band_energies(torch.ones(1, 100), Framing(16, 16, 10, 100)).shape
    torch.Size([1, 9, 11])
    """
    count = framing.count(waves.shape[-1])
    side = framing.n_fft // 2
    window = framing.window(waves)
    windows = torch.nn.functional.pad(waves, (side, side)).unfold(-1, framing.n_fft, framing.hop_length)[:, :count]
    if waves.device.type != "cpu" or waves.requires_grad or torch.compiler.is_compiling():
        parts = torch.view_as_real(torch.fft.rfft(windows * window, dim=-1)).square().sum(dim=-1)
        if power == 1.0:
            parts = torch.where(parts > 0, torch.where(parts > 0, parts, 1.0).sqrt(), 0.0)  # no infinite gradient
        return (parts if weights is None else parts @ weights.like(waves)).transpose(-1, -2)
    return _in_pieces(windows, window, weights, power)


def _in_pieces(windows: Tensor, window: Tensor, weights: Weights | None, power: float) -> Tensor:
    """Do the same work in buffers that are used again."""
    rows, count, n_fft = windows.shape
    bins = n_fft // 2 + 1
    made = window.new_empty(rows, bins if weights is None else len(weights.filters), count)
    shaped, spectra, energies = _scratch(n_fft, window.dtype)
    in_cache = shaped.shape[0]
    for row in range(rows):
        for start in range(0, count, _FRAMES_AT_ONCE):
            end = min(start + _FRAMES_AT_ONCE, count)
            for first in range(start, end, in_cache):
                size = min(in_cache, end - first)
                torch.mul(windows[row, first : first + size], window, out=shaped[:size])
                torch.fft.rfft(shaped[:size], dim=-1, out=spectra[:size])
                squares = torch.view_as_real(spectra[:size]).square_()
                torch.add(squares[..., 0], squares[..., 1], out=energies[first - start : first - start + size])
            found, target = energies[: end - start], made[row, :, start:end]
            if power == 1.0:
                found.sqrt_()
            if weights is None:
                target.copy_(found.T)
            else:
                weights.gather(found, target)
    return made


def _scratch(n_fft: int, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """Return this thread's buffers; fresh memory for each clip would cost a fifth of the whole time."""
    if getattr(_kept, "key", None) != (n_fft, dtype):
        _kept.key = (n_fft, dtype)
        at_once = max(1, min(_FRAMES_AT_ONCE, _BYTES_IN_CACHE // (n_fft * dtype.itemsize)))
        with torch.inference_mode(False):  # kept buffers must also serve outside of it
            _kept.buffers = (
                torch.empty(at_once, n_fft, dtype=dtype),
                torch.empty(at_once, n_fft // 2 + 1, dtype=dtype.to_complex()),
                torch.empty(_FRAMES_AT_ONCE, n_fft // 2 + 1, dtype=dtype),
            )
    buffers: tuple[Tensor, Tensor, Tensor] = _kept.buffers
    return buffers


_EXACT_AT_ONCE = 512  # bounds the memory of an hour of sound


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
    for start in range(0, framing.count(waves.shape[-1]), _EXACT_AT_ONCE):
        first = max(0, start - margin)
        piece = waves[:, first * hop : (start + _EXACT_AT_ONCE - 1) * hop + framing.n_fft]
        energies = band_energies(piece.double(), framing, weights, power=power)
        yield energies[..., start - first : start - first + _EXACT_AT_ONCE]
