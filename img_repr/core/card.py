"""Cards: descriptions of public data sets, one ``card.toml`` each."""

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

from img_repr.core.errors import DataError
from img_repr.core.numbers import is_integer, is_number
from img_repr.core.toml_file import read_toml

_PACKAGE = Path(__file__).parents[1]
_FOLDERS = (
    _PACKAGE / "_datasets",
    _PACKAGE.parent / "datasets",
)  # of an installed wheel, of a source checkout


@dataclass(frozen=True)
class Published:
    """A published test accuracy.

    Parameters
    ----------
    method : str
        Name of the trained model.
    accuracy : float
        On the published split, in [0, 1].
    source : str
        Publication of the number.
    resampled : float, optional
        Mean over the archive's 30 resamples, including the published split, from the same source.
    note : str
        Differences that limit a comparison; empty if none are known.
    """

    method: str
    accuracy: float
    source: str
    resampled: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Card:
    """Description of a data set.

    Parameters
    ----------
    name, title, domain
        Name of its folder, name in words, kind of sample.
    description : str
        Description of the measurements, in one or two sentences.
    source, license, citation
        Address, license and publication.
    classes : int
        Number of classes.
    split_rule : str
        How training and test part were cut, and by whom.
    channels, length, n_train, n_test : int, optional
        Size of each sample, and of each part. None if there is no single number: unequal lengths, folds.
    sha256 : mapping of str to str
        Checksum of each file by its name.
    published : tuple of Published
        Scores to compare with.

    Examples
    --------
    >>> from img_repr.core.card import find_card
    >>> card = find_card("gunpoint")
    >>> card.name, card.n_train, card.n_test
    ('GunPoint', 50, 150)
    """

    name: str
    title: str
    domain: str
    description: str
    source: str
    license: str
    citation: str
    classes: int
    split_rule: str
    channels: int | None = None
    length: int | None = None
    n_train: int | None = None
    n_test: int | None = None
    sha256: Mapping[str, str] = field(default_factory=dict)
    published: tuple[Published, ...] = ()


def _is_count(value: Any) -> bool:
    return is_integer(value, 1)


def _is_fraction(value: Any) -> bool:
    return is_number(value, 0.0, 1.0)


def _are_digests(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(one, str) and re.fullmatch("[0-9a-f]{64}", one) for one in value.values()
    )


_KINDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    **dict.fromkeys(("classes", "channels", "length", "n_train", "n_test"), ("an integer above 0", _is_count)),
    **dict.fromkeys(("accuracy", "resampled"), ("a number in [0, 1]", _is_fraction)),
    "sha256": ("a table of file names with 64 hexadecimal digits each", _are_digests),
    "published": ("a list of tables", lambda value: isinstance(value, list)),
}
"""Description and check of the values of fields; all other fields are text."""


def read_card(path: str | Path) -> Card:
    """Read a card.

    Parameters
    ----------
    path : str or Path
        A ``card.toml``, or the folder that holds it.

    Raises
    ------
    DataError
        If it cannot be read, or a field is missing, unknown or of the wrong kind; the message names it.
    """
    path = Path(path)
    file = path / "card.toml" if path.is_dir() else path
    content = read_toml(file, "a card")
    _check(content, Card, str(file))
    rows = content.pop("published", [])
    for number, row in enumerate(rows):
        _check(row, Published, f"{file} published number {number}")
    return Card(**content, published=tuple(Published(**row) for row in rows))


def _check(content: Any, kind: type, where: str) -> None:
    if not isinstance(content, dict):
        raise DataError(f"{where}: expected a table of fields, got {content!r:.40}")
    known = {one.name: one for one in fields(kind)}
    unknown = sorted(content.keys() - known.keys())
    if unknown:
        raise DataError(f"{where}: expected only the fields {', '.join(known)}, got also {', '.join(unknown)}")
    needed = [name for name, one in known.items() if one.default is MISSING and one.default_factory is MISSING]
    lacking = [name for name in needed if name not in content]
    if lacking:
        raise DataError(f"{where}: expected the fields {', '.join(needed)}, got none of {', '.join(lacking)}")
    for name, value in content.items():
        wanted, right = _KINDS.get(name, ("text", lambda text: isinstance(text, str) and bool(text.strip())))
        if not right(value):
            raise DataError(f"{where}: expected {name} to be {wanted}, got {value!r:.40}")


def list_cards() -> tuple[Card, ...]:
    """Read all cards of the package, sorted by name."""
    for folder in _FOLDERS:
        cards = sorted(folder.glob("*/card.toml"))
        if cards:
            return tuple(read_card(card) for card in cards)
    return ()


def find_card(name: str) -> Card | None:
    """Return the card of a data set, ignoring case and underscores; None if there is none."""
    wanted = name.replace("_", "").lower()
    return next((card for card in list_cards() if card.name.replace("_", "").lower() == wanted), None)
