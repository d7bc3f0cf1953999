"""Networks in ONNX files as frozen bodies: their first output is the features of an image."""

import hashlib
import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from img_repr.core.errors import ParameterError, SampleError
from img_repr.training.network import Network
from img_repr.training.patches import pool_windows

ONNX = "onnx:"
_DTYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}
_ORDERS: dict[
    int, dict[str, tuple[int, ...]]
] = {  # of an image's axes; the usual ones first, then those of sounds, where time comes before frequency
    4: {"CHW": (0, 1, 2, 3), "HWC": (0, 2, 3, 1), "CWH": (0, 1, 3, 2), "WHC": (0, 3, 2, 1)},
    3: {"HW": (0, 2, 3), "WH": (0, 3, 2)},
}


@dataclass(frozen=True)
class _Layout:
    """Order of the axes of a network's input, and its width if that is fixed and narrower than the images."""

    order: tuple[int, ...]
    width: int | None = None


class OnnxBody(nn.Module):
    """Images ``(N, C, H, W)`` to the first output of an ONNX network, flattened to ``(N, F)``.

    The axes of its input may be in any usual order. If its width is fixed and the images are wider, it runs on windows
    half a width apart, and mean, maximum and standard deviation over them are the features, ``(N, 3 F)``.

    Parameters
    ----------
    path : str or Path

    Raises
    ------
    ParameterError
        If onnxruntime is missing, the file is no network, or its input is no batch of images of floats.
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__()
        self.path = Path(path).expanduser()
        self._session: Any = None
        self._check()

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the session, which cannot be copied; it is made again."""
        return self.__dict__ | {"_session": None}

    @property
    def session(self) -> Any:
        """The session of onnxruntime."""
        if self._session is None:
            self._session = _open(self.path)
        return self._session

    def forward(self, images: Tensor) -> Tensor:
        """Return the features.

        Raises
        ------
        SampleError
            If the network does not take images of this shape.
        """
        layout = self._layout(tuple(images.shape[1:]))

        def features(window: Tensor) -> Tensor:
            return self._run(window, layout.order)

        if layout.width is None:
            return features(images)
        return pool_windows(images, features, layout.width, max(1, layout.width // 2))

    def _run(self, images: Tensor, order: tuple[int, ...]) -> Tensor:
        (taken,) = self.session.get_inputs()
        rows = images[:, 0] if len(order) == 3 else images
        axes = tuple(axis - 1 if len(order) == 3 and axis else axis for axis in order)
        inputs = rows.permute(axes).contiguous().cpu().numpy().astype(_DTYPES[taken.type], copy=False)
        pieces = [inputs] if not isinstance(taken.shape[0], int) else np.split(inputs, len(inputs))
        name = self.session.get_outputs()[0].name
        try:
            found = [np.asarray(self.session.run([name], {taken.name: piece})[0]) for piece in pieces]
        except Exception as error:  # the library raises errors of its own
            reason = " ".join(str(error).split())[:160]
            raise SampleError(
                f"backbone: expected {self.path.name} to take images {tuple(inputs.shape[1:])}, got: {reason}"
            ) from error
        if any(len(one) != len(piece) for one, piece in zip(found, pieces, strict=True)):
            raise SampleError(
                f"backbone: expected one row of features for each image from {self.path.name}, got {found[0].shape} "
                f"for {len(pieces[0])} images"
            )
        return torch.from_numpy(np.concatenate(found).reshape(len(inputs), -1).astype(np.float32)).to(images.device)

    def _layout(self, shape: tuple[int, ...]) -> _Layout:
        """Return the first order of axes in which images fit; one in which they are only too wide if there is none."""
        wanted = self.session.get_inputs()[0].shape
        sizes = (0, *shape)
        orders = _ORDERS[len(wanted)]
        for narrower in (False, True):
            for order in orders.values():
                pairs = [
                    (sizes[axis], known, axis)
                    for axis, known in zip(order[1:], wanted[1:], strict=True)
                    if isinstance(known, int)
                ]
                too_wide = [known for size, known, axis in pairs if axis == 3 and size > known]
                fits = all(size == known or (narrower and axis == 3 and size > known) for size, known, axis in pairs)
                if fits and (len(order) == 4 or shape[0] == 1):
                    return _Layout(order, too_wide[0] if too_wide else None)
        dims = tuple(one if isinstance(one, int) else "any" for one in wanted[1:])
        raise SampleError(
            f"backbone: expected images that {self.path.name} takes, with the axes {dims} after the batch in one of "
            f"the orders {', '.join(orders)}, got {shape[0]} channels, height {shape[1]} and width {shape[2]}"
        )

    def _check(self) -> None:
        inputs = self.session.get_inputs()
        if len(inputs) != 1:
            names = ", ".join(one.name for one in inputs[:4]) or "none"
            raise ParameterError(f"backbone: expected one input of {self.path.name}, the images, got {names}")
        (taken,) = inputs
        if taken.type not in _DTYPES:
            raise ParameterError(f"backbone: expected an input of floats in {self.path.name}, got {taken.type}")
        count = taken.shape[0] if taken.shape else None
        if len(taken.shape) not in _ORDERS or (isinstance(count, int) and count != 1):
            raise ParameterError(
                f"backbone: expected {self.path.name} to take a batch of images, one or any number of them with 2 or 3 "
                f"axes each, got an input of shape {taken.shape}"
            )


def onnx_network(name: str) -> Network:
    """Return the network of ``"onnx:FILE"``; its head passes the features on."""
    body = OnnxBody(name.removeprefix(ONNX))
    return Network(body, nn.Identity(), [body], own_values=True)


def record_of(network: Network) -> dict[str, Any]:
    """Return which ONNX network it is, for the record of a run; empty for other networks."""
    if not isinstance(network.body, OnnxBody):
        return {}
    path = network.body.path
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"weights": "onnx", "file": path.name, "sha256": digest, "checked": "nothing"}


def refuse_training(backbone: str) -> None:
    """Refuse to train a network that can only be frozen.

    Raises
    ------
    ParameterError
    """
    if backbone.startswith(ONNX):
        raise ParameterError(
            f"backbone: expected a network that can be trained, got {backbone!r}; an ONNX file works as a frozen body, "
            "in the contender frozen:ENCODER:LEARNER"
        )


def _open(path: Path) -> Any:
    try:
        onnxruntime = importlib.import_module("onnxruntime")
    except ImportError:
        raise ParameterError(
            f"backbone: expected the package onnxruntime for {path.name}, which comes with pip install "
            "'img-repr[onnx]', got none"
        ) from None
    if not path.is_file():
        raise ParameterError(f"backbone: expected an ONNX file, got {str(path)!r:.120}, which is not a file")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the library raises errors of its own
        raise ParameterError(
            f"backbone: expected an ONNX network in {path.name}, got: {' '.join(str(error).split())[:160]}"
        ) from error
