"""Layers: the samples that excite the units of a layer most, and where in the raw data they do."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from img_repr.core.encoder import AbstractEncoder
from img_repr.core.errors import ParameterError
from img_repr.core.raw_view import RAW_VIEWS
from img_repr.core.registry import did_you_mean
from img_repr.core.splits.split import check_count
from img_repr.explain.explainer import as_batch, back_project, load_model, read_samples
from img_repr.training.estimator import ImageEstimator
from img_repr.training.trainer import Trainer

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BATCH = 64
_IMAGE_IN, _RAW_IN = 1.5, 2.7


@dataclass(frozen=True, eq=False)
class Excitation:
    """A sample that excites a unit of a layer.

    Parameters
    ----------
    unit : int
        Number of the unit, a channel of the layer's maps.
    value : float
        The largest activation of the unit over the map.
    position, name
        Of the sample.
    sample
        The raw sample.
    image : ndarray, shape (C, H, W)
    gradient : ndarray, shape (C, H, W)
        Gradient of ``value`` with respect to the normalized image, times that image.
    weights : ndarray
        The positive part of ``gradient`` projected back to the raw sample; sum 1, or all 0.
    axes : dict of str to ndarray
        Axes of ``weights`` by name with unit.
    """

    unit: int
    value: float
    position: int
    name: str
    sample: Any
    image: np.ndarray
    gradient: np.ndarray
    weights: np.ndarray
    axes: dict[str, np.ndarray]

    def strongest_place(self) -> str:
        """Return the place of the largest weight in words, ``"time_step 93"``; empty if all weights are 0."""
        if not self.weights.any():
            return ""
        at = np.unravel_index(int(self.weights.argmax()), self.weights.shape)
        return ", ".join(f"{name} {axis[i]:.4g}" for (name, axis), i in zip(self.axes.items(), at, strict=True))


def list_layers(model: ImageEstimator, samples: Any) -> list[str]:
    """Return the names of the layers of a model's first network that compute maps ``(N, F, H, W)``, in their order."""
    batch, _ = read_samples(model, samples)
    return _layers_with_maps(model.members_[0], _inputs(model, batch[:1])[1])


def layers(
    model: ImageEstimator | str | Path, samples: Any, layer: str | None = None, *, units: int = 6, top: int = 3
) -> list[list[Excitation]]:
    """Return the samples that excite the units of a layer most.

    The maps of the first network are computed batch by batch; of each unit only the ``top`` samples are kept.

    Parameters
    ----------
    model : ImageClassifier, ImageRegressor or path
        A fitted model, or the folder of a saved one.
    samples : Dataset, path, array or list
        Raw samples, as ``predict`` takes them.
    layer : str, optional
        Name of a layer, see :func:`list_layers`. Default: the last one with maps of more than one pixel.
    units : int
        Units: those whose largest activations are farthest above their mean, in standard deviations.
    top : int
        Samples of each unit.

    Returns
    -------
    list of list of Excitation
        One list for each unit, the largest activation first.

    Raises
    ------
    ParameterError
        If the network has no such layer.

    References
    ----------
    M. D. Zeiler, R. Fergus: Visualizing and Understanding Convolutional Networks, ECCV 2014, arXiv:1311.2901 (who
    project by a deconvolution instead of the gradient).

    Examples
    --------
    >>> from img_repr import ImageClassifier, load_dataset
    >>> from img_repr.explain.layers import layers
    >>> data = load_dataset("gunpoint").subset(range(20))
    >>> model = ImageClassifier("gadf", size=16, epochs=1, min_steps=1).fit(data)
    >>> found = layers(model, data, units=2, top=3)
    >>> [len(unit) for unit in found], found[0][0].value >= found[0][1].value
    ([3, 3], True)
    """
    check_count("layers", "units", units)
    check_count("layers", "top", top)
    fitted = load_model(model) if isinstance(model, (str, Path)) else model
    batch, names = read_samples(fitted, samples)
    member = fitted.members_[0]
    known = _layers_with_maps(member, _inputs(fitted, batch[:1])[1])
    if layer is not None and layer not in known:
        raise ParameterError(
            f"layers: expected the name of a layer with maps, {known[0]} ... {known[-1]}, got {layer!r}; "
            f"{did_you_mean(layer, known)}".rstrip("; ")
        )
    module = member.network.get_submodule(known[-1] if layer is None else layer)
    values, positions, spread = _most_excited(fitted, batch, module, top)
    chosen = spread.argsort(descending=True, stable=True)[:units].tolist()
    return [
        [
            _excitation(fitted, batch, names, module, unit, int(position))
            for value, position in zip(values[:, unit], positions[:, unit], strict=True)
            if torch.isfinite(value)
        ]
        for unit in chosen
    ]


def plot_layers(found: list[list[Excitation]], encoder: AbstractEncoder) -> "Figure":
    """Plot excitations, a row for each unit: the image under its gradient, next to the raw sample with weights."""
    from matplotlib.figure import Figure

    top = max(map(len, found))
    widths = [_IMAGE_IN, _RAW_IN] * top
    figure = Figure(figsize=(sum(widths), (_IMAGE_IN + 0.35) * len(found)), layout="constrained")
    grid = figure.add_gridspec(len(found), len(widths), width_ratios=widths)
    for row, unit in enumerate(found):
        for column, one in enumerate(unit):
            axes = figure.add_subplot(grid[row, 2 * column])
            axes.imshow(one.image.mean(axis=0), cmap="gray", vmin=0, vmax=1)
            heat = np.maximum(one.gradient.sum(axis=0), 0.0)
            axes.imshow(heat, cmap="cividis", alpha=heat / (heat.max() or 1.0) * 0.8)
            axes.set_axis_off()
            axes.set_title(f"unit {one.unit}: {one.value:.2f}\n{one.name}", fontsize=7, parse_math=False)
            axes = figure.add_subplot(grid[row, 2 * column + 1])
            peak = float(one.weights.max(initial=0.0))
            RAW_VIEWS[encoder.domain.name].plot(axes, one.sample, encoder, one.weights / (peak or 1.0))
            axes.tick_params(labelsize=6)
            axes.xaxis.label.set_fontsize(7)
            axes.yaxis.label.set_fontsize(7)
    return figure


def _inputs(model: ImageEstimator, batch: list[Any]) -> tuple[np.ndarray, Tensor]:
    """Return images, and the inputs of the first network."""
    member = model.members_[0]
    images = np.asarray(model.encoders[0](as_batch(batch)))
    return images, member.normalization(torch.as_tensor(images).to(member.device, torch.float32))


@contextmanager
def _maps_of(module: nn.Module) -> Iterator[list[Tensor]]:
    """Collect what a layer computes."""
    found: list[Tensor] = []
    handle = module.register_forward_hook(lambda *call: found.append(call[2]))
    try:
        yield found
    finally:
        handle.remove()


def _layers_with_maps(member: Trainer, inputs: Tensor) -> list[str]:
    network, found = member.network.eval(), []
    handles = [
        module.register_forward_hook(lambda _, __, output, name=name: found.append((name, output)))
        for name, module in network.named_modules()
        if name
    ]
    try:
        with torch.no_grad():
            network(inputs)
    finally:
        for handle in handles:
            handle.remove()
    maps = [
        name
        for name, output in found
        if isinstance(output, Tensor) and output.ndim == 4 and output.shape[-2] * output.shape[-1] > 1
    ]
    if not maps:
        raise ParameterError("layers: expected a network with maps (N, F, H, W), got one without")
    return list(dict.fromkeys(maps))


def _most_excited(
    model: ImageEstimator, batch: list[Any], module: nn.Module, top: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the largest activations ``(top, F)``, their positions, and how far above the mean they are."""
    network = model.members_[0].network.eval()
    values = positions = torch.zeros(0)
    total = squares = torch.zeros(())
    for start in range(0, len(batch), _BATCH):
        with torch.no_grad(), _maps_of(module) as found:
            network(_inputs(model, batch[start : start + _BATCH])[1])
        peaks = found[0].float().amax(dim=(2, 3)).cpu()
        places = torch.arange(start, start + len(peaks))[:, None].expand_as(peaks)
        total, squares = total + peaks.double().sum(dim=0), squares + peaks.double().square().sum(dim=0)
        values = torch.cat([values.reshape(-1, peaks.shape[1]), peaks])
        positions = torch.cat([positions.reshape(-1, peaks.shape[1]).long(), places])
        values, order = values.topk(min(top, len(values)), dim=0)
        positions = positions.gather(0, order)
    mean = total / len(batch)
    deviation = (squares / len(batch) - mean.square()).clamp_min(0.0).sqrt()
    return values, positions, (values.double().mean(dim=0) - mean) / deviation.clamp_min(1e-9)


def _excitation(
    model: ImageEstimator, batch: list[Any], names: list[str], module: nn.Module, unit: int, position: int
) -> Excitation:
    network, encoder, sample = model.members_[0].network.eval(), model.encoders[0], batch[position]
    images, inputs = _inputs(model, [sample])
    inputs = inputs.detach().requires_grad_(True)
    with _maps_of(module) as found:
        network(inputs)
    value = found[0][0, unit].amax()
    (gradient,) = torch.autograd.grad(value, inputs)
    evidence = (gradient * inputs).detach()[0].double().cpu().numpy()
    return Excitation(
        unit=unit,
        value=float(value.detach()),
        position=position,
        name=names[position],
        sample=sample,
        image=images[0],
        gradient=evidence,
        weights=back_project(encoder, images[0], evidence, sample),
        axes=dict(RAW_VIEWS[encoder.domain.name].axes(sample, encoder)),
    )
