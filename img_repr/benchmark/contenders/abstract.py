"""Contender: a representation with a classifier, as a value; all kinds look alike to the benchmark."""

import difflib
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from typing import Any, ClassVar, get_origin

from img_repr.benchmark.contenders.classifier import Classifier
from img_repr.core.encoder import AbstractEncoder
from img_repr.core.errors import ParameterError

IMAGE_SIZE = 64  # pixels, unless a contender sets a size
WILDCARD = "*"  # every encoder, or feature set, of a data set's domain
KINDS: dict[str, type["Contender"]] = {}
"""The classes by their kind; each class is added when it is defined."""
_TYPES: dict[Any, tuple[type | tuple[type, ...], str]] = {
    str: (str, "text"),
    int: (int, "an integer"),
    Mapping: (Mapping, "a table"),
    tuple: ((list, tuple), "a list of contenders"),
}
"""By the type of a field: the types that it accepts, and their name in messages."""
_BRACKETS = re.compile(r"\([^()]*\)")


@dataclass(frozen=True)
class Contender(ABC):
    """A representation with a classifier; its fields are the keys of a contender in a recipe.

    Parameters
    ----------
    name : str
        Name in tables. Default: a title made of the other fields. It is no part of :meth:`spec`.

    Examples
    --------
    >>> from img_repr.benchmark.contender import ChosenContender, CnnContender, Contender
    >>> Contender.parse("cnn:gadf+mtf").name
    'CNN on gadf+mtf'
    >>> Contender.parse("table:summary:extra_trees").role
    'table'
    >>> CnnContender("gadf", training={"weights": "imagenet", "backbone": "vgg16"}).name
    'CNN on gadf, fine-tuned vgg16 from imagenet'
    >>> chosen = ChosenContender(("cnn:gadf",), grid={"parameters": {"size": [32, 64]}})
    >>> [member.parameters for member in chosen.members]
    [{'size': 32}, {'size': 64}]
    """

    name: str = field(default="", kw_only=True)
    kind: ClassVar[str]
    takes_members: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        if "kind" in vars(cls):
            KINDS[cls.kind] = cls

    def __post_init__(self) -> None:
        self._check_types()
        self._complete()
        object.__setattr__(self, "name", self.name or self.title)

    def _check_types(self) -> None:
        for one in fields(self):
            expected, words = _TYPES.get(get_origin(one.type) or one.type, (object, ""))
            value = getattr(self, one.name)
            if not isinstance(value, expected) or (isinstance(value, bool) and words):
                raise ParameterError(f"contender {self.kind}: expected {one.name} to be {words}, got {value!r:.60}")

    def _complete(self) -> None:  # noqa: B027 - most kinds need nothing
        """Convert and check values beyond their types."""

    @staticmethod
    def parse(text: str) -> "Contender":
        """Read the short form.

        ``cnn:ENCODER``, ``frozen:ENCODER:LEARNER``, ``table:FEATURES:LEARNER``, ``pixels:ENCODER:LEARNER``,
        ``majority``; ``ensemble:ONE&ANOTHER`` and ``chosen:ONE&ANOTHER`` of such forms. ``*`` stands for each encoder
        or feature set of a data set's domain, ``*+*`` for each pair of encoders in one image; ``defaults`` for the
        default contenders of the domain, ``pretrained`` for a pretrained network, frozen and fine-tuned.

        Examples
        --------
        >>> from img_repr.benchmark.contender import Contender
        >>> Contender.parse("ensemble:cnn:gadf & table:minirocket:ridge").name
        'mean of CNN on gadf; ridge on minirocket'
        """
        kind, *values = text.split(":")
        made = _kind(kind)
        names = made.required()
        if made.takes_members:
            if not values:
                raise ParameterError(f"contender: expected {kind}:ONE&ANOTHER, got {text!r}")
            return made.make({names[0]: [member.strip() for member in ":".join(values).split("&")]})
        if len(values) != len(names):
            raise ParameterError(f"contender: expected {':'.join([kind, *map(str.upper, names)])}, got {text!r}")
        return made.make(dict(zip(names, values, strict=True)))

    @staticmethod
    def from_table(table: "Contender | str | Mapping[str, Any]") -> "Contender":
        """Read a table of a recipe, ``kind`` and the fields of that kind; or a short form."""
        if isinstance(table, Contender):
            return table
        if isinstance(table, str):
            return Contender.parse(table)
        if not isinstance(table, Mapping):
            raise ParameterError(f"contender: expected text like 'cnn:gadf', or a table, got {table!r:.60}")
        for word in ("kind", "name"):
            if not isinstance(table.get(word, ""), str):
                raise ParameterError(f"contender: expected {word} to be text, got {table[word]!r:.60}")
        return _kind(table.get("kind", "")).make({word: value for word, value in table.items() if word != "kind"})

    @classmethod
    def make(cls, values: Mapping[str, Any]) -> "Contender":
        """Create a contender of this kind from its fields, and refuse unknown and missing ones by name."""
        cls._check_known(values)
        for name in cls.required():
            if name not in values:
                raise ParameterError(f"contender {cls.kind}: expected {name}=, got {dict(values)}")
        return cls(**values)

    @classmethod
    def _check_known(cls, values: Mapping[str, Any]) -> None:
        known = [one.name for one in fields(cls)]
        unknown = sorted(set(values) - set(known))
        if unknown:
            own = ", ".join(name for name in known if name != "name") or "its kind"
            raise ParameterError(f"contender {cls.kind}: expected only {own}, got {', '.join(unknown)}")

    @classmethod
    def required(cls) -> tuple[str, ...]:
        """Return the names of the fields without a default, in the order of the short form."""
        return tuple(one.name for one in fields(cls) if one.default is MISSING and one.default_factory is MISSING)

    def to_table(self) -> dict[str, Any]:
        """Return ``kind`` and the fields that differ from their defaults, without the name."""
        table: dict[str, Any] = {"kind": self.kind}
        for one in fields(self):
            usual = one.default_factory() if one.default_factory is not MISSING else one.default
            value = getattr(self, one.name)
            if one.name != "name" and value != usual:
                table[one.name] = value
        return table

    def same_as(self, other: "Contender") -> bool:
        """Whether another contender is equal except for its name."""
        return replace(self, name="same") == replace(other, name="same")

    def with_values(self, **values: Any) -> "Contender":
        """Return a copy with other values; a default name is made again."""
        self._check_known(values)
        return replace(self, **{"name": "" if self.name == self.title else self.name, **values})

    def trained_with(self, training: Mapping[str, Any]) -> "Contender":
        """Return a copy that uses these hyperparameters where it, or its members, set none."""
        return self

    def with_inferred_parameters(self, parameters: Mapping[str, Any]) -> "Contender":
        """Return a copy that passes these parameters to the encoders that accept them; its own take precedence."""
        return self

    @property
    def members(self) -> tuple["Contender", ...]:
        """Contenders that it averages or chooses from."""
        return ()

    @property
    def has_wildcard(self) -> bool:
        """Whether a ``*`` waits for a data set's domain: see :mod:`img_repr.benchmark.wildcards`."""
        return False

    @property
    def domain(self) -> str | None:
        """Name of the domain whose samples it reads; None if it reads any, or has a wildcard."""
        return None

    def encoders(self) -> tuple[AbstractEncoder, ...]:
        """Return the encoders of its images, and of its members' images; none for tables and wildcards."""
        return ()

    @property
    @abstractmethod
    def title(self) -> str:
        """Default name."""

    @property
    @abstractmethod
    def role(self) -> str:
        """``"image"`` or ``"table"``, the two sides of the comparison, ``"control"``, ``"leak"`` or ``"fused"``.

        A leak is a table that knows only how a sample was taken, not its content. A frozen network is an image if its
        weights are pretrained, a control if they are random. A composite has the common role of its members, else
        ``"fused"``.
        """

    @property
    @abstractmethod
    def needs_seed(self) -> bool:
        """Whether predictions depend on the seed; a contender that uses no random numbers runs once."""

    @abstractmethod
    def spec(self) -> dict[str, Any]:
        """Return everything that decides the predictions, as JSON values; the name is not part of it."""

    @abstractmethod
    def build(self) -> Classifier:
        """Return the unfitted classifier."""

    def check(self) -> None:
        """Refuse unknown names and parameters before anything runs.

        Raises
        ------
        UnknownNameError, ParameterError
        """
        if not self.has_wildcard:  # else each contender that it stands for is checked, once the domain is known
            self.spec()


def _kind(name: str) -> type[Contender]:
    if name not in KINDS:
        near = difflib.get_close_matches(name, KINDS, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ParameterError(f"contender: expected kind to be one of {', '.join(KINDS)}, got {name!r}{hint}")
    return KINDS[name]


def names_in(text: str) -> list[str]:
    """Return the names of encoders, or feature sets, in a text that may hold ``*``; brackets are skipped.

    Examples
    --------
    >>> names_in("recurrence(signed=True)|mtf(limits=(0, 1))+*")
    ['recurrence', 'mtf']
    """
    while _BRACKETS.search(text):
        text = _BRACKETS.sub("", text)
    return re.findall(r"\w+", text)
