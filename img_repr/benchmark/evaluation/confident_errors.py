"""Errors of a contender: its confusion matrix, and the errors that it is most confident of."""

from dataclasses import dataclass

import numpy as np

from img_repr.benchmark.evaluation.score import Score

SHOWN_CLASSES = 12  # a wider matrix cannot be read on a page: its most frequent confusions are listed instead


@dataclass(frozen=True)
class Confusion:
    """Mean number of test samples of each true class (rows) that were given to each class (columns)."""

    classes: tuple[str, ...]
    counts: np.ndarray
    runs: int

    @property
    def fractions(self) -> np.ndarray:
        """Counts over their row's sum; an empty row stays zero."""
        sums = self.counts.sum(axis=1, keepdims=True)
        return np.asarray(np.divide(self.counts, sums, out=np.zeros_like(self.counts), where=sums > 0))

    @property
    def readable(self) -> bool:
        """Whether the whole matrix can be shown."""
        return len(self.classes) <= SHOWN_CLASSES

    def most_frequent(self, count: int = 10) -> list[tuple[str, str, float, float]]:
        """List true class, predicted class, mean count, fraction of the true class; the most frequent first."""
        wrong = self.counts * (1 - np.eye(len(self.classes)))
        order = np.argsort(-wrong, axis=None, kind="stable")[:count]
        pairs = [(int(place) // len(self.classes), int(place) % len(self.classes)) for place in order]
        fractions = self.fractions
        return [
            (self.classes[row], self.classes[column], float(wrong[row, column]), float(fractions[row, column]))
            for row, column in pairs
            if wrong[row, column] > 0
        ]


@dataclass(frozen=True)
class ConfidentError:
    """Position of a test sample in the data set, true and predicted class, and probability of the latter."""

    index: int
    truth: str
    predicted: str
    probability: float


def confusion(score: Score) -> Confusion:
    """Mean confusion matrix over all splits and seeds of a contender."""
    runs = score.good
    classes = sorted(
        {str(name) for record in runs for key in ("classes", "labels") for name in np.unique(record.predictions[key])}
    )
    place = {name: number for number, name in enumerate(classes)}
    counts = np.zeros((len(classes), len(classes)))
    for record in runs:
        truths, guesses = record.predictions["labels"][record.scored_rows], record.predicted[record.scored_rows]
        for truth, guess in zip(truths, guesses, strict=True):
            counts[place[str(truth)], place[str(guess)]] += 1
    return Confusion(tuple(classes), counts / len(runs), len(runs))


def most_confident_errors(score: Score, count: int = 6) -> list[ConfidentError]:
    """Return the most confident errors on the first split, by the probability averaged over its seeds."""
    records = next(iter(score.by_split.values()))
    first = records[0].predictions
    mean = np.mean([record.predictions["probabilities"] for record in records], axis=0)
    guesses, confidence = first["classes"][mean.argmax(axis=1)], mean.max(axis=1)
    wrong = records[0].scored_rows[guesses[records[0].scored_rows] != first["labels"][records[0].scored_rows]]
    chosen = wrong[np.argsort(-confidence[wrong], kind="stable")][:count]
    return [
        ConfidentError(int(first["indices"][row]), str(first["labels"][row]), str(guesses[row]), float(confidence[row]))
        for row in chosen
    ]
