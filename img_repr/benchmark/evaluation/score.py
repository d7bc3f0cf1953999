"""Score: one contender on one data set, over all splits and seeds that are on disk.

Scores are averaged over seeds within a split, then over splits. A score counts its planned, good, failed and missing
runs, so that a mean over an incomplete set is always visible.
"""

from collections import defaultdict
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from img_repr.benchmark.evaluation.statistics import corrected_interval, grouped_interval, wilson_interval
from img_repr.benchmark.evaluation.trials import Trials, bootstrap_scores, pooled, primary_score, score_trials
from img_repr.benchmark.result import Record


@dataclass
class Score:
    """One contender on one data set, over all its splits and seeds.

    Parameters
    ----------
    contender, role, spec
        Name; ``"image"``, ``"table"``, ``"control"`` or ``"leak"``; full specification.
    planned : int
        Number of planned runs.
    records : list of Record
        Runs on disk, failures included.
    """

    contender: str
    role: str
    spec: dict[str, Any]
    needs_seed: bool = True
    planned: int = 0
    records: list[Record] = field(default_factory=list)

    @property
    def good(self) -> list[Record]:
        """Runs with scores."""
        return [record for record in self.records if record.good]

    @property
    def failed(self) -> list[Record]:
        """Runs that failed."""
        return [record for record in self.records if not record.good]

    @property
    def missing(self) -> int:
        """Number of planned runs without a record."""
        return max(0, self.planned - len(self.records))

    @property
    def complete(self) -> bool:
        """Whether every planned run has scores."""
        return bool(self.good) and not self.failed and not self.missing

    @cached_property
    def by_split(self) -> dict[str, list[Record]]:
        """Good runs of each split, by the checksum of the split."""
        splits: dict[str, list[Record]] = defaultdict(list)
        for record in sorted(self.good, key=lambda record: record.result.get("split_number", 0)):
            splits[record.spec["split"]["sha256"]].append(record)
        return dict(splits)

    def mean(self, column: str) -> float:
        """Mean of a column of ``result.json``: over seeds, then over splits; NaN if a run lacks it."""
        rows = [[record.result.get(column, float("nan")) for record in records] for records in self.by_split.values()]
        if not rows or any(value is None for row in rows for value in row):
            return float("nan")
        return float(np.mean([np.mean(row) for row in rows]))

    def largest(self, column: str) -> float:
        """Largest value of a column of ``result.json`` over all runs; NaN if none has it."""
        known = [record.result[column] for record in self.good if record.result.get(column) is not None]
        return float(max(known)) if known else float("nan")

    @property
    def fit_ms_per_item(self) -> float:
        """Milliseconds to fit, per training sample; averaged as in :meth:`mean`."""
        splits = [
            [1000.0 * record.result["fit_s"] / record.result["n_train"] for record in records]
            for records in self.by_split.values()
        ]
        return float(np.mean([np.mean(values) for values in splits])) if splits else float("nan")

    @property
    def cost_ms(self) -> float:
        """Milliseconds to fit and to predict one sample, each with its image or features."""
        return self.fit_ms_per_item + self.mean("predict_ms_per_item")

    @property
    def accuracy(self) -> float:
        """Mean accuracy."""
        return self.mean("accuracy")

    @cached_property
    def trials(self) -> list[Trials]:
        """Trials of each seed, pooled over splits; empty without trials."""
        return self._trials_within(None)

    def _trials_within(self, most_s: float | None) -> list[Trials]:
        seeds: dict[int, list[Record]] = defaultdict(list)
        for records in self.by_split.values():
            for record in records:
                seeds[int(record.result["seed"])].append(record)
        found = [pooled([record.predictions for record in records], most_s=most_s) for records in seeds.values()]
        known = [trials for trials in found if trials is not None]
        whole = len(known) == len(found) and len({tuple(trials.groups) for trials in known}) == 1
        return known if whole else []

    @property
    def verifies(self) -> bool:
        """Whether the test set has impostors, so that labels are verified."""
        return bool(self.trials) and self.trials[0].verifies

    @property
    def measure(self) -> str:
        """Name of the measure by which contenders are compared."""
        return "AUC over trials" if self.verifies else "accuracy"

    @cached_property
    def values(self) -> list[float]:
        """The measure of each seed over all trials, or of each run."""
        if self.verifies:
            return [primary_score(trials) for trials in self.trials]
        return [record.result["accuracy"] for record in self.good]

    @property
    def value(self) -> float:
        """The measure, averaged over seeds."""
        return float(np.mean(self.values)) if self.verifies else self.accuracy

    @cached_property
    def curve(self) -> list[tuple[float, float]]:
        """Score by observed seconds of each group; empty if times are unknown."""
        if not self.trials or not all("elapsed_s" in record.predictions for record in self.good):
            return []
        longest = max(float(record.predictions["elapsed_s"].max()) for record in self.good)
        steps = [seconds for power in range(5) for step in (1, 2, 5) if (seconds := step * 10.0**power) < longest]
        found = []
        for seconds in [*steps, longest]:
            found.append((seconds, float(np.mean([primary_score(one) for one in self._trials_within(seconds)]))))
        return found

    def trial_mean(self, column: str) -> float:
        """Mean over seeds of a column of ``score_trials``, pooled over splits."""
        return float(np.mean([score_trials(trials)[column] for trials in self.trials]))

    @cached_property
    def trial_interval(self) -> tuple[float, float]:
        """95 % bootstrap interval of the primary score of the trials."""
        low, high = np.quantile(bootstrap_scores(self.trials), [0.025, 0.975])
        return float(low), float(high)

    @cached_property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the value.

        Accuracy on one split: Wilson's interval, or the t interval of the groups if they are known. Accuracy on several
        splits: the corrected t interval, or Wilson's for one split if all are equal. AUC: bootstrap over trials.
        """
        if self.verifies:
            return self.trial_interval
        means = [
            float(np.mean([record.result["accuracy"] for record in records])) for records in self.by_split.values()
        ]
        if len(set(means)) == 1:
            groups = self.good[0].groups
            if groups is not None and len(means) == 1:
                return grouped_interval(np.mean([record.right for record in self.good], axis=0), groups)
            return wilson_interval(means[0], len(self.good[0].scored_rows))
        low, high = corrected_interval(means, self.test_over_train)
        return max(0.0, low), min(1.0, high)

    @property
    def test_over_train(self) -> float:
        """Mean ratio of the sizes of test and training set."""
        return float(np.mean([record.result["n_test"] / record.result["n_train"] for record in self.good]))

    @property
    def seed_sd(self) -> float:
        """Standard deviation of the value over seeds, averaged over splits; NaN with one seed."""
        if self.verifies:
            return float(np.std(self.values, ddof=1)) if len(self.values) > 1 else float("nan")
        sets = [[record.result["accuracy"] for record in records] for records in self.by_split.values()]
        spreads = [np.std(values, ddof=1) for values in sets if len(values) > 1]
        return float(np.mean(spreads)) if spreads else float("nan")

    @property
    def counts(self) -> str:
        """Number of splits and seeds in words."""
        seeds = {record.result["seed"] for record in self.good}
        text = f"{_count(len(self.by_split), 'split')}, {_count(len(seeds), 'seed')}"
        return text if self.needs_seed else f"{_count(len(self.by_split), 'split')}, deterministic"

    @property
    def gaps(self) -> str:
        """Failed and missing runs in words; empty if there are none."""
        parts = [f"{len(self.failed)} of {self.planned} failed"] if self.failed else []
        return ", ".join([*parts, f"{self.missing} of {self.planned} missing"] if self.missing else parts)


def within(score: Score, splits: set[str]) -> Score:
    """Return the score over some of its splits."""
    if splits == set(score.by_split):
        return score
    records = [record for name in splits for record in score.by_split[name]]
    return replace(score, records=records, planned=len(records))


def shared_splits(*scores: Score) -> set[str]:
    """Return the checksums of the splits on which all the contenders have results."""
    return set.intersection(*(set(score.by_split) for score in scores)) if scores else set()


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
