"""The label of an encoder: its metadata, written next to the public function by ``@encoder``."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from img_repr.core.domain import Domain
from img_repr.core.errors import ParameterError
from img_repr.core.image import ValueRange
from img_repr.core.registry import Registry

F = TypeVar("F", bound=Callable[..., Any])

FIT = "fit"  # the value of a parameter that is to be learned from the training part
_CALL_ONLY = ("lengths", "dtype", "out")  # keywords of one call, not of the encoder


@dataclass(frozen=True)
class EncoderMetadata:
    """The label of an encoder: what is true of it whatever the sample.

    Parameters
    ----------
    name, domain, function
        Key, kind of sample, and the public function.
    value_range
        The range of the function's own values, or a function of its parameters that gives it. An infinite end
        stands for each image's own extreme.
    invariances : tuple of str
        What may be done to a sample without changing its image; a test measures each.
    reference : str
        Authors, year, title.
    learn
        ``learn(samples, parameters)`` gives values for the parameters that are ``"fit"``; None: learns nothing.
    back_project
        ``back_project(heat, sample, **parameters)`` carries ``(H, W)`` weights to the sample's axis.
    channeled : bool
        Whether the function gives ``(C, H, W)`` of one sample and ``(N, C, H, W)`` of several, instead of ``(H, W)``
        and ``(N, H, W)``.
    differentiable : bool
        Whether a gradient reaches the samples; an encoder without one refuses samples that ask for it.
    traceable : bool
        Whether ``torch.export`` can follow the function: it is tensors alone, in and out.
    version : int
        Raised whenever the function gives other images for the same call, so that no old result is taken for new.
    """

    name: str
    domain: Domain
    function: Callable[..., Any]
    value_range: ValueRange | Callable[[Mapping[str, Any]], ValueRange]
    reference: str
    invariances: tuple[str, ...] = ()
    fit: Callable[[Any, Mapping[str, Any]], Mapping[str, Any]] | None = None
    back_project: Callable[..., np.ndarray] | None = None
    channeled: bool = False
    differentiable: bool = True
    traceable: bool = True
    version: int = 1

    def defaults(self) -> dict[str, Any]:
        """Parameters of the encoder and their defaults: the function's keywords but those of a single call."""
        keywords = list(inspect.signature(self.function).parameters.values())[1:]
        return {word.name: word.default for word in keywords if word.name not in _CALL_ONLY}


ENCODERS: Registry[EncoderMetadata] = Registry("encoder")


def encoder(domain: Domain, **metadata: Any) -> Callable[[F], F]:
    """Register ``encode_<name>`` under ``<name>`` with its metadata, and return the function back unchanged.

    Parameters
    ----------
    domain : Domain
        The kind of sample that the function takes.
    **metadata
        The other fields of :class:`EncoderMetadata`.

    Raises
    ------
    ParameterError
        If the function has no keywords ``dtype`` and ``out``, which every encoder gets in each call.
    """

    def register(function: F) -> F:
        name = function.__name__.removeprefix("encode_")
        lacking = {"dtype", "out"} - set(inspect.signature(function).parameters)
        if lacking:
            raise ParameterError(f"{name}: expected the keywords dtype and out, got none called {sorted(lacking)[0]}")
        ENCODERS.add(name, EncoderMetadata(name=name, domain=domain, function=function, **metadata))
        return function

    return register
