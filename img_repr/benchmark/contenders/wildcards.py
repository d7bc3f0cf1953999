"""Every: what a ``*`` in a contender stands for, once the domain of a data set is known.

``cnn:*`` is a CNN on each encoder of the domain, ``cnn:*+*`` one on each pair of encoders in the channels of one image,
``cnn:gadf+*`` one on each pair with GADF, ``table:*:ridge`` a table of each feature set. Inside ``chosen`` each is a
candidate, inside ``ensemble`` a member.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import combinations

from img_repr.benchmark.contender import EVERY, Contender
from img_repr.benchmark.contenders.kinds import names_in
from img_repr.core.features import FEATURES
from img_repr.core.metadata import ENCODERS
from img_repr.core.naming import parameters_known_to


def spelled_out(declared: Iterable[Contender], domain: str) -> tuple[Contender, ...]:
    """Give contenders with each ``*`` spelled out for a domain; those without one stay what they are.

    What is declared by itself as well, under whatever name, is not set twice. A parameter goes to the encoders that
    know it.

    Raises
    ------
    ParameterError, UnknownNameError
        If what a ``*`` stands for cannot be made.

    Examples
    --------
    >>> from img_repr.benchmark.contender import Contender
    >>> from img_repr.benchmark.contenders.wildcards import spelled_out
    >>> [one.name for one in spelled_out([Contender.parse("cnn:*")], "mouse")]
    ['CNN on heatmap', 'CNN on trajectory']
    >>> [one.name for one in spelled_out([Contender.parse("cnn:*+*"), Contender.parse("majority")], "mouse")]
    ['CNN on heatmap+trajectory', 'majority']
    """
    declared = tuple(declared)
    found: list[Contender] = []
    for one in declared:
        if not one.open:
            found.append(one)
            continue
        for made in _spelled(one, domain):
            if not any(made.same_as(other) for other in (*declared, *found)):
                made.check()
                found.append(made)
    return tuple(found)


def _spelled(one: Contender, domain: str) -> Iterator[Contender]:
    if one.members:
        members = spelled_out(one.members, domain)
        if members:  # else all are of another domain
            yield one.made_of(members)
        return
    word, facts = ("encoder", ENCODERS) if "encoder" in one.values else ("features", FEATURES)
    text, parameters = one.values[word], one.values.get("parameters", {})
    names = [name for name in facts if facts[name].domain.name == domain]
    fixed = names_in(text)
    if any(facts[name].domain.name != domain for name in fixed):
        return
    others = [name for name in names if name not in fixed]
    texts = [_filled(text, drawn) for drawn in combinations(others, text.count(EVERY))]
    known = {made: set(parameters_known_to(made, parameters) if word == "encoder" else parameters) for made in texts}
    anywhere = set().union(*known.values())
    for made in texts:
        kept = {name: value for name, value in parameters.items() if name in known[made] or name not in anywhere}
        new = one.with_values(**{word: made} | ({"parameters": kept} if parameters else {}))
        yield replace(new, name=f"{one.name}: {made}") if new.name == one.name else new


def _filled(text: str, names: tuple[str, ...]) -> str:
    parts = text.split(EVERY)
    return parts[0] + "".join(name + part for name, part in zip(names, parts[1:], strict=True))
