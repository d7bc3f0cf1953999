"""Kinds of contender: which fields each has, what tables call it, and what classifier is built of it."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from img_repr.benchmark.contenders.classifier import Classifier
from img_repr.core.errors import ParameterError

if TYPE_CHECKING:
    from img_repr.benchmark.contender import Contender

_BRACKETS = re.compile(r"\([^()]*\)")
_SHOWN = 3  # members, at most, that a title names one by one


@dataclass(frozen=True)
class Kind:
    """One kind of contender.

    Parameters
    ----------
    title, build : callable
        Give a contender's name, where it has none of its own, and its unfitted classifier.
    needs : tuple of str
        Fields that must be there, in the order of the short form.
    takes : tuple of str
        Fields that may be there.
    role : str
        See :attr:`img_repr.benchmark.contender.Contender.role`; empty where its values decide.
    members : str
        The field that holds other contenders.
    hyperparameters : tuple of str
        Those of the trainer that mean something to it; empty: all.
    usual : mapping
        Values of fields that are not given.
    """

    title: Callable[["Contender"], str]
    build: Callable[["Contender"], Classifier]
    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    role: str = ""
    members: str = ""
    hyperparameters: tuple[str, ...] = ()
    usual: Mapping[str, Any] = field(default_factory=dict)

    @property
    def fields(self) -> tuple[str, ...]:
        """All fields."""
        return self.needs + self.takes


def labeled(members: Sequence["Contender"]) -> dict[str, "Contender"]:
    """Members by name; those of one name are told apart by their parameters, or by their number.

    Raises
    ------
    ParameterError
        If one stands there twice.
    """
    names = [member.name for member in members]
    found: dict[str, Contender] = {}
    for member in members:
        if any(member.same_as(other) for other in found.values()):
            raise ParameterError(f"contender: expected each member once, got {member.name} twice")
        label = member.name
        if names.count(label) > 1:
            own = {**member.values.get("parameters", {}), **member.values.get("training", {})}
            label = ", ".join([label, *(f"{word} {value}" for word, value in own.items())])
        found[f"{label} ({len(found) + 1})" if label in found else label] = member
    return found


def names_in(text: str) -> list[str]:
    """Names of encoders, or of feature sets, in a text that may hold ``*``; what stands in brackets is none.

    Examples
    --------
    >>> names_in("recurrence(signed=True)|mtf(limits=(0, 1))+*")
    ['recurrence', 'mtf']
    """
    while _BRACKETS.search(text):
        text = _BRACKETS.sub("", text)
    return re.findall(r"\w+", text)


def trained_from(training: Mapping[str, Any]) -> str:
    """Say which pretrained weights a trainer's values ask for: ``resnet18 from imagenet``; empty if none.

    Examples
    --------
    >>> trained_from({"backbone": "vgg16", "weights": "mine/vgg.safetensors"}), trained_from({"weights": "random"})
    ('vgg16 from vgg.safetensors', '')
    """
    from img_repr.training.config import RANDOM, TrainConfig

    weights = training.get("weights")
    if weights in (None, RANDOM):
        return ""
    return f"{training.get('backbone', TrainConfig.backbone)} from {PurePath(str(weights)).name}"


def _on_images(contender: "Contender") -> str:
    weights = trained_from(contender.training)
    return f"CNN on {contender.values['encoder']}" + (f", fine-tuned {weights}" if weights else "")


def _on_frozen(contender: "Contender") -> str:
    body = trained_from(contender.training) or f"random {contender.hyperparameters['backbone']}"
    return f"{contender.values['learner']} on {contender.values['encoder']}, frozen {body}"


def _several(contender: "Contender") -> str:
    names = [*dict.fromkeys(member.name for member in contender.members)]
    return "; ".join(names if len(names) <= _SHOWN else [names[0], f"{len(names) - 1} others"])


def _build_cnn(contender: "Contender") -> Classifier:
    from img_repr.training.classifier import ImageClassifier

    return ImageClassifier(contender.encoders(), infer_parameters=False, **contender.training)


def _build_frozen(contender: "Contender") -> Classifier:
    from img_repr.benchmark.contenders.frozen import FrozenFeatures

    return FrozenFeatures(*contender.encoders(), learner=contender.values["learner"], **contender.hyperparameters)


def _build_table(contender: "Contender") -> Classifier:
    from img_repr.baselines.tabular import TabularBaseline

    values = contender.values
    return TabularBaseline(values["features"], values["learner"], **values.get("parameters", {}))


def _build_pixels(contender: "Contender") -> Classifier:
    from img_repr.baselines.tabular import TabularBaseline

    (encoder,) = contender.encoders()
    return TabularBaseline.on_pixels(encoder, contender.values["learner"])


def _build_majority(contender: "Contender") -> Classifier:
    from img_repr.baselines.tabular import TabularBaseline

    return TabularBaseline(None, "majority")


def _build_ensemble(contender: "Contender") -> Classifier:
    from img_repr.benchmark.contenders.ensemble import Ensemble

    return Ensemble({name: member.build() for name, member in labeled(contender.members).items()})


def _build_chosen(contender: "Contender") -> Classifier:
    from img_repr.benchmark.contenders.chosen import Chosen

    makers = {name: member.build for name, member in labeled(contender.members).items()}
    return Chosen(makers, folds=contender.values["folds"], by=contender.values["by"])


KINDS = {
    "cnn": Kind(_on_images, _build_cnn, ("encoder",), ("parameters", "training"), "image"),
    "frozen": Kind(
        _on_frozen,
        _build_frozen,
        ("encoder", "learner"),
        ("parameters", "training"),
        hyperparameters=("backbone", "weights", "center_below", "members"),  # nothing is trained but the head
    ),
    "table": Kind(
        lambda one: f"{one.values['learner']} on {one.values['features']}",
        _build_table,
        ("features", "learner"),
        ("parameters",),
        "table",
    ),
    "pixels": Kind(
        lambda one: f"{one.values['learner']} on {one.values['encoder']} pixels",
        _build_pixels,
        ("encoder", "learner"),
        ("parameters",),
        "control",
    ),
    "majority": Kind(lambda one: one.kind, _build_majority, role="control"),
    "ensemble": Kind(lambda one: f"mean of {_several(one)}", _build_ensemble, ("of",), members="of"),
    "chosen": Kind(
        lambda one: f"best of {len(one.members)} inside training: {_several(one)}",
        _build_chosen,
        ("among",),
        ("folds", "by", "grid"),
        members="among",
        usual={"folds": 3, "by": "accuracy"},
    ),
}
