"""Features: the tabular twin of an encoder; the same samples, a vector with names.

A feature set is a scikit-learn transformer whose ``X`` is a batch of samples; it is fitted on the training part only.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from img_repr.core.domain import Domain
from img_repr.core.errors import ParameterError
from img_repr.core.registry import Registry

C = TypeVar("C", bound=Callable[..., Any])


@dataclass(frozen=True)
class FeatureMetadata:
    """Metadata of a feature set.

    Parameters
    ----------
    name, domain, function
        Key, kind of sample, and the class: ``function(**parameters)`` is an unfitted scikit-learn transformer.
    reference : str
        Authors, year, title.
    version : int
        Increased whenever the same samples give other numbers.
    is_random : bool
        Whether the columns depend on a seed; otherwise one run is enough.
    leak_only : bool
        Whether the columns describe how a sample was recorded (clock, screen, size) and nothing of its content. A
        benchmark lists the score of these columns next to the real contenders.
    """

    name: str
    domain: Domain
    function: Callable[..., Any]
    reference: str
    version: int = 1
    is_random: bool = False
    leak_only: bool = False


FEATURES: Registry[FeatureMetadata] = Registry("feature set")


def features(domain: Domain, *, name: str, **metadata: Any) -> Callable[[C], C]:
    """Register a transformer class under a name, with the other fields of its label, and return it back unchanged."""

    def register(transformer: C) -> C:
        FEATURES.add(name, FeatureMetadata(name=name, domain=domain, function=transformer, **metadata))
        return transformer

    return register


def get_features(name: str, **parameters: Any) -> Any:
    """Get an unfitted feature transformer by name: ``fit(samples)``, ``transform(samples)``, names of its columns.

    Raises
    ------
    UnknownNameError, ParameterError
        If there is no such feature set, or it has no such parameter.

    Examples
    --------
    >>> from img_repr.core.features import get_features
    >>> from img_repr.domains.timeseries.sample import make_series
    >>> get_features("summary").fit_transform(make_series(5)).shape[0]
    5
    """
    function = FEATURES[name].function
    known = inspect.signature(function).parameters
    for word in parameters:
        if word not in known:
            raise ParameterError(f"{name}: no parameter is called {word!r}; known: {', '.join(known)}")
    return function(**parameters)
