"""Heat map: the time that the pointer spent at each position."""

import math
import warnings
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import torch
from torch import Tensor

from img_repr.core.errors import DegenerateSampleWarning, ParameterError, SampleError
from img_repr.core.image import ValueRange, check_sides, refuse_gradient, render
from img_repr.core.metadata import ENCODERS, encoder
from img_repr.domains.mouse.clock import Ticks, find_ticks
from img_repr.domains.mouse.drawing import Layer, divide_heat, step_strokes, to_events
from img_repr.domains.mouse.field import Origin, Size, check_stroke, field_of, fit_field
from img_repr.domains.mouse.kinematics import Steps, find_steps
from img_repr.domains.mouse.sample import MOUSE, TraceBatch, check_traces
from img_repr.domains.mouse.strokes import StrokePixels, clip

Scale: TypeAlias = Literal["log", "linear"]

SHORT_S, LONG_S = 1e-4, 10.0  # offset of the logarithm, and value of full brightness
_WHO = "heatmap"


def _range(parameters: Mapping[str, Any]) -> ValueRange:
    return (0.0, math.inf) if parameters["scale"] == "linear" else (0.0, 1.0)


@torch.no_grad()
def _dwell_of(batch: TraceBatch, parameters: Mapping[str, Any]) -> tuple[Layer, Ticks, Steps]:
    """Return the steps as strokes whose weight is their seconds divided by their total coverage."""
    height, width = check_sides(_WHO, parameters["size"])
    field = field_of(batch, (height, width), parameters["field_px"], parameters["origin"])
    stroke_px = check_stroke(_WHO, parameters["stroke_px"])
    ticks = find_ticks(batch, None)
    steps = find_steps(ticks)
    strokes = step_strokes(ticks, steps, field, torch.full_like(steps.dt_s, stroke_px))
    inside, which, fraction = clip(strokes, height, width, 0.0)
    pixels = StrokePixels(inside, height, width)
    covered = torch.zeros_like(fraction)
    for touches in pixels.touched():
        covered.scatter_add_(0, touches.stroke, touches.coverage.double())
    return Layer(pixels, steps.dt_s[which] * fraction / covered, which), ticks, steps


def _back_project(heat: np.ndarray, sample: Any, **given: Any) -> np.ndarray:
    """Weights over the events of one trace, ``(T,)``."""
    batch = check_traces(sample, caller=_WHO)
    if len(batch.lengths) > 1:
        raise SampleError(f"{_WHO}: expected one trace, got {len(batch.lengths)}")
    layer, ticks, steps = _dwell_of(batch, ENCODERS[_WHO].defaults() | given)
    if heat.shape != layer.pixels.sides:
        raise ParameterError(f"{_WHO}: expected heat of shape {layer.pixels.sides}, got {heat.shape}")
    warm = torch.from_numpy(np.ascontiguousarray(heat, dtype=np.float64)).to(batch.device).flatten()
    at_steps, blank = divide_heat(layer, warm, len(steps.begin))
    count = int(batch.lengths[0])
    return np.asarray((to_events(ticks, steps, at_steps, count) + blank / count).cpu().numpy())


@encoder(
    MOUSE,
    differentiable=False,
    untraceable="torch.nonzero over the events of a trace, whose number depends on their values",
    value_range=_range,
    invariances=("translation", "time offset"),
    reference="Arapakis & Leiva 2020, Learning Efficient Representations of Mouse Movements to Predict User Attention",
    fit=fit_field,
    back_project=_back_project,
)
def encode_heatmap(
    traces: Any,
    *,
    size: Size = 64,
    scale: Scale = "log",
    field_px: float | str = 1280.0,
    origin: Origin = "center",
    stroke_px: float = 1.5,
    dtype: Any = None,
    out: Any = None,
) -> Any:
    """Encode traces as maps of the time that the pointer spent at each pixel.

    Between two events the pointer is assumed to move straight at constant speed: the seconds of a step are spread
    evenly over the pixels of a stroke of width ``stroke_px``, and the sum over all pixels is the time inside the field.
    The recorder's clock matters only if it missed a turn.

    Parameters
    ----------
    traces : Trace, list of Trace, or points (T, 3) or (N, T, 3)
        At least one event each; seconds, x and y in screen pixels.
    size : int or (int, int)
        Side of the image in pixels, or height and width; 1 to 16384 each.
    scale : {"log", "linear"}
        ``log(1 + s / 0.1 ms) / log(1 + 10 s / 0.1 ms)`` of the s seconds in a pixel, at most 1; or the seconds
        themselves, which the image contract divides by the largest of each image.
    field_px : float or "fit"
        Side in screen pixels of the square shown by the image's shorter side; points outside are not drawn. ``"fit"``:
        the square that shows 95 % of the training traces' points.
    origin : {"center", "start", "screen"}
        Center of the image: the center of the trace's bounding box, or its first event. ``"screen"``: the upper left
        corners of screen and image coincide, which reveals hardware and page layouts.
    stroke_px : float
        Width of strokes in image pixels, 1 to 64.
    dtype : optional
        float32 (default), float64, float16, bfloat16 or uint8.
    out : ndarray or Tensor, optional
        Contiguous buffer to write into and return.

    Returns
    -------
    ndarray or Tensor, shape (H, W) of one trace, (N, H, W) of several
        Values in [0, 1], or seconds. A trace without duration is blank, with one warning.

    Raises
    ------
    SampleError
        If a trace is empty, not finite, or runs backwards in time.
    ParameterError
        If a parameter is out of its range.

    References
    ----------
    I. Arapakis, L. A. Leiva: Learning Efficient Representations of Mouse Movements to Predict User Attention, SIGIR
    2020.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr import encode_heatmap
    >>> points = np.array([[0.0, 0.0, 0.0], [3.0, 90.0, 0.0], [5.0, 90.0, 0.0]])
    >>> encode_heatmap(points, size=(1, 3), field_px=30, scale="linear", stroke_px=1, origin="start").round(3)
    array([[0.  , 0.75, 0.75]], dtype=float32)
    """
    if scale not in get_args(Scale):
        raise ParameterError(f"{_WHO}: expected scale to be one of {', '.join(get_args(Scale))}, got {scale!r}")
    batch = check_traces(traces, caller=_WHO)
    refuse_gradient(_WHO, batch.t_s + batch.x_px + batch.y_px, "strokes have none")
    parameters = {"size": size, "field_px": field_px, "origin": origin, "stroke_px": stroke_px}
    layer, _, steps = _dwell_of(batch, parameters)
    sides = layer.pixels.sides
    timeless = torch.unique(steps.trace[steps.dt_s == 0]).tolist()
    if timeless:
        warnings.warn(
            f"{_WHO}: {len(timeless)} of {len(batch.lengths)} traces (first: number {timeless[0]}) are of one time: "
            "their image is blank",
            DegenerateSampleWarning,
            stacklevel=2,
        )

    def fill(rows: slice, target: Tensor | None) -> Tensor:
        first, last, _ = rows.indices(len(batch.lengths))
        seconds = torch.zeros((last - first) * sides[0] * sides[1], dtype=torch.float64, device=batch.device)
        for touches in layer.pixels.touched(first, last):
            spent = touches.coverage * layer.weight.index_select(0, touches.stroke)
            seconds.scatter_add_(0, touches.pixel, spent)
        if scale == "log":
            seconds = (seconds / SHORT_S).log1p_().div_(math.log1p(LONG_S / SHORT_S)).clamp_(max=1.0)
        images = seconds.view(last - first, *sides)
        return images if target is None else target.copy_(images)

    return render(
        fill,
        caller=_WHO,
        shape=(*batch.leading, *sides),
        value_range=_range({"scale": scale}),
        kind=batch.kind,
        default=torch.float32,
        device=batch.device,
        dtype=dtype,
        out=out,
    )
