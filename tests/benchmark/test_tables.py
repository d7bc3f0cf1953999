from img_repr.benchmark.judging.fusion import FUSED
from img_repr.benchmark.judging.score import Score
from img_repr.benchmark.judging.tables import Board, Row


def test_what_is_missing_is_what_was_planned():
    """An ensemble was planned, whatever its role; what the page itself makes of two contenders was not."""
    scores = {name: Score(name, "fused", {}, planned=3) for name in ("ensemble of both", FUSED)}
    assert Board([Row("a", "timeseries", {}, scores)], [], [], [], 0).missing == 3
