"""The cheapest pair: which image and which table a budget buys first, decided before anything has run."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from img_repr.benchmark.contenders.kinds import KINDS

if TYPE_CHECKING:
    from img_repr.benchmark.contender import Contender

_LEARNERS = ("majority", "1nn", "ridge", "logistic", "logistic_unscaled", "extra_trees", "gradient_boosting", "1nn_dtw")
"""From cheap to expensive, as measured on the data sets of the archive."""


def cheapest_pair_first(contenders: Sequence["Contender"]) -> list["Contender"]:
    """Move the cheapest table and the cheapest image to the front; the others keep their order.

    The table comes first: it takes seconds, and an image that is begun late still gives a verdict.

    Examples
    --------
    >>> from img_repr.benchmark.contender import Contender
    >>> from img_repr.benchmark.contenders.cheapest import cheapest_pair_first
    >>> declared = ["cnn:recurrence|gadf", "cnn:gadf+mtf", "majority", "table:raw:1nn_dtw", "table:raw:1nn"]
    >>> [one.name for one in cheapest_pair_first([Contender.parse(text) for text in declared])][:2]
    ['1nn on raw', 'CNN on gadf+mtf']
    """
    front = []
    for role in ("table", "image"):
        fitting = [one for one in contenders if one.role == role]
        if fitting:
            front.append(min(fitting, key=_cost))  # of equal ones the first that was declared
    return [*front, *(one for one in contenders if not any(one is other for other in front))]


def _cost(contender: "Contender") -> tuple[int, ...]:
    """Order contenders of one role: by what is trained, then by how many networks or how slow a learner."""
    if contender.members:
        return (2, len(contender.members))
    networks = len(contender.encoders())
    channels = sum(encoder.name.count("+") + 1 for encoder in contender.encoders())
    learner = contender.values.get("learner")
    rank = _LEARNERS.index(learner) if learner in _LEARNERS else len(_LEARNERS)
    if "training" in KINDS[contender.kind].fields and learner is None:
        hyperparameters = contender.hyperparameters
        pretrained = hyperparameters["weights"] is not None or hyperparameters["backbone"] != "small"
        return (1, int(pretrained), networks * hyperparameters["members"], channels, hyperparameters["epochs"])
    return (0, rank, networks, channels)
