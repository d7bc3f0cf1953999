"""Explain predictions of a model by the raw data: attributions over pixels, projected back."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from img_repr.core.dataset import Dataset
from img_repr.core.encoder import AbstractEncoder
from img_repr.core.errors import ParameterError
from img_repr.core.json_file import parse_json
from img_repr.core.loader import load_dataset
from img_repr.core.raw_view import RAW_VIEWS
from img_repr.core.registry import did_you_mean
from img_repr.explain.attribution import METHODS, attribute
from img_repr.explain.explanation import Explanation
from img_repr.training.classifier import ImageClassifier
from img_repr.training.estimator import ImageEstimator
from img_repr.training.model_folder import MODEL
from img_repr.training.regressor import ImageRegressor
from img_repr.training.samples import as_samples
from img_repr.training.trainer import Trainer

RAW_OCCLUSION = "raw_occlusion"
ALL_METHODS = (*METHODS, RAW_OCCLUSION)
_PIECES = {1: (32,), 2: (8, 16)}  # parts of the raw axes that are masked one by one


def explain(
    model: ImageEstimator | str | Path, samples: Any, method: str = "integrated_gradients", target: Any = None
) -> list[Explanation]:
    """Return which parts of raw samples speak for the predictions of a model.

    Parameters
    ----------
    model : ImageClassifier, ImageRegressor or path
        A fitted model, or the folder of a saved one. Of several networks, the weights are averaged.
    samples : Dataset, path, array or list
        Raw samples, as ``predict`` takes them.
    method : str
        ``"integrated_gradients"``, ``"gradcam"``, ``"layercam"``, ``"occlusion"`` or ``"saliency"``: attributions over
        pixels by captum, projected back to the raw sample. ``"raw_occlusion"``: masks parts of the raw sample itself
        and encodes again; it needs no captum, and is slower.
    target : optional
        The class to explain. Default: the predicted one.

    Returns
    -------
    list of Explanation

    Raises
    ------
    ParameterError
        If the method or class is unknown, captum is missing, or the encoders of an ensemble have other raw axes.

    Examples
    --------
    >>> from img_repr import ImageClassifier, load_dataset
    >>> from img_repr.explain import explain
    >>> data = load_dataset("gunpoint").subset(range(20))
    >>> model = ImageClassifier("gadf", size=16, epochs=1, min_steps=1).fit(data)
    >>> (one,) = explain(model, data.samples[:1], method="raw_occlusion")
    >>> one.weights.shape, list(one.axes)
    ((150,), ['time_step'])
    """
    if method not in ALL_METHODS:
        hint = did_you_mean(str(method), ALL_METHODS)
        raise ParameterError(
            f"explain: expected method to be one of {', '.join(ALL_METHODS)}, got {method!r}; {hint}".rstrip("; ")
        )
    fitted = load_model(model) if isinstance(model, (str, Path)) else model
    batch, names = read_samples(fitted, samples)
    return [explain_one(fitted, one, name, method, target) for one, name in zip(batch, names, strict=True)]


def load_model(folder: str | Path, device: Any = None) -> ImageEstimator:
    """Read a saved classifier or regressor.

    Raises
    ------
    ResultError
        If the folder is neither.
    """
    try:
        kind = parse_json(Path(folder, MODEL).read_text("utf-8"))["kind"]
    except (OSError, ValueError, KeyError, TypeError):
        kind = ""
    if kind == "regressor":
        return ImageRegressor.load(folder, device=device)
    return ImageClassifier.load(folder, device=device)


def explain_one(
    model: ImageEstimator, sample: Any, name: str, method: str, target: Any, members: Sequence[Trainer] | None = None
) -> Explanation:
    """Explain one sample, possibly with other networks (of random weights) than the model's."""
    encoders, view = model.encoders, RAW_VIEWS[model.encoders[0].domain.name]
    batch = _one(sample)
    output = predict_rows(model, batch)[0]
    classes = list(map(str, model.classes)) if isinstance(model, ImageClassifier) else None
    place = None if classes is None else _place(classes, output, target)
    images = tuple(np.asarray(encoder(batch))[0] for encoder in encoders)
    heats: list[np.ndarray] = []
    if method == RAW_OCCLUSION:
        weights = _occlude(model, sample, encoders[0], place)
    else:
        carried = []
        networks = model.members_ if members is None else members
        for number, (encoder, image) in enumerate(zip(encoders, images, strict=True)):
            maps = [
                attribute(member, torch.as_tensor(image)[None], method=method, target=place).numpy()
                for member in networks[number :: len(encoders)]
            ]
            heat = np.mean(maps, axis=0)
            heats.append(heat)
            carried.append(back_project(encoder, image, heat, sample))
        if len({one.shape for one in carried}) != 1:
            raise ParameterError(
                f"explain: expected encoders with the same raw axes, got {', '.join(str(c.shape) for c in carried)}; "
                f"method={RAW_OCCLUSION!r} needs none"
            )
        weights = np.mean(carried, axis=0)
    return Explanation(
        name=name,
        sample=sample,
        encoders=encoders,
        images=images,
        heats=tuple(heats),
        weights=_to_one(weights),
        axes=dict(view.axes(sample, encoders[0])),
        predicted=classes[int(np.argmax(output))] if classes else f"{float(output[0]):.6g}",
        target="number" if classes is None or place is None else classes[place],
        probability=None if place is None else float(output[place]),
        method=method,
    )


def back_project(encoder: AbstractEncoder, image: np.ndarray, heat: np.ndarray, sample: Any) -> np.ndarray:
    """Project evidence in an image's pixels back to the raw sample, and keep what speaks for the target; its sum is 1.

    Evidence is projected with its sign, so that pixels for and against the target at one place of the sample cancel.
    """
    channels = len(image)
    whole = heat if heat.ndim == 3 else np.repeat(heat[None] / channels, channels, axis=0)
    return _to_one(np.maximum(encoder.back_project(whole[0] if channels == 1 else whole, sample), 0.0))


def predict_rows(model: ImageEstimator, batch: Any) -> np.ndarray:
    """Return probabilities ``(N, K)`` of a classifier, or predictions ``(N, 1)`` of a regressor."""
    if isinstance(model, ImageClassifier):
        return model.predict_proba(batch)
    return np.asarray(model.predict(batch)).reshape(len(batch), -1)


def _occlude(model: ImageEstimator, sample: Any, encoder: AbstractEncoder, place: int | None) -> np.ndarray:
    """Return how much less the model is certain without each part of the raw sample."""
    view = RAW_VIEWS[encoder.domain.name]
    shape = tuple(len(axis) for axis in view.axes(sample, encoder).values())
    cuts = [np.array_split(np.arange(n), min(n, k)) for n, k in zip(shape, _PIECES[len(shape)], strict=True)]
    parts = [np.ix_(*part) for part in _products(cuts)]
    masks = np.zeros((len(parts), *shape), bool)
    for mask, part in zip(masks, parts, strict=True):
        mask[part] = True
    batch = as_batch([sample, *(view.mask(sample, encoder, mask) for mask in masks)])
    found = predict_rows(model, batch)[:, place or 0]
    if place is not None:
        bounded = np.clip(found, 1e-6, 1.0 - 1e-6)
        found = np.log(bounded / (1.0 - bounded))
    losses = found[0] - found[1:] if place is not None else np.abs(found[0] - found[1:])
    weights = np.zeros(shape)
    for part, loss in zip(parts, losses, strict=True):
        weights[part] = max(float(loss), 0.0) / weights[part].size
    return weights


def _products(cuts: list[list[np.ndarray]]) -> list[tuple[np.ndarray, ...]]:
    first, *more = cuts
    return [(one, *rest) for one in first for rest in (_products(more) if more else [()])]


def _to_one(weights: np.ndarray) -> np.ndarray:
    total = float(weights.sum())
    return weights / total if total > 0.0 else np.zeros_like(weights)


def _place(classes: list[str], output: np.ndarray, target: Any) -> int:
    if target is None:
        return int(np.argmax(output))
    if str(target) not in classes:
        raise ParameterError(f"explain: expected target to be one of {', '.join(classes)}, got {target!r}")
    return classes.index(str(target))


def read_samples(model: ImageEstimator, samples: Any) -> tuple[list[Any], list[str]]:
    """Return raw samples one by one, with their names."""
    if isinstance(samples, (str, Path)):
        samples = load_dataset(samples, labeled=False, columns=model.columns)
    if isinstance(samples, Dataset):
        samples = samples.with_columns(model.columns)
        names = range(len(samples)) if samples.names is None else samples.names
    else:
        names = range(len(samples))
    batch = as_samples(samples, domain=model.encoders[0].domain, caller="explain")
    return [batch[number] for number in range(len(batch))], [str(name) for name in names]


def _one(sample: Any) -> Any:
    return as_batch([sample])


def as_batch(samples: list[Any]) -> Any:
    """Return samples as a batch of the form that encoders take: arrays of one shape as an array."""
    arrays = all(isinstance(one, np.ndarray) for one in samples)
    return np.stack(samples) if arrays and len({one.shape for one in samples}) == 1 else samples
