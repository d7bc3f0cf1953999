"""Constants of the transforms (windows, filters, fractions of pixels), kept as tensors where they were wanted."""

import numpy as np
import torch
from torch import Tensor


class Constant:
    """Numbers, float64, ready as tensors of each dtype on each device where they were wanted."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values
        self._kept: dict[tuple[torch.dtype, torch.device], Tensor] = {}

    def like(self, waves: Tensor) -> Tensor:
        """Return them with the dtype and on the device of waveforms."""
        if torch.compiler.is_compiling():  # tensors made while tracing hold no numbers afterwards
            return torch.from_numpy(self.values).to(waves)
        key = (waves.dtype, waves.device)
        if key not in self._kept:
            with torch.inference_mode(False):  # kept tensors must also serve gradients
                self._kept[key] = torch.from_numpy(self.values).to(waves)
        return self._kept[key]
