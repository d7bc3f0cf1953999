"""Fusion: the image and the table together, computed from what both left on disk.

The mean of the probabilities that the primary image and the primary table gave to the same test samples. Nothing is
fitted and nothing is weighed, so that nothing can be chosen by a test score.
"""

import numpy as np

from img_repr.benchmark.evaluation.metrics import score_probabilities
from img_repr.benchmark.evaluation.score import Score
from img_repr.benchmark.result import Record

FUSED = "primary image and table, fused"
_SUMMED = ("warmup_s", "encode_ms_per_item", "fit_s", "predict_s", "predict_ms_per_item", "total_s")
_LARGER = ("peak_rss_mb", "peak_gpu_allocated_mb", "peak_gpu_reserved_mb")  # one was run after the other


def fuse(image: Score, table: Score) -> Score | None:
    """Give the score of both together, split by split and seed by seed; None where they share no split.

    A contender that draws nothing has one run, which stands for every seed of the other.
    """
    led, by = (table, image) if table.needs_seed and not image.needs_seed else (image, table)
    records = []
    for split, first in led.by_split.items():
        second = by.by_split.get(split, [])
        by_seed = {record.result["seed"]: record for record in second}
        for record in first:
            other = by_seed.get(record.result["seed"]) if by.needs_seed else next(iter(second), None)
            if other is not None and set(record.predictions["classes"]) == set(other.predictions["classes"]):
                records.append(_together(record, other))
    if not records:
        return None
    spec = {"kind": "fused", "parts": [image.spec, table.spec]}
    return Score(FUSED, "fused", spec, led.needs_seed, led.planned, records)


def _together(first: Record, second: Record) -> Record:
    kept, other = first.predictions, second.predictions
    rows = np.argsort(other["indices"])[np.argsort(np.argsort(kept["indices"]))]
    columns = [other["classes"].tolist().index(name) for name in kept["classes"]]
    mean = (kept["probabilities"] + other["probabilities"][np.ix_(rows, columns)]) / 2.0
    predictions = kept | {"probabilities": mean}
    judged = first.judged
    result = dict(first.result)
    for name in (*_SUMMED, *_LARGER):
        both = [one.result[name] for one in (first, second) if one.result.get(name) is not None]
        result[name] = None if len(both) < 2 else sum(both) if name in _SUMMED else max(both)
    result |= {"contender": FUSED, "role": "fused", "cost": {}, "record": {}}
    result |= score_probabilities(kept["labels"][judged], mean[judged], tuple(kept["classes"].tolist()))
    return Record(first.folder, first.spec, result, first.env).holding(predictions)
