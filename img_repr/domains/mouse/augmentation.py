"""Augmentation of traces: random variants of the same label, made in the trace and not in its image.

Traces are never flipped: the direction of a person's curves would change. Size and speed identify people, so both
change little.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from img_repr.core.errors import ParameterError, SampleError
from img_repr.domains.mouse.trace import Trace

_KNOTS = 6  # of the smooth warp of time
_COLUMNS = (
    ("t_s", torch.float64),
    ("x_px", torch.float64),
    ("y_px", torch.float64),
    ("buttons", torch.uint8),
    ("wheel", torch.int8),
)


def augment_traces(
    traces: Sequence[Trace],
    generator: torch.Generator,
    *,
    fraction: float = 0.75,
    turn_deg: float = 6.0,
    scale: float = 0.06,
    jitter_px: float = 0.5,
    warp: float = 0.08,
    clock_ms: float = 24.0,
    drop: float = 0.1,
) -> list[Trace]:
    """Return random variants of some traces: rotated and scaled a little, with noise, warped time and fewer events.

    Parameters
    ----------
    traces : list of Trace
        A batch of numpy or tensor traces with at least one event each.
    generator : torch.Generator
        Source of all random numbers, on any device.
    fraction : float
        Probability that a trace is varied.
    turn_deg : float
        Largest turn about the first event, in degrees.
    scale : float
        Largest change of size, as a fraction, below 1.
    jitter_px : float
        Standard deviation of the noise on each position, in pixels; events at one position stay together, so that a
        resting pointer rests and a click does not become a drag.
    warp : float
        Largest change of the speed of time, as a fraction, below 1; it changes smoothly along the trace.
    clock_ms : float
        Longest period of a simulated slower recorder, in milliseconds: of the movements in one period only the last is
        kept. 0: all are kept.
    drop : float
        Largest fraction of movements that are dropped.

    Returns
    -------
    list of Trace
        Of the input's library, on the same device. The first and last event, every press and release, and every turn of
        the wheel are kept, in order. If all positions are whole pixels, the new ones are too.

    Raises
    ------
    SampleError
        If one is not a trace, or has no event.
    ParameterError
        If a parameter is out of its range.

    References
    ----------
    T. T. Um et al.: Data Augmentation of Wearable Sensor Data for Parkinson's Disease Monitoring using Convolutional
    Neural Networks, ICMI 2017, arXiv:1706.00527.

    Examples
    --------
    >>> import torch
    >>> from img_repr.domains.mouse.augmentation import augment_traces
    >>> from img_repr.domains.mouse.sample import make_traces
    >>> [len(one) for one in augment_traces(make_traces(3), torch.Generator().manual_seed(0))]
    [74, 65, 61]
    """
    for word, value, most in (
        ("fraction", fraction, 1.0),
        ("turn_deg", turn_deg, 180.0),
        ("scale", scale, 0.99),
        ("jitter_px", jitter_px, 1e6),
        ("warp", warp, 0.99),
        ("clock_ms", clock_ms, 1e7),
        ("drop", drop, 1.0),
    ):
        if not 0.0 <= value <= most:
            raise ParameterError(f"augmentation: expected {word} in [0, {most:g}], got {value!r}")
    for one in traces:
        if not isinstance(one, Trace) or not len(one):
            raise SampleError(f"augmentation: expected traces of one event at least, got {one!r:.40}")
    uniform = torch.rand(len(traces), 5 + _KNOTS, generator=generator, dtype=torch.float64, device=generator.device)
    varied = (uniform[:, 0] < fraction).tolist()
    chosen = [one for one, is_varied in zip(traces, varied, strict=True) if is_varied]
    if not chosen:
        return list(traces)
    packed = _pack(chosen)
    device, count = packed.time.device, len(packed.time)
    mine = uniform[torch.tensor(varied, device=uniform.device)].to(device)
    angle, size, period, loss, phase = (2.0 * mine[:, :5] - 1.0).T
    noise = torch.randn(2, count, generator=generator, dtype=torch.float64, device=generator.device).to(device)
    luck = torch.rand(count, generator=generator, dtype=torch.float64, device=generator.device).to(device)
    kept = packed.seen_by(period.abs() * clock_ms / 1000.0, phase, luck < (drop * loss.abs())[packed.row])
    x, y = packed.moved(torch.deg2rad(turn_deg * angle), 1.0 + scale * size, jitter_px * noise)
    time = packed.warped(1.0 + warp * (2.0 * mine[:, 5:] - 1.0))
    counts = torch.zeros_like(packed.begins).index_add_(0, packed.row[kept], torch.ones_like(kept)).tolist()
    made = [torch.split(column[kept], counts) for column in (time, x, y, packed.buttons, packed.wheel)]
    variants = iter(zip(*made, strict=True))
    return [_like(one, next(variants)) if vary else one for one, vary in zip(traces, varied, strict=True)]


@dataclass(frozen=True, eq=False)
class _Packed:
    """Events of concatenated traces.

    ``row`` is the trace of each event, ``inner`` whether it is not the first of its trace; ``begins`` and ``ends``
    are the first and the last event of each trace.
    """

    time: Tensor
    x: Tensor
    y: Tensor
    buttons: Tensor
    wheel: Tensor
    row: Tensor
    inner: Tensor
    begins: Tensor
    ends: Tensor

    def seen_by(self, period_s: Tensor, phase: Tensor, lost: Tensor) -> Tensor:
        """Mask of the events of a slower recorder: each period's last, all presses and turns, both ends."""
        period_s = period_s[self.row]
        tick = ((self.time - self.time[self.begins][self.row]) / period_s.clamp(min=1e-6) + phase[self.row]).floor()
        kept = torch.ones_like(self.inner)
        kept[:-1] = (tick.diff() != 0) | (period_s[1:] == 0)
        kept &= ~lost
        kept[1:] |= self.buttons[1:] != self.buttons[:-1]
        kept |= self.wheel != 0
        kept[self.begins] = True
        kept[self.ends] = True
        return kept.nonzero()[:, 0]

    def moved(self, angle: Tensor, size: Tensor, noise: Tensor) -> Tensor:
        """Return the positions ``(2, P)``, turned and scaled about their trace's first, with noise for each stay."""
        positions = torch.stack([self.x, self.y])
        start = positions[:, self.begins]
        x, y = positions - start[:, self.row]
        along, across = (size * angle.cos())[self.row], (size * angle.sin())[self.row]
        arrived = ~self.inner
        arrived[1:] |= (positions[:, 1:] != positions[:, :-1]).any(0)
        made = torch.stack([along * x - across * y, across * x + along * y])
        made += start[:, self.row] + noise[:, arrived.cumsum(0) - 1]
        broken = (positions != positions.round()).any(0).double()
        whole = torch.zeros_like(size).index_add_(0, self.row, broken) == 0
        return torch.where(whole[self.row], made.round(), made)

    def warped(self, speeds: Tensor) -> Tensor:
        """Warp time by speeds ``(N, K)`` at even distances over the duration, interpolated linearly."""
        start = self.time[self.begins]
        duration = (self.time[self.ends] - start).clamp(min=torch.finfo(start.dtype).tiny)
        position = (self.time - start[self.row]) / duration[self.row] * (speeds.shape[1] - 1)
        left = position.floor().clamp(max=speeds.shape[1] - 2).long()
        speed = torch.lerp(speeds[self.row, left], speeds[self.row, left + 1], position - left)
        steps = self.time.diff(prepend=self.time[:1]) * self.inner
        passed = (steps * speed).cumsum(0).cummax(0).values  # a GPU sums in parallel, and may round downwards
        return start[self.row] + passed - passed[self.begins][self.row]


def _pack(traces: Sequence[Trace]) -> _Packed:
    device = torch.as_tensor(traces[0].t_s).device
    time, x, y, buttons, wheel = (
        torch.cat([torch.as_tensor(getattr(one, name)).to(device, dtype) for one in traces]) for name, dtype in _COLUMNS
    )
    lengths = torch.tensor([len(one) for one in traces], device=device)
    ends = lengths.cumsum(0) - 1
    begins = ends - lengths + 1
    inner = torch.ones(len(time), dtype=torch.bool, device=device)
    inner[begins] = False
    row = torch.repeat_interleave(lengths, output_size=len(inner))
    return _Packed(time, x, y, buttons, wheel, row, inner, begins, ends)


def _like(given: Trace, columns: tuple[Tensor, ...]) -> Trace:
    """Return a trace of the input's library."""
    if isinstance(given.t_s, Tensor):
        return Trace(*(column.to(given.t_s.device) for column in columns))
    return Trace(*(column.cpu().numpy() for column in columns))
