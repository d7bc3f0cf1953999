"""Verdicts in words: what is said where something was tested, and where nothing could be."""

from pathlib import Path

import numpy as np
import pytest

from img_repr.benchmark.evaluation.across_datasets import holm
from img_repr.benchmark.evaluation.score import Score
from img_repr.benchmark.evaluation.tables import FUSED, Row
from img_repr.benchmark.evaluation.verdict import across, reach_verdicts
from img_repr.benchmark.result import Record


def score_of(role: str, rights: list[np.ndarray], *, seeds: int = 1, draws: bool = True) -> Score:
    """A contender that is right on these samples of each split, under every seed."""
    records = []
    for split, right in enumerate(rights):
        count = len(right)
        chance = np.where(right, 0.9, 0.1)
        predictions = {
            "indices": np.arange(count),
            "labels": np.repeat("a", count),
            "classes": np.array(["a", "b"]),
            "probabilities": np.stack([chance, 1 - chance], axis=1),
        }
        result = {"status": "ok", "accuracy": float(right.mean()), "n_test": count, "n_train": 50}
        for seed in range(seeds):
            record = Record(Path(), {"split": {"sha256": str(split)}}, result | {"seed": seed}, {})
            records.append(record.holding(predictions))
    return Score(f"the {role}", role, {}, needs_seed=draws, planned=len(records), records=records)


def row_of(image: Score, table: Score, fused: Score | None = None, name: str = "toy") -> Row:
    scores = {"i": image, "t": table} | ({FUSED: fused} if fused else {})
    return Row(name, "timeseries", {}, scores)


def right(wrong: int, count: int = 100) -> np.ndarray:
    """All samples but the first so many."""
    return np.arange(count) >= wrong


def test_without_spread_the_interval_and_the_test_are_said_to_be_none():
    image, table = score_of("image", [right(8)] * 4), score_of("table", [right(20)] * 4)
    (verdict,) = reach_verdicts([row_of(image, table)])
    assert verdict.outcome == "open"
    assert "a difference of +12.0 points, not tested, because nothing varies (corrected" in verdict.sentence
    assert "interval" not in verdict.sentence
    assert "p =" not in verdict.sentence


def test_two_that_are_right_on_the_same_samples_are_not_tested():
    image, table = score_of("image", [right(8)]), score_of("table", [right(8)])
    (verdict,) = reach_verdicts([row_of(image, table, image)])
    assert "a difference of 0.0 points, not tested, because nothing varies" in verdict.sentence
    assert "against the table alone 0.0 points, not tested" in verdict.together


def test_what_can_be_tested_has_an_interval_and_a_p():
    (verdict,) = reach_verdicts([row_of(score_of("image", [right(2)]), score_of("table", [right(30)]))])
    assert verdict.outcome == "helps"
    assert (
        "+28.0 points (95\N{NO-BREAK SPACE}% interval +19.0 to +37.0), p < 0.001 (McNemar's exact" in verdict.sentence
    )


def test_what_the_image_adds_is_adjusted_as_a_family_of_its_own():
    wrongs = [8, 9, 11]  # of the table alone; together none is wrong
    rows = [
        row_of(
            score_of("image", [right(wrong)]), score_of("table", [right(wrong)]), score_of("fused", [right(0)]), name
        )
        for wrong, name in zip(wrongs, "xyz", strict=True)
    ]
    verdicts = reach_verdicts(rows)
    alone = [verdict.added.p for verdict in verdicts]
    assert alone == pytest.approx([2 * 0.5**wrong for wrong in wrongs])
    for verdict, p in zip(verdicts, holm(alone), strict=True):
        assert f"p = {p:.3f} after Holm over 3 data sets" in verdict.together
        assert verdict.outcome == "open"  # one more question, that does not decide the first


def test_one_data_set_is_a_family_of_one():
    image, table = score_of("image", [right(8)]), score_of("table", [right(8)])
    (verdict,) = reach_verdicts([row_of(image, table, score_of("fused", [right(0)]))])
    assert "p = 0.008." in verdict.together


@pytest.mark.parametrize(
    ("seeds", "draws", "splits", "said"),
    [
        (1, True, 1, "; one seed of the image: variation between seeds is not tested"),
        (2, True, 1, ""),
        (1, False, 1, ""),
        (1, True, 3, ""),
    ],
)
def test_luck_with_a_single_seed_is_said_to_be_untested(seeds, draws, splits, said):
    image = score_of("image", [right(wrong) for wrong in range(splits)], seeds=seeds, draws=draws)
    table = score_of("table", [right(10 + 2 * wrong) for wrong in range(splits)], draws=False)
    (verdict,) = reach_verdicts([row_of(image, table)])
    assert ("one seed of" in verdict.sentence) == bool(said)
    assert said in verdict.sentence


def test_data_sets_without_a_test_still_count_where_they_are_ahead():
    rows = [row_of(score_of("image", [right(8)] * 4), score_of("table", [right(20)] * 4), name=name) for name in "xy"]
    assert across(reach_verdicts(rows))[0].startswith(
        "By mean accuracy alone, the primary image is ahead on 2, level on 0"
    )


def test_a_tie_by_sums_in_another_order_is_a_tie_across_data_sets():
    def rows(image: list[int], table: list[int]) -> list[Row]:
        both = {"image": image, "table": table}
        level = [score_of(role, [right(wrong, 300) for wrong in wrongs]) for role, wrongs in both.items()]
        others = [(score_of("image", [right(20)]), score_of("table", [right(n)])) for n in (25, 17, 22, 27, 16, 26)]
        return [row_of(*pair, name=str(number)) for number, pair in enumerate([level, *others])]

    almost, level = rows([1, 3, 9, 3, 3], [2, 8, 7, 1, 1]), rows([3] * 5, [3] * 5)
    assert reach_verdicts(almost)[0].comparison.difference != 0.0  # by its last bit
    assert across(reach_verdicts(almost)) == across(reach_verdicts(level))


def test_values_are_those_of_the_splits_that_are_compared():
    image = score_of("image", [right(10), right(12)])
    table = score_of("table", [right(20), right(23), right(90), right(80)], draws=False)
    row = row_of(image, table)
    (verdict,) = reach_verdicts([row])
    assert "the image 0.890 against the table 0.785 in accuracy on the 2 of 4 splits that both have" in verdict.sentence
    assert "a difference of +10.5 points" in verdict.sentence
    assert row.best == set()  # a mean over four splits is none over two
    row.scores |= {"other": score_of("image", [right(1)] * 2), "low": score_of("table", [right(30)] * 2)}
    row.scores["other"].contender = "the other"
    (verdict,) = reach_verdicts([row])
    assert "Best of 2 images" in verdict.alternative
    assert "the other 0.990; best of 2 tables: the table 0.785." in verdict.alternative


def test_across_data_sets_nothing_is_said_while_planned_runs_are_missing():
    rows = [row_of(score_of("image", [right(8)] * 4), score_of("table", [right(20)] * 4), name=name) for name in "xy"]
    rows[1].scores["i"].planned += 1
    (line,) = across(reach_verdicts(rows))
    assert "planned runs of the primary comparison are missing" in line
