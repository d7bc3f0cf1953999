"""Plots of a trained model, for notebooks: each returns matplotlib axes, and the state of pyplot does not change."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from img_repr.core.dataset import take
from img_repr.core.encoder import AbstractEncoder

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SIDE_IN = 1.9


def plot_history(history: Sequence[dict[str, Any]], ax: "Axes | None" = None) -> "Axes":
    """Plot the training and validation loss of each epoch; phases are separated by lines.

    Parameters
    ----------
    history : sequence of dict
        Rows of :attr:`img_repr.training.trainer.Trainer.history`.
    ax : matplotlib.axes.Axes, optional
        Default: axes of a new figure.
    """
    from matplotlib.ticker import MaxNLocator

    ax = ax or _new_axes()
    epochs = np.arange(1, len(history) + 1)
    for name, label, style in (("loss", "training", "-o"), ("valid_loss", "validation", "--s")):
        values = [row.get(name, float("nan")) for row in history]
        if np.isfinite(values).any():
            ax.plot(epochs, values, style, markersize=4, label=label)
    phases = [row["phase"] for row in history]
    for number in range(1, len(phases)):
        if phases[number] != phases[number - 1]:
            ax.axvline(number + 0.5, color="0.7", linewidth=0.8)
    ax.set(xlabel="epoch", ylabel="loss")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.legend()
    return ax


def plot_confusion(
    truth: np.ndarray, predicted: np.ndarray, classes: Sequence[str], ax: "Axes | None" = None
) -> "Axes":
    """Plot how many samples of each class were predicted as each class, by scikit-learn."""
    from sklearn.metrics import ConfusionMatrixDisplay, confusion_matrix

    side = min(12.0, 2.4 + 0.35 * len(classes))
    ax = ax or _new_axes(side + 0.6, side)
    counts = confusion_matrix(truth.astype(str), predicted.astype(str), labels=list(classes))
    shown = ConfusionMatrixDisplay(counts, display_labels=classes)
    shown.plot(ax=ax, cmap="cividis", xticks_rotation=45 if len(classes) > 2 else 0, include_values=len(classes) <= 30)
    return ax


def plot_predictions(
    encoder: AbstractEncoder, samples: Any, positions: Sequence[int], titles: Sequence[str]
) -> "Figure":
    """Plot the images of some samples under titles."""
    from matplotlib.figure import Figure

    columns = min(4, len(positions))
    rows = -(-len(positions) // columns)
    figure = Figure(figsize=(_SIDE_IN * columns, (_SIDE_IN + 0.25) * rows), layout="constrained")
    images = np.asarray(encoder(take(samples, np.asarray(positions))))
    for place, (image, title) in enumerate(zip(images, titles, strict=True), start=1):
        axes = figure.add_subplot(rows, columns, place)
        axes.imshow(image.transpose(1, 2, 0) if len(image) == 3 else image[0], cmap="viridis", vmin=0, vmax=1)
        axes.set_title(title, fontsize=8, parse_math=False)
        axes.set_axis_off()
    return figure


def _new_axes(width: float = 6.0, height: float = 3.5) -> "Axes":
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained").add_subplot()
