"""Attributions of a network's output over the pixels of an image, by captum (extra ``explain``)."""

import importlib
import warnings
from typing import Any

import torch
from torch import Tensor, nn

from img_repr.core.errors import ParameterError
from img_repr.training.trainer import Trainer

METHODS = ("gradcam", "layercam", "integrated_gradients", "occlusion", "saliency")
"""Attributions over pixels."""

_STEPS = 32  # of integrated gradients
_OCCLUDED = 8  # an occluded square is this fraction of the side


def attribute(member: Trainer, image: Tensor, *, method: str, target: int | None) -> Tensor:
    """Return the evidence in each pixel for one output of a network: for a class, its log-odds.

    Parameters
    ----------
    member : Trainer
        A trained network.
    image : Tensor, shape (1, C, H, W)
        Under the image contract. The network's normalization follows; the baseline is the mean of the training images.
    method : str
        One of ``METHODS``. ``gradcam`` (Selvaraju et al. 2017) and ``layercam`` (Jiang et al. 2021) give one map for
        all channels, ``layercam`` of a layer with finer maps; the others (Sundararajan et al. 2017, Zeiler & Fergus
        2014, Simonyan et al. 2014) one for each channel.
    target : int, optional
        Position of the output; None for a regression.

    Returns
    -------
    Tensor, shape (C, H, W) or (H, W)
        float64 on the CPU; positive where the pixels increase the output.

    Raises
    ------
    ParameterError
        If captum is not installed, or the network has no maps for a class activation map.
    """
    attr = _captum()
    network = member.network.eval()
    odds = _LogOdds(network, target)
    inputs = member.normalization(image.to(member.device, torch.float32)).requires_grad_(True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # captum's, about hooks and gradients that it sets itself
        if method in ("gradcam", "layercam"):
            layer = _layer(network, inputs.detach(), fine=method == "layercam")
            if method == "gradcam":
                found = attr.LayerGradCam(odds, layer).attribute(inputs, relu_attributions=True)
            else:
                found = attr.LayerGradientXActivation(odds, layer).attribute(inputs)
                found = found.clamp_min(0.0).sum(dim=1, keepdim=True)
            sides = (image.shape[-2], image.shape[-1])
            found = nn.functional.interpolate(found, sides, mode="bilinear", align_corners=False)[:, 0]
        elif method == "integrated_gradients":
            found = attr.IntegratedGradients(odds).attribute(inputs, n_steps=_STEPS)
        elif method == "saliency":
            found = attr.Saliency(odds).attribute(inputs, abs=True)
        else:
            channels, *lengths = inputs.shape[1:]
            window = (channels, *(max(1, length // _OCCLUDED) for length in lengths))
            strides = (channels, *(max(1, length // (2 * _OCCLUDED)) for length in lengths))
            with torch.no_grad():
                found = attr.Occlusion(odds).attribute(
                    inputs, sliding_window_shapes=window, strides=strides, perturbations_per_eval=64
                )
    heat: Tensor = found.detach()[0].double().cpu()
    return heat


class _LogOdds(nn.Module):
    """The logarithm of the odds of one class, so that evidence for all classes alike cancels; or the only output."""

    def __init__(self, network: nn.Module, target: int | None) -> None:
        super().__init__()
        self.network, self.target = network, target

    def forward(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self.network(inputs)
        if self.target is None:
            return logits[:, 0]
        others = [number for number in range(logits.shape[1]) if number != self.target]
        return logits[:, self.target] - logits[:, others].logsumexp(dim=1)


def _captum() -> Any:
    try:
        return importlib.import_module("captum.attr")
    except ImportError as error:
        raise ParameterError(
            f"explain: expected the package captum, which comes with pip install 'img-repr[explain]', got: {error}"
        ) from error


def _layer(network: nn.Module, inputs: Tensor, *, fine: bool) -> nn.Module:
    """Return the last layer whose maps have more than one pixel; ``fine``: at least an eighth of the image's sides."""
    found: list[nn.Module] = []
    least = max(4, min(inputs.shape[-2:]) // 8) if fine else 2

    def record(module: nn.Module, _: Any, output: Any) -> None:
        if isinstance(output, Tensor) and output.ndim == 4 and min(output.shape[-2:]) >= least:
            found.append(module)

    leaves = [module for module in network.modules() if not list(module.children())]
    handles = [module.register_forward_hook(record) for module in leaves]
    try:
        with torch.no_grad():
            network(inputs)
    finally:
        for handle in handles:
            handle.remove()
    if not found:
        raise ParameterError(
            "explain: expected a network with maps (N, F, H, W) for class activation maps, got one without; "
            "method='integrated_gradients' needs none"
        )
    return found[-1]
