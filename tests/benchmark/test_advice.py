"""Advice next to a verdict: right on planted truth, and rarely a false claim."""

from pathlib import Path

import numpy as np
import pytest

from img_repr.benchmark.evaluation.advice import EQUIVALENT, advise, is_equivalent, more_needed
from img_repr.benchmark.evaluation.score import Score
from img_repr.benchmark.evaluation.statistics import Comparison, compare_on_samples
from img_repr.benchmark.evaluation.tables import Row
from img_repr.benchmark.evaluation.verdict import reach_verdicts
from img_repr.benchmark.result import Record


def score_of(role, right, *, cost_s=1.0, groups=None):
    count = len(right)
    chance = np.where(right, 0.9, 0.1)
    predictions = {
        "indices": np.arange(count),
        "labels": np.repeat("a", count),
        "classes": np.array(["a", "b"]),
        "probabilities": np.stack([chance, 1 - chance], axis=1),
    }
    if groups is not None:
        predictions["groups"] = groups
    result = {"status": "ok", "accuracy": float(np.mean(right)), "n_test": count, "n_train": 50, "seed": 0}
    result |= {"fit_s": cost_s, "predict_ms_per_item": 0.0}
    record = Record(Path(), {"split": {"sha256": "0"}}, result, {}).holding(predictions)
    return Score(f"the {role}", role, {}, needs_seed=False, planned=1, records=[record])


def draw(accuracies, count, seed):
    """Correlated outcomes of contenders with these true accuracies."""
    random = np.random.default_rng(seed)
    common, own = random.random(count), random.random((len(accuracies), count))
    mixed = np.where(random.random((len(accuracies), count)) < 0.5, common, own)
    return [mixed[number] < accuracy for number, accuracy in enumerate(accuracies)]


def advice_of(*scores):
    row = Row("toy", "timeseries", {}, {score.contender: score for score in scores})
    (verdict,) = reach_verdicts([row])
    return verdict


def test_equivalence_needs_a_narrow_interval_not_a_large_p():
    image, table = draw([0.8, 0.8], 60, 0)
    few = advice_of(score_of("image", image), score_of("table", table))
    assert few.outcome == "open"
    assert "Equivalent" not in few.advice
    image, table = draw([0.8, 0.8], 20_000, 1)
    many = advice_of(score_of("image", image, cost_s=12.0), score_of("table", table))
    assert many.advice == (
        "Equivalent within 2 points; the table suffices. The image costs 12 times as much as the table, to fit and to "
        "predict a sample."
    )


@pytest.mark.parametrize("difference", [0.02, -0.02])
def test_false_claims_of_equivalence_are_rare(difference):
    claimed = 0
    for seed in range(200):
        image, table = draw([0.8 + difference, 0.8], 4000, seed)
        claimed += is_equivalent(compare_on_samples(image[None], table[None], None))
    assert claimed <= 10


def test_what_would_decide_is_enough():
    image, table = draw([0.85, 0.80], 300, 2)
    comparison = compare_on_samples(image[None], table[None], None)
    more = more_needed(comparison, 300)
    assert comparison.low < 0.0 < comparison.high
    decided = 0
    for seed in range(40):
        one, other = draw([0.80 + comparison.difference, 0.80], 300 + more, seed)
        decided += compare_on_samples(one[None], other[None], None).p < 0.05
    assert decided >= 16  # the half width is the difference: about every second time
    verdict = advice_of(score_of("image", image), score_of("table", table))
    assert f"About {more:,} more test samples like these would decide it." in verdict.advice


def test_groups_are_counted_where_they_are_known():
    random = np.random.default_rng(3)
    groups = np.repeat([f"p{number}" for number in range(12)], 20)
    image, table = random.random(240) < 0.82, random.random(240) < 0.78
    verdict = advice_of(score_of("image", image, groups=groups), score_of("table", table, groups=groups))
    assert verdict.outcome == "open"
    assert "more test groups like these" in verdict.advice


def test_no_advice_beyond_reason():
    assert more_needed(Comparison(0.0, np.nan, np.nan, 1.0, ""), 10) is None
    assert more_needed(Comparison(0.015, -0.4, 0.43, 0.9, ""), 10) is None  # 400 times as many
    assert more_needed(Comparison(0.5, 0.4, 0.6, 0.0, ""), 10) is None
    assert more_needed(Comparison(0.0, -EQUIVALENT * 1.1, EQUIVALENT * 1.1, 1.0, ""), 1000) == 210


def test_a_leak_that_beats_both_is_named():
    image, table, leak = (np.arange(100) < right for right in (21, 41, 48))
    verdict = advice_of(score_of("image", image), score_of("table", table), score_of("leak", leak))
    assert verdict.advice.startswith("Recording conditions alone score more than both: the leak 0.480.")
    assert verdict.advice in verdict.answer
    weaker = advice_of(score_of("image", image), score_of("table", table), score_of("leak", image))
    assert "Recording conditions" not in weaker.advice


def test_a_decided_verdict_has_no_next_step():
    image, table = np.arange(100) < 95, np.arange(100) < 60
    row = Row("toy", "timeseries", {}, {"i": score_of("image", image), "t": score_of("table", table)})
    comparison = compare_on_samples(image[None], table[None], None)
    assert advise(row, comparison, "helps") == ""
