"""Bigram image: how often each byte follows each other byte, anywhere in the file."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from img_repr.core.errors import DegenerateSampleWarning, ParameterError
from img_repr.core.metadata import ENCODERS, encoder
from img_repr.domains.binary.area import area_weights
from img_repr.domains.binary.back_projection import check_heat, one_binary
from img_repr.domains.binary.binary import Binary
from img_repr.domains.binary.counting import PairCounts
from img_repr.domains.binary.images import Unplaced, check_square, render_images
from img_repr.domains.binary.pieces import Runs, pieces_of, runs_of
from img_repr.domains.binary.sample import BINARY, BinaryBatch, check_binaries
from img_repr.domains.binary.views import SCALES, PairView, Scale, View, summed_pairs

_NAME = "bigram"


def _back_project(heat: np.ndarray, sample: Any, **given: Any) -> np.ndarray:
    parameters = ENCODERS[_NAME].defaults() | given
    binary, size = one_binary(sample, _NAME), check_square(_NAME, parameters["size"])
    runs = runs_of(_NAME, len(binary), parameters["max_bytes"])
    return heat_on_pairs(binary, runs, check_heat(_NAME, heat, (1, size, size), len(binary))[0])


def heat_on_pairs(binary: Binary, runs: Runs, heat: np.ndarray) -> np.ndarray:
    """Carry weights over the pixels of a bigram image ``(S, S)`` to the bytes, float64 ``(L,)``; the sum is conserved.

    A pixel's heat is divided among the pairs that it counts, and each pair's between its two bytes; that of pixels
    which count no pair is divided among all bytes.
    """
    pairs, back, at = PairCounts(1), np.zeros(len(binary)), 0
    for piece in pieces_of(binary, runs):
        pairs.add(piece.values, piece.known, piece.follows)
    counts = summed_pairs(pairs.counts, len(heat))[0]
    weights = np.divide(heat, counts, out=np.zeros_like(heat), where=counts > 0.0)
    if len(heat) != 256:
        fractions = area_weights(0, 256, 256, len(heat))[1]
        weights = fractions.T @ weights @ fractions
    half = np.asarray(weights).ravel() / 2.0
    starts = iter(runs)
    for piece in pieces_of(binary, runs):
        numbers, chosen = pairs.pairs_of(piece.values, piece.known, piece.follows)
        at = at if piece.follows else next(starts)[0]
        first = at - 1 if piece.follows else at
        each = half[numbers[0]] if chosen is None else half[numbers[0]] * chosen[0]
        back[first : first + len(each)] += each
        back[first + 1 : first + 1 + len(each)] += each
        at += piece.values.shape[1]
    back += heat[counts <= 0.0].sum() / len(back)
    return back


def warn_of_no_pair(batch: BinaryBatch) -> None:
    """Warn where a binary has not two neighboring bytes that are known."""
    blank = [number for number, one in enumerate(batch.binaries) if not _has_pair(one)]
    if blank:
        warnings.warn(
            f"{batch.caller}: {len(blank)} of {len(batch.binaries)} binaries (first: number {blank[0]}) have "
            "no two known "
            "bytes next to each other: their bigram image is blank",
            DegenerateSampleWarning,
            stacklevel=3,
        )


def _has_pair(binary: Binary) -> bool:
    if binary.known is None:
        return len(binary) > 1
    known = np.asarray(binary.known, bool)
    return bool(np.any(known[1:] & known[:-1]))


@encoder(
    BINARY,
    differentiable=False,
    untraceable="numpy.bincount over the pairs of bytes of a file",
    value_range=(0.0, 1.0),
    reference="Conti, Dean, Sinda & Sangster 2008, Visual Reverse Engineering of Binary and Data Files",
    back_project=_back_project,
)
def encode_bigram(
    binaries: Any,
    *,
    size: int = 256,
    scale: Scale = "log",
    max_bytes: int | None = None,
    dtype: Any = None,
    out: Any = None,
) -> Any:
    """Encode binaries as counts of pairs of neighboring bytes: first byte down, second byte to the right, 0x00 first.

    The image ignores position: it stays the same when blocks of the file are reordered. Machine code of one
    architecture, text of one language and data of one kind have one each, down to fragments of 4 KB.

    Parameters
    ----------
    binaries : bytes, uint8 array (L,) or (N, L), path, Binary, or a list of those
        numpy or torch. Files are read in constant memory. Pairs with an unknown byte are not counted.
    size : int
        Side of the image in pixels, 1 to 4096: 256 has a pixel for each pair, 64 separates the upper six bits of
        each byte; of any size a pixel counts the pairs in its area, by their fractions in it.
    scale : {"log", "sqrt", "markov"}
        ``log(1 + count) / log(1 + all pairs)``; the square root of the fraction of all pairs; or the fraction of the
        pairs with that first byte: the probability that the second follows.
    max_bytes : int, optional
        Most bytes to read of a file, as in :func:`encode_byteplot`. Default: all.
    dtype, out : optional
        As in :func:`encode_byteplot`.

    Returns
    -------
    ndarray or Tensor, shape (size, size) or (N, size, size)
        From 0 to 1. A binary of one byte has no pair: its image is 0 and warned of.

    Raises
    ------
    SampleError
        If the input is no binary, empty, or no plain file.
    DataError
        If a file cannot be read, or shrinks during the reading.
    ParameterError
        If a parameter is out of range.

    References
    ----------
    G. Conti, E. Dean, M. Sinda, B. Sangster: Visual Reverse Engineering of Binary and Data Files, VizSec 2008.

    Examples
    --------
    >>> from img_repr import encode_bigram
    >>> encode_bigram(bytes([0, 255] * 3), size=2, scale="markov")
    array([[0., 1.],
           [1., 0.]], dtype=float32)
    """
    batch = check_binaries(binaries, caller=_NAME)
    side = check_square(_NAME, size)
    if scale not in SCALES:
        raise ParameterError(f"{_NAME}: expected scale to be one of {', '.join(SCALES)}, got {scale!r}")
    warn_of_no_pair(batch)

    def views(layout: None, n: int, precise: bool) -> Sequence[View]:
        return [PairView(n, side, scale)]

    return render_images(
        batch,
        lambda length: Unplaced(runs_of(_NAME, length, max_bytes), side),
        views,
        value_range=(0.0, 1.0),
        dtype=dtype,
        out=out,
    )
