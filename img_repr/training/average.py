"""The average of a network's weights over its last steps, which judges better than any of them."""

import copy

import torch

from img_repr.training.network import Network


class WeightAverage:
    """Exponential moving average of all weights and statistics (Polyak and Juditsky 1992; Tarvainen and Valpola 2017).

    Parameters
    ----------
    network : Network
        What is averaged; the average starts as its copy.
    decay : float
        Share of the average that a step leaves, reached after a rise of about ``10 * decay / (1 - decay)`` steps, so
        that the first weights are soon forgotten.
    """

    def __init__(self, network: Network, decay: float) -> None:
        self.decay = decay
        self.network = copy.deepcopy(network).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, network: Network, step: int) -> None:
        """Take in the weights after step number ``step`` of the training, from 0."""
        share = 1.0 - min(self.decay, (1.0 + step) / (10.0 + step))
        torch._foreach_lerp_(list(self.network.parameters()), list(network.parameters()), share)
        for own, given in zip(self.network.buffers(), network.buffers(), strict=True):
            own.copy_(given)
