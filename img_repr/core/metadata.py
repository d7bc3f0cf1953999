"""Metadata of an encoder, written next to the public function by ``@encoder``."""

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

FIT = "fit"  # value of a parameter that is fitted to the training part
_CALL_ONLY = ("lengths", "dtype", "out")  # keywords of one call, not of the encoder


@dataclass(frozen=True)
class EncoderMetadata:
    """Metadata of an encoder, independent of samples.

    Parameters
    ----------
    name, domain, function
        Key, kind of sample, and the public function.
    value_range
        The range of the function's values, or a function of its parameters that returns it. An infinite end stands for
        each image's own extreme.
    invariances : tuple of str
        Changes of a sample that do not change its image; a test measures each.
    reference : str
        Authors, year, title.
    fit
        ``fit(samples, parameters)`` returns values for the parameters that are ``"fit"``; None: there are none.
    back_project
        ``back_project(heat, sample, **parameters)`` projects ``(H, W)`` weights to the sample's axis.
    channeled : bool
        Whether the function returns ``(C, H, W)`` for one sample and ``(N, C, H, W)`` for several, instead of
        ``(H, W)`` and ``(N, H, W)``.
    differentiable : bool
        Whether a gradient reaches the samples; an encoder without one refuses samples that require it.
    untraceable : str
        Operation that ``torch.export`` cannot trace, for the message that refuses an export. Empty: the function
        consists of tensor operations alone.
    version : int
        Increased whenever the function returns other images for the same call, so that old results are not reused.
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
    untraceable: str = ""
    version: int = 1

    def defaults(self) -> dict[str, Any]:
        """Parameters of the encoder and their defaults: its keywords except ``lengths``, ``dtype`` and ``out``."""
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
        If the function lacks the keywords ``dtype`` and ``out``.
    """

    def register(function: F) -> F:
        name = function.__name__.removeprefix("encode_")
        lacking = {"dtype", "out"} - set(inspect.signature(function).parameters)
        if lacking:
            raise ParameterError(f"{name}: expected the keywords dtype and out, got none called {sorted(lacking)[0]}")
        ENCODERS.add(name, EncoderMetadata(name=name, domain=domain, function=function, **metadata))
        return function

    return register
