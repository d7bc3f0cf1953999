"""Signatures of traces, by which near duplicates are found."""

from typing import Any

import numpy as np

from img_repr.domains.mouse.trace import Trace

_POINTS = 32
_FEWEST = 8  # events; shorter movements are alike by chance


def traces_signature(samples: Any) -> np.ndarray:
    """Return x, y and time of each trace at 32 positions, evenly spaced among its events, float32 ``(N, 3, 32)``.

    Time is scaled to the path. A trace of fewer than 8 events or without movement is zeros.

    Parameters
    ----------
    samples : list of Trace, or points (N, T, 3)

    Examples
    --------
    >>> from img_repr.domains.mouse.signature import traces_signature
    >>> from img_repr.domains.mouse.sample import make_traces
    >>> traces_signature(make_traces(2)).shape
    (2, 3, 32)
    """
    traces = [one if isinstance(one, Trace) else Trace(*np.asarray(one, dtype=np.float64).T) for one in samples]
    lengths = np.array([len(one) for one in traces])
    at = np.linspace(0.0, 1.0, _POINTS) * (lengths[:, None] - 1)
    before = np.minimum(at.astype(np.int64), np.maximum(lengths[:, None] - 2, 0))
    fraction = (at - before).astype(np.float32)
    before += (np.cumsum(lengths) - lengths)[:, None]
    signatures = np.empty((len(traces), 3, _POINTS), np.float32)
    for channel, name in enumerate(("x_px", "y_px", "t_s")):
        columns = [getattr(one, name) for one in traces]
        column = np.concatenate([np.asarray(one, dtype=np.float64) - float(one[0]) for one in columns] + [np.zeros(1)])
        signatures[:, channel] = column[before] * (1 - fraction) + column[before + 1] * fraction
    path, time = signatures[:, :2].std(axis=2).max(axis=1), signatures[:, 2].std(axis=1)
    signatures[:, 2] *= (path / np.where(time > 0, time, 1.0))[:, None]
    signatures[(lengths < _FEWEST) | (path == 0)] = 0.0
    return signatures
