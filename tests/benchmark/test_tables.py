from img_repr.benchmark.evaluation.score import Score
from img_repr.benchmark.evaluation.tables import FUSED, ResultsTable, Row


def test_what_is_missing_is_what_was_planned():
    """An ensemble was planned, whatever its role; what the page itself makes of two contenders was not."""
    scores = {name: Score(name, "fused", {}, planned=3) for name in ("ensemble of both", FUSED)}
    assert ResultsTable([Row("a", "timeseries", {}, scores)], [], [], [], 0).missing == 3
