"""Verdict: whether the image helps, in a plain sentence, by a rule that was written before any result.

The rule. On each data set the primary image is compared with the primary table by accuracy; they are the first of each
kind that the recipe lists. One split: an exact test on the shared test samples, or on whole groups (session, file,
speaker) where groups are known. Several splits: the corrected resampled t-test. Variation between seeds counts as
chance. If the test set has impostors, the ROC AUC over trials is compared by DeLong's test. P-values are adjusted by
Holm for the number of data sets; the comparisons of image and table fused with the table alone are a separate family.
Below 0.05 the image *helps* or *does not help*, by the sign of the difference; otherwise the result is *not decided by
these data*. No test is made where nothing varies. No contender, setting or seed is selected by a test score.
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
from img_repr.benchmark.evaluation.advice import advise
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
    """Verdict on one data set.

    ``outcome`` is a key of ``WORDS``, ``p`` is adjusted; ``added`` compares image and table fused with the table alone;
    ``advice`` is of :func:`img_repr.benchmark.evaluation.advice.advise`.
    """

    row: Row
    outcome: str
    reason: str
    comparison: Comparison | None = None
    p: float = 1.0
    alternative: str = ""
    added: Comparison | None = None
    together: str = ""
    advice: str = ""

    @property
    def title(self) -> str:
        """Decision in words."""
        return f"{WORDS[self.outcome]} on {self.row.name}."

    @property
    def sentence(self) -> str:
        """Decision with its reason."""
        return f"{WORDS[self.outcome]} on {self.row.name}: {self.reason}."

    @property
    def answer(self) -> str:
        """Decision, what image and table reach together, and advice."""
        return " ".join(filter(None, (self.sentence, self.together, self.advice)))


def reach_verdicts(rows: list[Row]) -> list[Verdict]:
    """Return the verdict on every data set."""
    verdicts = [_compare(row) for row in rows]
    tested = [(verdict, verdict.comparison) for verdict in verdicts if verdict.comparison is not None]
    for (verdict, comparison), p in zip(tested, holm([comparison.p for _, comparison in tested]), strict=True):
        verdict.p = float(p)
        if p < LEVEL:
            verdict.outcome = "helps" if comparison.difference > 0 else "hurts"
        verdict.reason = _reason(verdict, comparison, len(tested))
        verdict.advice = advise(verdict.row, comparison, verdict.outcome)
    fused = [(verdict, verdict.added) for verdict in verdicts if verdict.added is not None]
    for (verdict, added), p in zip(fused, holm([added.p for _, added in fused]), strict=True):
        verdict.together = _together(verdict.row, added, float(p), len(fused))
    return verdicts


def compare_scores(first: Score, second: Score) -> Comparison | None:
    """Compare two contenders on their common splits; None if there are none."""
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
    """Compare image and table fused with the table alone, in words."""
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
    """Restrict both scores to their common splits, with a remark if one of them has more."""
    splits = shared_splits(image, table)
    most = max(len(image.by_split), len(table.by_split))
    if image.verifies or table.verifies or most == len(splits):
        return image, table, ""
    return within(image, splits), within(table, splits), f" on the {len(splits)} of {most} splits that both have"


def _say(comparison: Comparison, p: float, family: int) -> str:
    """Return a difference in points with its interval and p-value, or a remark that there is neither."""
    points = f"{say_points(comparison.difference)} points"
    if not comparison.testable and comparison.p >= LEVEL:
        return f"{points}, not tested, because nothing varies"
    adjusted = f" after Holm over {family} data sets" if family > 1 else ""
    bounds = f"{say_points(comparison.low)} to {say_points(comparison.high)}"
    interval = f"95\N{NO-BREAK SPACE}% interval {bounds}" if comparison.testable else "no interval, nothing varies"
    return f"{points} ({interval}), p {say_p(p)}{adjusted}"


def _luck(image: Score, table: Score) -> str:
    """Name the contenders with one seed only, whose variation between seeds is not tested."""
    lucky = [
        score.contender
        for score in (image, table)
        if score.needs_seed and len(score.by_split) == 1 and len({record.result["seed"] for record in score.good}) == 1
    ]
    return f"; one seed of {' and of '.join(lucky)}: variation between seeds is not tested" if lucky else ""


def _alternative(row: Row) -> str:
    sides = {
        role: [score for score in row.scores.values() if score.role == role and score.complete]
        for role in ("image", "table")
    }
    if max(map(len, sides.values())) < 2 or not min(map(len, sides.values())):
        return ""
    splits = shared_splits(*sides["image"], *sides["table"])
    if not splits:  # means over different splits are not comparable
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
    """Summarize the verdicts in one sentence, without a test across data sets."""
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
    """Return the comparison across data sets in sentences, or the reason why there is none."""
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
            "over an incomplete grid would mislead."
        ]
    known = [verdict.comparison.difference for verdict in verdicts if verdict.comparison is not None]
    differences = np.round(known, 9)  # equal up to rounding is a tie
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
            f"There is no signed-rank test across data sets: with {len(verdicts)} of them its smallest possible p is "
            f"{smallest:.3g}, and {FEWEST_DATA_SETS} are needed to reach {LEVEL}."
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


def say_points(fraction: float) -> str:
    """Return a fraction as signed percentage points, with a true minus and no sign of zero."""
    text = f"{100 * fraction:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text.replace("-", "\N{MINUS SIGN}")
