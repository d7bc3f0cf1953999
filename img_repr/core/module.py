"""An encoder as a ``torch.nn.Module``: the same function in front of a network, in ``torch.export``, in ONNX."""

import torch
from torch import Tensor, nn

from img_repr.core.encoder import AbstractEncoder


class EncoderModule(nn.Module):
    """Thin view of an encoder; it has no weights.

    Values are not checked while a graph is traced: a graph cannot raise.

    Examples
    --------
    >>> import torch
    >>> from img_repr import get_encoder
    >>> get_encoder("gadf", size=16).as_module()(torch.randn(2, 40)).shape
    torch.Size([2, 1, 16, 16])
    """

    def __init__(self, encoder: AbstractEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, samples: Tensor) -> Tensor:
        """Contract images ``(N, C, H, W)`` in [0, 1] of a batch of samples; autocast is kept out."""
        with torch.autocast(device_type=samples.device.type, enabled=False):
            images: Tensor = self.encoder(samples)
        return images

    def extra_repr(self) -> str:
        """Name the encoder in the module's printout."""
        return repr(self.encoder)
