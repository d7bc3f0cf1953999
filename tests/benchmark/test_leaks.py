"""Planted leaks: each is refused, or reported, or proved not to exist.

The reason for its length: it is the whole list of leaks that the project promises to catch.
"""

import json
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from img_repr.benchmark.contender import Contender, TableContender
from img_repr.benchmark.execution.leaks import find_leaks
from img_repr.benchmark.execution.plan import make_plan
from img_repr.benchmark.execution.run import Run, execute_run
from img_repr.benchmark.recipe import Recipe
from img_repr.benchmark.recipe_file import read_recipe
from img_repr.benchmark.result import Outcome
from img_repr.core.dataset import Dataset
from img_repr.core.domain import DOMAINS
from img_repr.core.errors import DataError, ParameterError
from img_repr.core.splits.cuts import group_splits, published_splits, resampled_splits, time_splits
from img_repr.core.splits.inner import hold_out
from img_repr.core.splits.split import Split
from img_repr.domains.audio.recording import Recording
from img_repr.domains.binary.binary import Binary
from img_repr.domains.mouse.trace import Trace
from img_repr.domains.timeseries.sample import TIMESERIES

PARTS = np.repeat(["train", "test"], 20)


def make_data(**columns: Any) -> Dataset:
    """Forty walks of two classes, the first half for training."""
    series = np.random.default_rng(0).normal(size=(40, 60)).cumsum(axis=1)
    known = {"samples": series, "labels": np.tile(["a", "b"], 20), "split": PARTS}
    return Dataset("toy", TIMESERIES, **(known | columns))


def leaks_of(data: Dataset) -> list[str]:
    return find_leaks(data, list(published_splits(data)))


# What is refused


@pytest.mark.parametrize("word", ["groups", "times"])
def test_random_splits_over_groups_or_times_are_refused(word, runs_folder):
    recipe = Recipe("random", ("toy",), (Contender.parse("majority"),), split="resample")
    data = make_data(**{word: np.arange(40) // 4})
    with pytest.raises(DataError, match=f"a random split is refused because the {word} are known"):
        make_plan(recipe, [data])
    (entry,) = make_plan(replace(recipe, force=True), [replace(data, split=None)]).datasets
    assert entry["leaks"][0] == (f"The split is random, by force, although {word} are known: scores are too high.")


def test_a_gap_is_left_between_past_and_future():
    data = make_data(times=np.arange(40.0), split=None)
    recipe = Recipe("gap", ("toy",), (Contender.parse("majority"),), split="time", gap=3.5, test_size=0.25)
    (split,) = recipe.splits_of(data)
    assert (split.train.max(), split.test.min()) == (26, 30)
    assert find_leaks(data, [split]) == []
    (run,) = make_plan(recipe, [data]).runs
    fitting, judged = hold_out(run.dataset, run.split.train, fraction=0.25)
    assert (fitting.max(), judged.min()) == (17, 21)
    (run,) = make_plan(replace(recipe, gap=0.0), [replace(data, gap=3.0)]).runs  # what the data say themselves
    assert (run.dataset.gap, run.split.train.max()) == (3.0, 26)
    several = list(replace(recipe, resamples=2).splits_of(data))
    assert [(one.train.max(), one.test.min(), one.test.max()) for one in several] == [(26, 30, 34), (31, 35, 39)]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"split": "group", "gap": 1.0}, "expected a gap only with split = 'time', got 1.0 with 'group'"),
        ({"split": "published", "test_size": 0.5}, "expected test_size only where the recipe's own cut decides it"),
        ({"split": "time", "gap": -1.0}, "expected gap to be units of the times, 0 or more, got -1.0"),
        ({"split": "time", "test_size": 1.5}, "expected test_size between 0 and 1, got 1.5"),
    ],
)
def test_a_gap_or_a_share_that_nothing_would_look_at_is_refused(values, said, tmp_path):
    with pytest.raises(ParameterError, match=said):
        Recipe("wrong", ("toy",), **values)
    path = tmp_path / "wrong.toml"
    path.write_text("\n".join(['datasets = ["toy"]', *(f"{key} = {value!r}" for key, value in values.items())]))
    with pytest.raises(ParameterError, match=said):
        read_recipe(path)


def test_a_gap_on_data_that_are_split_otherwise_is_refused():
    recipe = Recipe("late", ("toy",), (Contender.parse("majority"),), gap=2.0)
    with pytest.raises(ParameterError, match=r"toy: expected a gap only with split = 'time', got 2\.0"):
        recipe.splits_of(make_data())
    with pytest.raises(ParameterError, match="whose counts are the published ones"):
        Recipe("share", ("toy",), split="resample", test_size=0.5).splits_of(make_data())


# What is reported


def test_nothing_is_said_of_what_does_not_leak():
    groups = np.concatenate([np.arange(20) // 5, 10 + np.arange(20) // 5])
    assert leaks_of(make_data(groups=groups, times=np.arange(40))) == []
    data = make_data(groups=np.arange(40) % 5, split=None)
    assert find_leaks(data, list(group_splits(data))) == []


def test_a_speaker_in_both_parts_is_reported():
    groups = np.array([f"speaker {number % 7}" for number in range(40)])
    assert leaks_of(make_data(groups=groups)) == [
        "7 of 7 groups in the test part stand in training too: speaker 0, speaker 1, speaker 2 and 4 more."
    ]
    groups[20:] = "newcomer"
    groups[39] = "speaker 1"
    assert leaks_of(make_data(groups=groups)) == ["1 of 2 groups in the test part stands in training too: speaker 1."]


def test_a_future_before_the_past_is_reported():
    times = np.arange(40.0)
    times[[3, 4]] = [20.0, 50.0]
    assert leaks_of(make_data(times=times)) == ["2 of 20 training samples stand no earlier than the first tested one."]


def test_copies_are_reported_with_their_names(random):
    data = make_data(names=np.array([f"file {number}" for number in range(40)]))
    data.samples[25] = data.samples[2]
    data.samples[[30, 31]] = data.samples[[4, 5]]
    data.samples[33] = data.samples[7] + 0.01 * data.samples[7].std() * random.normal(size=60)
    data.labels[[30, 33]] = [data.labels[4], data.labels[7]]
    data.labels[[25, 31]] = [data.labels[2], "c"]
    assert leaks_of(data) == [
        "1 of 3 tested classes has no training sample: c.",
        "3 of 20 test samples have an exact copy in training: file 25 = file 2, file 30 = file 4, file 31 = file 5.",
        "1 of 20 test samples is a near copy of a training sample: file 33 \N{ALMOST EQUAL TO} file 7.",
        "1 sample has an exact copy with another label: file 31 = file 5.",
    ]


def test_copies_within_a_part_are_no_leak_but_labels_that_contradict_are_told(random):
    data = make_data()
    data.samples[[3, 23]] = data.samples[[2, 22]]
    assert leaks_of(data) == [
        "2 samples have an exact copy with another label: number 3 = number 2, number 23 = number 22."
    ]
    claims = replace(data, genuine=~np.isin(np.arange(40), [3, 23]))  # an impostor's trace under another's name
    assert leaks_of(claims) == []


def test_of_several_splits_the_worst_is_told():
    data = make_data(split=np.array(["one", "two", "three", "four"])[np.arange(40) // 10])
    data.samples[[25, 26]] = data.samples[[2, 4]]
    data.labels[[25, 26]] = data.labels[[2, 4]]
    data.samples[35], data.labels[35] = data.samples[12], data.labels[12]
    assert leaks_of(data) == [
        "In 4 of 4 splits, most of all in split one: 2 of 10 test samples have an exact copy in training: "
        "number 2 = number 25, number 4 = number 26."
    ]
    forced = list(resampled_splits(data, 2, force=True))
    assert find_leaks(data, forced)[0] == (
        "The split is random, by force, although the publisher's folds are known: scores are too high."
    )


def test_what_cannot_be_looked_at_is_said_and_stops_nothing(tmp_path):
    samples = [Binary(np.arange(90, dtype=np.uint8) + number) for number in range(39)] + [Binary(np.empty(0, np.uint8))]
    data = replace(make_data(), domain=DOMAINS["binary"], samples=samples)
    (sentence,) = leaks_of(data)
    assert sentence.startswith(
        "The search for copies failed: SampleError: near_duplicate_signature: expected at least one"
    )


def test_the_plan_on_disk_holds_what_was_found(runs_folder):
    data = make_data()
    data.samples[25] = data.samples[2]
    data.labels[25] = data.labels[2]
    plan = make_plan(Recipe("copied", ("toy",), (Contender.parse("majority"),)), [data])
    stored = json.loads(plan.write(runs_folder, command="").read_text())
    assert stored["datasets"][0]["leaks"] == [
        "1 of 20 test samples is an exact copy of a training sample: number 25 = number 2."
    ]


def test_splits_by_time_never_report_a_future_before_the_past(random):
    data = make_data(times=random.integers(0, 15, 40), split=None)
    assert not [line for line in find_leaks(data, list(time_splits(data, 3, test_size=0.5))) if "earlier" in line]


# Scaling fitted on everything: what is predicted of a sample must not depend on the other samples of the test part


def changed(sample: Any) -> Any:
    """Something of the same kind that would move every mean, range and duration."""
    if isinstance(sample, Recording):
        return replace(sample, waveform=np.tile(sample.waveform, 3) * np.float32(0.01))
    if isinstance(sample, Trace):
        return replace(sample, t_s=5 * sample.t_s, x_px=30 * sample.x_px, y_px=30 * sample.y_px)
    if isinstance(sample, Binary):
        return Binary(np.repeat(255 - sample.read(), 3))
    return 50.0 * sample - 1000.0


def run_of(data: Dataset, contender: Contender, name: str = "0") -> Run:
    split = Split("published", name, np.arange(24), np.arange(24, 36))
    return Run(data, "content", split, 0, contender, 0)


def assert_others_do_not_matter(data: Dataset, contender: Contender) -> None:
    """The first four of twelve test samples are predicted alike, whatever the others are."""
    others = [*data.samples[:28], *map(changed, data.samples[28:])]
    moved = replace(data, samples=np.stack(others) if isinstance(data.samples, np.ndarray) else others)
    recipe = Recipe("toy", (data.name,), (contender,), training={"epochs": 1, "min_steps": 1})
    runs = [run_of(one, recipe.contenders_for(one)[0]) for one in (data, moved)]
    assert runs[0].spec == runs[1].spec
    found, again = (execute_run(run) for run in runs)
    assert found.result["error"] is again.result["error"] is None
    assert learned(found) == learned(again)
    np.testing.assert_allclose(
        found.predictions["probabilities"][:4], again.predictions["probabilities"][:4], atol=1e-6
    )


def learned(outcome: Outcome) -> Any:
    """What a classifier says of what it learned: scales, weights, epochs, losses, temperature."""
    return json.loads(json.dumps(outcome.result["record"], default=str, sort_keys=True))


def made_by(domain: str) -> Dataset:
    """Thirty-six samples of a domain under labels that tell some of them apart."""
    samples = DOMAINS[domain].make_samples(36, 0)
    return Dataset("made", DOMAINS[domain], samples, np.tile(["a", "b", "c"], 12))


SMALL = {kind: {"parameters": {"size": 16}} for kind in ("cnn", "pixels")}
USUAL = [(domain, text) for domain in DOMAINS for text in DOMAINS[domain].contenders if "dtw" not in text]
PATHS = sorted(
    {(domain, text.replace("extra_trees", "1nn")) for domain, text in USUAL}
)  # trees are slow, and once enough
MORE = [
    ("timeseries", "cnn:gadf(limits='fit')"),
    ("timeseries", "cnn:mtf(edges='fit')"),
    ("timeseries", "pixels:line(limits='fit'):extra_trees"),
    ("timeseries", "table:raw:logistic"),
    ("timeseries", "table:summary:gradient_boosting"),
    ("timeseries", "table:summary:extra_trees"),
    ("timeseries", "ensemble:cnn:gadf(size=16) & table:raw:1nn"),
    ("timeseries", "chosen:table:raw:1nn & table:summary:ridge"),
    ("timeseries", "frozen:gadf(size=16):logistic"),
    ("audio", "cnn:melspectrogram(duration_s='fit')"),
    ("mouse", "cnn:trajectory(clock_ms='fit', field_px='fit')"),
    ("tabular", "cnn:deepinsight"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("domain", "text"), PATHS + MORE, ids=lambda value: value)
def test_no_contender_looks_at_other_test_samples(domain, text):
    contender = Contender.parse(text)
    assert_others_do_not_matter(made_by(domain), contender.with_values(**SMALL.get(contender.kind, {})))


@pytest.mark.slow  # the import alone takes twenty seconds
def test_time_warping_does_not_look_at_other_test_samples():
    assert_others_do_not_matter(made_by("timeseries"), Contender.parse("table:raw:1nn_dtw"))


@dataclass(frozen=True)
class Cheating(TableContender):
    """Scales every batch that it predicts by the batch itself."""

    def build(self) -> Any:
        return ScaledByBatch()


class ScaledByBatch:
    def __init__(self) -> None:
        self.cost: dict[str, float] = {}
        self.record: dict[str, Any] = {}

    def fit(self, train: Dataset, *, seed: int) -> "ScaledByBatch":
        self.model = LogisticRegression().fit(self._scaled(train.samples), train.known_labels)
        self.classes = tuple(map(str, self.model.classes_))
        return self

    def predict_proba(self, samples: Any) -> np.ndarray:
        return self.model.predict_proba(self._scaled(samples))

    @staticmethod
    def _scaled(samples: Any) -> np.ndarray:
        return StandardScaler().fit_transform(np.asarray(samples))


def test_a_contender_that_does_is_found_out():
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        assert_others_do_not_matter(made_by("timeseries"), Cheating("raw", "ridge"))


@pytest.mark.parametrize("domain", ["timeseries", "tabular"])
def test_classes_that_only_the_statistics_of_the_test_part_tell_are_not_told(domain, random):
    """In the test part both classes lie above both of training, so that only who looks at all of it can part them."""
    count, width = 120, 30
    labels = random.permutation(np.tile(["low", "high"], count // 2))
    rows = random.normal(scale=0.2, size=(count, width)) + (labels == "high")[:, None]
    rows[40:] = 10 * rows[40:] + 50
    data = Dataset("shifted", DOMAINS[domain], rows, labels)
    split = Split("published", "0", np.arange(40), np.arange(40, count))
    texts = {
        "timeseries": ["cnn:gadf(limits='fit')", "table:raw:logistic", "table:summary:extra_trees", "table:raw:1nn"],
        "tabular": ["cnn:igtd(limits='fit')", "pixels:igtd(limits='fit'):extra_trees"],
    }[domain]
    for text in texts:
        contender = Contender.parse(text)
        small = contender.with_values(**SMALL.get(contender.kind, {})).trained_with({"epochs": 1, "min_steps": 30})
        accuracy = _accuracy(data, split, small)
        assert accuracy < 0.75, text
    assert _accuracy(data, split, Cheating("raw", "ridge")) == 1.0


def _accuracy(data: Dataset, split: Split, contender: Contender) -> float:
    result = execute_run(Run(data, "content", split, 0, contender, 0)).result
    assert result["error"] is None
    return float(result["accuracy"])
