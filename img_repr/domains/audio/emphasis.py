"""Pre-emphasis: the filter of speech recognition that raises weak high frequencies."""

from typing import Any

import torch
from torch import Tensor

from img_repr.core.errors import ParameterError
from img_repr.core.numbers import is_number


def check_pre_emphasis(caller: str, pre_emphasis: Any) -> float:
    """Return the coefficient as a float, checked."""
    number = is_number(pre_emphasis)
    if not (number and 0.0 <= pre_emphasis <= 1.0):
        raise ParameterError(f"{caller}: expected pre_emphasis from 0 to 1, got {pre_emphasis!r}")
    return float(pre_emphasis)


def emphasize(waves: Tensor, coefficient: float) -> Tensor:
    """Subtract ``coefficient`` times the previous sample from each sample of ``(m, T)``.

    As ``librosa.effects.preemphasis`` but for the first sample: the one before is extrapolated from the first two,
    so that a waveform does not begin with a click.

    Examples
    --------
    >>> import torch
    >>> emphasize(torch.tensor([[1.0, 2.0, 4.0]]), 0.5)
    tensor([[1.0000, 1.5000, 3.0000]])
    """
    if not coefficient:
        return waves
    first = 2.0 * waves[:, :1] - waves[:, 1:2] if waves.shape[-1] > 1 else waves[:, :1]
    return waves - coefficient * torch.cat([first, waves[:, :-1]], dim=-1)
