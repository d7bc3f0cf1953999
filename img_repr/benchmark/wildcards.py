"""Wildcards: expand ``*`` in contenders once the domain of a data set is known.

``cnn:*`` is a CNN on each encoder of the domain, ``cnn:*+*`` one on each pair of encoders in the channels of one image,
``cnn:gadf+*`` one on each pair with GADF, ``table:*:ridge`` a table of each feature set. Inside ``chosen`` each is a
candidate, inside ``ensemble`` a member. ``defaults`` and ``pretrained`` stand for the contenders of
:mod:`img_repr.benchmark.contenders.groups`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import combinations

from img_repr.benchmark.contender import (
    WILDCARD,
    CompositeContender,
    Contender,
    GroupContender,
    ImageContender,
    names_in,
)
from img_repr.core.features import FEATURES
from img_repr.core.metadata import ENCODERS
from img_repr.core.naming import parameters_known_to


def expand_wildcards(declared: Iterable[Contender], domain: str) -> tuple[Contender, ...]:
    """Return contenders with every ``*`` expanded for a domain; the others are returned unchanged.

    A contender that is declared itself too, under any name, is not added twice. A parameter goes to the encoders that
    accept it.

    Raises
    ------
    ParameterError, UnknownNameError
        If a contender that a ``*`` stands for cannot be made.

    Examples
    --------
    >>> from img_repr.benchmark.contender import Contender
    >>> from img_repr.benchmark.wildcards import expand_wildcards
    >>> [one.name for one in expand_wildcards([Contender.parse("cnn:*")], "mouse")]
    ['CNN on heatmap', 'CNN on motion_histogram', 'CNN on trajectory']
    >>> [one.kind for one in expand_wildcards([Contender.parse("pretrained")], "mouse")]
    ['frozen', 'cnn']
    >>> [one.name for one in expand_wildcards([Contender.parse("cnn:heatmap+*"), Contender.parse("majority")], "mouse")]
    ['CNN on heatmap+motion_histogram', 'CNN on heatmap+trajectory', 'majority']
    """
    declared = tuple(declared)
    found: list[Contender] = []
    for one in declared:
        if not one.has_wildcard:
            found.append(one)
            continue
        for made in _expanded(one, domain):
            if not any(made.same_as(other) for other in (*declared, *found)):
                made.check()
                found.append(made)
    return tuple(found)


def _expanded(one: Contender, domain: str) -> Iterator[Contender]:
    if isinstance(one, GroupContender):
        yield from expand_wildcards(one.expand(domain), domain)
        return
    if isinstance(one, CompositeContender):
        members = expand_wildcards(one.members, domain)
        if members:  # else all are of another domain
            yield one.made_of(members)
        return
    on_images = isinstance(one, ImageContender)
    word, registry = ("encoder", ENCODERS) if on_images else ("features", FEATURES)
    text, parameters = getattr(one, word), one.parameters  # type: ignore[attr-defined]
    names = [name for name in registry if registry[name].domain.name == domain]
    fixed = names_in(text)
    if any(registry[name].domain.name != domain for name in fixed):
        return
    others = [name for name in names if name not in fixed]
    texts = [_fill(text, chosen) for chosen in combinations(others, text.count(WILDCARD))]
    known = {made: set(parameters_known_to(made, parameters) if on_images else parameters) for made in texts}
    anywhere = set().union(*known.values())
    for made in texts:
        kept = {name: value for name, value in parameters.items() if name in known[made] or name not in anywhere}
        new = one.with_values(**{word: made, "parameters": kept})
        yield replace(new, name=f"{one.name}: {made}") if new.name == one.name else new


def _fill(text: str, names: tuple[str, ...]) -> str:
    pieces = text.split(WILDCARD)
    return pieces[0] + "".join(name + piece for name, piece in zip(names, pieces[1:], strict=True))
