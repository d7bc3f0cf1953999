"""Contenders made of others: the mean of several, and the best of several."""
# ruff: noqa: D102 - the base class documents what the others override

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from img_repr.benchmark.contenders.abstract import Contender
from img_repr.benchmark.contenders.chosen import expand_grid
from img_repr.benchmark.contenders.classifier import Classifier
from img_repr.core.encoder import AbstractEncoder
from img_repr.core.errors import ParameterError

_NAMED = 3  # members, at most, that a title names one by one


class CompositeContender(Contender):
    """Contenders made of others, which are the first field."""

    takes_members: ClassVar[bool] = True

    @property
    def members(self) -> tuple[Contender, ...]:
        found: tuple[Contender, ...] = getattr(self, self.required()[0])
        return found

    def _complete(self) -> None:
        self._set_members(map(Contender.from_table, self.members))

    def _set_members(self, members: Iterable[Contender]) -> None:
        object.__setattr__(self, self.required()[0], tuple(members))
        label_members(self.members)  # refuses equal ones
        if len(self.members) < 2 and not self.has_wildcard:
            raise ParameterError(f"contender {self.kind}: expected at least two contenders, got {len(self.members)}")

    def made_of(self, members: Iterable[Contender]) -> Contender:
        """Return a copy with other members."""
        return self.with_values(**{self.required()[0]: tuple(members)})

    @property
    def _title(self) -> str:
        names = [*dict.fromkeys(member.name for member in self.members)]
        return "; ".join(names if len(names) <= _NAMED else [names[0], f"{len(names) - 1} others"])

    @property
    def has_wildcard(self) -> bool:
        return any(member.has_wildcard for member in self.members)

    @property
    def domain(self) -> str | None:
        return next((member.domain for member in self.members if member.domain is not None), None)

    @property
    def role(self) -> str:
        roles = {member.role for member in self.members}
        return roles.pop() if len(roles) == 1 else "fused"

    def encoders(self) -> tuple[AbstractEncoder, ...]:
        return tuple(encoder for member in self.members for encoder in member.encoders())

    def trained_with(self, training: Mapping[str, Any]) -> Contender:
        return self.made_of(member.trained_with(training) for member in self.members)

    def with_inferred_parameters(self, parameters: Mapping[str, Any]) -> Contender:
        return self.made_of(member.with_inferred_parameters(parameters) for member in self.members)

    def spec(self) -> dict[str, Any]:
        return {"kind": self.kind, self.required()[0]: [member.spec() for member in self.members]}

    def check(self) -> None:
        for member in self.members:
            member.check()
        domains = sorted({member.domain for member in self.members if member.domain is not None})
        if len(domains) > 1:
            raise ParameterError(
                f"contender {self.kind}: expected members that read one kind of sample, got {', '.join(domains)}"
            )
        super().check()


@dataclass(frozen=True)
class EnsembleContender(CompositeContender):
    """The mean of other contenders' probabilities."""

    of: tuple[Contender, ...]
    kind: ClassVar[str] = "ensemble"

    @property
    def title(self) -> str:
        return f"mean of {self._title}"

    @property
    def needs_seed(self) -> bool:
        return any(member.needs_seed for member in self.members)

    def build(self) -> Classifier:
        from img_repr.benchmark.contenders.ensemble import Ensemble

        return Ensemble({name: member.build() for name, member in label_members(self.members).items()})


@dataclass(frozen=True)
class ChosenContender(CompositeContender):
    """The best of other contenders, by ``folds`` inner folds of the training part and the measure ``by``.

    ``grid`` holds lists of values for fields of the candidates; each combination becomes a candidate.
    """

    among: tuple[Contender, ...]
    folds: int = 3
    by: str = "accuracy"
    grid: Mapping[str, Any] = field(default_factory=dict)
    kind: ClassVar[str] = "chosen"

    def _complete(self) -> None:
        members = [Contender.from_table(one) for one in self.among]
        if self.grid:
            members = [one.with_values(**made) for one in members for made in expand_grid(_fields_of(one), self.grid)]
            object.__setattr__(self, "grid", {})
        self._set_members(members)

    @property
    def title(self) -> str:
        return f"best of {len(self.members)} inside training: {self._title}"

    needs_seed = True  # inner folds are random

    def spec(self) -> dict[str, Any]:
        return super().spec() | {"folds": self.folds, "by": self.by}

    def check(self) -> None:
        super().check()
        if not self.has_wildcard:
            self.build()  # refuses folds and measures

    def build(self) -> Classifier:
        from img_repr.benchmark.contenders.chosen import Chosen

        makers = {name: member.build for name, member in label_members(self.members).items()}
        return Chosen(makers, folds=self.folds, by=self.by)


def _fields_of(contender: Contender) -> dict[str, Any]:
    return {one.name: getattr(contender, one.name) for one in fields(contender) if one.name != "name"}


def label_members(members: Sequence[Contender]) -> dict[str, Contender]:
    """Return members by name; parameters, else numbers, distinguish members of one name.

    Raises
    ------
    ParameterError
        If two members are equal.
    """
    names = [member.name for member in members]
    found: dict[str, Contender] = {}
    for member in members:
        if any(member.same_as(other) for other in found.values()):
            raise ParameterError(f"contender: expected each member once, got {member.name} twice")
        label = member.name
        if names.count(label) > 1:
            own = {**getattr(member, "parameters", {}), **getattr(member, "training", {})}
            label = ", ".join([label, *(f"{word} {value}" for word, value in own.items())])
        found[f"{label} ({len(found) + 1})" if label in found else label] = member
    return found
