"""Motion histogram: how often pairs of speeds, accelerations, turns and directions occur in a trace."""

import warnings
from collections.abc import Mapping
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from img_repr.core.errors import DegenerateSampleWarning, ParameterError, SampleError
from img_repr.core.image import check_sides, refuse_gradient
from img_repr.core.metadata import ENCODERS, FIT, encoder
from img_repr.domains.mouse.clock import check_clock, find_ticks, fitted_clock_ms
from img_repr.domains.mouse.drawing import to_events
from img_repr.domains.mouse.field import Size
from img_repr.domains.mouse.joints import JOINTS, Joints
from img_repr.domains.mouse.kinematics import Steps, find_steps
from img_repr.domains.mouse.planes import render_planes
from img_repr.domains.mouse.sample import MOUSE, check_traces

RANGE = (0.0, 1.0)
_WHO = "motion_histogram"


def _fit(samples: Any, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Fit ``clock_ms``: the period that 95 % of the training traces' median periods do not exceed."""
    if parameters["clock_ms"] != FIT:
        return {}
    return {"clock_ms": fitted_clock_ms(check_traces(samples, caller=_WHO))}


def _back_project(heat: np.ndarray, sample: Any, **given: Any) -> np.ndarray:
    """Weights over the events of one trace, ``(T,)``: a pixel's heat is divided among the steps counted in it."""
    batch = check_traces(sample, caller=_WHO)
    if len(batch.lengths) > 1:
        raise SampleError(f"{_WHO}: expected one trace, got {len(batch.lengths)}")
    parameters = ENCODERS[_WHO].defaults() | given
    names, sides = _check_channels(parameters["channels"]), check_sides(_WHO, parameters["size"])
    heat = heat[None] if heat.ndim == 2 else heat
    if heat.shape != (len(names), *sides):
        raise ParameterError(f"{_WHO}: expected heat of shape {(len(names), *sides)}, got {heat.shape}")
    ticks = find_ticks(batch, check_clock(_WHO, parameters["clock_ms"]))
    steps = find_steps(ticks)
    at_steps, blank = torch.zeros_like(steps.dt_s), 0.0
    for name, one in zip(names, heat, strict=True):
        joints = JOINTS[name](steps)
        warm = torch.from_numpy(np.ascontiguousarray(one, dtype=np.float64)).to(batch.device).flatten()
        pixel, weight = _pixels(joints, sides)
        total = torch.zeros_like(warm).scatter_add_(0, pixel.flatten(), weight.flatten())
        owned = (weight * torch.where(total > 0, warm / total, 0.0)[pixel]).sum(dim=0)
        for step in (joints.first, joints.second):
            at_steps.scatter_add_(0, step, owned / 2.0)
        blank += float(warm[total <= 0].sum())
    count = int(batch.lengths[0])
    return np.asarray((to_events(ticks, steps, at_steps, count) + blank / count).cpu().numpy())


@encoder(
    MOUSE,
    differentiable=False,
    untraceable="torch.nonzero over the steps of a trace, whose number depends on their values",
    value_range=RANGE,
    invariances=("translation", "time offset"),
    reference="Ahmed & Traore 2007, A New Biometric Technology Based on Mouse Dynamics",
    fit=_fit,
    back_project=_back_project,
    channeled=True,
)
def encode_motion_histogram(
    traces: Any,
    *,
    size: Size = 64,
    channels: str | tuple[str, ...] = tuple(JOINTS),
    clock_ms: float | str | None = 16.0,
    dtype: Any = None,
    out: Any = None,
) -> Any:
    """Encode traces as histograms of their motion: how often two values occur together, one pair per channel.

    A drawing shows where a pointer went; a histogram shows how the person moves, and needs no network that finds
    strokes. Each step between two ticks of the clock is counted at its two values, divided among the four nearest
    pixels; a pixel is the root of its fraction of all counts of the channel. The position on the screen does not
    matter, nor the order of movements.

    Parameters
    ----------
    traces : Trace, list of Trace, or points (T, 3) or (N, T, 3)
        At least one event each; seconds, x and y in screen pixels.
    size : int or (int, int)
        Side of the image in pixels, or height and width; 1 to 16384 each.
    channels : str or tuple of str
        Content of the channels, in order, of ``speed``, ``later``, ``acceleration``, ``turn``, ``direction``,
        ``velocity``, which are the default; `img_repr.domains.mouse.joints` has the axes.
    clock_ms : float, "fit" or None
        Period of the clock to which traces are resampled, in milliseconds; positions between events are interpolated.
        ``"fit"``: a period that 95 % of the training traces' median periods do not exceed, for data of several
        recorders. None: the recorder's own clock, which reveals the recorder.
    dtype : optional
        float32 (default), float64, float16, bfloat16 or uint8.
    out : ndarray or Tensor, optional
        Contiguous buffer to write into and return.

    Returns
    -------
    ndarray or Tensor, shape (C, H, W) of one trace, (N, C, H, W) of several
        Values in [0, 1]. A channel without any pair is blank; traces that do not move are blank, with one warning.

    Raises
    ------
    SampleError
        If a trace is empty, not finite, or runs backwards in time.
    ParameterError
        If a parameter is out of its range.

    References
    ----------
    A. A. E. Ahmed, I. Traore: A New Biometric Technology Based on Mouse Dynamics, IEEE Transactions on Dependable and
    Secure Computing 4(3), 2007, which describes users by histograms of single values.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr import encode_motion_histogram
    >>> right = np.array([[0.0, 0.0, 0.0], [0.016, 16.0, 0.0], [0.032, 32.0, 0.0], [0.048, 48.0, 0.0]])
    >>> encode_motion_histogram(right).shape
    (6, 64, 64)
    >>> encode_motion_histogram(right, size=(3, 4), channels="turn")[0]  # 1,000 px/s is at two thirds; no turn
    array([[0., 0., 0., 0.],
           [0., 0., 1., 0.],
           [0., 0., 0., 0.]], dtype=float32)
    """
    batch = check_traces(traces, caller=_WHO)
    refuse_gradient(_WHO, batch.t_s + batch.x_px + batch.y_px, "histograms have none")
    names, sides, period_s = _check_channels(channels), check_sides(_WHO, size), check_clock(_WHO, clock_ms)
    ends = [*accumulate(batch.lengths.tolist(), initial=0)]
    rests = [
        number
        for number, (begin, end) in enumerate(pairwise(ends))
        if bool((batch.x_px[begin:end] == batch.x_px[begin]).all() & (batch.y_px[begin:end] == batch.y_px[begin]).all())
    ]
    if rests:
        warnings.warn(
            f"{_WHO}: {len(rests)} of {len(batch.lengths)} traces (first: number {rests[0]}) do not move: their image "
            "is blank",
            DegenerateSampleWarning,
            stacklevel=2,
        )

    def fill(rows: slice, target: Tensor | None) -> Tensor:
        assert target is not None  # nothing here is functional
        first, last, _ = rows.indices(len(batch.lengths))
        steps = find_steps(find_ticks(batch.part(first, last), period_s))
        counts = torch.stack([_count(JOINTS[name](steps), steps, last - first, sides) for name in names], dim=1)
        total = counts.sum(dim=2, keepdim=True)
        images = (counts / torch.where(total > 0, total, 1.0)).sqrt_()
        return target.copy_(images.view(target.shape))

    return render_planes(fill, batch, (len(names), *sides), RANGE, dtype, out)


def _check_channels(channels: Any) -> tuple[str, ...]:
    names = (channels,) if isinstance(channels, str) else channels
    listed = isinstance(names, (tuple, list)) and all(isinstance(one, str) for one in names)
    if not listed or not names or len(set(names)) < len(names) or not set(names) <= set(JOINTS):
        raise ParameterError(
            f"{_WHO}: expected channels to be some of {', '.join(JOINTS)}, each once, got {channels!r:.80}"
        )
    return tuple(names)


def _count(joints: Joints, steps: Steps, traces: int, sides: tuple[int, int]) -> Tensor:
    """Histogram of each trace, float64 ``(traces, H * W)``."""
    area = sides[0] * sides[1]
    pixel, weight = _pixels(joints, sides)
    pixel = pixel + steps.trace[joints.first] * area
    counts = torch.zeros(traces * area, dtype=torch.float64, device=pixel.device)
    return counts.scatter_add_(0, pixel.flatten(), weight.flatten()).view(traces, area)


def _pixels(joints: Joints, sides: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Return the four nearest pixels of each pair, and their weights, ``(4, K)`` each; rows count from the top."""
    height, width = sides
    u = joints.across * (width - 1)
    left = u.floor().long()
    right = (left + 1).clamp(max=width - 1)
    if joints.closed:
        v = (1.0 - joints.up) * height - 0.5
        upper = v.floor()
        down, rows = v - upper, [upper.long().remainder(height), (upper.long() + 1).remainder(height)]
    else:
        v = (1.0 - joints.up) * (height - 1)
        upper = v.floor()
        down, rows = v - upper, [upper.long(), (upper.long() + 1).clamp(max=height - 1)]
    along = u - left
    pixel = [row * width + column for row in rows for column in (left, right)]
    weight = [one * other for one in (1.0 - down, down) for other in (1.0 - along, along)]
    return torch.stack(pixel), torch.stack(weight)
