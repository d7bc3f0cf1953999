"""Kinematic features of traces, and the control features of clock and screen."""

import numpy as np

from img_repr.core.errors import ParameterError
from img_repr.core.features import features
from img_repr.core.metadata import FIT
from img_repr.domains.mouse.action_features import antal_features
from img_repr.domains.mouse.clock import check_clock, fitted_clock_ms
from img_repr.domains.mouse.columns import TraceColumns
from img_repr.domains.mouse.events import Events
from img_repr.domains.mouse.habit_features import click_features, movement_features
from img_repr.domains.mouse.motion import find_positions, measure_motion
from img_repr.domains.mouse.sample import MOUSE, TraceBatch

SETS = ("antal", "movement", "clicks")


@features(
    MOUSE,
    name="kinematic",
    reference="M. Antal, E. Egyed-Zsigmond 2019, Intrusion detection using mouse dynamics, IET Biometrics 8(5)",
)
class KinematicFeatures(TraceColumns):
    """Kinematic features of each trace: speed, curvature, jerk, rests and clicks.

    No column depends on the position on the screen. With the recorder's own clock some columns, mainly ``points``,
    depend on its rate: that is hardware, as measured by :class:`ClockAndScreen`, and ``clock_ms`` removes it.

    Parameters
    ----------
    sets : tuple of {"antal", "movement", "clicks"}
        ``"antal"``: the 39 of Antal and Egyed-Zsigmond, see :func:`antal_features`. ``"movement"``: quantiles of
        speed, acceleration and turns, rests, submovements, directions, smoothness, see :func:`movement_features`.
        ``"clicks"``: presses, holds, drags and wheel, see :func:`click_features`.
    clock_ms : float, "fit" or None
        Period of a canonical clock in milliseconds, to which positions are resampled before movement is measured.
        ``"fit"``: the period that 95 % of the training traces' periods do not exceed; with a shorter one, slower
        recorders remain visible as steps on straight lines. None: each recorder's own clock, which is also kept by a
        trace that would have more than a million positions and more than it has events.

    Attributes
    ----------
    names_ : list of str
        Names of the columns.
    clock_ms_ : float or None
        The period in use.

    Notes
    -----
    On five users of the Balabit challenge, cut by ``"pause_click"``, extra trees reach a global AUC of 0.968 (0.947
    by each recorder's own clock; the 39 alone 0.963 and 0.938), and :class:`ClockAndScreen` 0.889; on the three users
    of one kind of hardware 0.950 (0.964; 0.830).

    All rows are finite: undefined values, the acceleration of two events for example, are 0. Times are those of
    :func:`img_repr.domains.mouse.motion.find_positions`: events of one millisecond are one position.

    Examples
    --------
    >>> from img_repr.domains.mouse.features import KinematicFeatures
    >>> from img_repr.domains.mouse.sample import make_traces
    >>> kinematic = KinematicFeatures(sets=("antal",)).fit(make_traces(4))
    >>> kinematic.transform(make_traces(3)).shape
    (3, 39)
    >>> kinematic.get_feature_names_out()[:4].tolist()
    ['action', 'length_px', 'elapsed_s', 'direction']
    """

    def __init__(self, sets: tuple[str, ...] = SETS, clock_ms: float | str | None = FIT) -> None:
        self.sets = sets
        self.clock_ms = clock_ms

    def _fit(self, batch: TraceBatch) -> None:
        if not self.sets or not set(self.sets) <= set(SETS):
            raise ParameterError(f"{self._caller}: expected sets to be of {SETS}, got {self.sets!r}")
        if self.clock_ms == FIT:
            self.clock_ms_ = _slowest_clock_ms(batch)
        else:
            period_s = check_clock(self._caller, self.clock_ms)
            self.clock_ms_ = None if period_s is None else 1000.0 * period_s

    def _table(self, events: Events) -> dict[str, np.ndarray]:
        positions = find_positions(events, self.clock_ms_)
        motion = measure_motion(positions)
        measure = {
            "antal": lambda: antal_features(events, positions, motion),
            "movement": lambda: movement_features(positions, motion),
            "clicks": lambda: click_features(events),
        }
        table: dict[str, np.ndarray] = {}
        for chosen in self.sets:
            table |= measure[chosen]()
        return table


def _slowest_clock_ms(batch: TraceBatch) -> float | None:
    try:
        return fitted_clock_ms(batch)
    except ParameterError:  # no trace has events of two times, so no clock is needed
        return None


QUARTERS = (0.25, 0.5, 0.75)


@features(
    MOUSE,
    name="clock_and_screen",
    reference="a control, after P. Chong et al. 2018, Mouse Authentication without the Temporal Aspect: how much of a "
    "score is resolution",
    leak_only=True,
)
class ClockAndScreen(TraceColumns):
    """Five numbers about clock and screen, and none about movement, as a control.

    They are the quartiles of the time between two events, in seconds, and the largest x and y, in pixels. On the
    Balabit challenge they score an AUC of 0.92, as much as the classic features: only the gain of a model beyond them
    is due to people. The times of a trace of one event are 0.

    Examples
    --------
    >>> from img_repr.core.features import get_features
    >>> from img_repr.domains.mouse.sample import make_traces
    >>> clock = get_features("clock_and_screen").fit(make_traces(3))
    >>> clock.transform(make_traces(3)).shape, clock.get_feature_names_out()[:2].tolist()
    ((3, 5), ['interval_25_s', 'interval_50_s'])
    """

    def _table(self, events: Events) -> dict[str, np.ndarray]:
        intervals = events.by.fewer().quantiles(events.by.differences(events.t_s), QUARTERS)
        names = [f"interval_{100 * fraction:.0f}_s" for fraction in QUARTERS]
        return dict(zip(names, intervals, strict=True)) | {
            "largest_x_px": events.by.max(events.x_px),
            "largest_y_px": events.by.max(events.y_px),
        }
