"""A recipe as a table of plain values: read from TOML, written as TOML, and changed by ``a.b=c``."""

import ast
import difflib
import os
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from img_repr.benchmark.contender import KINDS, Contender
from img_repr.benchmark.recipe import Recipe, is_bundled
from img_repr.core.atomic import atomic_file
from img_repr.core.errors import DataError, ParameterError
from img_repr.core.toml_file import parse_toml, read_toml

_KINDS: dict[str, tuple[type | tuple[type, ...], str]] = {
    **dict.fromkeys(("name", "note", "split"), (str, "text")),
    "datasets": (list, "a list of texts"),
    **dict.fromkeys(("contenders", "seeds"), (list, "a list")),
    **dict.fromkeys(("loading", "training"), (dict, "a table")),
    "resamples": (int, "an integer"),
    **dict.fromkeys(("test_size", "gap", "budget_hours"), ((int, float), "a number")),
    "force": (bool, "true or false"),
}
"""By key of a recipe: accepted types, and their name in messages."""
_MAX_DEPTH = 16  # of a path into a recipe


def read_recipe(path: str | Path) -> Recipe:
    """Read a recipe from a TOML file whose keys are the fields of :class:`~img_repr.benchmark.recipe.Recipe`.

    A contender is a short string, ``"cnn:gadf"``, or a table: ``{kind = "cnn", encoder = "gadf", parameters =
    {size = 64}, training = {epochs = 10}, name = "small"}``. The name of the recipe is by default
    that of the file.

    Raises
    ------
    DataError
        If the file cannot be read.
    ParameterError
        Naming the file, and the key with near names where one is unknown.
    """
    path = Path(path)
    table = read_toml(path, "a recipe", error=ParameterError)
    return recipe_of({"name": path.stem} | table, caller=str(path), path=path)


def recipe_of(table: Mapping[str, Any], *, caller: str = "recipe", path: Path | None = None) -> Recipe:
    """Return the recipe of a table of plain values.

    Raises
    ------
    ParameterError
        Naming ``caller``, and the key with near names where one is unknown.
    """
    known = [word.name for word in fields(Recipe) if word.name != "path"]
    for key, value in table.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, n=2, cutoff=0.5)
            hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known)}"
            raise ParameterError(f"{caller}: no key of a recipe is called {key!r}; {hint}")
        kind, words = _KINDS.get(key, (object, ""))
        texts = key != "datasets" or not isinstance(value, list) or all(isinstance(name, str) for name in value)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool) or not texts:
            raise ParameterError(f"{caller}: expected {key} to be {words}, got {value!r:.60}")
    values: dict[str, Any] = {"datasets": ()} | dict(table)
    values |= {key: tuple(values[key]) for key in ("datasets", "seeds") if key in values}
    try:
        values["contenders"] = tuple(map(Contender.from_table, values.get("contenders", [])))
        return Recipe(**values, path=path)
    except RecursionError:
        raise ParameterError(f"{caller}: expected contenders of a few levels, got ones nested too deeply") from None


def table_of(recipe: Recipe) -> dict[str, Any]:
    """Return the table of plain values that :func:`recipe_of` reads; defaults are left out.

    Raises
    ------
    ParameterError
        If the recipe has a value that TOML cannot express.

    Examples
    --------
    >>> table_of(Recipe("small", ("gunpoint",), (Contender.parse("cnn:gadf"),), seeds=(0, 1)))
    {'name': 'small', 'datasets': ['gunpoint'], 'contenders': ['cnn:gadf'], 'seeds': [0, 1]}
    """
    table: dict[str, Any] = {}
    usual = Recipe("usual", ("usual",))
    for word in fields(Recipe):
        value = getattr(recipe, word.name)
        if word.name != "path" and (word.name in ("name", "datasets") or value != getattr(usual, word.name)):
            table[word.name] = _plain(value, f"recipe {recipe.name}: {word.name}")
    return table


def write_recipe(recipe: Recipe, path: str | Path) -> Path:
    """Write a recipe as TOML, with paths of data sets relative to its folder.

    Raises
    ------
    ParameterError
        If the recipe has a value that TOML cannot express.
    DataError
        If there is a folder of that name, or the file cannot be written.
    """
    import tomli_w

    path = Path(path)
    here = Path() if recipe.path is None else recipe.path.parent
    table = table_of(recipe)
    table["datasets"] = [_relative_to(path.parent, name, here) for name in table["datasets"]]
    if any(isinstance(entry, dict) for entry in table.get("contenders", [])):
        table["contenders"] = [_as_table(entry) for entry in table["contenders"]]  # one form for all: [[contenders]]
    try:
        content = tomli_w.dumps(table).encode()
    except UnicodeEncodeError:
        raise ParameterError(
            f"{path}: expected names that TOML can hold, got one that is not UTF-8; rename it"
        ) from None
    try:
        if not path.name or path.is_dir():
            raise DataError(f"{path}: expected a file to write the recipe to, got a folder")
        with atomic_file(path) as temporary:
            temporary.write_bytes(content)
    except OSError as error:
        raise DataError(f"{path!s:.200}: expected a path for a recipe, got: {error.strerror}") from None
    return path


def change_table(table: dict[str, Any], settings: Sequence[str]) -> dict[str, Any]:
    """Return a recipe's table with values changed by ``a.b=c``; the index in a list counts from 0.

    Values are TOML, else Python literals, else text.

    Raises
    ------
    ParameterError
        If a setting has another form, or its path does not exist.

    Examples
    --------
    >>> change_table({"training": {"epochs": 9}}, ["training.epochs=5", "seeds=[0, 1]", "note=quick"])
    {'training': {'epochs': 5}, 'seeds': [0, 1], 'note': 'quick'}
    """
    table = {**table}
    for setting in settings:
        path, equals, text = setting.partition("=")
        steps = path.split(".")
        if not equals or not all(steps) or len(steps) > _MAX_DEPTH:
            raise ParameterError(f"--set: expected a.b=c, got {setting!r:.80}")
        _change(table, steps, _value_of(text), path)
    return table


def _change(holder: Any, steps: list[str], value: Any, path: str) -> None:
    key: Any = steps[0]
    if isinstance(holder, list):
        if not key.isdigit() or int(key) >= len(holder):
            raise ParameterError(f"--set: expected {path} to have a number below {len(holder)} for {key!r}")
        key = int(key)
    elif not isinstance(holder, dict):
        raise ParameterError(f"--set: expected a table or a list that {path} is in, got {holder!r:.60}")
    if len(steps) == 1:
        holder[key] = value
        return
    below = holder[key] if isinstance(holder, list) else holder.get(key, {})
    if steps[0] == "contenders" and not below:
        raise ParameterError(f"--set: expected contenders that are named, by the recipe or by -c, to change {path}")
    below = _as_table(below) if isinstance(below, str) and isinstance(holder, list) else below
    holder[key] = {**below} if isinstance(below, dict) else [*below] if isinstance(below, list) else below
    _change(holder[key], steps[1:], value, path)


def _value_of(text: str) -> Any:
    try:
        value = parse_toml(f"value = {text}", "--set: expected TOML", error=ParameterError)["value"]
    except ParameterError:
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            return text
    return value if isinstance(value, (bool, int, float, str, list, dict, tuple)) else text  # a date stays text


def _entry_of(contender: Contender) -> str | dict[str, Any]:
    """Return the short form of a contender if it is complete, else its table."""
    if type(contender) is not KINDS[contender.kind]:
        raise ParameterError(
            f"recipe: expected contenders that TOML can name, got a {type(contender).__name__}, {contender.name}"
        )
    table = contender.to_table()
    if tuple(table) == ("kind", *contender.required()) and not contender.members:
        short = ":".join(table.values())
        if Contender.parse(short) == contender:
            return short
    table = _as_table(contender)
    return table if contender.name == Contender.from_table(table).name else {**table, "name": contender.name}


def _as_table(entry: Contender | str | Mapping[str, Any]) -> dict[str, Any]:
    """Return the table of a contender's entry; with its name only if the entry is a table that has one."""
    if isinstance(entry, str):
        entry = Contender.parse(entry)
    if isinstance(entry, Contender):
        table: dict[str, Any] = _plain(entry.to_table(), f"contender {entry.name}")
        return table
    return dict(entry)


def _plain(value: Any, where: str) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(inner, f"{where}.{key}") for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner, where) for inner in value]
    if isinstance(value, Contender):
        return _entry_of(value)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (bool, int, float, str)):
        return value
    raise ParameterError(f"{where}: expected a value that TOML has a word for, got {value!r:.60}")


def _relative_to(folder: Path, name: str, here: Path) -> str:
    """Return the path of a data set relative to another folder; other names are returned unchanged."""
    path = here / Path(name).expanduser()
    if is_bundled(name) or not path.exists() or folder.resolve() == here.resolve():
        return name
    try:
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    except ValueError:  # on another drive
        return path.resolve().as_posix()
