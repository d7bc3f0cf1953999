from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from img_repr.benchmark.evaluation.ranking import Pair, Ranking, rank_contenders, refusal
from img_repr.benchmark.evaluation.score import Score, within
from img_repr.benchmark.evaluation.tables import FUSED, Row, read_results
from img_repr.benchmark.report.figures import CostPoint, cost_front, draw_cost, draw_ranks
from img_repr.benchmark.result import Record
from img_repr.benchmark.run_benchmark import run_benchmark


def record(accuracy: float, split: int = 0, seed: int = 0, good: bool = True) -> Record:
    result = {"status": "ok" if good else "failed", "accuracy": accuracy, "seed": seed, "split_number": split}
    result |= {"split_kind": "resample", "split_name": str(split), "n_train": 10, "n_test": 20}
    result |= {"fit_s": 0.5, "predict_ms_per_item": 2.0}
    kept = {"indices": np.arange(20), "labels": np.full(20, "a"), "classes": np.array(["a", "b"])}
    kept["probabilities"] = np.tile([1.0, 0.0], (20, 1))
    return Record(Path(), {"split": {"sha256": f"split{split}"}}, result, {}).holding(kept)


def row_of(name: str, **accuracies: float) -> Row:
    scores = {
        caller: Score(caller, "image" if caller.startswith("i") else "table", {}, planned=1, records=[record(value)])
        for caller, value in accuracies.items()
    }
    return Row(name, "timeseries", {"name": name}, scores)


GRID = np.array(
    [[0.90, 0.80, 0.70], [0.95, 0.80, 0.80], [0.80, 0.85, 0.60], [0.90, 0.90, 0.70], [0.85, 0.80, 0.50],
     [0.99, 0.90, 0.60], [0.90, 0.70, 0.65], [0.80, 0.75, 0.70]]
)  # fmt: skip


def rows_of(grid: np.ndarray) -> list[Row]:
    return [row_of(f"d{number}", i=line[0], t=line[1], u=line[2]) for number, line in enumerate(grid)]


def test_ranks_pairs_and_chances_are_those_of_the_grid():
    ranking = rank_contenders(rows_of(GRID[:, [2, 0, 1]]))  # declared in another order than they rank
    assert ranking.names == ("t", "u", "i")
    assert ranking.ranks == pytest.approx(stats.rankdata(-GRID, axis=1).mean(axis=0))
    first, second, third = ranking.pairs
    assert (first.first, first.second, third.first, third.second) == ("t", "u", "u", "i")
    assert (first.wins, first.ties, first.losses) == (6, 1, 1)
    assert first.difference == pytest.approx((GRID[:, 0] - GRID[:, 1]).mean())
    plain = [
        stats.wilcoxon((GRID[:, a] - GRID[:, b]).round(9), zero_method="zsplit").pvalue
        for a, b in ((0, 1), (0, 2), (1, 2))
    ]
    assert second.p == pytest.approx(min(plain[1:]) * 3)  # Holm: the smallest of three
    assert [pair.p for pair in ranking.pairs] == pytest.approx(stats_holm(plain))
    assert second.better > 0.99
    for pair in ranking.pairs:
        assert pair.better + pair.same + pair.worse == pytest.approx(1.0)


def stats_holm(values: list[float]) -> list[float]:
    order = sorted(range(len(values)), key=lambda place: values[place])
    adjusted, largest = [0.0] * len(values), 0.0
    for turn, place in enumerate(order):
        largest = max(largest, min(1.0, values[place] * (len(values) - turn)))
        adjusted[place] = largest
    return adjusted


def test_below_six_data_sets_there_are_ranks_but_no_tests():
    ranking = rank_contenders(rows_of(GRID[:5]))
    assert ranking.names[0] == "i"
    assert ranking.pairs == ()


def ranking_of(count: int, *apart: tuple[int, int]) -> Ranking:
    """Contenders a, b, c ... of which only the given pairs differ."""
    names = tuple("abcdefgh"[:count])
    pairs = tuple(
        Pair(names[i], names[j], 0, 0, 0, 0.0, 0.001 if (i, j) in apart else 0.6, 0, 1, 0)
        for i in range(count)
        for j in range(i + 1, count)
    )
    ranks = tuple(np.linspace(1.2, count - 0.2, count).tolist())
    return Ranking(names, ("image",) * count, ranks, 12, pairs=pairs)


@pytest.mark.parametrize(
    ("apart", "bars"),
    [
        ((), ["abcd"]),
        (((0, 3),), ["abc", "bcd"]),
        (((0, 2), (0, 3), (1, 3)), ["ab", "bc", "cd"]),
        (((0, 1),), ["bcd"]),  # a does not differ from c, yet no bar may run over b
        (((0, 1), (1, 2), (2, 3)), []),
        (((0, 1), (0, 2), (0, 3), (1, 3), (2, 3)), ["bc"]),
    ],
)
def test_a_bar_joins_neighbors_of_whom_no_two_differ(apart, bars):
    assert ["".join(names) for names in ranking_of(4, *apart).bars] == bars


def test_an_incomplete_grid_is_not_ranked():
    rows = rows_of(GRID)
    rows[3].scores["t"].records = [record(0.9, good=False)]
    rows[5].scores["u"].records = []
    assert rank_contenders(rows) is None
    assert "t on d3 (1 of 1 failed), u on d5 (1 of 1 missing)" in refusal(rows)


def test_what_is_fused_is_not_ranked():
    rows = rows_of(GRID)
    rows[0].scores[FUSED] = Score(FUSED, "fused", {}, planned=2, records=[record(1.0)])  # on one only, and with a gap
    assert rank_contenders(rows).by_name == rank_contenders(rows_of(GRID)).by_name


def test_ranks_are_over_the_splits_that_all_have():
    rows = rows_of(GRID)
    for row in rows:  # tables on three resamples, on the last two of which t is perfect; images on the first, two seeds
        accuracy = row.scores["t"].accuracy
        row.scores["t"] = replace(
            row.scores["t"], planned=3, records=[record(accuracy), record(1.0, split=1), record(1.0, split=2)]
        )
        accuracy = row.scores["i"].accuracy
        row.scores["i"] = replace(
            row.scores["i"], planned=2, records=[record(accuracy - 0.002, seed=0), record(accuracy + 0.002, seed=1)]
        )
    assert rows[0].scores["t"].value > rows[0].scores["i"].value
    ranking = rank_contenders(rows)
    assert ranking.by_name == rank_contenders(rows_of(GRID)).by_name
    assert ranking.splits == "resample 0"
    rows[0].scores["t"].records = rows[0].scores["t"].records[1:]
    rows[0].scores["t"] = replace(rows[0].scores["t"], planned=2)
    assert refusal(rows) == "on d0 the contenders have no split in common"


def test_resample_0_of_one_recipe_is_the_published_split_of_another(recipe, waves, runs_folder, image, table):
    """Tables on many resamples and images on the first, as published tables do it."""
    sets = [replace(waves, name=name, samples=waves.samples[:, start:]) for start, name in enumerate("ab")]
    for name, caller, values in (("tables", table, {"resamples": 3}), ("images", image, {"seeds": (0, 1, 2)})):
        run_benchmark(
            replace(recipe, name=name, datasets=("a", "b"), contenders=(caller,), **values), runs_folder, datasets=sets
        )
    rows = read_results(runs_folder).rows
    assert [[len(score.by_split) for score in row.scores.values()] for row in rows] == [[1, 3, 1]] * 2
    ranking = rank_contenders(rows)
    assert ranking.splits == "published 0"
    first = [next(iter(row.scores["1nn on raw"].by_split.values()))[0].result["accuracy"] for row in rows]
    ahead = [row.scores["CNN on gadf"].accuracy - accuracy for row, accuracy in zip(rows, first, strict=True)]
    assert ranking.by_name["CNN on gadf"] == pytest.approx(1.5 - np.sign(ahead).mean() / 2)


def test_a_score_within_some_splits_is_whole():
    score = Score("t", "table", {}, planned=3, records=[record(0.5), record(1.0, split=1), record(0.9, split=2)])
    part = within(score, {"split1", "split2"})
    assert part.value == pytest.approx(0.95)
    assert part.complete
    assert within(score, set(score.by_split)) is score


def test_the_cost_is_of_learning_and_predicting():
    score = Score("t", "table", {}, planned=1, records=[record(0.5)])
    assert score.fit_ms_per_item == pytest.approx(50.0)
    assert score.cost_ms == pytest.approx(52.0)
    assert np.isnan(score.largest("warmup_s"))  # of older records


def test_the_front_is_what_nothing_beats():
    points = [CostPoint(*one) for one in (
        ("dear", "image", 9.0, 0.9), ("level", "table", 3.0, 0.8), ("cheap", "table", 1.0, 0.8),
        ("twin", "control", 1.0, 0.8), ("poor", "control", 2.0, 0.1), ("free", "leak", 0.1, 0.1),
    )]  # fmt: skip
    assert [point.name for point in cost_front(points)] == ["free", "cheap", "twin", "dear"]
    svg = draw_cost(points, "accuracy", "c0")
    assert svg == draw_cost(points, "accuracy", "c0")  # byte for byte
    assert all(point.name in svg for point in points)
    assert "sans-serif" not in svg  # the page's own letters


def test_the_diagram_names_everybody_and_draws_a_bar_for_each_clique():
    ranking = ranking_of(5, (0, 3), (0, 4), (1, 4))
    assert ranking.bars == [("a", "b", "c"), ("b", "c", "d"), ("c", "d", "e")]
    svg = draw_ranks(ranking, "r0")
    for name, rank in ranking.by_name.items():
        assert f">{name}</text>" in svg
        assert f"{rank:.2f}" in svg
    assert svg.count("stroke-width: 3.5") == 3
