from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from img_repr.benchmark.evaluation.tables import FUSED, read_results
from img_repr.benchmark.evaluation.trials import (
    area_under_curve,
    bootstrap_scores,
    equal_error_rate,
    pooled,
    score_trials,
    trials_of,
)
from img_repr.benchmark.evaluation.verdict import reach_verdicts, say_points
from img_repr.benchmark.recipe import Recipe
from img_repr.benchmark.report.page import write_report
from img_repr.benchmark.run_benchmark import run_benchmark
from img_repr.core.dataset import Dataset


def predictions(random: np.random.Generator, groups: int = 40, each: int = 5) -> dict[str, np.ndarray]:
    """Two classes, groups of one label; the label is a claim that is false for every third group."""
    label = np.arange(groups) % 2
    genuine = np.arange(groups) % 3 != 0
    truth = np.where(genuine, label, 1 - label)
    strength = np.repeat(2.0 * truth - 1.0, each) * 0.6 + random.normal(size=groups * each)
    chance = 1.0 / (1.0 + np.exp(-strength))
    return {
        "classes": np.array(["a", "b"]),
        "labels": np.repeat(np.array(["a", "b"])[label], each),
        "genuine": np.repeat(genuine, each),
        "groups": np.repeat([f"session {number}" for number in range(groups)], each),
        "elapsed_s": np.tile(10.0 * (1 + np.arange(each)), groups),
        "probabilities": np.stack([1 - chance, chance], axis=1),
    }


def test_a_hand_worked_trial():
    known = {
        "classes": np.array(["b", "a"]),
        "labels": np.array(["a", "a", "b", "b", "a"]),
        "genuine": np.array([True, True, True, True, False]),
        "groups": np.array(["x", "x", "y", "y", "z"]),
        "probabilities": np.array([[0.5, 0.5], [0.2, 0.8], [0.9, 0.1], [0.3, 0.7], [0.6, 0.4]]),
    }
    trials = trials_of(known)
    assert trials is not None
    assert trials.classes.tolist() == ["a", "b"]
    np.testing.assert_allclose(trials.scores[0], [np.log(0.5 * 0.8) / 2, np.log(0.5 * 0.2) / 2])
    np.testing.assert_allclose(trials.claims, [np.log(0.4) / 2, np.log(0.27) / 2, np.log(0.4)])
    assert trials.right.tolist() == [True, True, True]
    scores = score_trials(trials)
    assert scores["trial_auc"] == 1.0
    assert scores["trial_eer"] == 0.0
    assert scores["n_trials"] == 3


def test_the_area_is_that_of_scikit_learn(random):
    scores, genuine = random.integers(0, 9, 200).astype(float), random.random(200) < 0.4
    assert area_under_curve(scores, genuine) == pytest.approx(roc_auc_score(genuine, scores))
    assert 0.35 < equal_error_rate(scores, genuine) < 0.65
    assert np.isnan(area_under_curve(scores, np.ones(200, bool)))
    assert np.isnan(equal_error_rate(scores, np.zeros(200, bool)))


def test_more_seconds_tell_more(random):
    known = predictions(random, groups=200)
    first, all_of_it = (trials_of(known, most_s=most) for most in (1.0, None))
    assert len(first) == len(all_of_it) == 200  # the first sample always counts
    np.testing.assert_array_equal(first.scores, trials_of(known, most_s=10.0).scores)
    assert score_trials(first)["trial_auc"] + 0.03 < score_trials(all_of_it)["trial_auc"]


@pytest.mark.parametrize("change", ["no groups", "two labels", "one sample each", "half genuine"])
def test_what_cannot_be_judged_as_one(random, change):
    known = predictions(random)
    if change == "no groups":
        del known["groups"]
    elif change == "two labels":
        known["labels"][0] = "b"
    elif change == "one sample each":
        known |= {"groups": np.arange(200).astype(str), "genuine": np.ones(200, bool)}
    else:
        known["genuine"][:2] = ~known["genuine"][:2]
    assert trials_of(known) is None


def test_a_class_that_was_never_learned_is_never_claimed(random):
    known = predictions(random)
    known["labels"] = np.where(known["labels"] == "a", "newcomer", known["labels"])
    trials = trials_of(known)
    assert (trials.claims[trials.labels == "newcomer"] == np.log(1e-3)).all()


def test_splits_are_put_together_and_a_group_twice_is_not(random):
    known = predictions(random)
    half = {name: column if name == "classes" else column[:100] for name, column in known.items()}
    rest = {name: column if name == "classes" else column[100:] for name, column in known.items()}
    assert score_trials(pooled([half, rest])) == score_trials(trials_of(known))
    assert pooled([half, half]) is None


def test_redrawing_finds_the_spread(random):
    trials = trials_of(predictions(random, groups=300))
    scores = bootstrap_scores([trials, trials])
    assert abs(scores.mean() - score_trials(trials)["trial_auc"]) < 0.01
    assert 0.005 < scores.std() < 0.05
    np.testing.assert_array_equal(scores, bootstrap_scores([trials]))


@pytest.fixture
def sessions(waves: Dataset, random: np.random.Generator) -> Dataset:
    """The sixty waves as sessions of four of one class; in the test part every other label is a false claim."""
    order = np.argsort(np.char.add(waves.split.astype(str), waves.labels.astype(str)), kind="stable")
    data = waves.subset(order)
    groups = np.empty(60, dtype=object)
    for part in ("train", "test"):
        for label in data.classes:
            members = np.flatnonzero((data.split == part) & (data.labels == label))
            groups[members] = [f"{part} {label} {number // 4}" for number in range(len(members))]
    return replace(data, name="sessions", groups=groups.astype(str), elapsed_s=1.0 + np.arange(60.0) % 4)


def test_groups_are_judged_as_one_by_the_benchmark(sessions: Dataset, recipe: Recipe, runs_folder):
    run_benchmark(replace(recipe, datasets=("sessions",), split="published"), runs_folder, datasets=[sessions])
    (row,) = read_results(runs_folder).rows
    table = row.primary("table")
    assert table.good[0].result["n_trials"] == len({*sessions.groups[sessions.split == "test"]})
    assert not table.verifies
    assert table.measure == "accuracy"
    assert table.value == table.accuracy
    assert len(table.curve) > 1
    (verdict,) = reach_verdicts([row])
    groups = {*sessions.groups[sessions.split == "test"]}
    assert f"sums of {len(groups)} groups, 40 test samples" in verdict.sentence
    text = write_report(runs_folder, runs_folder / "report.html").read_text("utf-8")
    assert "One decision per group of test samples" in text
    assert "seconds observed" in text


@pytest.mark.slow
def test_claims_are_verified_by_the_benchmark(sessions: Dataset, recipe: Recipe, runs_folder):
    claimed = sessions.labels.copy()
    false = (sessions.split == "test") & (
        np.char.endswith(sessions.groups, "1") | np.char.endswith(sessions.groups, "3")
    )
    claimed[false] = np.where(sessions.labels[false] == "fast", "slow", "fast")
    impostors = replace(sessions, labels=claimed, genuine=~false)
    run_benchmark(replace(recipe, datasets=("sessions",), split="published"), runs_folder, datasets=[impostors])
    (row,) = read_results(runs_folder).rows
    image = row.primary("image")
    assert image.verifies
    assert image.measure == "AUC over trials"
    assert image.interval[0] <= image.value <= image.interval[1]
    assert image.value > 0.8  # the sines are easily told
    assert len(image.good[0].scored_rows) == (~false & (sessions.split == "test")).sum()
    assert "AUC over trials" in reach_verdicts([row])[0].sentence
    assert "Equal" in write_report(runs_folder, runs_folder / "report.html").read_text("utf-8")


def test_image_and_table_together(waves: Dataset, recipe: Recipe, runs_folder):
    run_benchmark(recipe, runs_folder, datasets=[waves])
    (row,) = read_results(runs_folder).rows
    fused, image, table = row.scores[FUSED], row.primary("image"), row.primary("table")
    mean = (image.good[0].predictions["probabilities"] + table.good[0].predictions["probabilities"]) / 2
    np.testing.assert_allclose(fused.good[0].predictions["probabilities"], mean)
    right = fused.good[0].predictions["classes"][mean.argmax(axis=1)] == image.good[0].predictions["labels"]
    assert fused.good[0].result["accuracy"] == right.mean()
    assert fused.role == "fused"


def test_fusion_has_the_runs_of_whichever_draws(waves: Dataset, recipe: Recipe, runs_folder):
    image, table = recipe.contenders
    # what looks at images and draws nothing is a frozen body with weights, too long a run for here
    still = type("Still", (type(image),), {"needs_seed": False})(image.encoder, image.parameters, make=image.make)
    drawing = replace(table, learner="extra_trees", name="", make=image.make)
    assert (still.needs_seed, drawing.needs_seed) == (False, True)
    run_benchmark(replace(recipe, contenders=(still, drawing), seeds=(3, 4)), runs_folder, datasets=[waves])
    (row,) = read_results(runs_folder).rows
    fused, image, table = row.scores[FUSED], row.primary("image"), row.primary("table")
    assert [record.result["seed"] for record in fused.good] == [3, 4]
    assert fused.complete
    for one, other in zip(fused.good, table.good, strict=True):
        mean = (image.good[0].predictions["probabilities"] + other.predictions["probabilities"]) / 2
        np.testing.assert_allclose(one.predictions["probabilities"], mean)


def test_fusion_takes_one_run_of_what_draws_nothing(waves: Dataset, recipe: Recipe, runs_folder):
    run_benchmark(replace(recipe, seeds=(0,)), runs_folder, datasets=[waves])
    run_benchmark(replace(recipe, name="again", seeds=(5,)), runs_folder, datasets=[waves])
    (row,) = read_results(runs_folder).rows
    assert len(row.primary("table").good) == 2
    assert sorted(record.result["seed"] for record in row.scores[FUSED].good) == [0, 5]


def test_the_verdict_says_what_the_image_adds(waves: Dataset, recipe: Recipe, runs_folder):
    run_benchmark(recipe, runs_folder, datasets=[waves])
    (row,) = read_results(runs_folder).rows
    (verdict,) = reach_verdicts([row])
    fused, table = row.scores[FUSED], row.primary("table")
    assert f"{fused.value:.3f}" in verdict.together
    assert f"{say_points(fused.value - table.value)} points" in verdict.together
    assert verdict.together.split(":")[0] in write_report(runs_folder, runs_folder / "report.html").read_text("utf-8")


def test_the_equal_error_rate_looks_at_every_threshold():
    genuine = np.array([letter == "T" for letter in "TTFFFTTF"])
    assert equal_error_rate(np.arange(8.0, 0.0, -1.0), genuine) == 0.5


def test_impostors_are_judged_even_by_one_sample_each(random):
    known = predictions(random, groups=30, each=1)
    assert len(trials_of(known)) == 30
    assert trials_of(known | {"genuine": np.ones(30, bool)}) is None


def test_what_is_fused_waits_for_both(waves: Dataset, recipe: Recipe, runs_folder):
    run_benchmark(replace(recipe, seeds=(0,)), runs_folder, datasets=[waves])
    run_benchmark(replace(recipe, seeds=(0, 1), budget_hours=1e-9, name="later"), runs_folder, datasets=[waves])
    results_table = read_results(runs_folder)
    (row,) = results_table.rows
    assert row.scores[FUSED].gaps == "1 of 2 missing"
    assert results_table.missing == 1
    assert "provisional" in reach_verdicts([row])[0].together
