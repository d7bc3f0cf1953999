"""Loaders: from files to a ``Dataset``, one function ``load_<format>`` per format, found by name or by looking."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from img_repr.core.dataset import Dataset
from img_repr.core.domain import Domain
from img_repr.core.errors import DataError
from img_repr.core.registry import Registry

F = TypeVar("F", bound=Callable[..., Dataset])


@dataclass(frozen=True)
class Loader:
    """One way to read a data set.

    Parameters
    ----------
    name, domain, function
        Key, kind of sample, and ``load_<name>(path, **options)``.
    recognises
        Whether a path looks like this format; cheap, and never an error.
    bundled : bool
        The data come with a package: ``load_<name>()`` takes no path, and its key is the data set's name.
    """

    name: str
    domain: Domain
    function: Callable[..., Dataset]
    recognises: Callable[[Path], bool]
    bundled: bool = False


LOADERS: Registry[Loader] = Registry("data set format")


def loader(
    domain: Domain, *, recognises: Callable[[Path], bool] = lambda path: False, bundled: bool = False
) -> Callable[[F], F]:
    """Register ``load_<name>`` under ``<name>`` and give it back unchanged."""

    def register(function: F) -> F:
        name = function.__name__.removeprefix("load_")
        LOADERS.add(name, Loader(name, domain, function, recognises, bundled))
        return function

    return register


def load_dataset(source: str | Path, *, format: str | None = None, **options: Any) -> Dataset:
    """Load a data set from a path, or by the name of one that comes with a package.

    Parameters
    ----------
    source : str or Path
        A file, a folder, or a bundled data set's name, ``"gunpoint"`` for example.
    format : str, optional
        Name of the loader. Default: the first that recognises the path.
    **options
        Passed to the loader.

    Raises
    ------
    DataError
        If there is no such path, or no loader recognises it.

    Examples
    --------
    >>> from img_repr.core.loader import load_dataset
    >>> len(load_dataset("gunpoint"))
    200
    """
    if format is not None:
        chosen = LOADERS[format]
        return chosen.function(**options) if chosen.bundled else chosen.function(Path(source), **options)
    path = Path(source)
    if not path.exists():
        bundled = [name for name in LOADERS if LOADERS[name].bundled]
        for name in bundled:  # "BasicMotions" is basic_motions
            if name.replace("_", "") == str(source).replace("_", "").lower():
                return LOADERS[name].function(**options)
        raise DataError(
            f"expected a file, a folder or one of {', '.join(bundled)}, got {str(source)!r}, which does not exist"
        )
    for name in LOADERS:
        if LOADERS[name].recognises(path):
            return LOADERS[name].function(path, **options)
    formats = ", ".join(name for name in LOADERS if not LOADERS[name].bundled)
    raise DataError(
        f"{path}: expected data that one of the formats {formats} recognises, got none that fits; "
        "naming the format tells what hinders it"
    )
