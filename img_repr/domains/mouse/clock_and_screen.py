"""What the recorder alone tells: its clock and its screen. To be shown next to every result on traces."""

import numpy as np

from img_repr.core.features import features
from img_repr.domains.mouse.columns import TraceColumns
from img_repr.domains.mouse.events import Events
from img_repr.domains.mouse.sample import MOUSE

QUARTERS = (0.25, 0.5, 0.75)


@features(
    MOUSE,
    name="clock_and_screen",
    reference="a control, after P. Chong et al. 2018, Mouse Authentication without the Temporal Aspect: how much of a "
    "score is resolution",
    leak_only=True,
)
class ClockAndScreen(TraceColumns):
    """Five numbers about clock and screen, and none about how anybody moves.

    The quartiles of the time between two events, in seconds, and the largest x and y, in pixels. On the Balabit
    challenge they score an AUC of 0.92, as much as the classic features: what a model gains beyond them it has
    learned from people. A trace of one event has no time between two: 0.

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
        names = [f"interval_{100 * share:.0f}_s" for share in QUARTERS]
        return dict(zip(names, intervals, strict=True)) | {
            "largest_x_px": events.by.max(events.x_px),
            "largest_y_px": events.by.max(events.y_px),
        }
