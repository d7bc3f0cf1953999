"""Loaders: from files to a ``Dataset``, one function ``load_<format>`` per format, found by name or by looking."""

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

from img_repr.core.csv_table import is_table_name
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

    def load(
        self,
        source: str | Path,
        options: Mapping[str, Any],
        *,
        lazy: bool = False,
        columns: Sequence[str] | None = None,
    ) -> Dataset:
        """Call the function with options that it knows; ``lazy`` and ``columns`` only where it knows these.

        Raises
        ------
        ParameterError
            If it has no such option; the message names those that it has.
        """
        known = self._options()
        if lazy and "lazy" in known:
            options = {"lazy": True, **options}
        if columns is not None and "columns" in known:
            options = {"columns": columns, **options}
        for word in options:
            if word not in known:
                has = f"it has {', '.join(known)}" if known else "it has none"
                raise ParameterError(f"{self.name}: no option of this format is called {word!r}; {has}")
        dataset = self.function(**options) if self.bundled else self.function(Path(source), **options)
        return dataset.with_columns(columns)

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
        LOADERS.add(name, Loader(name, domain, function, recognises, bundled))
        return function

    return register


def load_dataset(
    source: str | Path,
    *,
    format: str | None = None,
    lazy: bool = False,
    columns: Sequence[str] | None = None,
    **options: Any,
) -> Dataset:
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
    columns : sequence of str, optional
        Names of the columns that a model was trained on: the data come with these, in this order. See
        :meth:`img_repr.core.dataset.Dataset.with_columns`.
    **options
        Passed to the loader.

    Raises
    ------
    DataError
        If there is no such path, no loader recognises it, or it lacks one of ``columns``.
    ParameterError
        If the loader has no such option.

    Examples
    --------
    >>> from img_repr.core.loader import load_dataset
    >>> len(load_dataset("gunpoint"))
    200
    """
    if format is not None:
        return LOADERS[format].load(source, options, lazy=lazy, columns=columns)
    path = Path(source)
    if not path.exists():
        bundled = [name for name in LOADERS if LOADERS[name].bundled]
        for name in bundled:  # "BasicMotions" is basic_motions
            if name.replace("_", "") == str(source).replace("_", "").lower():
                return LOADERS[name].load(source, options, columns=columns)
        raise DataError(
            f"expected a file, a folder or one of {', '.join(bundled)}, got {str(source)!r}, which does not exist"
        )
    if not os.access(path, os.R_OK):
        raise DataError(f"{path}: expected data that can be read, got no permission to read them")
    for name in LOADERS:
        if LOADERS[name].recognises(path):
            return LOADERS[name].load(path, options, lazy=lazy, columns=columns)
    raise DataError(_not_recognized(path))


def _not_recognized(path: Path) -> str:
    """Say that no format recognizes a path, and how the likely ones are named."""
    if path.is_file() and is_table_name(path):
        tables = [name for name in LOADERS if name == "csv" or name.endswith("_csv")]
        return (
            f"{path}: expected a table that a format recognizes, got columns that can mean several things; name the "
            f"format: format='csv' (--format csv) reads series, format='tabular_csv' (--format tabular_csv) reads rows "
            f"of features, others are {', '.join(name for name in tables if name not in ('csv', 'tabular_csv'))}; "
            "label=, group=, time=, id=, drop= (--load label=NAME) say what a column is"
        )
    formats = ", ".join(name for name in LOADERS if not LOADERS[name].bundled)
    return (
        f"{path}: expected data that one of the formats {formats} recognizes, got none that fits; "
        "format=NAME (--format NAME) says what hinders it"
    )
