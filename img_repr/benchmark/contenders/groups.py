"""Groups: one word for several contenders, which depend on the domain of a data set."""
# ruff: noqa: D102 - the base class documents what the groups override

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, NoReturn

from img_repr.benchmark.contenders.abstract import Contender
from img_repr.benchmark.contenders.kinds import CnnContender, FrozenContender, ImageContender
from img_repr.core.domain import DOMAINS
from img_repr.core.errors import ParameterError

_PRETRAINED = {"backbone": "efficientnet_lite0", "weights": "imagenet"}  # of the extra "pretrained": no download
_SIZE, _EPOCHS, _MIN_STEPS = 128, 10, 200  # a third of the cost of the trainer's defaults


class GroupContender(Contender):
    """Several contenders; it is replaced by them once the domain of a data set is known."""

    has_wildcard = True
    role = "control"
    needs_seed = False

    @abstractmethod
    def expand(self, domain: str) -> tuple[Contender, ...]:
        """Return the contenders that it stands for on data of a domain."""

    @property
    def title(self) -> str:
        return self.kind

    def spec(self) -> NoReturn:
        self.build()

    def build(self) -> NoReturn:
        raise ParameterError(f"contender {self.kind}: expected the domain of a data set, which decides its contenders")


@dataclass(frozen=True)
class DefaultsContender(GroupContender):
    """The default contenders of a domain, which a benchmark without ``contenders`` compares."""

    kind: ClassVar[str] = "defaults"

    def expand(self, domain: str) -> tuple[Contender, ...]:
        return tuple(map(Contender.parse, DOMAINS[domain].contenders))


@dataclass(frozen=True)
class PretrainedContender(GroupContender):
    """A pretrained network on the first image of a domain's defaults: frozen with a linear head, and fine-tuned."""

    parameters: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    kind: ClassVar[str] = "pretrained"

    def expand(self, domain: str) -> tuple[Contender, ...]:
        images = [one for one in DefaultsContender().expand(domain) if isinstance(one, ImageContender)]
        if not images:
            return ()
        parameters = {"size": _SIZE, **self.parameters}
        length = {} if {"epochs", "min_steps"} & set(self.training) else {"epochs": _EPOCHS, "min_steps": _MIN_STEPS}
        training = {**_PRETRAINED, **length, **self.training}
        network = {name: training[name] for name in _PRETRAINED}
        encoder = images[0].encoder.partition("|")[0]
        return (
            FrozenContender(encoder, "logistic", parameters, network),
            CnnContender(encoder, parameters, training),
        )
