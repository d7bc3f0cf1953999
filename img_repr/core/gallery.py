"""A grid of the images of some samples, to inspect before training."""

import math
from typing import TYPE_CHECKING

import numpy as np

from img_repr.core.dataset import Dataset
from img_repr.core.encoder import AbstractEncoder
from img_repr.core.errors import ParameterError
from img_repr.core.naming import encoders_for, infer_parameters
from img_repr.core.numbers import is_integer

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SIDE_IN = 1.6  # of one image with its title
_LARGEST = 400  # images


def show(dataset: Dataset, encoder: AbstractEncoder | None = None, *, count: int = 9) -> "Figure":
    """Return a figure with the images of some samples, evenly spaced over the data set, under their labels.

    Parameters
    ----------
    dataset : Dataset
    encoder : AbstractEncoder, optional
        Default: the domain's own at 64 pixels. Parameters that were not set are inferred from the samples, as in
        training.
    count : int
        Images, at most 400.

    Returns
    -------
    matplotlib.figure.Figure
        ``figure.savefig("samples.png")`` writes it. Unless an image has 3 channels, its first channel is shown.

    Raises
    ------
    ParameterError
        If ``count`` is out of range, or the encoder is of another domain.

    Examples
    --------
    >>> from img_repr import load_dataset, show
    >>> len(show(load_dataset("gunpoint"), count=4).axes)
    4
    """
    if not is_integer(count, 1, _LARGEST):
        raise ParameterError(f"show: expected count from 1 to {_LARGEST}, got {count!r}")
    if encoder is not None and encoder.domain.name != dataset.domain.name:
        raise ParameterError(f"show: expected an encoder for {dataset.domain.name}, got {encoder.name}")
    from matplotlib.figure import Figure

    chosen = np.unique(np.linspace(0, len(dataset) - 1, min(count, len(dataset))).round().astype(int))
    (made,) = encoders_for(dataset, size=64) if encoder is None else infer_parameters([encoder], dataset)
    images = np.asarray(made.fit(dataset.samples)(dataset.take(chosen)))
    columns = math.ceil(math.sqrt(len(chosen)))
    rows = math.ceil(len(chosen) / columns)
    figure = Figure(figsize=(_SIDE_IN * columns, _SIDE_IN * rows), layout="constrained")
    for place, (number, image) in enumerate(zip(chosen, images, strict=True), start=1):
        axes = figure.add_subplot(rows, columns, place)
        axes.imshow(image.transpose(1, 2, 0) if len(image) == 3 else image[0], cmap="viridis", vmin=0, vmax=1)
        label = str(number) if dataset.labels is None else str(dataset.labels[number])
        axes.set_title(label, fontsize=8, parse_math=False)
        axes.set_axis_off()
    return figure
