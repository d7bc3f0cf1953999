"""Errors and warnings of the package.

ImgReprError
├── SampleError          a raw sample is not what its domain expects           (also ValueError)
├── ParameterError       a parameter has a value that is not allowed           (also ValueError)
├── UnknownNameError     no encoder, feature set, data set ... of that name    (also LookupError)
├── NotFittedError       fit must be called on training data first             (also ValueError)
├── DataError            a file, a label or a data set cannot be used          (also ValueError)
├── SplitError           a split cannot be made, or would leak                 (also ValueError)
├── WeightsError         weights cannot be loaded or do not fit                (also ValueError)
├── TrainingError        training cannot continue                              (also RuntimeError)
└── ResultError          a record on disk cannot be used                       (also ValueError)

Every message says who speaks, what was expected and the actual value, in one sentence.
"""

from collections.abc import Iterator
from contextlib import contextmanager


class ImgReprError(Exception):
    """Root of every error that img_repr raises on purpose; bytes of file names that are not UTF-8 are escaped."""

    def __init__(self, *args: object) -> None:
        super().__init__(*(_printable(arg) if isinstance(arg, str) else arg for arg in args))


def _printable(message: str) -> str:
    return message.encode(errors="surrogateescape").decode(errors="backslashreplace")


class SampleError(ImgReprError, ValueError):
    """A raw sample is not what its domain expects."""


class ParameterError(ImgReprError, ValueError):
    """A parameter has a value that is not allowed."""


class UnknownNameError(ImgReprError, LookupError):
    """Nothing is registered under that name."""


class NotFittedError(ImgReprError, ValueError):
    """``fit`` must be called on training data first."""


class DataError(ImgReprError, ValueError):
    """A file, a label or a data set cannot be used."""


class SplitError(ImgReprError, ValueError):
    """A split cannot be made, or would leak."""


class WeightsError(ImgReprError, ValueError):
    """Pretrained weights cannot be loaded, or do not fit."""


class TrainingError(ImgReprError, RuntimeError):
    """Training cannot continue."""


class ResultError(ImgReprError, ValueError):
    """A record on disk cannot be used."""


class DegenerateSampleWarning(UserWarning):
    """A sample has a defined image without information, a constant series for example."""


@contextmanager
def counted_from(start: int) -> Iterator[None]:
    """Add the number of the batch's first sample to errors and warnings about samples inside the block."""
    try:
        yield
    except (SampleError, DegenerateSampleWarning) as error:
        if not start:
            raise
        raise type(error)(f"{error} (counted from sample {start})") from error
