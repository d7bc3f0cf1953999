"""From the pixels of an image back to the bytes that they show."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from img_repr.core.errors import ParameterError, SampleError
from img_repr.core.metadata import ENCODERS
from img_repr.domains.binary.binary import Binary
from img_repr.domains.binary.images import Place
from img_repr.domains.binary.pieces import pieces_of
from img_repr.domains.binary.sample import check_binaries

MOST_HEAT = 1 << 27
"""Bytes of the largest binary that heat is carried back to: its weights, float64, are 1 GiB."""


def one_binary(sample: Any, caller: str) -> Binary:
    """Check that there is one sample, and return it."""
    batch = check_binaries(sample, caller=caller)
    if len(batch.binaries) != 1:
        raise SampleError(f"{caller}: expected one binary, got {len(batch.binaries)}")
    return batch.binaries[0]


def check_heat(caller: str, heat: np.ndarray, shape: tuple[int, ...], length: int) -> np.ndarray:
    """Check weights over an image ``(C, H, W)``, C may be left out where it is 1, and that bytes are not too many."""
    if length > MOST_HEAT:
        raise SampleError(
            f"{caller}: expected a binary of at most {MOST_HEAT} bytes to carry heat back to, got {length}; "
            "byte_ranges "
            "returns the bytes that a pixel covers"
        )
    if heat.shape != shape and (1, *heat.shape) != shape:
        raise ParameterError(f"{caller}: expected heat of shape {shape}, got {heat.shape}")
    return heat.reshape(shape)


def heat_on_bytes(binary: Binary, place: Place, heat: np.ndarray) -> np.ndarray:
    """Carry weights over pixels ``(H, W)`` to the bytes of a binary, float64 ``(L,)``; the sum is conserved.

    A pixel's heat is divided among its known bytes by their areas in it; that of pixels without any is divided among
    all bytes of the binary. Bytes that are not read get nothing else.
    """
    covered = place.layout.covered()
    if binary.known is not None:
        sums = place.layout.begin(1)
        for piece in pieces_of(binary, place.runs):
            place.layout.add(sums, piece.first, np.asarray(piece.known, np.float64))
        covered = place.layout.image(sums)[0]
    weights = np.divide(heat, covered, out=np.zeros_like(heat), where=covered > 0.0)
    back, at, spread = np.zeros(len(binary)), 0, place.layout.spread(weights)
    for start, stop in place.runs:
        back[start:stop] = spread[at : at + stop - start]
        at += stop - start
    if binary.known is not None:
        back *= np.asarray(binary.known, bool)
    back += heat[covered <= 0.0].sum() / len(back)
    return back


@dataclass(frozen=True)
class BackProjection:
    """The map from the pixels of an encoder back to bytes.

    Called as ``back(heat, sample, **parameters)`` it gives weights over the bytes of the sample, ``(L,)``, from the
    first that is meant; see :func:`heat_on_bytes`.

    Parameters
    ----------
    place_of
        ``place_of(length, **parameters)`` says where bytes stand; it takes of the encoder's parameters those that its
        signature names.
    """

    place_of: Callable[..., Place]

    @property
    def name(self) -> str:
        """Name of the encoder, which is that of its file."""
        return self.place_of.__module__.rpartition(".")[2]

    def place(self, sample: Any, given: Mapping[str, Any]) -> tuple[Binary, Place]:
        """Check a sample, and say where its bytes stand under an encoder's parameters."""
        name = self.name
        parameters = ENCODERS[name].defaults() | dict(given)
        binary = one_binary(sample, name)
        words = list(inspect.signature(self.place_of).parameters)[1:]
        return binary, self.place_of(len(binary), **{word: parameters[word] for word in words})

    def __call__(self, heat: np.ndarray, sample: Any, **given: Any) -> np.ndarray:
        """Carry ``(H, W)`` weights over an image to the bytes."""
        binary, place = self.place(sample, given)
        return heat_on_bytes(binary, place, check_heat(self.name, heat, (1, *place.layout.sides), len(binary))[0])
