"""Loaders: from files to a ``Dataset``, one function ``load_<format>`` per format, found by name or by looking."""

import functools
import inspect
import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

from img_repr.core.dataset import Dataset
from img_repr.core.domain import Domain
from img_repr.core.errors import DataError, ParameterError
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

    def load(self, source: str | Path, options: Mapping[str, Any], *, lazy: bool = False) -> Dataset:
        """Call the function with options that it knows; ``lazy`` only where it knows that.

        Raises
        ------
        ParameterError
            If it has no such option; the message names those that it has.
        """
        known = self._options()
        if lazy and "lazy" in known:
            options = {"lazy": True, **options}
        for word in options:
            if word not in known:
                has = f"it has {', '.join(known)}" if known else "it has none"
                raise ParameterError(f"{self.name}: no option of this format is called {word!r}; {has}")
        found = self.function(**options) if self.bundled else self.function(Path(source), **options)
        if not isinstance(found, Dataset):  # of a plug-in
            raise DataError(f"{self.name}: expected load_{self.name} to return a Dataset, got {type(found).__name__}")
        return found

    def _options(self) -> list[str]:
        words = list(inspect.signature(self.function).parameters.values())[0 if self.bundled else 1 :]
        known = [word.name for word in words if word.kind is not inspect.Parameter.VAR_KEYWORD]
        for word in words:
            if word.kind is inspect.Parameter.VAR_KEYWORD:  # a TypedDict says which
                (shared,) = get_args(get_type_hints(self.function)[word.name])
                known += shared.__annotations__
        return known


LOADERS: Registry[Loader] = Registry("data set format")


def loader(
    domain: Domain, *, recognises: Callable[[Path], bool] = lambda path: False, bundled: bool = False
) -> Callable[[F], F]:
    """Register ``load_<name>`` under ``<name>`` and give it back unchanged."""

    def register(function: F) -> F:
        name = function.__name__.removeprefix("load_")
        guarded = functools.partial(_recognises, name, recognises)
        LOADERS.add(name, Loader(name, domain, function, guarded, bundled))
        return function

    return register


def _recognises(name: str, recognises: Callable[[Path], bool], path: Path) -> bool:
    """Ask a format whether a path looks like it; one that raises is named in a warning, and the others are asked."""
    try:
        return bool(recognises(path))
    except (Exception, SystemExit) as error:
        warnings.warn(
            f"the format {name!r} was left out for {str(path)!r}: its check of the path raised "
            f"{type(error).__name__}: {error}",
            stacklevel=3,
        )
        return False


def load_dataset(source: str | Path, *, format: str | None = None, lazy: bool = False, **options: Any) -> Dataset:
    """Load a data set from a path, or by the name of one that comes with a package.

    Parameters
    ----------
    source : str or Path
        A file, a folder, or a bundled data set's name, ``"gunpoint"`` for example.
    format : str, optional
        Name of the loader. Default: the first that recognises the path.
    lazy : bool
        Leave in their files what the format can leave there (sound) until it is asked for: memory stays small, and
        each use reads anew.
    **options
        Passed to the loader.

    Raises
    ------
    DataError
        If there is no such path, or no loader recognises it.
    ParameterError
        If the loader has no such option.

    Examples
    --------
    >>> from img_repr.core.loader import load_dataset
    >>> len(load_dataset("gunpoint"))
    200
    """
    if format is not None:
        return LOADERS[format].load(source, options, lazy=lazy)
    path = Path(source)
    if not path.exists():
        bundled = [name for name in LOADERS if LOADERS[name].bundled]
        for name in bundled:  # "BasicMotions" is basic_motions
            if name.replace("_", "") == str(source).replace("_", "").lower():
                return LOADERS[name].load(source, options)
        raise DataError(
            f"expected a file, a folder or one of {', '.join(bundled)}, got {str(source)!r}, which does not exist"
        )
    if not os.access(path, os.R_OK):
        raise DataError(f"{path}: expected data that can be read, got no permission to read them")
    for name in LOADERS:
        if LOADERS[name].recognises(path):
            return LOADERS[name].load(path, options, lazy=lazy)
    formats = ", ".join(name for name in LOADERS if not LOADERS[name].bundled)
    raise DataError(
        f"{path}: expected data that one of the formats {formats} recognises, got none that fits; "
        "naming the format tells what hinders it"
    )
