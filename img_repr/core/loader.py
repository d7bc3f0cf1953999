"""Loaders: from files to a ``Dataset``, one function ``load_<format>`` per format, chosen by name or recognized."""

import functools
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from img_repr.core.dataset import Dataset
from img_repr.core.domain import Domain
from img_repr.core.errors import DataError, ImgReprError
from img_repr.core.file_tree import check_regular
from img_repr.core.loader_options import LoaderOption, check_options, read_options
from img_repr.core.registry import Registry

F = TypeVar("F", bound=Callable[..., Dataset])

_LARGEST_TRIED_BYTES = 32 * 2**20  # of a file that no format recognizes


@dataclass(frozen=True)
class Loader:
    """One way to read a data set.

    Parameters
    ----------
    name, domain, function
        Key, kind of sample, and ``load_<name>(path, **options)``.
    recognizes
        Whether a path looks like this format; cheap, and never raises.
    bundled : bool
        Whether the data come with a package: ``load_<name>()`` takes no path, and its key is the data set's name.
    """

    name: str
    domain: Domain
    function: Callable[..., Dataset]
    recognizes: Callable[[Path], bool]
    bundled: bool = False

    @cached_property
    def options(self) -> dict[str, LoaderOption]:
        """Options of the loader by name, with type, default and description."""
        return read_options(self.function, has_path=not self.bundled)

    def load(
        self,
        source: str | Path,
        options: Mapping[str, Any],
        *,
        lazy: bool = False,
        labeled: bool = True,
        columns: Sequence[str] | None = None,
    ) -> Dataset:
        """Call the function with checked options; ``lazy``, ``labeled``, ``columns`` only if it has these options.

        Raises
        ------
        ParameterError
            If it has no such option (the message lists those that it has), or a value has the wrong type.
        """
        if lazy and "lazy" in self.options:
            options = {"lazy": True, **options}
        if not labeled and "labeled" in self.options:
            options = {"labeled": False, **options}
        if columns is not None and "columns" in self.options:
            options = {"columns": columns, **options}
        check_options(self.name, self.options, options)
        found = self.function(**options) if self.bundled else self.function(Path(source), **options)
        if not isinstance(found, Dataset):  # of a plug-in
            raise DataError(f"{self.name}: expected load_{self.name} to return a Dataset, got {type(found).__name__}")
        return found.with_columns(columns)


LOADERS: Registry[Loader] = Registry("data set format")


def loader(
    domain: Domain, *, recognizes: Callable[[Path], bool] = lambda path: False, bundled: bool = False
) -> Callable[[F], F]:
    """Decorate ``load_<name>`` to register it under ``<name>``; the function is returned unchanged."""

    def register(function: F) -> F:
        name = function.__name__.removeprefix("load_")
        guarded = functools.partial(_recognizes, name, recognizes)
        LOADERS.add(name, Loader(name, domain, function, guarded, bundled))
        return function

    return register


def _recognizes(name: str, recognizes: Callable[[Path], bool], path: Path) -> bool:
    """Whether a format recognizes a path; a check that raises counts as False, with a warning."""
    try:
        return bool(recognizes(path))
    except (Exception, SystemExit) as error:
        warnings.warn(
            f"the format {name!r} was left out for {str(path)!r}: its check of the path raised "
            f"{type(error).__name__}: {error}",
            stacklevel=3,
        )
        return False


def load_dataset(
    source: str | Path,
    *,
    format: str | None = None,
    lazy: bool = False,
    labeled: bool = True,
    columns: Sequence[str] | None = None,
    **options: Any,
) -> Dataset:
    """Load a data set from a path, or by the name of one that comes with a package.

    Parameters
    ----------
    source : str or Path
        A file, a folder, or a bundled data set's name, ``"gunpoint"`` for example.
    format : str, optional
        Name of the loader. Default: the first that recognizes the path.
    lazy : bool
        Read samples from their files only when they are used, if the format can (sound): this needs little memory, and
        each use reads again.
    labeled : bool
        False for samples to predict: a format that would take a column as the labels (``tabular_csv``) takes none.
    columns : sequence of str, optional
        Names of the columns that a model was trained on: the data set has these columns, in this order. See
        :meth:`img_repr.core.dataset.Dataset.with_columns`.
    **options
        Options of the loader, checked against its annotations; ``img-repr formats NAME`` lists them. All table formats
        have the same names for columns: ``label``, ``group``, ``time``, ``id`` and ``drop``.

    Raises
    ------
    DataError
        If the path does not exist, no loader recognizes it, the data lack one of ``columns``, or the path is a FIFO, a
        socket or a device.
    ParameterError
        If the loader has no such option, or a value has the wrong type.

    Examples
    --------
    >>> from img_repr.core.loader import load_dataset
    >>> load_dataset("gunpoint")
    Dataset('GunPoint': timeseries, 200 samples of shape (150,), 2 classes (1: 100, 2: 100), split test: 150, train: 50)
    """
    for name, expected, value in (
        ("source", str | os.PathLike, source),
        ("format", str | None, format),
        ("lazy", bool, lazy),
        ("labeled", bool, labeled),
    ):
        LoaderOption(name, expected).check("load_dataset", value)
    path = Path(source)
    try:
        exists = path.exists()
    except OSError as error:  # a name that is too long, a folder that cannot be searched
        raise DataError(f"{source!s:.200}: expected a path that can be read, got: {error.strerror}") from None
    if exists:
        check_regular(path)
    if format is not None:
        return LOADERS[format].load(source, options, lazy=lazy, labeled=labeled, columns=columns)
    if not exists:
        bundled = [name for name in LOADERS if LOADERS[name].bundled]
        for name in bundled:  # "BasicMotions" is basic_motions
            if name.replace("_", "") == str(source).replace("_", "").lower():
                return LOADERS[name].load(source, options, columns=columns)
        raise DataError(
            f"expected a file, a folder or one of {', '.join(bundled)}, got {str(source)!r}, which does not exist"
        )
    if not os.access(path, os.R_OK):
        raise DataError(f"{path}: expected data that can be read, got no permission to read them")
    found = find_loader(path)
    if found is not None:
        return found.load(path, options, lazy=lazy, labeled=labeled, columns=columns)
    raise DataError(f"{path}: expected data of a known format, got none that fits; {_way_out(path, options)}")


def find_loader(path: Path) -> Loader | None:
    """Return the first loader that recognizes a path, or None."""
    return next((LOADERS[name] for name in LOADERS if LOADERS[name].recognizes(path)), None)


def _way_out(path: Path, options: Mapping[str, Any]) -> str:
    """Describe how each table format would read a file, or why it cannot."""
    named = "name the format by --format NAME (format='NAME' in Python; img-repr formats lists them)"
    if not path.is_file() or path.stat().st_size > _LARGEST_TRIED_BYTES or b"\0" in path.read_bytes()[:4096]:
        return named
    readable, refused = [], []
    for one in (LOADERS[name] for name in LOADERS if name.endswith("csv")):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                readable.append(f"--format {one.name} reads it as {one.load(path, options).summary()}")
        except ImgReprError as error:
            refused.append(f"--format {one.name} says: {str(error).removeprefix(f'{path}: ')}")
    return "; ".join([named, *(readable or refused)])
