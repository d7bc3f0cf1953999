"""Faithfulness: whether a prediction depends on the part that an explanation points at."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import torch
from scipy import stats

from img_repr.core.errors import ParameterError
from img_repr.core.raw_view import RAW_VIEWS, RawView
from img_repr.explain.attribution import METHODS
from img_repr.explain.explainer import explain_one, predict_rows
from img_repr.explain.explanation import Explanation
from img_repr.training.classifier import ImageClassifier
from img_repr.training.estimator import ImageEstimator
from img_repr.training.trainer import Trainer

_RANDOM = 5  # random masks per sample
_SANITY = 8  # samples explained by random networks


@dataclass(frozen=True)
class Faithfulness:
    """How the probability of the explained class changes when parts of the raw samples are masked.

    Parameters
    ----------
    n : int
        Samples.
    fraction : float
        Masked, or kept, part of each sample.
    deletion, random_deletion, image_deletion : float
        Mean loss of probability when the strongest part is masked; when as much at random places is; when the
        strongest pixels of the image are set to the mean of the training images (NaN for ``raw_occlusion``).
    insertion, random_insertion : float
        Mean probability when everything else is masked.
    p_deletion, p_insertion : float
        One-sided Wilcoxon signed-rank tests, paired over samples: strongest against random.
    sanity : float
        Mean Spearman correlation of the weights with those of the same networks with random weights (Adebayo et al.
        2018), which should be far from 1; NaN if it is not defined.
    """

    n: int
    fraction: float
    deletion: float
    random_deletion: float
    image_deletion: float
    p_deletion: float
    insertion: float
    random_insertion: float
    p_insertion: float
    sanity: float

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Return the table: what, strongest, random, p."""
        percent = f"{self.fraction:.0%}"
        return [
            (f"loss of probability, {percent} masked", *_three(self.deletion, self.random_deletion, self.p_deletion)),
            (f"probability, only {percent} kept", *_three(self.insertion, self.random_insertion, self.p_insertion)),
            (f"loss of probability, {percent} of pixels masked", f"{self.image_deletion:.3f}", "", ""),
            ("correlation with random networks' weights", f"{self.sanity:.2f}", "", ""),
        ]


def faithfulness(
    model: ImageClassifier, explanations: Sequence[Explanation], *, fraction: float = 0.1, seed: int = 0
) -> Faithfulness:
    """Measure explanations by deletion and insertion in the raw data, next to random places and to random networks.

    V. Petsiuk, A. Das, K. Saenko: RISE (2018); J. Adebayo et al.: Sanity Checks for Saliency Maps (2018). Random places
    are the same places, shifted by a random offset along each axis (columns of a table: shuffled), so that they are as
    connected as the strongest ones.

    Parameters
    ----------
    model : ImageClassifier
        The explained model.
    explanations : sequence of Explanation
        At least one; ten and more for a test. Those without any weight are left out.
    fraction : float
        Part of the raw sample, above 0 and below 1.
    seed : int

    Raises
    ------
    ParameterError
        If the model is no classifier, or the fraction is out of range.

    Examples
    --------
    >>> from img_repr import ImageClassifier, load_dataset
    >>> from img_repr.explain import explain
    >>> from img_repr.explain.faithfulness import faithfulness
    >>> data = load_dataset("gunpoint").subset(range(20))
    >>> model = ImageClassifier("gadf", size=16, epochs=1, min_steps=1).fit(data)
    >>> faithfulness(model, explain(model, data.samples[:2], method="raw_occlusion")).fraction
    0.1
    """
    if not isinstance(model, ImageClassifier):
        raise ParameterError(f"faithfulness: expected a classifier, got {type(model).__name__}")
    if not 0.0 < fraction < 1.0:
        raise ParameterError(f"faithfulness: expected fraction between 0 and 1, got {fraction!r:.40}")
    known = [one for one in explanations if one.weights.any()]
    if not known:
        raise ParameterError("faithfulness: expected explanations with weights, got none")
    random, view = np.random.default_rng(seed), RAW_VIEWS[model.encoders[0].domain.name]
    scores = np.array([_score(model, view, one, fraction, random) for one in known])
    mean = scores.mean(axis=0)
    return Faithfulness(
        len(known),
        fraction,
        deletion=float(mean[0]),
        random_deletion=float(mean[1]),
        image_deletion=float(mean[4]),
        p_deletion=_p(scores[:, 0] - scores[:, 1]),
        insertion=float(mean[2]),
        random_insertion=float(mean[3]),
        p_insertion=_p(scores[:, 2] - scores[:, 3]),
        sanity=_sanity(model, known[:_SANITY], seed),
    )


def strongest_part(weights: np.ndarray, fraction: float) -> np.ndarray:
    """Return a mask of the largest weights, at least one."""
    count = max(1, round(weights.size * fraction))
    mask = np.zeros(weights.shape, bool)
    mask.flat[np.argsort(-weights, axis=None, kind="stable")[:count]] = True
    return mask


def _score(
    model: ImageClassifier, view: RawView, one: Explanation, fraction: float, random: np.random.Generator
) -> list[float]:
    """Loss by deletion, by random deletion; probability by insertion, by random insertion; loss in the image."""
    mask, place = strongest_part(one.weights, fraction), model.classes.index(one.target)
    others = [_moved(mask, random, shuffled="column" in one.axes) for _ in range(_RANDOM)]
    masks = [mask, *others, ~mask, *(~other for other in others)]
    batch = [view.mask(one.sample, one.encoders[0], masked) for masked in masks]
    found = np.array([predict_rows(model, _batch_of(sample))[0, place] for sample in batch])
    before = float(one.probability or 0.0)
    lost, kept = before - found[: _RANDOM + 1], found[_RANDOM + 1 :]
    return [lost[0], lost[1:].mean(), kept[0], kept[1:].mean(), before - _without_pixels(model, one, fraction, place)]


def _batch_of(sample: Any) -> Any:
    return sample[None] if isinstance(sample, np.ndarray) else [sample]


def _moved(mask: np.ndarray, random: np.random.Generator, *, shuffled: bool) -> np.ndarray:
    if shuffled:
        return random.permutation(mask)
    return np.roll(mask, [int(random.integers(n)) for n in mask.shape], axis=tuple(range(mask.ndim)))


def _without_pixels(model: ImageClassifier, one: Explanation, fraction: float, place: int) -> float:
    """Probability when the strongest pixels are the mean of the training images."""
    if not one.heats:
        return float("nan")
    found = []
    for number, member in enumerate(model.members_):
        at = number % len(one.encoders)
        heat = one.heats[at] if one.heats[at].ndim == 2 else one.heats[at].sum(axis=0)
        mask = torch.as_tensor(strongest_part(heat, fraction), device=member.device)
        inputs = member.normalization(torch.as_tensor(one.images[at])[None].to(member.device)).masked_fill(mask, 0.0)
        with torch.inference_mode():
            logits = member.network.eval()(inputs).double()
        found.append(float((logits / model.temperature_).softmax(dim=1)[0, place]))
    return float(np.mean(found))


def _p(differences: np.ndarray) -> float:
    if not np.any(differences):
        return 1.0
    return float(stats.wilcoxon(differences, alternative="greater").pvalue)


def _sanity(model: ImageEstimator, known: Sequence[Explanation], seed: int) -> float:
    """Mean rank correlation of weights with those by networks of random weights."""
    if known[0].method not in METHODS:
        return float("nan")
    members = [_randomized(member, seed) for member in model.members_]
    found = []
    for one in known:
        other = explain_one(model, one.sample, one.name, one.method, one.target, members)
        if np.ptp(one.weights) and np.ptp(other.weights):
            found.append(float(stats.spearmanr(one.weights, other.weights, axis=None).statistic))
    return float(np.mean(found)) if found else float("nan")


def _randomized(member: Trainer, seed: int) -> Trainer:
    """Return a view of a trainer whose network has random weights in every layer."""
    other = copy.copy(member)
    network = copy.deepcopy(member.network)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for module in network.modules():
            reset = getattr(module, "reset_parameters", None)
            if reset is not None:
                reset()
    other.state = cast(Any, replace(member.state, network=network))
    return other


def _three(strongest: float, random: float, p: float) -> tuple[str, str, str]:
    return f"{strongest:.3f}", f"{random:.3f}", f"{p:.2g}"
