"""Write a folder of runs as a Markdown table: ``python docs/make_results.py runs/ucr --first``.

Cells: accuracy (ROC AUC for user verification) and its standard deviation over seeds. ``--intervals`` adds the 95 %
interval of the report page. ``--trials`` scores whole groups (sessions, files) instead of samples. ``--first`` uses the
published split only, and ``--resamples N`` the contenders with at least N splits, over their common splits; both
also add the published scores. ``--by-set`` has a row for each data set, without published scores. ``--ranks FILE.svg``
draws the critical-difference diagram, and adds a table of all pairs.
"""

import sys
from pathlib import Path

from img_repr.benchmark.evaluation.ranking import rank_contenders, ranked_splits
from img_repr.benchmark.evaluation.score import Score, within
from img_repr.benchmark.evaluation.tables import read_results
from img_repr.benchmark.report.figures import draw_ranks
from img_repr.core.card import Published, find_card

_PUBLISHED_RESAMPLES = 30  # others' means are over so many; fewer do not stand next to them
SHORT = {"recurrence(signed=True)": "signed recurrence", "ridge on ": "", " on summary": ", summary features"}


def short(name: str) -> str:
    """Shorten a contender's name for a narrow table."""
    for long, word in SHORT.items():
        name = name.replace(long, word)
    return name.replace("CNN on signed recurrence|scalogram|gadf", "**CNNs on signed recurrence, scalogram, GADF**")


def first_only(score: Score) -> Score:
    """Give a score on the published split alone."""
    return within(score, set(list(score.by_split)[:1]))


rows = read_results(Path(sys.argv[1])).rows
fewest = int(sys.argv[sys.argv.index("--resamples") + 1]) if "--resamples" in sys.argv else 0
for row in rows:
    row.scores = {name: score for name, score in row.scores.items() if len(score.by_split) >= fewest}
    if "--first" in sys.argv:
        row.scores = {name: first_only(score) for name, score in row.scores.items()}
    elif fewest:
        row.scores = {name: within(score, ranked_splits(row)) for name, score in row.scores.items()}
contenders = list(dict.fromkeys(name for row in rows for name in row.scores))
ranking = rank_contenders(rows) if "--first" in sys.argv or fewest else None
ranked = ranking.by_name if ranking else {}
table = [["", *(row.name for row in rows), *(["mean rank"] if ranked else [])]]
for name in contenders:
    runs = []
    for row in rows:
        score = row.scores[name]
        spread = f" ± {score.seed_sd:.3f}" if score.seed_sd == score.seed_sd else ""
        if "--intervals" in sys.argv and score.good:
            spread += " [{:.3f}, {:.3f}]".format(*score.interval)
        if "--trials" in sys.argv and score.trials and not score.verifies:
            runs.append(f"{score.trial_mean('trial_accuracy'):.3f}")
            continue
        runs.append((f"{score.value:.3f}{spread}" if score.good else "-") + (f" ({score.gaps})" if score.gaps else ""))
    if ranked:
        runs.append(f"{ranked[name]:.1f}" if name in ranked else "-")
    table.append([short(name), *runs])
by_set = "--by-set" in sys.argv
cards = [find_card(row.name) for row in rows] if fewest in (0, _PUBLISHED_RESAMPLES) and not by_set else []
published: list[dict[str, Published]] = [{one.method: one for one in card.published} if card else {} for card in cards]
for method in dict.fromkeys(method for one in published for method in one):
    scores = [one[method].resampled if fewest else one[method].accuracy for one in published if method in one]
    if all(score is None for score in scores):
        continue
    runs = []
    for one in published:
        score = None if method not in one else one[method].resampled if fewest else one[method].accuracy
        runs.append("-" if score is None else f"{score:.3f}")
    table.append([f"*published: {method}*", *runs, *([""] if ranked else [])])
head, *body = list(map(list, zip(*table, strict=True))) if by_set else table
for line in (head, ["---"] * len(head), *body):
    print("| " + " | ".join(line) + " |")
if ranking and "--ranks" in sys.argv:
    Path(sys.argv[sys.argv.index("--ranks") + 1]).write_text(draw_ranks(ranking, "ranks") + "\n", "utf-8")
    print("\n| | ahead, level, behind | mean difference | p (Holm) | better, level within a point, worse |")
    print("| --- | --- | --- | --- | --- |")
    for pair in ranking.pairs:
        chances = f"{pair.better:.2f}, {pair.same:.2f}, {pair.worse:.2f}"
        said = f"{short(pair.first)} against {short(pair.second)} | {pair.wins}, {pair.ties}, {pair.losses}"
        print(f"| {said} | {100 * pair.difference:+.1f} points | {pair.p:.3f} | {chances} |")
