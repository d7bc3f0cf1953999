"""Advice: what stands next to a verdict. Costs, equivalence, what would decide, and leaks.

None of it changes the verdict. Two contenders are *equivalent* if the 95 % interval of their difference lies within two
points, which is stricter than two one-sided tests at 5 %. A p-value above 0.05 is never taken for equivalence.
"""

from math import floor, isfinite, log10

from img_repr.benchmark.evaluation.score import Score
from img_repr.benchmark.evaluation.statistics import Comparison
from img_repr.benchmark.evaluation.tables import Row

EQUIVALENT = 0.02  # a difference in accuracy or AUC that does not matter
_DEARER = 1.5  # a ratio of costs that is worth a sentence
_MOST_MORE = 50.0  # times the test samples: more of them is no advice


def advise(row: Row, comparison: Comparison, outcome: str) -> str:
    """Return sentences on a comparison of the primary image and table of a data set.

    Parameters
    ----------
    row : Row
        With a primary image and table that have scores.
    comparison : Comparison
        Of the image with the table.
    outcome : {"helps", "hurts", "open"}
        The verdict.

    Returns
    -------
    str
        Sentences; empty if there is nothing to say.
    """
    image, table = row.primary("image"), row.primary("table")
    assert image is not None
    assert table is not None
    equivalent = is_equivalent(comparison)
    ratio = _cost(image) / _cost(table) if _cost(table) > 0.0 else float("nan")
    sentences = [_leaks(row, image, table)]
    if equivalent:
        suffices = "; the table suffices" if outcome != "helps" and ratio >= _DEARER else ""
        sentences.append(f"Equivalent within {100 * EQUIVALENT:g} points{suffices}.")
    if isfinite(ratio) and not 1.0 / _DEARER < ratio < _DEARER:
        times = f"{ratio:.0f} times" if ratio >= 10.0 else f"{ratio:.2g} times"
        sentences.append(f"The image costs {times} as much as the table, to fit and to predict a sample.")
    if outcome == "open" and not equivalent:
        sentences.append(_what_would_decide(comparison, image, table))
    return " ".join(filter(None, sentences))


def is_equivalent(comparison: Comparison) -> bool:
    """Whether the interval of a difference lies within two points.

    Examples
    --------
    >>> is_equivalent(Comparison(0.004, -0.008, 0.016, 0.6, "")), is_equivalent(Comparison(0.0, -0.04, 0.04, 1.0, ""))
    (True, False)
    """
    return comparison.testable and comparison.low > -EQUIVALENT and comparison.high < EQUIVALENT


def more_needed(comparison: Comparison, count: int) -> int | None:
    """Return how many more test samples would decide, for a difference as observed; None if that is no advice.

    The half width of the interval shrinks with the root of the number of samples. It has to be below the difference, or
    leave the interval within two points, whichever takes fewer samples. Rounded up to two digits.

    Examples
    --------
    >>> more_needed(Comparison(0.05, -0.05, 0.15, 0.3, ""), 100)
    300
    """
    if not comparison.testable:
        return None
    half, difference = (comparison.high - comparison.low) / 2.0, abs(comparison.difference)
    enlarged = (half / max(difference, EQUIVALENT - difference)) ** 2
    if not 1.0 < enlarged <= _MOST_MORE:
        return None
    more = count * (enlarged - 1.0)
    unit = 10 ** max(0, floor(log10(max(more, 1.0))) - 1)
    return int(-(-round(more, 6) // unit) * unit)


def _cost(score: Score) -> float:
    known = all("fit_s" in record.result for record in score.good)
    return score.cost_ms if known and score.good else float("nan")


def _leaks(row: Row, image: Score, table: Score) -> str:
    leaks = [score for score in row.scores.values() if score.role == "leak" and score.good]
    above = [score for score in leaks if score.value > max(image.value, table.value)]
    if not above:
        return ""
    best = max(above, key=lambda score: score.value)
    return (
        f"Recording conditions alone score more than both: {best.contender} {best.value:.3f}. Neither score shows that "
        "the classes themselves are recognized."
    )


def _what_would_decide(comparison: Comparison, image: Score, table: Score) -> str:
    if image.verifies:
        count, unit = len(image.trials[0].groups), "test sessions"
    else:
        firsts = [records[0] for records in image.by_split.values()]
        groups = [record.groups for record in firsts]
        if all(one is not None for one in groups):
            count, unit = sum(len(set(map(str, one))) for one in groups if one is not None), "test groups"
        else:
            count, unit = sum(int(record.result["n_test"]) for record in firsts), "test samples"
    more = more_needed(comparison, count)
    return "" if more is None else f"About {more:,} more {unit} like these would decide it."
