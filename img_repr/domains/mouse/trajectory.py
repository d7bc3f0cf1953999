"""Trajectory: the path of a pointer as anti-aliased strokes, whose channels show how it moved.

Prior art: G. Esman (Splunk, 2017) drew speed and direction of a pointer as color and brightness and fine-tuned a CNN
on it to detect fraud; US patents 11,315,010; 11,102,225; 11,372,956; 11,811,805; 12,204,619 claim that use. P. Chong et
al. (2018) drew plain curves for a pretrained CNN. The default here differs: fixed physical scales, with log speed,
acceleration and elapsed time as channels.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from torch import Tensor

from img_repr.core.errors import ParameterError, SampleError
from img_repr.core.image import check_sides, refuse_gradient
from img_repr.core.metadata import ENCODERS, encoder
from img_repr.domains.mouse.channels import check_channels
from img_repr.domains.mouse.clock import check_clock
from img_repr.domains.mouse.drawing import Drawing, lay_out, lead_back
from img_repr.domains.mouse.field import Origin, Size, check_stroke, field_of, fit_field
from img_repr.domains.mouse.planes import render_planes
from img_repr.domains.mouse.raster import Brush, Raster
from img_repr.domains.mouse.sample import MOUSE, TraceBatch, check_traces

RANGE = (0.0, 1.0)
_WHO = "trajectory"
_EVENTS_AT_ONCE = 1 << 17  # laid out together, and those of one trace: a million ticks, since a gap has eight at most


def _drawing_of(batch: TraceBatch, parameters: Mapping[str, Any]) -> Drawing:
    marks = parameters["marks"]
    if not isinstance(marks, (bool, np.bool_)):
        raise ParameterError(f"{_WHO}: expected marks to be True or False, got {marks!r}")
    return lay_out(
        batch,
        field_of(batch, check_sides(_WHO, parameters["size"]), parameters["field_px"], parameters["origin"]),
        period_s=check_clock(_WHO, parameters["clock_ms"]),
        stroke_px=check_stroke(_WHO, parameters["stroke_px"]),
        channels=check_channels(_WHO, parameters["channels"]),
        marks=bool(marks),
    )


def _back_project(heat: np.ndarray, sample: Any, **given: Any) -> np.ndarray:
    """Weights over the events of one trace, ``(T,)``."""
    batch = check_traces(sample, caller=_WHO)
    if len(batch.lengths) > 1:
        raise SampleError(f"{_WHO}: expected one trace, got {len(batch.lengths)}")
    drawing = _drawing_of(batch, ENCODERS[_WHO].defaults() | given)
    shape = (drawing.planes, drawing.field.height, drawing.field.width)
    heat = heat[None] if heat.ndim == 2 else heat
    if heat.shape != shape:
        raise ParameterError(f"{_WHO}: expected heat of shape {shape}, got {heat.shape}")
    return lead_back(drawing, heat, int(batch.lengths[0]))


@encoder(
    MOUSE,
    differentiable=False,
    untraceable="torch.nonzero over the events of a trace, whose number depends on their values",
    value_range=RANGE,
    invariances=("translation", "time offset"),
    reference="Chong et al. 2018, Mouse Authentication Without the Temporal Aspect; Esman 2017, Splunk",
    fit=fit_field,
    back_project=_back_project,
    channeled=True,
)
def encode_trajectory(
    traces: Any,
    *,
    size: Size = 64,
    channels: str | tuple[str, ...] = ("log_speed", "acceleration", "elapsed"),
    clock_ms: float | str | None = 16.0,
    field_px: float | str = 1280.0,
    origin: Origin = "center",
    stroke_px: float = 1.5,
    marks: bool = True,
    dtype: Any = None,
    out: Any = None,
) -> Any:
    """Encode traces as drawings: strokes along the path, with channels for its kinematics, and marks for clicks.

    The background is 0. A pixel of a stroke is ``c * (1 + 3 * v) / 4``: c is its coverage,
    ``clamp(stroke_px / 2 + 1 / 2 - d, 0, 1)`` at a distance of d pixels from the path; v, in [0, 1], is the
    channel's mean over the steps that reach the pixel, weighted by coverage and by time per length, so that it hardly
    depends on how finely the path was recorded. Drags, steps that begin with a button held, are strokes of double
    width. Scale and values are physical: two images of one encoder can be compared.

    Parameters
    ----------
    traces : Trace, list of Trace, or points (T, 3) or (N, T, 3)
        At least one event each; seconds, x and y in screen pixels. One event is a dot.
    size : int or (int, int)
        Side of the image in pixels, or height and width; 1 to 16384 each.
    channels : str or tuple of str
        Content of the channels, in order: ``mono``, ``speed``, ``log_speed``, ``acceleration``, ``direction`` (two
        channels), ``time_step``, ``elapsed``, ``curvature``; `img_repr.domains.mouse.channels` has the scales.
    clock_ms : float, "fit" or None
        Period of the clock to which traces are resampled, in milliseconds; positions between events are interpolated.
        ``"fit"``: a period that 95 % of the training traces' median periods do not exceed, for data of several
        recorders. None: the recorder's own clock, which reveals the recorder. Of events within a microsecond the last
        sets the position. A trace that would have more than a million positions, and more than it has events, keeps
        the times of its events.
    field_px : float or "fit"
        Side in screen pixels of the square shown by the image's shorter side; points outside are not drawn. ``"fit"``:
        the square that shows 95 % of the training traces' points.
    origin : {"center", "start", "screen"}
        Center of the image: the center of the trace's bounding box, or its first event. ``"screen"``: the upper left
        corners of screen and image coincide, and ``field_px`` equal to the screen's width shows the whole screen; this
        reveals hardware and page layouts.
    stroke_px : float
        Width of strokes in image pixels, 1 to 64.
    marks : bool
        Add a last channel of marks: presses as discs, releases as rings, turns of the wheel as bars up or down; left
        buttons 1, right ones and the wheel 0.75, middle ones 0.5.
    dtype : optional
        float32 (default), float64, float16, bfloat16 or uint8.
    out : ndarray or Tensor, optional
        Contiguous buffer to write into and return.

    Returns
    -------
    ndarray or Tensor, shape (C, H, W) of one trace, (N, C, H, W) of several
        Values in [0, 1]. A tensor on the same device for tensors, else numpy.

    Raises
    ------
    SampleError
        If a trace is empty, not finite, or runs backwards in time.
    ParameterError
        If a parameter is out of its range.

    References
    ----------
    P. Chong, Y. X. M. Tan, J. Guarnizo, Y. Elovici, A. Binder: Mouse Authentication Without the Temporal Aspect - What
    Does a 2D-CNN Learn?, IEEE Security and Privacy Workshops 2018; G. Esman: Catching the Fraudster with Behavior
    Biometrics, Splunk 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr import encode_trajectory
    >>> right = np.array([[0.0, 0.0, 0.0], [0.1, 100.0, 0.0], [0.2, 300.0, 0.0]])
    >>> encode_trajectory(right).shape
    (4, 64, 64)
    >>> encode_trajectory(right, size=(3, 5), field_px=300, stroke_px=1, channels="elapsed", marks=False)[0, 1].round(2)
    array([0.16, 0.46, 0.7 , 0.88, 0.48], dtype=float32)
    """
    batch = check_traces(traces, caller=_WHO)
    refuse_gradient(_WHO, batch.t_s + batch.x_px + batch.y_px, "strokes have none")
    parameters = {
        "size": size,
        "channels": channels,
        "clock_ms": clock_ms,
        "field_px": field_px,
        "origin": origin,
        "stroke_px": stroke_px,
        "marks": marks,
    }
    count = len(batch.lengths)
    cuts = np.flatnonzero(np.diff(batch.lengths.cumsum() // _EVENTS_AT_ONCE)) + 1
    runs = list(pairwise([0, *cuts.tolist(), count]))
    painter = Raster if batch.device.type == "cpu" else Brush
    painters = {0: painter(_drawing_of(batch.part(*runs[0]), parameters))}  # of the current run, by its first trace
    planes, (height, width) = painters[0].drawing.planes, check_sides(_WHO, size)

    def fill(rows: slice, target: Tensor | None) -> Tensor:
        assert target is not None  # nothing here is functional
        first, last, _ = rows.indices(count)
        images = target.view(last - first, planes, height * width)
        for begin, end in runs:
            low, high = max(first, begin), min(last, end)
            if low >= high:
                continue
            if begin not in painters:
                painters.clear()
                painters[begin] = painter(_drawing_of(batch.part(begin, end), parameters))
            painters[begin].paint(low - begin, high - begin, images[low - first : high - first])
        return target

    return render_planes(fill, batch, (planes, height, width), RANGE, dtype, out)
