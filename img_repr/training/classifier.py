"""ImageClassifier: encoders and a CNN as a classifier of raw samples."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from sklearn.base import ClassifierMixin
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from torch import Tensor

from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError
from img_repr.core.splits.split import check_count
from img_repr.training.estimator import ImageEstimator
from img_repr.training.plots import plot_confusion, plot_predictions
from img_repr.training.samples import as_dataset
from img_repr.training.task import Classification, Task

_TEMPERATURES = np.geomspace(0.25, 8.0, 81)
_LABEL_KINDS = {"U": "str", "S": "str", "O": "str", "i": "int", "u": "int", "f": "float", "b": "bool"}
_FROM_TEXT: dict[str, Callable[[str], Any]] = {
    "str": str,
    "int": int,
    "float": float,
    "bool": lambda text: text == "True",
}


class ImageClassifier(ClassifierMixin, ImageEstimator):  # type: ignore[misc]
    """Classify raw samples by images of them; a scikit-learn estimator.

    Parameters
    ----------
    encoder : str, AbstractEncoder, or a sequence of these
        A name (``"gadf"``; ``"a+b"``: channels of one image; ``"a|b"``: a network each) or a result of ``get_encoder``.
        Encoders are fitted to the training part in ``fit``. Each of several encoders has its own network; their
        probabilities are averaged.
    size : int, optional
        Side of the images in pixels. Default: 64 for names, else the size of the encoder.
    backbone : str or torch.nn.Module
        ``"small"``, a network of torchvision, a registered name, or a module, which is fine-tuned from its weights.
    weights : str or Path, optional
        ``"imagenet"`` or a file; ``"random"`` if the weights of a module are not pretrained.
    epochs, min_steps : int, optional
        ``epochs`` is the exact number of epochs. Default: 30, or more for 250 optimizer steps.
    dropout, freeze_epochs, freeze_norm, batch_size, learning_rate, fine_tune_rate, lr_mult, pct_start, weight_decay, \
    grad_accum_steps, grad_clip, compile, augment, center_below, mixup, label_smoothing, \
    ema_decay, class_weight, validation_fraction, patience, n_members, tta
        See :class:`img_repr.training.config.TrainConfig`.
    infer_parameters : bool
        Set encoder parameters without a value by the samples (missing values, sample rate), as the command line does.
    seed : int
        Decides weights, order and every augmentation.
    device : str or torch.device, optional
        Default: the GPU if there is one.
    listeners : sequence of Listener
        Called with each event of each network's training, see `img_repr.training.events`.

    Attributes
    ----------
    classes_ : ndarray, shape (K,)
        Labels in the order of the columns of ``predict_proba``.
    encoders_ : tuple of AbstractEncoder
        The fitted encoders.
    members_ : list of Trainer
        One network for each encoder and member.
    temperature_ : float
        Divides logits to calibrate probabilities; fitted to the validation parts.
    cost_, record_ : dict
        Parameters, bytes per image; weights, epochs, validation, temperature.
    n_features_in_, feature_names_in_
        Columns of the training samples if they were a matrix or a data frame.

    Examples
    --------
    >>> from img_repr import ImageClassifier, load_dataset
    >>> data = load_dataset("gunpoint").subset(range(20))
    >>> model = ImageClassifier("gadf", size=16, epochs=1, min_steps=1).fit(data.samples, data.labels)
    >>> model.predict_proba(data.samples[:3]).shape, model.classes_.tolist()
    ((3, 2), ['1', '2'])
    """

    _kind, _caller = "classifier", "image classifier"

    @property
    def classes(self) -> tuple[str, ...]:
        """Labels as text, in the order of ``classes_``; empty before ``fit``."""
        return tuple(map(str, getattr(self, "classes_", ())))

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable class of each sample, ``(N,)``."""
        self._expect_fit("predict")
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the mean of the networks' probabilities, float64 ``(N, K)``, columns in the order of ``classes_``.

        Parameters
        ----------
        X : array, Tensor, list of samples, DataFrame, path, list of paths, or Dataset
            N samples; their labels are ignored.
        """
        self._expect_fit("predict_proba")
        tta = self.config.tta
        probabilities = [
            member.predict_proba(images, temperature=self.temperature_, tta=tta) for member, images in self._sources(X)
        ]
        return np.asarray(np.mean(probabilities, axis=0))

    def score(self, X: Any, y: Any = None) -> float:
        """Return the accuracy; ``y`` defaults to the labels of X."""
        self._expect_fit("score")
        data = as_dataset(X, y, None, domain=self._domain, caller=self._caller)
        truth = data.known_labels
        predicted = self.predict(X if y is not None else data.samples)
        if truth.dtype.kind != predicted.dtype.kind:
            truth, predicted = truth.astype(str), predicted.astype(str)
        return float(np.mean(predicted == truth))

    def top_losses(self, X: Any, y: Any = None, count: int = 9) -> list[dict[str, Any]]:
        """Return the samples with the largest losses, the largest first.

        Parameters
        ----------
        X, y
            Labeled samples, as ``score`` takes them.
        count : int
            At most so many.

        Returns
        -------
        list of dict
            ``position`` in X, ``name`` (of a file, if known), ``label``, ``predicted``, ``probability`` of the label,
            ``loss`` (minus its logarithm; infinite for a label that the model does not know).

        Examples
        --------
        >>> from img_repr import ImageClassifier, load_dataset
        >>> data = load_dataset("gunpoint").subset(range(30))
        >>> model = ImageClassifier("gadf", size=8, epochs=1, min_steps=1).fit(data)
        >>> (worst,) = model.top_losses(data, count=1)
        >>> sorted(worst)
        ['label', 'loss', 'name', 'position', 'predicted', 'probability']
        """
        check_count(self._caller, "count", count)
        return self._examined(X, y)[2][:count]

    def show_results(self, X: Any, y: Any = None, count: int = 9, *, worst: bool = False) -> Any:
        """Return a matplotlib figure of images with label and prediction: evenly spaced samples, or the worst first.

        See :meth:`top_losses` for the parameters.
        """
        check_count(self._caller, "count", count)
        data, _, rows = self._examined(X, y)
        if not worst:
            chosen = set(np.linspace(0, len(rows) - 1, min(count, len(rows))).round().astype(int).tolist())
            rows = [row for row in sorted(rows, key=lambda row: row["position"]) if row["position"] in chosen]
        rows = rows[:count]
        titles = [f"{row['label']}, found {row['predicted']}\nprobability {row['probability']:.2f}" for row in rows]
        return plot_predictions(self.encoders[0], data.samples, [row["position"] for row in rows], titles)

    def plot_confusion(self, X: Any, y: Any = None, ax: Any = None) -> Any:
        """Plot the confusion matrix of labeled samples; return matplotlib axes, by default of a new figure."""
        data, probabilities, _ = self._examined(X, y)
        predicted = np.array(self.classes)[probabilities.argmax(axis=1)]
        return plot_confusion(data.known_labels, predicted, self.classes, ax)

    def _examined(self, X: Any, y: Any) -> tuple[Dataset, np.ndarray, list[dict[str, Any]]]:
        """Return the data, their probabilities, and a row for each sample, by falling loss."""
        self._expect_fit("predict")
        data = as_dataset(X, y, None, domain=self._domain, caller=self._caller)
        labels, probabilities = data.known_labels.astype(str), self.predict_proba(data)
        place = {name: number for number, name in enumerate(self.classes)}
        rows = []
        for position, (label, row) in enumerate(zip(labels, probabilities, strict=True)):
            own = float(row[place[label]]) if label in place else 0.0
            rows.append({
                "position": position,
                "name": "" if data.names is None else str(data.names[position]),
                "label": str(label),
                "predicted": self.classes[int(row.argmax())],
                "probability": own,
                "loss": -math.log(own) if own > 0.0 else math.inf,
            })  # fmt: skip
        return data, probabilities, sorted(rows, key=lambda row: -row["loss"])

    def _target(self, train: Dataset) -> tuple[np.ndarray, Task]:
        labels = train.known_labels
        try:
            labels = column_or_1d(labels, warn=True)
            check_classification_targets(labels)
            classes, targets = np.unique(labels, return_inverse=True)
        except (ValueError, TypeError) as error:
            raise DataError(f"{train.name}: {' '.join(str(error).split())}") from error
        if len(classes) < 2:
            raise DataError(f"{train.name}: expected at least two classes to train on, got one class, {classes[0]}")
        self.classes_ = classes
        return targets.astype(np.int64), Classification(len(classes))

    def _calibrate(self, logits: list[Tensor], truth: list[np.ndarray]) -> None:
        known = torch.from_numpy(np.concatenate(truth)) if truth else torch.zeros(0)
        self.temperature_ = fit_temperature(torch.cat(logits), known) if logits else 1.0

    def _calibration(self) -> dict[str, Any]:
        return {"temperature": self.temperature_}

    def _record_of_kind(self) -> dict[str, Any]:
        return {
            "classes": list(self.classes),
            "label_type": _LABEL_KINDS[self.classes_.dtype.kind],
            "temperature": self.temperature_,
        }

    def _restore_kind(self, record: dict[str, Any]) -> None:
        self.classes_ = np.array([_FROM_TEXT[record["label_type"]](text) for text in record["classes"]])
        self.temperature_ = float(record["temperature"])


def fit_temperature(logits: Tensor, truth: Tensor) -> float:
    """Return the temperature that maximizes the likelihood of held-out samples, from 1/4 to 8.

    C. Guo et al. 2017, arXiv:1706.04599. One pseudo-sample with equal weight for all classes prevents certainty from a
    few samples that are all classified correctly.
    """
    losses = []
    for temperature in _TEMPERATURES:
        logs = (logits.double() / temperature).log_softmax(dim=1)
        losses.append(float(-logs.gather(1, truth[:, None]).sum() - logs.mean(dim=1).mean()))
    return float(_TEMPERATURES[int(np.argmin(losses))])
