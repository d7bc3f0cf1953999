"""The encoders that an estimator was given: by name or ready, with what its samples call for."""

from typing import Any

from img_repr.core.dataset import Dataset
from img_repr.core.encoder import AbstractEncoder, Encoder
from img_repr.core.errors import ParameterError
from img_repr.core.naming import encoders_for, get_encoders, infer_parameters
from img_repr.core.stack import EncoderStack

IMAGE_SIZE = 64  # pixels a side, of an encoder given by name, as on the command line


def given_encoders(caller: str, given: Any, size: Any, dataset: Dataset | None) -> tuple[AbstractEncoder, ...]:
    """Give encoders, unfitted.

    Parameters
    ----------
    caller : str
        Caller, for messages.
    given : str, AbstractEncoder, or a sequence of these
    size : int or sequence of int, optional
        Side of the images; None: 64 for names, else what each encoder has.
    dataset : Dataset, optional
        Samples whose needs fill the parameters that encoders leave open.

    Raises
    ------
    ParameterError
        If there is none, something is no encoder, or they are of several domains.

    Examples
    --------
    >>> given_encoders("example", "gadf|mtf", None, None)
    (get_encoder('gadf', size=64), get_encoder('mtf', size=64))
    """
    found: list[AbstractEncoder] = []
    for one in given if isinstance(given, (list, tuple)) else [given]:
        if isinstance(one, str):
            values = {"size": IMAGE_SIZE if size is None else size}
            found += get_encoders(one, **values) if dataset is None else encoders_for(dataset, one, **values)
        elif isinstance(one, AbstractEncoder):
            sized = one if size is None else _with_size(one, size)
            found += [sized] if dataset is None else infer_parameters([sized], dataset)
        else:
            raise ParameterError(
                f"{caller}: expected encoder to be a name, an Encoder or several of these, got {one!r:.60}"
            )
    if not found:
        raise ParameterError(f"{caller}: expected at least one encoder, got none")
    if len({one.domain.name for one in found}) > 1:
        raise ParameterError(
            f"{caller}: expected encoders of one domain, got {', '.join(one.domain.name for one in found)}"
        )
    return tuple(found)


def _with_size(encoder: AbstractEncoder, size: Any) -> AbstractEncoder:
    """Give an encoder, or each part of a stack, another size."""
    if isinstance(encoder, EncoderStack):
        parts = [_with_size(part, size) for part in encoder.parts]
        return EncoderStack(tuple(part for part in parts if isinstance(part, Encoder)))
    if not isinstance(encoder, Encoder):
        return encoder
    return Encoder.of(encoder.metadata, dict(encoder.parameters) | {"size": size})
