"""Report: one self-contained HTML page, computed from what is on disk by no model and no torch."""

import json
import math
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from img_repr.benchmark.evaluation.across_datasets import FEWEST_DATA_SETS
from img_repr.benchmark.evaluation.confident_errors import confusion, most_confident_errors
from img_repr.benchmark.evaluation.ranking import Ranking, rank_contenders, ranked_splits, refusal
from img_repr.benchmark.evaluation.score import Score, shared_splits, within
from img_repr.benchmark.evaluation.tables import FUSED, ResultsTable, Row, read_results, seconds
from img_repr.benchmark.evaluation.verdict import across, headline, reach_verdicts, say_p, say_points
from img_repr.benchmark.report.caveats import list_caveats, list_environments, note_on_times
from img_repr.benchmark.report.figures import (
    CostPoint,
    cost_front,
    draw_accuracy,
    draw_cost,
    draw_curve,
    draw_learning,
    draw_ranks,
    learning_curves,
)
from img_repr.benchmark.report.thumbnails import draw_series, image_uri, read_images
from img_repr.core.atomic import atomic_file
from img_repr.core.card import Card, find_card
from img_repr.core.errors import DataError, ResultError
from img_repr.core.file_name import printable

_MOST_SAMPLES = 12  # sample images in one strip
_DASH, _SPACE = "\N{EM DASH}", "\N{NO-BREAK SPACE}"


def write_report(runs_folder: str | Path, out_html: str | Path) -> Path:
    """Write the page of a folder of runs.

    Parameters
    ----------
    runs_folder : str or Path
        Folder that :func:`img_repr.benchmark.run_benchmark.run_benchmark` wrote, or several of them copied into one.
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
    DataError
        If the page cannot be written.
    """
    runs, page = Path(runs_folder), Path(out_html)
    results_table = read_results(runs)
    if not results_table.rows:
        found = f"; left out: {'; '.join(results_table.left_out)}" if results_table.left_out else ""
        raise ResultError(f"report: expected results in {runs}, got none that can be used{found}")
    content = render(results_table, runs).encode("utf-8", "backslashreplace")
    try:
        with atomic_file(page) as temporary:
            temporary.write_bytes(content)
    except OSError as error:
        raise DataError(f"{page!s:.200}: expected a page that can be written there, got: {error.strerror}") from None
    return page


def render(results_table: ResultsTable, runs: Path) -> str:
    """Return the HTML of the page."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    folder = files("img_repr.benchmark.report")
    environment = Environment(
        loader=FunctionLoader(lambda name: folder.joinpath(name).read_text("utf-8")),
        autoescape=True,
        finalize=lambda value: printable(value) if type(value) is str else value,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": _number,
        "duration": _duration,
        "milliseconds": lambda value: _duration(value / 1000.0),
        "megabytes": lambda value: f"{value:,.0f}{_SPACE}MB" if math.isfinite(value) else _DASH,
        "count": lambda value: f"{value:,.0f}" if math.isfinite(value) else _DASH,
        "points": say_points,
        "p": say_p,
        "capitalize_first": lambda text: text[:1].upper() + text[1:],
    }
    verdicts = reach_verdicts(results_table.rows)
    return environment.get_template("page.html.j2").render(
        title=" and ".join(plan["name"] for plan in results_table.plans) or runs.name,
        results_table=results_table,
        headline=headline(verdicts),
        verdicts=verdicts,
        across=across(verdicts),
        groups=_groups(results_table.rows),
        sections=[_section(row, number, runs) for number, row in enumerate(results_table.rows)],
        environments=list_environments(results_table.records),
        warnings=list_caveats(results_table),
        note_on_times=note_on_times(results_table.records),
        FUSED=FUSED,
        fewest=FEWEST_DATA_SETS,
        spent=seconds(results_table.records),
        written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        pretty=_pretty,
    )


def _groups(rows: list[Row]) -> list[dict[str, Any]]:
    """Group the data sets that have the same contenders; each group is one table with its ranking."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(name for name in row.scores if name != FUSED), []).append(row)
    found = []
    for number, members in enumerate(groups.values()):
        widest = max(members, key=lambda row: len(row.scores))
        ranking = rank_contenders(members) if len(members) > 1 else None
        points = [] if ranking is None else _mean_points(ranking, members)
        found.append({
            "heads": [(name, score.role, _common_counts(members, name)) for name, score in widest.scores.items()],
            "rows": members,
            "ranking": ranking,
            "refusal": refusal(members) if len(members) > 1 else "",
            "ranks_plot": draw_ranks(ranking, f"r{number}") if ranking is not None and ranking.pairs else "",
        } | _front(points, "mean rank, 1 the best", f"g{number}"))  # fmt: skip
    return found


def _common_counts(rows: list[Row], name: str) -> str:
    """Return splits and seeds of a contender if they are the same on every data set, else an empty text."""
    counts = {row.scores[name].counts for row in rows if name in row.scores and row.scores[name].good}
    return counts.pop() if len(counts) == 1 and len(rows) > 1 else ""


def _points(row: Row) -> list[CostPoint]:
    """Return cost and score of the contenders of a data set, over the splits that all of them have."""
    good = {name: one for name, one in row.scores.items() if one.good}
    splits = shared_splits(*good.values())
    shared = {name: within(one, splits) for name, one in good.items()} if splits else {}
    return [CostPoint(name, one.role, one.cost_ms, one.value) for name, one in shared.items()]


def _mean_points(ranking: Ranking, rows: list[Row]) -> list[CostPoint]:
    """Return the contenders' geometric mean cost and negative mean rank over data sets."""
    shared = [ranked_splits(row) for row in rows]
    points = []
    for name, role, rank in zip(ranking.names, ranking.roles, ranking.ranks, strict=True):
        costs = [within(row.scores[name], splits).cost_ms for row, splits in zip(rows, shared, strict=True)]
        points.append(CostPoint(name, role, float(np.exp(np.mean(np.log(costs)))), -rank))
    return points


def _front(points: list[CostPoint], measure: str, ident: str) -> dict[str, Any]:
    """Return the plot of score against cost, with its points and its Pareto front."""
    return {
        "cost_plot": draw_cost(points, measure, ident) if points else "",
        "cost_points": sorted(points, key=lambda point: point.cost_ms),
        "front": [point.name for point in cost_front(points)],
    }


def _section(row: Row, number: int, runs: Path) -> dict[str, Any]:
    """Return everything that the page shows of one data set."""
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
        "learning_plot": draw_learning(shown, f"l{number}"),
        "trained": [score.contender for score in shown if learning_curves(score)],
        "validated": any("valid_loss" in learning_curves(score) for score in shown),
        "confusions": [(score, confusion(score)) for score in primary],
        "errors": [(score, most_confident_errors(score)) for score in primary],
        "strips": _strips(row, runs),
        "details": [(score, _costs(score), _record(score)) for score in shown],
        "own_costs": {score.contender: _own_costs(score) for score in shown},
        "on_device": any(math.isfinite(score.largest("peak_gpu_reserved_mb")) for score in shown),
        "gaps": _gaps(row),
    } | _front(_points(row), shown[0].measure if shown else "", f"c{number}")


def _gaps(row: Row) -> dict[str, list[str]]:
    """Return the contenders with failed or missing runs on a data set, by gap."""
    found: dict[str, list[str]] = {}
    for name, score in row.scores.items():
        if score.gaps:
            found.setdefault(score.gaps if score.good else f"{score.gaps}, not plotted", []).append(name)
    return found


def _card(row: Row) -> Card | None:
    for name in (row.metadata["name"], row.metadata.get("source", "")):
        card = find_card(Path(name).name) if name else None
        if card is not None:
            return card
    return None


def _strips(row: Row, runs: Path) -> list[dict[str, Any]]:
    """Sample images of a data set, one strip per representation, the raw sample first."""
    strips = []
    for path in sorted((runs / "images").glob("*.npz"), key=lambda path: ("-raw-" not in path.name, path.name)):
        try:
            stored = read_images(path)
        except DataError:  # the next run repairs them
            strips.append({"name": path.name, "raw": False, "size": "cannot be read", "channels": 0, "items": []})
            continue
        if str(stored["fingerprint"]) != row.metadata["fingerprint"]:
            continue
        labels = [str(label) for label in stored["labels"]][:_MOST_SAMPLES]
        if "series" in stored:
            drawn = [draw_series(line) for line in stored["series"][:_MOST_SAMPLES]]
        else:
            drawn = [image_uri(image) for image in stored["images"][:_MOST_SAMPLES]]
        strips.append({
            "name": str(stored["encoder"]),
            "raw": "series" in stored,
            "size": "" if "series" in stored else " x ".join(map(str, stored["images"].shape[-2:])),
            "channels": 0 if "series" in stored else int(stored["images"].shape[1]),
            "items": list(zip(labels, stored["indices"].tolist(), drawn, strict=False)),
        })  # fmt: skip
    return strips


def _costs(score: Score) -> dict[str, float]:
    """Return the costs that a contender recorded, averaged over its runs."""
    names = [
        name
        for name in score.good[0].result.get("cost", {})
        if all(name in record.result["cost"] for record in score.good)
    ]
    return {name: float(np.mean([record.result["cost"][name] or 0.0 for record in score.good])) for name in names}


def _own_costs(score: Score) -> dict[str, float]:
    """Return the size of a contender: parameters, features and bytes per image; NaN where not applicable."""
    return dict.fromkeys(("parameters", "features", "bytes_per_image"), math.nan) | _costs(score)


def _record(score: Score) -> dict[str, str]:
    """Return the short entries of a contender's record in its first run."""
    recorded = score.good[0].result.get("record", {})
    return {
        name: str(value)
        for name, value in recorded.items()
        if not isinstance(value, (list, dict)) and len(str(value)) < 200
    }


def _pretty(spec: dict[str, Any]) -> str:
    """Return JSON with one line per key."""
    lines = [f" {json.dumps(key)}: {json.dumps(value, sort_keys=True)}" for key, value in sorted(spec.items())]
    return "{\n" + ",\n".join(lines) + "\n}"


def _number(value: Any, digits: int = 3) -> str:
    return f"{value:.{digits}f}" if isinstance(value, (int, float)) and math.isfinite(value) else _DASH


def _duration(value: Any) -> str:
    """Return seconds in a suitable unit, with at most three digits."""
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        return _DASH
    if value < 60:
        unit, word = (1.0, "s") if value >= 1 else (1e3, "ms") if value >= 1e-3 else (1e6, "\N{MICRO SIGN}s")
        return f"{float(f'{value * unit:.3g}'):g}{_SPACE}{word}"
    return f"{value / 60:.1f}{_SPACE}min" if value < 3600 else f"{value / 3600:.1f}{_SPACE}h"
