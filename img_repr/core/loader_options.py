"""Options of a loader: name, type, default and description, read from its signature and its docstring."""

import inspect
import re
import types
from collections.abc import Callable, Iterable, Mapping, Sized
from dataclasses import dataclass
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

from img_repr.core.errors import ParameterError
from img_repr.core.registry import did_you_mean

_SECTION = re.compile(r"^Parameters\n-+\n(.*?)(?=^\S[^\n]*\n-+\n|\Z)", re.MULTILINE | re.DOTALL)
_WORDS = {int: "an integer", float: "a number", str: "text", Path: "a path"}


@dataclass(frozen=True)
class LoaderOption:
    """One keyword of a loader.

    Parameters
    ----------
    name : str
    type : Any
        Its annotation.
    default : Any
        ``inspect.Parameter.empty`` for the keys of a ``TypedDict``.
    description : str
        Empty if the docstring has none.
    """

    name: str
    type: Any
    default: Any = inspect.Parameter.empty
    description: str = ""

    def check(self, caller: str, value: Any) -> None:
        """Check the type of a value.

        Raises
        ------
        ParameterError
            If it does not match the annotation.

        Examples
        --------
        >>> from img_repr.core.loader_options import LoaderOption
        >>> LoaderOption("seed", int).check("synthetic_sounds", "x")
        Traceback (most recent call last):
        ...
        img_repr.core.errors.ParameterError: synthetic_sounds: expected seed to be an integer, got 'x'
        """
        if not _matches(value, self.type):
            raise ParameterError(f"{caller}: expected {self.name} to be {type_in_words(self.type)}, got {value!r:.60}")


def read_options(function: Callable[..., Any], *, has_path: bool) -> dict[str, LoaderOption]:
    """Read the options of a loader; the first parameter is the path unless ``has_path`` is False.

    Examples
    --------
    >>> from img_repr.core.loader_options import read_options
    >>> def load_rows(path: str, *, seed: int = 0):
    ...     '''Load rows.
    ...
    ...     Parameters
    ...     ----------
    ...     seed : int
    ...         Decides the order.
    ...     '''
    >>> read_options(load_rows, has_path=True)
    {'seed': LoaderOption(name='seed', type=<class 'int'>, default=0, description='Decides the order.')}
    """
    hints, described = get_type_hints(function), describe_parameters(function)
    options = {}
    for parameter in list(inspect.signature(function).parameters.values())[1 if has_path else 0 :]:
        hint = hints.get(parameter.name, Any)
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD:
            description = described.get(parameter.name, "")
            options[parameter.name] = LoaderOption(parameter.name, hint, parameter.default, description)
        elif get_args(hint):  # Unpack[TypedDict]
            (shared,) = get_args(hint)
            shared_described = describe_parameters(shared)
            for name, one in get_type_hints(shared).items():
                options[name] = LoaderOption(name, one, description=shared_described.get(name, ""))
    return options


def check_options(caller: str, known: Mapping[str, LoaderOption], given: Mapping[str, Any]) -> None:
    """Check names and types of options for a loader.

    Raises
    ------
    ParameterError
        If an option does not exist (the message suggests similar names), or a value has the wrong type.
    """
    for name, value in given.items():
        if name not in known:
            has = f"it has {', '.join(known)}" if known else "it has none"
            hint = f"{did_you_mean(name, known)} {has}".strip()
            raise ParameterError(f"{caller}: no option of this format is called {name!r}; {hint}")
        known[name].check(caller, value)


def type_in_words(annotation: Any) -> str:
    """Describe an annotation for a message.

    Examples
    --------
    >>> from collections.abc import Sequence
    >>> from typing import Literal
    >>> type_in_words(Literal["wide", "long"] | None)
    "'wide', 'long' or None"
    >>> type_in_words(str | Sequence[str])
    'text or a list of text'
    """
    words = list(dict.fromkeys(_alternatives(annotation)))
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _alternatives(annotation: Any) -> list[str]:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return [word for one in inner for word in _alternatives(one)]
    if origin is Literal:
        return [repr(one) for one in inner]
    if annotation in (None, type(None)):
        return ["None"]
    if annotation is bool:
        return ["True", "False"]
    if _is_batch(origin):
        return [f"a list of {type_in_words(inner[0])}"] if inner else ["a list"]
    return [_WORDS.get(annotation, getattr(annotation, "__name__", str(annotation)))]


def _matches(value: Any, annotation: Any) -> bool:
    origin, inner = get_origin(annotation), get_args(annotation)
    if annotation is Any:
        return True
    if origin in (Union, types.UnionType):
        return any(_matches(value, one) for one in inner)
    if origin is Literal:
        return any(type(value) is type(one) and value == one for one in inner)
    if annotation in (None, type(None)):
        return value is None
    if _is_batch(origin):
        if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
            return False
        return not (inner and isinstance(value, Sized)) or all(_matches(one, inner[0]) for one in value)
    if annotation is bool:
        return isinstance(value, bool | np.bool_)
    if annotation in (int, float):
        return isinstance(value, Integral if annotation is int else Real) and not isinstance(value, bool | np.bool_)
    return not isinstance(annotation, type) or origin is not None or isinstance(value, annotation)


def _is_batch(origin: Any) -> bool:
    return isinstance(origin, type) and issubclass(origin, Iterable) and not issubclass(origin, Mapping)


def describe_parameters(documented: Any) -> dict[str, str]:
    """Descriptions of parameters in a NumPy-style docstring, by name."""
    section = _SECTION.search(inspect.getdoc(documented) or "")
    found: dict[str, str] = {}
    names: list[str] = []
    for line in section[1].splitlines() if section else ():
        if line[:1].strip():
            names = [name.strip().lstrip("*") for name in line.partition(" : ")[0].split(",")]
            found |= dict.fromkeys(names, "")
        else:
            found |= {name: f"{found[name]} {line.strip()}".strip() for name in names}
    return found
