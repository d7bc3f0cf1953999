"""RawView: how a domain plots one raw sample with weights on it, and how it masks a part of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from img_repr.core.domain import Domain
from img_repr.core.encoder import AbstractEncoder
from img_repr.core.registry import Registry

WEIGHT_COLORS = "cividis_r"
"""Matplotlib's colormap of weights: light where they are 0, dark where they are largest; safe for the color-blind."""


@dataclass(frozen=True)
class RawView:
    """One domain's view of its raw samples, for explanations.

    Parameters
    ----------
    domain : Domain
    axes
        ``axes(sample, encoder)`` returns the axes of weights over a sample by name with unit, in their order:
        ``{"frequency_hz": (H,), "time_s": (K,)}``. Their lengths are the shape of ``encoder.back_project``'s result.
    plot
        ``plot(axes, sample, encoder, weights)`` plots a sample into matplotlib axes, colored by weights in [0, 1] of
        that shape, or plain if ``weights`` is None.
    mask
        ``mask(sample, encoder, masked)`` returns a copy of a sample without the information in the masked part, a bool
        array of that shape.
    """

    domain: Domain
    axes: Callable[[Any, AbstractEncoder], Mapping[str, np.ndarray]]
    plot: Callable[[Any, Any, AbstractEncoder, np.ndarray | None], None]
    mask: Callable[[Any, AbstractEncoder, np.ndarray], Any]


RAW_VIEWS: Registry[RawView] = Registry("view of raw samples of a domain")


def register_raw_view(view: RawView) -> RawView:
    """Register the view of a domain and return it."""
    RAW_VIEWS.add(view.domain.name, view)
    return view
