"""The field: the square of the screen that an image shows, and its scale."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import torch
from torch import Tensor

from img_repr.core.errors import ParameterError
from img_repr.core.metadata import FIT
from img_repr.core.numbers import is_number
from img_repr.domains.mouse.clock import fitted_clock_ms
from img_repr.domains.mouse.sample import FURTHEST_PX, TraceBatch, check_traces

Origin: TypeAlias = Literal["center", "start", "screen"]
Size: TypeAlias = int | tuple[int, int]

_HELD = 0.95  # fraction of the training points that the fitted field shows
_THICKEST = 64.0


@dataclass(frozen=True, eq=False)
class Field:
    """The square of the screen that each image of a batch shows.

    Parameters
    ----------
    height, width : int
        Size of the image in pixels.
    px_per_pixel : float
        Screen pixels per image pixel.
    left_px, top_px : Tensor of float64, shape (N,)
        Screen position of the upper left corner of each trace's image.
    """

    height: int
    width: int
    px_per_pixel: float
    left_px: Tensor
    top_px: Tensor

    def position(self, x_px: Tensor, y_px: Tensor, trace: Tensor) -> tuple[Tensor, Tensor]:
        """Return the image coordinates of points (u to the right, v down, integers at the centers of pixels)."""
        return (
            (x_px - self.left_px.index_select(0, trace)) / self.px_per_pixel - 0.5,
            (y_px - self.top_px.index_select(0, trace)) / self.px_per_pixel - 0.5,
        )


def check_stroke(caller: str, stroke_px: Any) -> float:
    """Width of a stroke in image pixels."""
    number = is_number(stroke_px)
    if not number or not 1.0 <= stroke_px <= _THICKEST:
        raise ParameterError(f"{caller}: expected stroke_px to be from 1 to {_THICKEST:g}, got {stroke_px!r}")
    return float(stroke_px)


def field_of(batch: TraceBatch, size: tuple[int, int], field_px: Any, origin: Any) -> Field:
    """Return the field of the traces of a batch.

    Parameters
    ----------
    batch : TraceBatch
    size : (int, int)
        Height and width of the images.
    field_px : float
        Side in screen pixels of the square that the shorter side of an image shows.
    origin : {"center", "start", "screen"}
        Center of the image: the center of the trace's bounding box, or its first event. ``"screen"``: the upper left
        corners of screen and image coincide.

    Examples
    --------
    >>> import numpy as np
    >>> points = np.array([[0.0, 100.0, 50.0], [1.0, 300.0, 50.0]])
    >>> field = field_of(check_traces(points, caller="example"), (8, 8), 400.0, "center")
    >>> field.px_per_pixel, field.left_px.tolist(), field.top_px.tolist()
    (50.0, [0.0], [-150.0])
    """
    number = is_number(field_px)
    if not number or not 1.0 <= field_px <= FURTHEST_PX:
        raise ParameterError(
            f"{batch.caller}: expected field_px to be screen pixels from 1 to {FURTHEST_PX:g}, or 'fit' and a call of "
            f"Encoder.fit, got {field_px!r}"
        )
    _check_origin(batch.caller, origin)
    scale = float(field_px) / min(size)
    count = len(batch.lengths)
    if origin == "screen":
        corner = torch.zeros(count, dtype=torch.float64, device=batch.device)
        return Field(*size, scale, corner, corner)
    middles = _middles(batch, origin)
    return Field(*size, scale, middles[0] - size[1] * scale / 2.0, middles[1] - size[0] * scale / 2.0)


def _check_origin(caller: str, origin: Any) -> None:
    if origin not in get_args(Origin):
        raise ParameterError(f"{caller}: expected origin to be one of {', '.join(get_args(Origin))}, got {origin!r}")


def _middles(batch: TraceBatch, origin: Origin) -> tuple[Tensor, Tensor]:
    """Point of the screen in the center of each image, ``(N,)`` each."""
    starts = torch.from_numpy(batch.starts).to(batch.device)
    if origin == "start":
        return batch.x_px[starts], batch.y_px[starts]
    counts = torch.from_numpy(batch.lengths).to(batch.device)
    trace = torch.repeat_interleave(counts, output_size=len(batch.t_s))
    middles = []
    for one in (batch.x_px, batch.y_px):
        low = one[starts].scatter_reduce(0, trace, one, "amin")
        high = one[starts].scatter_reduce(0, trace, one, "amax")
        middles.append((low + high) / 2.0)
    return middles[0], middles[1]


def fit_field(samples: Any, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Fit the parameters that are ``"fit"`` to training traces.

    ``field_px``: the field that shows 95 % of their points, rounded up to whole pixels. ``clock_ms``: the period that
    95 % of their median periods do not exceed, so that fast recorders are resampled to the clock of slow ones.
    """
    batch = check_traces(samples, caller="mouse")
    fitted: dict[str, Any] = {}
    if parameters["field_px"] == FIT:
        origin = parameters["origin"]
        _check_origin(batch.caller, origin)
        counts = torch.from_numpy(batch.lengths).to(batch.device)
        trace = torch.repeat_interleave(counts, output_size=len(batch.t_s))
        if origin == "screen":
            needed = torch.maximum(batch.x_px, batch.y_px)
        else:
            across, down = _middles(batch, origin)
            far = torch.maximum((batch.x_px - across[trace]).abs(), (batch.y_px - down[trace]).abs())
            needed = 2.0 * far
        side = float(np.quantile(needed.cpu().numpy(), _HELD, method="inverted_cdf"))
        fitted["field_px"] = float(min(max(1.0, np.ceil(side)), FURTHEST_PX))
    if parameters.get("clock_ms") == FIT:
        fitted["clock_ms"] = fitted_clock_ms(batch)
    return fitted
