"""Resampling of traces to a clock of fixed period, so that an image does not depend on the recorder's rate.

Of the events of one microsecond the last sets the position. A trace of D seconds has ``max(1, round(D / period))``
equal steps, so that its ends are kept; positions between events are linear in time. In a gap of more than eight ticks
between two events only the first four and the last four ticks are made, because the pointer moves straight between
them. A trace that would still have more than a million ticks, and more than it has events, keeps the times of its
events: memory and time are bounded by a million and the events.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from img_repr.core.errors import ParameterError
from img_repr.core.numbers import is_number
from img_repr.domains.mouse.sample import TraceBatch

SHORTEST_MS, LONGEST_MS = 1e-3, 1e7
_SAME_S = 1e-6  # a microsecond: no recorder resolves less, and rounding of a large clock value is no step
_IN_ONE_GAP = 8  # ticks; even
MOST_TICKS = 1_000_000  # of a trace, if it has fewer events; about 0.3 GB while it is drawn on a CPU
_SLOWEST = 0.95  # fraction of the training traces whose own period is no longer than the fitted one


@dataclass(frozen=True, eq=False)
class Ticks:
    """Positions of pointers at increasing times, for concatenated traces.

    Parameters
    ----------
    t_s : Tensor of float64, shape (P,)
        Seconds from the first event of the trace.
    x_px, y_px : Tensor of float64, shape (P,)
    trace : Tensor of int64, shape (P,)
        Number of the trace.
    event, next_event : Tensor of int64, shape (P,)
        Events of the batch between which the position lies: the last one not after it, and the next one.
    fraction : Tensor of float64, shape (P,)
        Relative position between them, 0 at ``event``.
    """

    t_s: Tensor
    x_px: Tensor
    y_px: Tensor
    trace: Tensor
    event: Tensor
    next_event: Tensor
    fraction: Tensor


def true_at(mask: Tensor) -> Tensor:
    """Positions at which ``(K,)`` is true; on a CPU numpy is eight times as fast as torch."""
    if mask.device.type == "cpu":
        return torch.from_numpy(np.flatnonzero(mask.numpy()))
    return mask.nonzero()[:, 0]


def check_clock(caller: str, clock_ms: Any) -> float | None:
    """Period in seconds; None for the recorder's own clock."""
    if clock_ms is None:
        return None
    number = is_number(clock_ms)
    if not number or not SHORTEST_MS <= clock_ms <= LONGEST_MS:
        raise ParameterError(
            f"{caller}: expected clock_ms to be a period in milliseconds from {SHORTEST_MS:g} to "
            f"{LONGEST_MS:g}, or None, "
            f"got {clock_ms!r}"
        )
    return float(clock_ms) / 1000.0


def find_ticks(batch: TraceBatch, period_s: float | None) -> Ticks:
    """Resample checked traces to a clock.

    Parameters
    ----------
    batch : TraceBatch
    period_s : float or None
        Period of the clock. None: the times of the events.

    Returns
    -------
    Ticks
        At least one per trace, the last at its last time.

    Examples
    --------
    >>> import numpy as np
    >>> from img_repr.domains.mouse.sample import check_traces
    >>> points = np.array([[5.0, 0.0, 0.0], [5.1, 10.0, 0.0], [5.1, 20.0, 0.0], [5.2, 20.0, 8.0]])
    >>> batch = check_traces(points, caller="example")
    >>> find_ticks(batch, None).x_px.tolist()
    [0.0, 20.0, 20.0]
    >>> ticks = find_ticks(batch, 0.05)
    >>> ticks.x_px.round(decimals=9).tolist(), ticks.y_px.round(decimals=9).tolist()
    ([0.0, 10.0, 20.0, 20.0, 20.0], [0.0, 0.0, 0.0, 4.0, 8.0])
    """
    counts = torch.from_numpy(batch.lengths).to(batch.device)
    starts = torch.from_numpy(batch.starts).to(batch.device)
    trace = torch.repeat_interleave(counts, output_size=len(batch.t_s))
    time = batch.t_s - batch.t_s[starts].index_select(0, trace)
    stands = torch.ones(len(time), dtype=torch.bool, device=time.device)  # where the next event has another time
    stands[:-1] = (time.diff() > _SAME_S) | (trace.diff() > 0)
    event = true_at(stands)
    time, trace = time.index_select(0, event), trace.index_select(0, event)
    if period_s is None:
        x_px, y_px = batch.x_px.index_select(0, event), batch.y_px.index_select(0, event)
        return Ticks(time, x_px, y_px, trace, event, event, torch.zeros_like(time))

    follows = torch.zeros(len(time), dtype=torch.bool, device=time.device)  # where the trace has one time more
    follows[:-1] = trace.diff() == 0
    ends = time[~follows]
    number = (ends / period_s).round().clamp(min=1.0)
    step = (ends / number).index_select(0, trace)
    number = number.long().index_select(0, trace)
    first = torch.where(step > 0, (time / step).ceil(), 0.0).long().minimum(number)  # tick at or after each time
    first = torch.where(follows, first, torch.where(step > 0, number, 0))
    ticks = first.new_ones(first.shape)  # the last time of a trace is its last tick
    ticks[:-1] = torch.where(follows[:-1], first.diff(), 1)
    made = ticks.clamp(max=_IN_ONE_GAP)
    total = int(made.sum())
    own = None
    if total > MOST_TICKS:
        own = _too_many(made, trace, len(counts)).index_select(0, trace)
        made, follows = made.masked_fill(own, 1), follows & ~own
        total = int(made.sum())
    left = torch.repeat_interleave(made, output_size=total)
    within = torch.arange(total, device=time.device) - (made.cumsum(0) - made).index_select(0, left)
    skipped = (ticks - made).index_select(0, left) * (within >= _IN_ONE_GAP // 2)
    step = step.index_select(0, left)
    at = (first.index_select(0, left) + within + skipped) * step
    if own is not None:
        at = torch.where(own.index_select(0, left), time.index_select(0, left), at)
    right = left + follows.long().index_select(0, left)
    gap = time[right] - time[left]
    fraction = torch.where(gap > 0, (at - time[left]) / gap.clamp(min=torch.finfo(gap.dtype).tiny), 0.0).clamp(0.0, 1.0)
    before, after = event[left], event[right]
    x_px = torch.lerp(batch.x_px[before], batch.x_px[after], fraction)
    y_px = torch.lerp(batch.y_px[before], batch.y_px[after], fraction)
    return Ticks(at, x_px, y_px, trace[left], before, after, fraction)


def _too_many(made: Tensor, trace: Tensor, count: int) -> Tensor:
    """Mask ``(N,)`` of the traces with more ticks than allowed and than events."""
    ticks, events = (made.new_zeros(count).scatter_add_(0, trace, number) for number in (made, torch.ones_like(made)))
    return (ticks > MOST_TICKS) & (ticks > events)


def fitted_clock_ms(batch: TraceBatch) -> float:
    """Return the period in whole milliseconds that 95 % of the traces' median periods do not exceed."""
    ticks = find_ticks(batch, None)
    time, trace = ticks.t_s.cpu().numpy(), ticks.trace.cpu().numpy()
    inner = np.diff(trace) == 0
    steps, owner = np.diff(time)[inner], trace[1:][inner]
    if not len(steps):
        raise ParameterError(
            f"{batch.caller}: expected training traces of two times or more to fit clock_ms, got none of them"
        )
    steps = steps[np.lexsort((steps, owner))]
    counts = np.bincount(owner)[np.unique(owner)]
    begins = np.cumsum(counts) - counts
    medians = (steps[begins + (counts - 1) // 2] + steps[begins + counts // 2]) / 2.0
    period = float(np.quantile(medians, _SLOWEST, method="inverted_cdf"))
    return min(max(1.0, float(np.rint(period * 1000.0))), LONGEST_MS)
