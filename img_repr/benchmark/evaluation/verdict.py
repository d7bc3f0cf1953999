"""Verdict: whether the image helps, in a plain sentence, by a rule that was written before any result.

The rule. On each data set the primary image and the primary table, the first of each kind that the recipe
lists, are compared by accuracy: on one split by the exact test on its shared test samples, on several by the
corrected resampled t-test. Samples of one group (session, file, speaker) are not independent: where groups are known,
the test on one split takes whole groups. Where several seeds were run, what they change counts as chance too. Where
the test part has impostors, the area under the curve over its trials is compared, by DeLong's test. P-values are
adjusted for the number of data sets by Holm, those of what the image adds to the table as a family of their own. Below
0.05 the image *helps* or *does not help*, by the sign of the difference; else the matter is *not decided by these
data*. Where nothing varies, nothing is tested. Nothing is chosen by a test score.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from img_repr.benchmark.evaluation.across_datasets import (
    FEWEST_DATA_SETS,
    bayesian_signed_rank,
    holm,
    wilcoxon_p,
    win_tie_loss,
)
from img_repr.benchmark.evaluation.score import Score, shared_splits, within
from img_repr.benchmark.evaluation.statistics import (
    Comparison,
    compare_areas,
    compare_on_samples,
    corrected_resampled_t,
)
from img_repr.benchmark.evaluation.tables import FUSED, Row

LEVEL = 0.05
WORDS = {
    "helps": "The image helps",
    "hurts": "The image does not help",
    "open": "Not decided by these data",
    "none": "No verdict",
}


@dataclass
class Verdict:
    """What is said of one data set.

    ``outcome`` is a key of ``WORDS``, ``p`` is adjusted; ``added`` compares image and table together with the table.
    """

    row: Row
    outcome: str
    reason: str
    comparison: Comparison | None = None
    p: float = 1.0
    alternative: str = ""
    added: Comparison | None = None
    together: str = ""

    @property
    def title(self) -> str:
        """What is decided, in words."""
        return f"{WORDS[self.outcome]} on {self.row.name}."

    @property
    def sentence(self) -> str:
        """What is decided and by what."""
        return f"{WORDS[self.outcome]} on {self.row.name}: {self.reason}."


def reach_verdicts(rows: list[Row]) -> list[Verdict]:
    """Give the verdict on every data set."""
    verdicts = [_compare(row) for row in rows]
    tested = [(verdict, verdict.comparison) for verdict in verdicts if verdict.comparison is not None]
    for (verdict, comparison), p in zip(tested, holm([comparison.p for _, comparison in tested]), strict=True):
        verdict.p = float(p)
        if p < LEVEL:
            verdict.outcome = "helps" if comparison.difference > 0 else "hurts"
        verdict.reason = _reason(verdict, comparison, len(tested))
    fused = [(verdict, verdict.added) for verdict in verdicts if verdict.added is not None]
    for (verdict, added), p in zip(fused, holm([added.p for _, added in fused]), strict=True):
        verdict.together = _together(verdict.row, added, float(p), len(fused))
    return verdicts


def compare_scores(first: Score, second: Score) -> Comparison | None:
    """Compare two contenders on the splits that both were run on; None if they share none."""
    shared = [split for split in first.by_split if split in second.by_split]
    if not shared:
        return None
    if first.verifies and second.verifies:
        if not np.array_equal(first.trials[0].groups, second.trials[0].groups):
            return None
        claims = [np.stack([run.claims for run in score.trials]) for score in (first, second)]
        return compare_areas(claims[0], claims[1], first.trials[0].genuine)
    if len(shared) == 1:
        one, other = (np.stack([record.right for record in score.by_split[shared[0]]]) for score in (first, second))
        return compare_on_samples(one, other, first.by_split[shared[0]][0].groups)
    means = [
        np.array([np.mean([record.result["accuracy"] for record in score.by_split[split]]) for split in shared])
        for score in (first, second)
    ]
    return corrected_resampled_t((means[0] - means[1]).tolist(), first.test_over_train)


def _primary(row: Row) -> tuple[Score | None, Score | None]:
    return row.primary("image"), row.primary("table")


def _compare(row: Row) -> Verdict:
    image, table = _primary(row)
    for word, score in (("image", image), ("table", table)):
        if score is None:
            return Verdict(row, "none", f"no {word} contender was set on it")
        if score.failed or not score.good:
            return Verdict(row, "none", f"{score.contender}: {score.gaps or 'no result'}")
    assert image is not None
    assert table is not None
    comparison = compare_scores(image, table)
    if comparison is None:
        return Verdict(row, "none", f"{image.contender} and {table.contender} share no split yet")
    fused = row.scores.get(FUSED)
    added = None if fused is None else compare_scores(fused, table)
    return Verdict(row, "open", "", comparison, alternative=_alternative(row), added=added)


def _together(row: Row, added: Comparison, p: float, family: int) -> str:
    """Say what the image adds to the table: one more question."""
    fused, table = row.scores[FUSED], row.primary("table")
    assert table is not None
    waiting = "" if fused.complete and table.complete else "; provisional, planned runs are missing"
    return (
        f"Together, by the mean of both probabilities: {fused.value:.3f}; against the table alone "
        f"{_say(added, p, family)}{waiting}."
    )


def _reason(verdict: Verdict, comparison: Comparison, family: int) -> str:
    image, table = verdict.row.primary("image"), verdict.row.primary("table")
    assert image is not None
    assert table is not None
    waiting = "" if image.complete and table.complete else "; provisional, planned runs are missing"
    image, table, some = _on_shared(image, table)
    return (
        f"{image.contender} {image.value:.3f} against {table.contender} {table.value:.3f} in {image.measure}{some}, a "
        f"difference of {_say(comparison, verdict.p, family)} ({comparison.test}){_luck(image, table)}{waiting}"
    )


def _on_shared(image: Score, table: Score) -> tuple[Score, Score, str]:
    """Give both over the splits that both have, as they are compared, and say so where one of them has more."""
    splits = shared_splits(image, table)
    most = max(len(image.by_split), len(table.by_split))
    if image.verifies or table.verifies or most == len(splits):
        return image, table, ""
    return within(image, splits), within(table, splits), f" on the {len(splits)} of {most} splits that both have"


def _say(comparison: Comparison, p: float, family: int) -> str:
    """Say a difference in points with its interval and its p-value, or that there is neither."""
    points = f"{say_points(comparison.difference)} points"
    if not comparison.testable and comparison.p >= LEVEL:
        return f"{points}, which cannot be tested, because nothing varies"
    adjusted = f" after Holm over {family} data sets" if family > 1 else ""
    bounds = f"{say_points(comparison.low)} to {say_points(comparison.high)}"
    interval = f"95\N{NO-BREAK SPACE}% interval {bounds}" if comparison.testable else "no interval, nothing varies"
    return f"{points} ({interval}), p {say_p(p)}{adjusted}"


def _luck(image: Score, table: Score) -> str:
    """Say whose luck with a seed no test can tell, because there is one seed only."""
    lucky = [
        score.contender
        for score in (image, table)
        if score.needs_seed and len(score.by_split) == 1 and len({record.result["seed"] for record in score.good}) == 1
    ]
    return f"; one seed of {' and of '.join(lucky)}: what another would give is not tested" if lucky else ""


def _alternative(row: Row) -> str:
    sides = {
        role: [score for score in row.scores.values() if score.role == role and score.complete]
        for role in ("image", "table")
    }
    if max(map(len, sides.values())) < 2 or not min(map(len, sides.values())):
        return ""
    splits = shared_splits(*sides["image"], *sides["table"])
    if not splits:  # means over other splits are other measurements
        return ""
    image, table = (max(side, key=lambda score: within(score, splits).value) for side in sides.values())
    if image is row.primary("image") and table is row.primary("table"):
        return ""
    return (
        f"Best of {len(sides['image'])} images by test score, which is optimistic: {image.contender} "
        f"{within(image, splits).value:.3f}; "
        f"best of {len(sides['table'])} tables: {table.contender} {within(table, splits).value:.3f}."
    )


def headline(verdicts: list[Verdict]) -> str:
    """Sum up the verdicts in one sentence, without a test across data sets."""
    if len(verdicts) == 1:
        return verdicts[0].title
    counts = Counter(verdict.outcome for verdict in verdicts)
    if len(counts) == 1:
        (outcome,) = counts
        reach = "any" if outcome in ("open", "none") else "all"
        return f"{WORDS[outcome]} on {reach} of {len(verdicts)} data sets."
    says = {
        "helps": "helps on {}",
        "hurts": "does not help on {}",
        "open": "is not decided on {}",
        "none": "has no verdict on {}",
    }
    parts = [says[outcome].format(counts[outcome]) for outcome in says if counts[outcome]]
    return f"Of {len(verdicts)} data sets the image {', '.join(parts[:-1])} and {parts[-1]}."


def across(verdicts: list[Verdict]) -> list[str]:
    """Say what can be said across data sets, and why not more."""
    if len(verdicts) < 2:
        return []
    if any(verdict.comparison is None for verdict in verdicts):
        return [
            "Nothing is computed across data sets: the primary comparison is missing on some, and a mean "
            "of the rest would mislead."
        ]
    if not all(score is not None and score.complete for verdict in verdicts for score in _primary(verdict.row)):
        return [
            "Nothing is computed across data sets: planned runs of the primary comparison are missing, and a mean "
            "over what happens to be there would mislead."
        ]
    known = [verdict.comparison.difference for verdict in verdicts if verdict.comparison is not None]
    differences = np.round(known, 9)  # sums of the same numbers in another order are a tie
    wins, ties, losses = win_tie_loss(differences)
    measures = {score.measure for verdict in verdicts for score in _primary(verdict.row) if score is not None}
    lines = [
        f"By mean {' or '.join(sorted(measures))} alone, the primary image is ahead on {wins}, level on {ties} and "
        f"behind on {losses} of {len(verdicts)} data sets."
    ]
    p = wilcoxon_p(differences)
    if p is None:
        smallest = 2.0 ** (1 - len(verdicts))
        lines.append(
            f"No signed-rank test across data sets is shown: with {len(verdicts)} of them the smallest p "
            f"that it can give is "
            f"{smallest:.3g}; it takes {FEWEST_DATA_SETS} to reach {LEVEL}."
        )
        return lines
    first, same, second = bayesian_signed_rank(differences)
    lines.append(f"Wilcoxon's signed-rank test over {len(verdicts)} data sets: p {say_p(p)}.")
    lines.append(
        f"Bayesian signed-rank test: the image is better by more than 1 point with probability "
        f"{first:.2f}, the table "
        f"with {second:.2f}, and they are equivalent with {same:.2f}."
    )
    return lines


def say_p(p: float) -> str:
    """Write a p-value as ``= 0.031`` or ``< 0.001``."""
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"


def say_points(share: float) -> str:
    """Write a share as signed points of a hundred, with a true minus, zero without a sign."""
    text = f"{100 * share:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text.replace("-", "\N{MINUS SIGN}")
