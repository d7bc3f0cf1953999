"""Explanation: the evidence for one prediction, in the image and in the raw sample."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from img_repr.core.encoder import AbstractEncoder
from img_repr.core.raw_view import RAW_VIEWS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_STRONGEST = 20  # positions in the JSON


@dataclass(frozen=True, eq=False)
class Explanation:
    """The evidence for one output of a model, over the pixels of the image and over the raw sample.

    Parameters
    ----------
    name : str
        Name of the sample.
    sample
        The raw sample.
    encoders : tuple of AbstractEncoder
        The fitted encoders of the model.
    images : tuple of ndarray, shape (C, H, W)
        The sample's image by each encoder.
    heats : tuple of ndarray, shape (H, W) or (C, H, W)
        Evidence in the pixels of each image, signed, the mean of the networks of that encoder; empty for
        ``raw_occlusion``.
    weights : ndarray
        Evidence for the target over the raw sample, not negative, sum 1; all 0 if nothing speaks for it.
    axes : dict of str to ndarray
        Axes of ``weights`` by name with unit, in their order.
    predicted, target : str
        The prediction, and the class that is explained; for a regressor the predicted number, and ``"number"``.
    probability : float, or None
        Of ``target``; None for a regressor.
    method : str
    """

    name: str
    sample: Any
    encoders: tuple[AbstractEncoder, ...]
    images: tuple[np.ndarray, ...]
    heats: tuple[np.ndarray, ...]
    weights: np.ndarray
    axes: dict[str, np.ndarray]
    predicted: str
    target: str
    probability: float | None
    method: str

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Plot the raw sample, colored by its weights, and return the axes.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Default: axes of a new figure (``axes.figure.savefig`` writes it); the state of pyplot does not change.
        """
        if ax is None:
            from matplotlib.figure import Figure

            ax = Figure(figsize=(6.4, 3.6), layout="constrained").add_subplot()
        peak = float(self.weights.max(initial=0.0))
        domain = self.encoders[0].domain.name
        RAW_VIEWS[domain].plot(ax, self.sample, self.encoders[0], self.weights / (peak or 1.0))
        chance = "" if self.probability is None else f", probability {self.probability:.2f}"
        title = f"{self.name}: {self.target}{chance}\ndark speaks for it most ({self.method})"
        ax.set_title(title, fontsize=9, parse_math=False)
        return ax

    def strongest(self) -> list[dict[str, Any]]:
        """Return the positions with the largest weights, at most 20, the largest first: their axes and weight."""
        order = np.argsort(-self.weights, axis=None, kind="stable")[:_STRONGEST]
        rows = []
        for at in order:
            if self.weights.flat[at] > 0.0:
                places = np.unravel_index(at, self.weights.shape)
                found = {name: _plain(axis[i]) for (name, axis), i in zip(self.axes.items(), places, strict=True)}
                rows.append(found | {"weight": float(self.weights.flat[at])})
        return rows

    def to_dict(self) -> dict[str, Any]:
        """Return the explanation as JSON values, without images and weights; :meth:`arrays` has these."""
        return {
            "name": self.name,
            "domain": self.encoders[0].domain.name,
            "encoder": "|".join(encoder.name for encoder in self.encoders),
            "method": self.method,
            "predicted": self.predicted,
            "target": self.target,
            "probability": self.probability,
            "axes": {name: len(axis) for name, axis in self.axes.items()},
            "strongest": self.strongest(),
        }

    def arrays(self) -> dict[str, np.ndarray]:
        """Return weights, axes, images and heat maps by name, as ``numpy.savez`` takes them."""
        images = {f"image_{number}": image for number, image in enumerate(self.images)}
        heats = {f"heat_{number}": heat for number, heat in enumerate(self.heats)}
        return {"weights": self.weights, **{f"axis_{k}": v for k, v in self.axes.items()}, **images, **heats}


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
