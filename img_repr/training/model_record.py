"""What a model says of itself once it is fitted: its cost, and what a reader must know to trust it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from img_repr.core.encoder import AbstractEncoder
from img_repr.training.trainer import Trainer


def cost_of(encoders: Sequence[AbstractEncoder], members: Sequence[Trainer], sample: Any) -> dict[str, float]:
    """Count weights, networks and the bytes of one image of each encoder."""
    return {
        "parameters": sum(weight.numel() for member in members for weight in member.network.parameters()),
        "networks": len(members),
        "bytes_per_image": sum(int(torch.as_tensor(one(sample, dtype="uint8")).nbytes) for one in encoders),
    }


def record_of(encoders: Sequence[AbstractEncoder], members: Sequence[Trainer], how: str) -> dict[str, Any]:
    """Give, as JSON values, the weights really used, the epochs really run, and the validation of the kept networks.

    Parameters
    ----------
    encoders, members
        Of the model.
    how : str
        Where the images of the last network came from, see :mod:`img_repr.training.images`.
    """
    first = members[0]
    record: dict[str, Any] = {
        "encoders": [encoder.spec() for encoder in encoders],
        "weights": first.weights,
        "unexplained_by_mean_image": [member.normalization.unexplained for member in members],
        "mean_image_subtracted": [member.normalization.centered for member in members],
        "images": how,
        "epochs": len(first.history),
        "device": first.device.type,
        "history": [{word: value for word, value in row.items() if word != "seconds"} for row in first.history],
    }
    metric = f"valid_{first.task.metric}"
    if metric in first.history[-1]:
        record[metric] = float(np.mean([_kept_row(member)[metric] for member in members]))
    return record


def _kept_row(member: Trainer) -> dict[str, Any]:
    """Give the row of the epoch whose network was kept: with patience the best, else the last."""
    if member.config.patience:
        return min(member.history, key=lambda row: row["valid_loss"])
    return member.history[-1]
