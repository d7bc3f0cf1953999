"""Planted truth: what the verdict says where it is known who is better, and how often it claims what is not so.

The reason for its length: one generator for each kind of benchmark that the verdict knows.

A test whose level is just 0.05 claims something in more than 10 of 200 benchmarks without a difference in four runs
of ten, by chance alone. So over all kinds of benchmarks together at most 5 in a hundred may claim one, and of 200
benchmarks with several data sets at most 10; one kind by itself may claim so many of 200 as a test of level 0.05 would
exceed for one of all kinds in one run of twenty (binomial, Bonferroni).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from img_repr.benchmark.contender import CnnContender, Contender
from img_repr.benchmark.evaluation.metrics import score_probabilities
from img_repr.benchmark.evaluation.score import Score
from img_repr.benchmark.evaluation.tables import Row, read_results
from img_repr.benchmark.evaluation.verdict import Verdict, reach_verdicts
from img_repr.benchmark.recipe import Recipe
from img_repr.benchmark.result import SCHEMA, Outcome, Record, write_outcome
from img_repr.benchmark.run_benchmark import run_benchmark
from img_repr.core.dataset import Dataset
from img_repr.core.splits.cuts import group_splits, resampled_splits, time_splits
from img_repr.core.splits.split import Split
from img_repr.domains.timeseries.sample import TIMESERIES

BENCHMARKS = 200
Make = Callable[[np.random.Generator, float], Row]


# Real contenders on made data


def made(name: str, series: np.ndarray, positive: np.ndarray, n_train: int) -> Dataset:
    parts = np.where(np.arange(len(series)) < n_train, "train", "test")
    return Dataset(name, TIMESERIES, series, np.where(positive, "up", "down"), split=parts)


def coin(random: np.random.Generator, count: int) -> np.ndarray:
    return random.random(count) < 0.5


def make_chirps(random: np.random.Generator) -> Dataset:
    """Tones that rise or fall somewhere: an image of time and frequency shows it, a summary of values does not."""
    rises = coin(random, 200)
    series, time = 0.5 * random.normal(size=(200, 128)), np.linspace(0, 1, 64)
    for row, rising in zip(series, rises, strict=True):
        first, last = (4, 20) if rising else (20, 4)
        at, turns = random.integers(0, 64), first * time + (last - first) * time**2 / 2
        row[at : at + 64] += np.sin(2 * np.pi * turns + random.uniform(0, 2 * np.pi))
    return made("chirps", series, rises, 80)


def make_levels(random: np.random.Generator) -> Dataset:
    """Noise around one of two levels: a Gramian angular field scales each series to itself and cannot know it."""
    high = coin(random, 200)
    return made("levels", random.normal(size=(200, 60)) + 1.5 * high[:, None], high, 80)


def make_noise(random: np.random.Generator, name: str) -> Dataset:
    """Labels that have nothing to do with the series."""
    return made(name, random.normal(size=(200, 60)), coin(random, 200), 80)


def verdicts_on(several: list[Dataset], encoder: str, table: str, epochs: int, runs_folder: Path) -> list[Verdict]:
    values = {"encoder": encoder, "parameters": {"size": 16}, "training": {"epochs": epochs, "min_steps": 0}}
    contenders = (CnnContender(**values), Contender.parse(table))
    recipe = Recipe("truth", tuple(data.name for data in several), contenders, seeds=(0, 1))
    results = run_benchmark(recipe, runs_folder, datasets=several)
    assert {result["status"] for result in results} == {"ok"}
    return reach_verdicts(read_results(runs_folder).rows)


@pytest.mark.slow
def test_where_the_image_shows_more_the_image_helps(random, runs_folder):
    (verdict,) = verdicts_on([make_chirps(random)], "scalogram", "table:summary:extra_trees", 12, runs_folder)
    assert verdict.title == "The image helps on chirps."
    assert verdict.comparison.low > 0.2


def test_where_the_table_knows_more_the_image_does_not_help(random, runs_folder):
    (verdict,) = verdicts_on([make_levels(random)], "gadf", "table:raw:1nn", 3, runs_folder)
    assert verdict.title == "The image does not help on levels."
    assert verdict.comparison.high < -0.2


def test_where_nobody_knows_anything_nothing_is_decided(random, runs_folder):
    several = [make_noise(random, name) for name in ("noise", "more noise", "still more")]
    verdicts = verdicts_on(several, "gadf", "table:raw:1nn", 2, runs_folder)
    assert [verdict.outcome for verdict in verdicts] == ["open"] * 3
    assert all(verdict.comparison.low <= 0 <= verdict.comparison.high for verdict in verdicts)


# Simulated benchmarks: each kind makes one data set, on which the image is better by ``lead``, 0 being none


def outcome_of(role: str, split: Split, seed: int, known: dict[str, np.ndarray], chance: np.ndarray) -> Outcome:
    """What a run would leave: ``chance`` is the probability that it gives to the class ``b``."""
    tested = {name: column[split.test] for name, column in known.items()}
    predictions = {
        "indices": split.test,
        "classes": np.array(["a", "b"]),
        "probabilities": np.stack([1 - chance, chance], axis=1),
        **tested,
    }
    said = np.where(chance > 0.5, "b", "a")
    true = tested.get("genuine", np.ones(len(said), bool))
    result = {
        "status": "ok",
        "accuracy": float((said == tested["labels"])[true].mean()),
        "n_train": len(split.train),
        "n_test": len(split.test),
        "seed": seed,
        "split_number": int(split.name),
        "contender": role,
        "role": role,
    }
    spec = {"schema": SCHEMA, "split": {"sha256": split.name}, "contender": {"kind": role}, "seed": seed}
    return Outcome(spec, result, {}, predictions)


def row_of(image: list[Outcome], table: list[Outcome]) -> Row:
    scores = {}
    for role, outcomes in (("image", image), ("table", table)):
        records = [Record(Path(), one.spec, one.result, one.env).holding(one.predictions) for one in outcomes]
        scores[role] = Score(role, role, {}, planned=len(records), records=records)
    return Row("toy", "timeseries", {}, scores)


ONE = Split("published", "0", np.arange(1000, 1050), np.arange(300))


def saying(right: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Probability of ``b`` of a contender that is right on these samples."""
    return np.where(right == (labels == "b"), 0.8, 0.2)


def one_split(random: np.random.Generator, lead: float, *, seeds: int = 1, luck: float = 0.0) -> Row:
    """Samples of unequal difficulty; a seed's network is better or worse by luck; the table draws nothing."""
    labels = np.where(random.random(300) < 0.5, "a", "b")
    chance = random.beta(4, 1, 300) * (1 - lead)

    def outcomes(role: str, count: int, luck: float, lead: float) -> list[Outcome]:
        rights = [random.random(300) < chance + lead + luck * random.normal() for _ in range(count)]
        return [
            outcome_of(role, ONE, seed, {"labels": labels}, saying(right, labels)) for seed, right in enumerate(rights)
        ]

    return row_of(outcomes("image", seeds, luck, lead), outcomes("table", 1, 0.0, 0.0))


def both_lucky(random: np.random.Generator, lead: float) -> Row:
    """Image and table both run under five seeds, whose luck is larger than that of the samples."""
    luckiest = [one_split(random, side, seeds=5, luck=0.04).scores["image"].records for side in (lead, 0.0)]
    labels = luckiest[0][0].predictions["labels"]
    image, table = (
        [outcome_of(role, ONE, place, {"labels": labels}, saying(record.right, labels)) for place, record in several]
        for role, several in (("image", enumerate(luckiest[0])), ("table", enumerate(luckiest[1])))
    )
    return row_of(image, table)


def in_groups(random: np.random.Generator, lead: float, *, count: int = 25, seeds: int = 1) -> Row:
    """Groups of unequal size; each contender is good at some groups and bad at others."""
    groups = np.repeat(np.arange(count), random.integers(2, 20, count))
    labels = np.where(random.random(len(groups)) < 0.5, "a", "b")
    split = Split("group", "0", np.arange(1000, 1050), np.arange(len(groups)))
    known = {"labels": labels, "groups": groups.astype(str)}

    def outcomes(role: str, lead: float) -> list[Outcome]:
        liking = (random.normal(1.0 + lead, 1.0, count))[groups]
        found = []
        for seed in range(seeds):
            right = random.random(len(groups)) < 1 / (1 + np.exp(-liking - 0.3 * random.normal(size=len(groups))))
            found.append(outcome_of(role, split, seed, known, saying(right, labels)))
        return found

    return row_of(outcomes("image", lead), outcomes("table", 0.0))


def of_impostors(random: np.random.Generator, lead: float, *, genuine: int = 25, impostors: int = 25) -> Row:
    """Claims to be the user ``b``; both contenders see the same trials through errors of their own."""
    count = genuine + impostors
    known = {
        "labels": np.repeat("b", count),
        "genuine": np.arange(count) < genuine,
        "groups": np.arange(count).astype(str),
    }
    split = Split("published", "0", np.arange(1000, 1050), np.arange(count))
    shared = 0.7 * random.normal(size=count)

    def outcomes(role: str, lead: float) -> list[Outcome]:
        own = shared + (1.2 + lead) * known["genuine"] + 0.8 * random.normal(size=count)
        return [
            outcome_of(role, split, seed, known, 1 / (1 + np.exp(-own - 0.3 * random.normal(size=count))))
            for seed in range(2)
        ]

    return row_of(outcomes("image", lead), outcomes("table", 0.0))


def learned(random: np.random.Generator, lead: float, *, cut: Callable[[Dataset], Any], count: int = 120) -> Row:
    """Two views of one pool, equally good by construction, the same learner on each, on splits that share samples."""
    positive = coin(random, count)
    labels = np.where(positive, "b", "a")
    sign = np.where(positive, 1.0, -1.0)[:, None] * np.array([1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    pool = Dataset("pool", TIMESERIES, sign, labels, groups=np.arange(count) % 24, times=np.arange(count))
    views = [random.normal(size=(count, 8)) + (0.4 + side) * sign for side in (lead, 0.0)]
    found: tuple[list[Outcome], list[Outcome]] = [], []
    for number, split in enumerate(cut(pool)):
        named = Split(split.kind, str(number), split.train, split.test)
        for role, view, outcomes in zip(("image", "table"), views, found, strict=True):
            means = [view[split.train][positive[split.train] == one].mean(axis=0) for one in (False, True)]
            score = (view[split.test] - (means[0] + means[1]) / 2) @ (means[1] - means[0])
            outcomes.append(outcome_of(role, named, 0, {"labels": labels}, 1 / (1 + np.exp(-score))))
    return row_of(*found)


KINDS: dict[str, Make] = {
    "one split": one_split,
    "three seeds": lambda random, lead: one_split(random, lead, seeds=3),
    "three seeds of unequal luck": lambda random, lead: one_split(random, lead, seeds=3, luck=0.03),
    "five seeds of unequal luck on both sides": both_lucky,
    "groups": in_groups,
    "few groups": lambda random, lead: in_groups(random, lead, count=7),
    "groups and seeds": lambda random, lead: in_groups(random, lead, seeds=3),
    "impostors": of_impostors,
    "few impostors": lambda random, lead: of_impostors(random, lead, genuine=8, impostors=12),
    "resamples": lambda random, lead: learned(random, lead, cut=lambda pool: resampled_splits(pool, 10, force=True)),
    "three resamples": lambda random, lead: learned(
        random, lead, cut=lambda pool: resampled_splits(pool, 3, test_size=0.5, force=True)
    ),
    "group folds": lambda random, lead: learned(random, lead, cut=lambda pool: group_splits(pool, 6)),
    "spans of time": lambda random, lead: learned(random, lead, cut=lambda pool: time_splits(pool, 5, test_size=0.5)),
}


def claims(make: Callable[[np.random.Generator], list[Row]], count: int = BENCHMARKS) -> int:
    """In how many of so many benchmarks something is claimed."""
    judged = (reach_verdicts(make(np.random.default_rng([2024, number]))) for number in range(count))
    return sum(any(verdict.outcome in ("helps", "hurts") for verdict in verdicts) for verdicts in judged)


@pytest.fixture(scope="module")
def claimed() -> dict[str, int]:
    """Claims of each kind where there is no difference."""
    return {kind: claims(lambda random, make=make: [make(random, 0.0)]) for kind, make in KINDS.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_difference_few_claim_one(claimed, kind):
    assert claimed[kind] <= stats.binom.ppf(1 - 0.05 / len(KINDS), BENCHMARKS, 0.05)


def test_without_a_difference_five_in_a_hundred_claim_one_over_all_kinds(claimed):
    assert sum(claimed.values()) <= 0.05 * BENCHMARKS * len(KINDS)


@pytest.mark.slow
def test_of_two_hundred_benchmarks_of_several_data_sets_at_most_ten_claim_something():
    several = ("one split", "three seeds of unequal luck", "groups", "impostors", "resamples", "group folds")
    assert claims(lambda random: [KINDS[kind](random, 0.0) for kind in several]) <= 10


@pytest.mark.parametrize(
    ("kind", "lead"),
    [
        ("one split", 0.10),
        ("three seeds", 0.10),
        ("three seeds of unequal luck", 0.15),
        ("groups", 1.5),
        ("impostors", 1.5),
        ("resamples", 0.6),
        ("group folds", 0.8),
    ],
)
def test_a_real_difference_is_found_in_most_and_by_its_sign(kind, lead):
    outcomes = [reach_verdicts([KINDS[kind](np.random.default_rng(number), lead)])[0].outcome for number in range(50)]
    assert outcomes.count("helps") >= 40
    assert "hurts" not in outcomes


def test_a_real_difference_on_two_of_eight_data_sets_is_found_there():
    found = np.zeros(8, int)
    for number in range(30):
        random = np.random.default_rng(number)
        verdicts = reach_verdicts([one_split(random, 0.15 if place in (2, 5) else 0.0) for place in range(8)])
        found += [verdict.outcome == "helps" for verdict in verdicts]
    assert found[[2, 5]].min() >= 24
    assert found[[0, 1, 3, 4, 6, 7]].sum() <= 3


@pytest.mark.slow
def test_two_hundred_benchmarks_on_disk(tmp_path):
    """The same from the records that a run leaves."""
    claiming = 0
    for number in range(BENCHMARKS):
        random, runs_folder = np.random.default_rng([7, number]), tmp_path / str(number)
        runs_folder.mkdir()
        row = KINDS["three seeds of unequal luck" if number % 2 else "groups"](random, 0.0)
        for score in row.scores.values():
            for record in score.records:
                write_outcome(runs_folder, whole(record))
        (verdict,) = reach_verdicts(read_results(runs_folder).rows)
        made, read = reach_verdicts([row])[0].comparison, verdict.comparison
        assert (read.difference, read.low, read.high, read.p) == pytest.approx(
            (made.difference, made.low, made.high, made.p)
        )
        claiming += verdict.outcome in ("helps", "hurts")
    assert claiming <= 10


def whole(record: Record) -> Outcome:
    """Give a record all that one on disk has."""
    kept = record.predictions
    result = record.result | score_probabilities(kept["labels"], kept["probabilities"], ("a", "b"))
    result |= {"dataset": "toy", "domain": "timeseries", "split_kind": "published", "split_name": "0", "started": "now"}
    result |= dict.fromkeys(("fit_s", "predict_s", "predict_ms_per_item"), 0.1)
    return Outcome(record.spec | {"dataset": "content"}, result, {}, kept)
