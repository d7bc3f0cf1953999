"""Report: one self-contained HTML page, computed from what is on disk by no model and no torch."""

import json
import math
from collections import Counter
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from img_repr.benchmark.figures import (
    draw_accuracy,
    draw_cost,
    draw_curve,
    draw_learning,
    draw_series,
    learning_curves,
    picture_uri,
)
from img_repr.benchmark.mistakes import confusion, surest_mistakes
from img_repr.benchmark.score import Score
from img_repr.benchmark.statistics import mean_ranks
from img_repr.benchmark.tables import Board, Row, read_board, seconds
from img_repr.benchmark.verdict import across, headline, judge, say_p, say_points
from img_repr.core.card import Card, find_card
from img_repr.core.errors import ResultError

_MOST_PICTURED = 12  # sample pictures in one strip


def write_report(runs_folder: str | Path, out_html: str | Path) -> Path:
    """Write the page of a folder of runs.

    Parameters
    ----------
    runs_folder : str or Path
        What :func:`img_repr.benchmark.run.run` wrote, or several such folders copied into one.
    out_html : str or Path
        The page.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    ResultError
        If there is neither a plan nor a record in the folder.
    """
    runs, page = Path(runs_folder), Path(out_html)
    board = read_board(runs)
    if not board.rows:
        found = f"; left out: {'; '.join(board.left_out)}" if board.left_out else ""
        raise ResultError(f"report: expected results in {runs}, got none that can be used{found}")
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(render(board, runs), "utf-8")
    return page


def render(board: Board, runs: Path) -> str:
    """HTML of the page."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {
        "number": _number,
        "duration": _duration,
        "points": say_points,
        "p": say_p,
        "capitalize_first": lambda text: text[:1].upper() + text[1:],
    }
    template = environment.from_string(files("img_repr.benchmark").joinpath("page.html.j2").read_text("utf-8"))
    verdicts = judge(board.rows)
    return template.render(
        title=" and ".join(plan["name"] for plan in board.plans) or runs.name,
        board=board,
        headline=headline(verdicts),
        verdicts=verdicts,
        across=across(verdicts),
        groups=_groups(board.rows),
        sections=[_section(row, number, runs) for number, row in enumerate(board.rows)],
        environments=_environments(board),
        warnings=_warnings(board),
        spent=seconds(board.records),
        written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        pretty=lambda value: json.dumps(value, indent=1, sort_keys=True),
    )


def _groups(rows: list[Row]) -> list[dict[str, Any]]:
    """Rows whose contenders are the same, as one matrix each, with mean ranks where the grid is complete."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row.scores), []).append(row)
    found = []
    for names, members in groups.items():
        complete = all(row.complete for row in members)
        grid = [[score.value for score in row.scores.values()] for row in members]
        ranks = mean_ranks(np.array(grid)).tolist() if complete and len(members) > 1 else None
        roles = [score.role for score in members[0].scores.values()]
        heads = list(zip(names, roles, strict=True))
        found.append({"heads": heads, "rows": members, "ranks": ranks, "complete": complete})
    return found


def _section(row: Row, number: int, runs: Path) -> dict[str, Any]:
    """All that the page shows of one data set."""
    shown = [score for score in row.scores.values() if score.good]
    primary = [score for score in (row.primary("image"), row.primary("table")) if score is not None and score.good]
    card = _card(row)
    return {
        "row": row,
        "ident": f"d{number}",
        "card": card,
        "published": card.published if card is not None else (),
        "measure": shown[0].measure if shown else "accuracy",
        "verifies": any(score.verifies for score in shown),
        "trials": [score for score in shown if score.trials],
        "curve_plot": draw_curve(shown, f"t{number}"),
        "accuracy_plot": draw_accuracy(shown, f"a{number}") if shown else "",
        "cost_plot": draw_cost(shown, f"c{number}") if shown else "",
        "learning_plot": draw_learning(shown, f"l{number}"),
        "learned": [score.contender for score in shown if learning_curves(score)],
        "validated": any("valid_loss" in learning_curves(score) for score in shown),
        "confusions": [(score, confusion(score)) for score in primary],
        "mistakes": [(score, surest_mistakes(score)) for score in primary],
        "strips": _strips(row, runs),
        "facts": [(score, _costs(score), _record(score)) for score in shown],
    }


def _card(row: Row) -> Card | None:
    for name in (row.facts["name"], row.facts.get("asked", "")):
        card = find_card(Path(name).name) if name else None
        if card is not None:
            return card
    return None


def _strips(row: Row, runs: Path) -> list[dict[str, Any]]:
    """Sample pictures of a data set, one strip per representation, the raw sample first."""
    strips = []
    for path in sorted((runs / "pictures").glob("*.npz"), key=lambda path: ("-raw-" not in path.name, path.name)):
        try:
            with np.load(path, allow_pickle=False) as stored:
                if str(stored["fingerprint"]) != row.facts["fingerprint"]:
                    continue
                labels = [str(label) for label in stored["labels"]][:_MOST_PICTURED]
                if "series" in stored:
                    drawn = [draw_series(line) for line in stored["series"][:_MOST_PICTURED]]
                else:
                    drawn = [picture_uri(image) for image in stored["images"][:_MOST_PICTURED]]
                strips.append({
                    "name": str(stored["encoder"]),
                    "raw": "series" in stored,
                    "size": "" if "series" in stored else " x ".join(map(str, stored["images"].shape[-2:])),
                    "channels": 0 if "series" in stored else int(stored["images"].shape[1]),
                    "items": list(zip(labels, stored["indices"].tolist(), drawn, strict=False)),
                })  # fmt: skip
        except (OSError, ValueError, KeyError):
            strips.append({"name": path.name, "raw": False, "size": "cannot be read", "channels": 0, "items": []})
    return strips


def _costs(score: Score) -> dict[str, float]:
    """Average what a contender said of its own cost over its runs."""
    names = [
        name
        for name in score.good[0].result.get("cost", {})
        if all(name in record.result["cost"] for record in score.good)
    ]
    return {name: float(np.mean([record.result["cost"][name] or 0.0 for record in score.good])) for name in names}


def _record(score: Score) -> dict[str, str]:
    """Pick what a contender said of itself in its first run and is short; histories stay on disk."""
    told = score.good[0].result.get("record", {})
    return {
        name: str(value)
        for name, value in told.items()
        if not isinstance(value, (list, dict)) and len(str(value)) < 200
    }


def _environments(board: Board) -> list[tuple[dict[str, Any], int]]:
    """Distinct environments with the number of cells computed in each."""
    texts = Counter(json.dumps(record.env, sort_keys=True) for record in board.records)
    return [(json.loads(text), count) for text, count in texts.most_common()]


def _warnings(board: Board) -> list[str]:
    """List what a reader must know before he believes the numbers."""
    lines = [f"Left out, cannot be used: {text}." for text in board.left_out]
    for plan in board.plans:
        for name, error in plan.get("unreadable", {}).items():
            lines.append(f"Data set {name} could not be used: {error['message']}.")
    if board.missing:
        lines.append(f"{board.missing} planned cells are missing; running the recipe again computes them.")
    for row in board.rows:
        for score in row.scores.values():
            kinds = Counter(
                (record.result["error"].get("stage"), record.result["error"].get("class")) for record in score.failed
            )
            for (stage, kind), count in kinds.items():
                first = next(
                    record.result["error"] for record in score.failed if record.result["error"].get("class") == kind
                )
                said = str(first.get("message")).strip().rstrip(".")
                lines.append(
                    f"{score.contender} on {row.name} failed in {count} of {score.planned} cells, in "
                    f"stage {stage}: {kind}: {said:.300}."
                )
    if board.unplanned:
        lines.append(f"{board.unplanned} records in the folder belong to no plan there and are not shown.")
    if not board.plans:
        lines.append("There is no plan in the folder: cells that are missing cannot be known.")
    versions = {json.dumps(record.env.get("versions"), sort_keys=True) for record in board.records}
    if len(versions) > 1:
        lines.append(
            f"The cells were computed with {len(versions)} different sets of library versions; see the environments."
        )
    if any(record.env.get("git_dirty") for record in board.records):
        lines.append("Some cells were computed from a source tree with uncommitted changes.")
    return lines


def _number(value: Any, digits: int = 3) -> str:
    return f"{value:.{digits}f}" if isinstance(value, (int, float)) and math.isfinite(value) else "\N{EM DASH}"


def _duration(value: Any) -> str:
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        return "\N{EM DASH}"
    if value < 60:
        return f"{value:.3f} s" if value < 1 else f"{value:.1f} s"
    return f"{value / 60:.1f} min" if value < 3600 else f"{value / 3600:.1f} h"
