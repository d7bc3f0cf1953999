"""Programs for other runtimes: encoders, networks and calibration as one graph, ONNX or ``torch.export``."""

import copy
import importlib
import json
import math
import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from img_repr.core.atomic import atomic_file
from img_repr.core.domain import Domain
from img_repr.core.encoder import AbstractEncoder
from img_repr.core.errors import DataError, ParameterError
from img_repr.core.module import EncoderModule, check_traceable
from img_repr.core.stack import EncoderStack
from img_repr.training.network_folder import is_count
from img_repr.training.trainer import Trainer

SUFFIXES = (".onnx", ".pt2")
TOLERANCE = 1e-4
"""Largest difference between the predictions of a program and those of the model that it is made of."""

_MOST_SAMPLES = 4096  # of a batch
_LONGEST = 1 << 26  # values of a sample
_TRACED = 4000  # values of the samples that a program for samples of any length is traced on


class ModelProgram(nn.Module):
    """Raw samples to predictions, as a module that can be exported.

    Parameters
    ----------
    encoders : sequence of AbstractEncoder
        Fitted.
    members : sequence of Trainer
        One network for each encoder, or several in turn.
    temperature : float
        Divides the logits.

    Examples
    --------
    >>> import torch
    >>> from img_repr import ImageClassifier, load_dataset
    >>> data = load_dataset("gunpoint").subset(range(20))
    >>> model = ImageClassifier("gadf", size=16, epochs=1, min_steps=1).fit(data)
    >>> program = ModelProgram(model.encoders_, model.members_, model.temperature_)
    >>> program(torch.from_numpy(data.samples[:3]).float()).shape
    torch.Size([3, 2])
    """

    def __init__(self, encoders: Sequence[AbstractEncoder], members: Sequence[Trainer], temperature: float) -> None:
        super().__init__()
        self.encoders = nn.ModuleList(map(EncoderModule, encoders))
        self.networks = nn.ModuleList(copy.deepcopy(member.network).cpu().eval() for member in members)
        self.requires_grad_(False)
        self.tasks, self.temperature = [member.task for member in members], temperature
        self.fills_missing = all(map(_fills_missing, encoders))
        self.takes_any_length = all(map(_takes_any_length, encoders))
        for number, member in enumerate(members):
            self.register_buffer(f"mean_{number}", member.normalization.mean.cpu())
            self.register_buffer(f"std_{number}", member.normalization.std.cpu())

    def forward(self, samples: Tensor) -> Tensor:
        """Return float32 ``(N, K)``: probabilities, or numbers; NaN for a sample that has no prediction.

        The encoder refuses values that are not finite. A graph cannot raise, so the predictions of such a sample are
        NaN.
        """
        images = [encoder(samples) for encoder in self.encoders]
        found = []
        for number, (network, task) in enumerate(zip(self.networks, self.tasks, strict=True)):
            mean, std = self.get_buffer(f"mean_{number}"), self.get_buffer(f"std_{number}")
            logits = network((images[number % len(images)] - mean) / std)
            found.append(task.predictions(logits.double(), self.temperature))
        usable = ~samples.isinf() if self.fills_missing else samples.isfinite()
        usable = usable.flatten(1).all(dim=1, keepdim=True)
        return torch.where(usable, torch.stack(found).mean(dim=0), torch.nan).float()


def program_shape(record: Mapping[str, Any], encoders: Sequence[AbstractEncoder], length: int | None) -> list[int]:
    """Return the shape of one sample of a program.

    Parameters
    ----------
    record : mapping
        Of the model; ``samples`` describes its training samples.
    encoders : sequence of AbstractEncoder
    length : int, optional
        Asked for.

    Raises
    ------
    ParameterError
        If an encoder cannot be exported, or the length is not known.
    """
    for encoder in encoders:
        check_traceable(encoder)
    known = record.get("samples")
    found = known.get("shape") if isinstance(known, dict) else None
    shape: list[Any] = found if isinstance(found, list) and len(found) in (1, 2) else [None]
    if not all(map(is_count, shape[:-1])) or not (shape[-1] is None or is_count(shape[-1])):
        shape = [None]
    if length is not None and not is_count(length, high=_LONGEST):
        raise ParameterError(f"export: expected length to be an integer of values, got {length!r:.60}")
    if length is None and all(map(_takes_any_length, encoders)):
        length = _TRACED  # the program takes any
    if length is None and shape[-1] is None:
        raise ParameterError("export: expected length=, the values of a sample, because those of training differ in it")
    sides = [*shape[:-1], shape[-1] if length is None else length]
    if math.prod(sides) > _LONGEST:
        raise ParameterError(f"export: expected samples of at most {_LONGEST} values, got shape {tuple(sides)}")
    return sides


def write_program(
    program: ModelProgram, file: str | Path, *, domain: Domain, shape: Sequence[int], metadata: Mapping[str, Any]
) -> Path:
    """Export a program to a file, check it and write it atomically.

    Parameters
    ----------
    program : ModelProgram
    file : str or Path
        ``.onnx`` for ONNX, ``.pt2`` for ``torch.export``.
    domain : Domain
        Its synthetic samples are what the program is traced and checked on.
    shape : sequence of int
        Shape of one sample, :func:`program_shape`.
    metadata : mapping of str to JSON values
        Stored in the file: as ``metadata_props`` of an ONNX model, as ``extra/metadata.json`` of a ``torch.export``
        archive.

    Raises
    ------
    ParameterError
        If the suffix is another, the package ``onnx`` is missing, or an operation cannot be exported; the message
        names the operation.
    DataError
        If the file cannot be written.
    """
    path = Path(file)
    if path.suffix.lower() not in SUFFIXES:
        raise ParameterError(f"export: expected a file called .onnx or .pt2, got {path.name!r}")
    is_onnx = path.suffix.lower() == ".onnx"
    for package in ("onnx", "onnxscript") if is_onnx else ():
        try:
            importlib.import_module(package)
        except ImportError:
            raise ParameterError(
                f"export: expected the package {package}, which comes with pip install 'img-repr[onnx]', got none"
            ) from None
    example = _example(domain, tuple(shape))
    varying = _varying(program, example)
    texts = {word: value if isinstance(value, str) else json.dumps(value) for word, value in metadata.items()}
    sides = [*shape[:-1], "T" if program.takes_any_length else shape[-1]]
    texts["input"] = f"float32 (N, {', '.join(map(str, sides))})"
    try:
        with atomic_file(path) as temporary:
            if is_onnx:
                _write_onnx(program, example, varying, temporary, metadata["output"], texts)
                _check_onnx(temporary, example, program(example))
            else:
                exported = _traced(program, example, varying)
                _check_equal(exported.module()(example), program(example))
                with temporary.open("wb") as stream, warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # of tensors that are views; the check above has read them all
                    torch.export.save(exported, stream, extra_files={"metadata.json": json.dumps(texts)})
    except OSError as error:
        raise DataError(f"{path}: expected a file that can be written, got: {error.strerror or error}") from None
    return path


def _fills_missing(encoder: AbstractEncoder) -> bool:
    """Return whether an encoder fills missing values, so that NaN is a value that it takes."""
    return all(part.all_parameters.get("missing", "raise") != "raise" for part in _parts(encoder))


def _takes_any_length(encoder: AbstractEncoder) -> bool:
    """Return whether an encoder brings samples of any length to one duration first."""
    return all(part.all_parameters.get("duration_s") is not None for part in _parts(encoder))


def _parts(encoder: AbstractEncoder) -> tuple[Any, ...]:
    return encoder.parts if isinstance(encoder, EncoderStack) else (encoder,)


def _example(domain: Domain, shape: tuple[int, ...]) -> Tensor:
    """Return three synthetic samples of a shape, float32."""
    made = [np.asarray(domain.numbers(one)) for one in domain.make_samples(3, 0)]
    return torch.from_numpy(np.stack([np.resize(one, shape) for one in made]).astype(np.float32))


def _varying(program: ModelProgram, example: Tensor) -> tuple[dict[int, Any]]:
    """Return the dimensions of the samples that may vary."""
    varying = {0: torch.export.Dim("N", min=1, max=_MOST_SAMPLES)}
    if program.takes_any_length:
        varying[example.ndim - 1] = torch.export.Dim("T", min=8, max=_LONGEST)
    return (varying,)


def _traced(program: ModelProgram, example: Tensor, varying: Any) -> Any:
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        try:
            return torch.export.export(program, (example,), dynamic_shapes=varying)
        except Exception as error:  # torch raises errors of many types
            raise _refused("torch.export traces", error) from error


def _write_onnx(
    program: ModelProgram, example: Tensor, varying: Any, path: Path, output: str, texts: Mapping[str, str]
) -> None:
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        try:
            converted = torch.onnx.export(
                program,
                (example,),
                dynamo=True,
                verbose=False,
                input_names=["samples"],
                output_names=[output],
                dynamic_shapes=varying,
            )
        except Exception as error:  # the converter raises errors of many types
            raise _refused("ONNX has", error) from error
    assert converted is not None
    converted.model.metadata_props.update(texts)
    converted.save(path)


def _check_onnx(path: Path, example: Tensor, wanted: Tensor) -> None:
    """Run an ONNX file where onnxruntime is installed."""
    try:
        runtime = importlib.import_module("onnxruntime")
    except ImportError:
        return
    try:
        session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        found = session.run(None, {"samples": example.numpy()})[0]
    except Exception as error:  # onnxruntime has errors of its own, which share no base
        raise _refused("onnxruntime runs", error) from error
    _check_equal(torch.from_numpy(found), wanted)


def _check_equal(found: Tensor, wanted: Tensor) -> None:
    largest = float((found - wanted).abs().max() / wanted.abs().max().clamp_min(1.0))
    if not largest <= TOLERANCE:
        raise ParameterError(
            f"export: expected a program whose predictions are within {TOLERANCE:g} of the model's, got a difference "
            f"of {largest:.2g}"
        )


def _refused(expected: str, error: Exception) -> ParameterError:
    """Return the error for an operation that cannot be exported, which the message of the cause names."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    if isinstance(cause, ParameterError):  # of an encoder, which knows better
        return cause
    said = " ".join(str(cause).split())
    operations = re.findall(r"(?:aten|prims|torchvision|torch\.ops)[.:]+[a-z_0-9.]+", said)
    got = f"the operation {operations[0]}" if operations else f"{type(cause).__name__}: {said[:200]}"
    return ParameterError(f"export: expected a model of operations that {expected}, got {got}")
