"""Predictions of many files: read, encoded and predicted a batch at a time, in constant memory."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError, ImgReprError, SampleError
from img_repr.core.loader import load_dataset
from img_repr.training.classifier import ImageClassifier

BATCH_SIZE = 256  # samples in memory


@dataclass(frozen=True)
class Prediction:
    """Prediction of one sample, or the error that it ended with.

    Parameters
    ----------
    source, sample : str
        The file or folder, and the name of the sample in it.
    label : str
        Most probable class; empty with an error.
    probabilities : tuple of float
        In the order of the model's classes; empty with an error.
    error : str
        Message; empty for a prediction.
    """

    source: str
    sample: str
    label: str = ""
    probabilities: tuple[float, ...] = ()
    error: str = ""


def predict_sources(
    model: ImageClassifier,
    sources: Sequence[str],
    *,
    options: Mapping[str, Any] | None = None,
    labeled: bool = False,
    keep_errors: bool = False,
    on_dataset: Callable[[str, Dataset], None] | None = None,
    on_source: Callable[[int], None] | None = None,
) -> Iterator[list[Prediction]]:
    """Yield the predictions of files and folders in their order, up to 256 at a time.

    Samples of several small files are predicted together. Sounds are read when they are predicted.

    Parameters
    ----------
    model : ImageClassifier
        Fitted.
    sources : sequence of str
        Paths that ``load_dataset`` reads.
    options : mapping, optional
        Options of ``load_dataset``.
    labeled : bool
        Whether the options name a column of labels, which is then no feature.
    keep_errors : bool
        Yield a prediction with an error for what cannot be read or encoded, instead of raising it.
    on_dataset, on_source : callable, optional
        Called with each data set that was read, and with 1 after each source.

    Raises
    ------
    ImgReprError
        If a source cannot be read or a sample cannot be encoded, unless ``keep_errors``.

    Examples
    --------
    >>> from img_repr import load_dataset
    >>> data = load_dataset("gunpoint").subset(range(20))
    >>> model = ImageClassifier("gadf", size=16, epochs=1, min_steps=1).fit(data)
    >>> [len(batch) for batch in predict_sources(model, ["gunpoint"])]
    [200]
    """
    expected = model.encoders[0].domain
    waiting: list[tuple[str, str, Any]] = []
    for source in sources:
        try:
            dataset = load_dataset(
                source, **({"lazy": True, "labeled": labeled, "columns": model.columns} | dict(options or {}))
            )
            if dataset.domain.name != expected.name:
                raise DataError(f"{source}: expected {expected.name} as the model, got {dataset.domain.name}")
        except ImgReprError as error:
            if not keep_errors:
                raise
            yield from _predicted(model, waiting, keep_errors)
            waiting = []
            yield [Prediction(source, "", error=str(error))]
            _call(on_source, 1)
            continue
        if on_dataset is not None:
            on_dataset(source, dataset)
        for number in range(len(dataset)):
            name = str(number if dataset.names is None else dataset.names[number])
            waiting.append((source, name, dataset.samples[number]))
            if len(waiting) == BATCH_SIZE:
                yield from _predicted(model, waiting, keep_errors)
                waiting = []
        _call(on_source, 1)
    yield from _predicted(model, waiting, keep_errors)


def _predicted(
    model: ImageClassifier, waiting: list[tuple[str, str, Any]], keep_errors: bool
) -> Iterator[list[Prediction]]:
    """Yield the predictions of samples that were read, as one batch if there are any."""
    if not waiting:
        return
    try:
        found = model.predict_proba([sample for _, _, sample in waiting])
    except ImgReprError as error:
        if not keep_errors:
            where = sorted({source for source, _, _ in waiting})
            raise SampleError(f"{where[0]}: {error}" if len(where) == 1 else f"{_culprit(model, waiting)}") from error
        yield [one for each in waiting for one in _alone(model, each)]
        return
    yield [_of(model, each, row) for each, row in zip(waiting, found, strict=True)]


def _alone(model: ImageClassifier, each: tuple[str, str, Any]) -> list[Prediction]:
    try:
        return [_of(model, each, model.predict_proba([each[2]])[0])]
    except ImgReprError as error:
        return [Prediction(each[0], each[1], error=str(error))]


def _culprit(model: ImageClassifier, waiting: list[tuple[str, str, Any]]) -> str:
    """Return the message for the first sample that cannot be predicted, with its source."""
    failed = (one for each in waiting for one in _alone(model, each) if one.error)
    first = next(failed, None)
    return "the samples cannot be predicted together" if first is None else f"{first.source}: {first.error}"


def _of(model: ImageClassifier, each: tuple[str, str, Any], row: Any) -> Prediction:
    values = tuple(map(float, row))
    return Prediction(each[0], each[1], model.classes[values.index(max(values))], values)


def _call(listener: Callable[[int], None] | None, count: int) -> None:
    if listener is not None:
        listener(count)
