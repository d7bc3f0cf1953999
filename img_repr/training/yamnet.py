"""YAMNet: MobileNet v1 on log-mel patches of 0.96 s, as it was trained on AudioSet.

Its images are ``melspectrogram(preset="yamnet", size=None)``: 64 bands, the lowest first. Its weights come from the
user's copy: ``yamnet.h5``, the folder of the SavedModel, or the ``.safetensors`` of
:func:`img_repr.training.weights.convert_weights`.
"""

import re
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from img_repr.core.errors import ParameterError
from img_repr.training.network import Network, new_head
from img_repr.training.patches import pool_windows

YAMNET = "yamnet"
_BANDS, _WINDOWS, _HOP = 64, 96, 48
_LAYERS = (  # stride and output channels: a convolution, then thirteen depthwise separable ones
    *((2, 32), (1, 64), (2, 128), (1, 128), (2, 256), (1, 256), (2, 512)),
    *((1, 512), (1, 512), (1, 512), (1, 512), (1, 512), (2, 1024), (1, 1024)),
)
_EPS = 1e-4
_LOW, _HIGH = -7.0, 6.1  # log(0.001), which is silence, and full scale; decibels and other front ends leave it
_NUMBERED = re.compile(r"layer_with_weights-(\d+)/(\w+)")  # of the SavedModel: 27 pairs of kernel and norm, the head
_NAMED = re.compile(r"layer(\d+)/(conv|depthwise_conv|pointwise_conv)\b")  # of yamnet.h5
_OF_NORM = {"beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}


class _Convolution(nn.Sequential):
    """A convolution padded as in TensorFlow, batch normalization, ReLU."""

    def __init__(self, inputs: int, outputs: int, *, size: int, stride: int = 1, groups: int = 1) -> None:
        padding = (0, 1, 0, 1) if stride == 2 else (size // 2,) * 4  # even sides are padded at their end only
        super().__init__()
        self.pad = nn.ZeroPad2d(padding)
        self.conv = nn.Conv2d(inputs, outputs, size, stride, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(outputs, eps=_EPS)
        self.relu = nn.ReLU(inplace=True)


class YamnetBody(nn.Module):
    """Images ``(N, 1, 64, W)`` to mean, maximum and standard deviation of 1024 features over patches, ``(N, 3072)``.

    Patches have 96 columns and begin every 48 columns.
    """

    def __init__(self) -> None:
        super().__init__()
        (stride, width), *separable = _LAYERS
        layers: list[nn.Module] = [_Convolution(1, width, size=3, stride=stride)]
        for stride, outputs in separable:
            layers.append(_Convolution(width, width, size=3, stride=stride, groups=width))
            layers.append(_Convolution(width, outputs, size=1))
            width = outputs
        self.layers = nn.Sequential(*layers)
        self.classes = nn.Identity()  # in place of AudioSet's 521 classes, whose weights a file may have

    def forward(self, images: Tensor) -> Tensor:
        """Return the pooled features."""
        if images.shape[1:3] != (1, _BANDS) or images.shape[3] < _WINDOWS:
            raise ValueError(
                f"yamnet takes images (1, {_BANDS}, {_WINDOWS} + {_HOP} n): melspectrogram(preset='yamnet', "
                "sample_rate_hz=16000, size=None)"
            )
        if not torch.compiler.is_compiling() and not images.is_meta:
            low, high = (float(extreme) for extreme in images.detach().aminmax())
            if low < _LOW or high > _HIGH:
                raise ValueError(
                    f"yamnet takes melspectrogram(preset='yamnet', sample_rate_hz=16000, size=None), whose values lie "
                    f"from -6.9 to 6, got {low:.3g} to {high:.3g}"
                )
        return pool_windows(images, self.patch_features, _WINDOWS, _HOP)

    def patch_features(self, patches: Tensor) -> Tensor:
        """Return the features ``(N, 1024)`` of patches ``(N, 1, 64, 96)``."""
        maps: Tensor = self.layers(patches.transpose(2, 3))
        return maps.mean(dim=(2, 3))


def yamnet(*, channels: int, classes: int, dropout: float) -> Network:
    """Return YAMNet, a MobileNet v1 for log-mel patches with 3.2 million weights.

    References
    ----------
    M. Plakal, D. Ellis: YAMNet, 2020, github.com/tensorflow/models, research/audioset/yamnet; A. G. Howard et al.:
    MobileNets, 2017, arXiv:1704.04861; S. Hershey et al.: CNN Architectures for Large-Scale Audio Classification,
    ICASSP 2017, arXiv:1609.09430.
    """
    if channels != 1:
        raise ParameterError(f"backbone: expected images of one channel for 'yamnet', got {channels} channels")
    body = YamnetBody()
    return Network(body, new_head(3 * _LAYERS[-1][1], classes, dropout), list(body.layers), own_values=True)


def yamnet_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename the weights of YAMNet's SavedModel or of ``yamnet.h5``, and order their axes as torch does.

    Other weights are returned unchanged.
    """
    renamed = dict(_renamed(state))
    if not renamed:
        return state
    for number in range(2 * len(_LAYERS) - 1):  # their normalization has no factor
        bias = renamed.get(f"layers.{number}.norm.bias")
        if bias is not None:
            renamed[f"layers.{number}.norm.weight"] = torch.ones_like(bias)
    return renamed


def _renamed(state: dict[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    for name, value in state.items():
        kind = name.removesuffix("/.ATTRIBUTES/VARIABLE_VALUE").rpartition("/")[2].partition(":")[0]
        if kind not in ("kernel", "depthwise_kernel", "bias", *_OF_NORM):
            continue
        numbered, named = _NUMBERED.search(name), _NAMED.search(name)
        if numbered is not None:
            layer = int(numbered[1]) // 2
        elif named is not None:
            layer = max(0, 2 * int(named[1]) - 3) + (named[2] == "pointwise_conv")
        else:
            layer = 2 * len(_LAYERS) - 1
        if kind in _OF_NORM:
            yield f"layers.{layer}.norm.{_OF_NORM[kind]}", value
        elif layer == 2 * len(_LAYERS) - 1:
            yield (
                f"classes.{'bias' if kind == 'bias' else 'weight'}",
                value if kind == "bias" else value.T.contiguous(),
            )
        else:
            order = (2, 3, 0, 1) if kind == "depthwise_kernel" else (3, 2, 0, 1)
            yield f"layers.{layer}.conv.weight", value.permute(order).contiguous()
