"""Registries of encoders, loaders and domains by name, and the import that fills them."""

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
    """Return a question with similar names, or an empty string if there are none.

    Examples
    --------
    >>> did_you_mean("epoch", ["epochs", "patience"])
    "did you mean 'epochs'?"
    """
    near = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5)
    return f"did you mean {' or '.join(map(repr, near))}?" if near else ""


class Registry(Generic[T]):
    """Objects of one kind by name; a name used twice is an error, and an unknown name an error that suggests others."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._things: dict[str, T] = {}

    def add(self, name: str, thing: T) -> None:
        """Register ``thing`` under ``name``.

        Raises
        ------
        ParameterError
            If another object with this name is registered.
        """
        present = self._things.get(name)
        if present is not None and _origin(present) != _origin(thing):
            raise ParameterError(
                f"{self.kind} {name!r} is claimed twice: by {_origin(present)} and by {_origin(thing)}"
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
    """Import every module below ``img_repr.domains`` and every plug-in.

    A plug-in announces a module by the entry point group ``img_repr.domains``. If importing it raises anything,
    ``SystemExit`` included, a warning names it and it is skipped.
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
