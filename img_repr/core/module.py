"""An encoder as a ``torch.nn.Module``, to put in front of a network, for ``torch.export`` and ONNX."""

from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn

from img_repr.core.encoder import AbstractEncoder, Encoder
from img_repr.core.errors import ParameterError
from img_repr.core.stack import EncoderStack

_DEVICES = ("cpu", "cuda", "mps", "xpu")  # that autocast may be on for


def check_traceable(encoder: AbstractEncoder) -> None:
    """Refuse an encoder that does not consist of tensor operations alone.

    Raises
    ------
    ParameterError
        The message names the operation that cannot be exported.
    """
    for part in encoder.parts if isinstance(encoder, EncoderStack) else (encoder,):
        if isinstance(part, Encoder) and part.metadata.untraceable:
            raise ParameterError(
                f"{part.name}: expected an encoder of tensors alone for an exported program, got "
                f"{part.metadata.untraceable}; encode the samples before the network"
            )


class EncoderModule(nn.Module):
    """An encoder as a module without weights.

    It takes the encoder's samples and returns a tensor. Values are not checked while a program is exported, because a
    graph cannot raise. Under ``torch.compile`` the encoder runs eagerly, in front of the compiled network.

    Examples
    --------
    >>> import torch
    >>> from img_repr import EncoderModule, get_encoder
    >>> EncoderModule(get_encoder("gadf", size=16))(torch.randn(2, 40)).shape
    torch.Size([2, 1, 16, 16])
    """

    def __init__(self, encoder: AbstractEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, samples: Any) -> Tensor:
        """Return contract images ``(N, C, H, W)`` in [0, 1] of a batch of samples, computed without autocast.

        Raises
        ------
        ParameterError
            If a program is exported and the encoder does not consist of tensor operations alone.
        """
        if not torch.compiler.is_exporting():
            eager: Tensor = self._eager(samples)
            return eager
        check_traceable(self.encoder)
        with torch.autocast(device_type=samples.device.type, enabled=False):
            images: Tensor = self.encoder(samples)
        return images

    @torch.compiler.disable(  # type: ignore[no-untyped-call, untyped-decorator]
        reason="img_repr: an encoder runs eagerly; compile the network behind it without fullgraph"
    )
    def _eager(self, samples: Any) -> Tensor:
        with ExitStack() as stack:
            for device in _DEVICES:
                if torch.is_autocast_enabled(device):
                    stack.enter_context(torch.autocast(device, enabled=False))
            images = self.encoder(samples)
        return images if isinstance(images, Tensor) else torch.from_numpy(images)

    def extra_repr(self) -> str:
        """Show the encoder in the module's representation."""
        return repr(self.encoder)
