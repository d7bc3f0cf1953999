"""Scores of probabilities against the truth, by scikit-learn."""

import numpy as np

from img_repr.core.errors import ResultError


def score_probabilities(labels: np.ndarray, probabilities: np.ndarray, classes: tuple[str, ...]) -> dict[str, float]:
    """Accuracy, balanced accuracy, log loss and macro F1.

    A class that occurs in the test part only has probability zero and counts in every score.

    Parameters
    ----------
    labels : ndarray of str, shape (N,)
        The truth.
    probabilities : ndarray, shape (N, K)
        Of the classes in the order of ``classes``; rows sum to one.
    classes : tuple of str
        What the classifier knows.

    Raises
    ------
    ResultError
        If these are no probabilities of these samples.

    Examples
    --------
    >>> scores = score_probabilities(np.array(["a", "b"]), np.array([[0.9, 0.1], [0.6, 0.4]]), ("a", "b"))
    >>> {name: round(value, 3) for name, value in scores.items()}
    {'accuracy': 0.5, 'balanced_accuracy': 0.5, 'log_loss': 0.511, 'macro_f1': 0.333}
    """
    from sklearn.metrics import accuracy_score, f1_score, log_loss, recall_score

    values = check_probabilities(probabilities, len(labels), len(classes))
    everything = sorted({*classes, *labels.tolist()})
    spread = np.zeros((len(labels), len(everything)))
    spread[:, [everything.index(name) for name in classes]] = values
    predicted = np.asarray(classes)[values.argmax(axis=1)]
    present = np.unique(labels)
    loss = log_loss(labels, spread, labels=everything) if len(everything) > 1 else 0.0
    return {
        "accuracy": float(accuracy_score(labels, predicted)),
        "balanced_accuracy": float(recall_score(labels, predicted, labels=present, average="macro", zero_division=0)),
        "log_loss": float(loss),
        "macro_f1": float(
            f1_score(labels, predicted, labels=np.union1d(labels, predicted), average="macro", zero_division=0)
        ),
    }


def check_probabilities(probabilities: np.ndarray, samples: int, classes: int) -> np.ndarray:
    """Return float64 probabilities whose rows sum to exactly one.

    Raises
    ------
    ResultError
        If the shape is another, a value is not finite or negative, or a row is off by more than 0.001.
    """
    values = np.asarray(probabilities, dtype=np.float64)
    if values.shape != (samples, classes):
        raise ResultError(f"probabilities: expected shape {(samples, classes)}, got {values.shape}")
    if not np.isfinite(values).all() or values.min() < 0.0:
        raise ResultError("probabilities: expected finite values from 0 to 1, got others")
    sums = values.sum(axis=1, keepdims=True)
    if np.abs(sums - 1.0).max() > 1e-3:
        raise ResultError(
            f"probabilities: expected rows that sum to 1, got one that sums to "
            f"{sums.flat[np.abs(sums - 1).argmax()]:.4g}"
        )
    return np.asarray(values / sums)
