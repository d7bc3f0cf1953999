"""Names and what they stand for; and the walk that finds every member of the package."""

import difflib
import functools
import importlib
import pkgutil
import warnings
from collections.abc import Iterable, Iterator
from importlib.metadata import entry_points
from typing import Generic, TypeVar

from img_repr.core.errors import ParameterError, UnknownNameError

T = TypeVar("T")

ENTRY_POINT_GROUP = "img_repr.domains"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a question with near names, or nothing where none is near.

    Examples
    --------
    >>> did_you_mean("epoch", ["epochs", "patience"])
    "did you mean 'epochs'?"
    """
    near = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5)
    return f"did you mean {' or '.join(map(repr, near))}?" if near else ""


class Registry(Generic[T]):
    """Things of one kind by name: a second claim is an error, an unknown name shows near names."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._things: dict[str, T] = {}

    def add(self, name: str, thing: T) -> None:
        """Register ``thing`` under ``name``.

        Raises
        ------
        ParameterError
            If another thing, defined elsewhere, holds the name already.
        """
        standing = self._things.get(name)
        if standing is not None and _origin(standing) != _origin(thing):
            raise ParameterError(
                f"{self.kind} {name!r} is claimed twice: by {_origin(standing)} and by {_origin(thing)}"
            )
        self._things[name] = thing

    def __getitem__(self, name: str) -> T:
        discover()
        try:
            return self._things[name]
        except (KeyError, TypeError):  # a value of a recipe may be a list
            hint = did_you_mean(str(name), self._things) or f"known: {', '.join(self)}"
            raise UnknownNameError(f"no {self.kind} is called {name!r}; {hint}") from None

    def __contains__(self, name: object) -> bool:
        discover()
        return isinstance(name, str) and name in self._things

    def __iter__(self) -> Iterator[str]:
        discover()
        return iter(sorted(self._things))


def _origin(thing: object) -> str:
    named = getattr(thing, "function", thing)
    return f"{getattr(named, '__module__', '?')}.{getattr(named, '__qualname__', repr(named))}"


@functools.cache
def discover() -> None:
    """Import every module below ``img_repr.domains`` and every package that announces itself.

    A package outside the package announces a module by the entry point group ``img_repr.domains``; one that
    does not import is named in a warning and left out, whatever it raises, ``SystemExit`` too.
    """
    package = importlib.import_module("img_repr.domains")
    for module in pkgutil.walk_packages(package.__path__, prefix="img_repr.domains."):
        importlib.import_module(module.name)
    for entry in entry_points(group=ENTRY_POINT_GROUP):
        try:
            entry.load()
        except (Exception, SystemExit) as error:
            warnings.warn(
                f"the domain {entry.name!r} announced by {entry.value!r} was left out, it does not import: "
                f"{type(error).__name__}: {error}",
                stacklevel=2,
            )
