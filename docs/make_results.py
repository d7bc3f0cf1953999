"""Write a folder of runs as a Markdown table: ``python docs/make_results.py runs/ucr_eight``.

Accuracy, or the area under the curve where claims are judged; its deviation over seeds; with ``--intervals`` its 95 %
interval: over the folds, corrected for what their training parts share (Nadeau & Bengio), or Wilson's on one test part,
or of redrawn trials. With ``--trials`` the accuracy of whole groups, sessions or files, in place of that of samples.
"""

import sys
from pathlib import Path

from img_repr.benchmark.tables import read_board
from img_repr.core.card import find_card

PUBLISHED = ("GAF-MTF, tiled CNN", "GAF-MTF, CNN")
SHORT = {"recurrence(signed=True)": "signed recurrence", "ridge on ": "", " on summary": ", summary features"}


def short(name: str) -> str:
    """Shorten a contender's name for a narrow table."""
    for long, word in SHORT.items():
        name = name.replace(long, word)
    return name.replace("CNN on signed recurrence|scalogram|gadf", "**CNNs on signed recurrence, scalogram, GADF**")


rows = read_board(Path(sys.argv[1])).rows
contenders = list(dict.fromkeys(name for row in rows for name in row.scores))
print("| | " + " | ".join(row.name for row in rows) + " |")
print("| --- |" + " --- |" * len(rows))
for name in contenders:
    cells = []
    for row in rows:
        score = row.scores[name]
        spread = f" ± {score.seed_sd:.3f}" if score.seed_sd == score.seed_sd else ""
        if "--intervals" in sys.argv and score.good:
            spread += " [{:.3f}, {:.3f}]".format(*score.interval)
        if "--trials" in sys.argv and score.trials and not score.verifies:
            cells.append(f"{score.trial_mean('trial_accuracy'):.3f}")
            continue
        cells.append((f"{score.value:.3f}{spread}" if score.good else "-") + (f" ({score.gaps})" if score.gaps else ""))
    print(f"| {short(name)} | " + " | ".join(cells) + " |")
for method in PUBLISHED:
    cells = []
    for row in rows:
        card = find_card(row.name)
        found = [one.accuracy for one in card.published if one.method == method] if card else []
        cells.append(f"{found[0]:.3f}" if found and found[0] is not None else "-")
    if set(cells) != {"-"}:
        print(f"| *published: {method}* | " + " | ".join(cells) + " |")
