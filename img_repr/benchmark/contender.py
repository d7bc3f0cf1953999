"""Contenders: what a benchmark compares. See :class:`Contender` for the interface, and one class for each kind."""

from img_repr.benchmark.contenders.abstract import IMAGE_SIZE, KINDS, WILDCARD, Contender, names_in
from img_repr.benchmark.contenders.composite import (
    ChosenContender,
    CompositeContender,
    EnsembleContender,
    label_members,
)
from img_repr.benchmark.contenders.groups import DefaultsContender, GroupContender, PretrainedContender
from img_repr.benchmark.contenders.kinds import (
    CnnContender,
    FrozenContender,
    ImageContender,
    MajorityContender,
    PixelsContender,
    TableContender,
)

__all__ = [
    "IMAGE_SIZE",
    "KINDS",
    "WILDCARD",
    "ChosenContender",
    "CnnContender",
    "CompositeContender",
    "Contender",
    "DefaultsContender",
    "EnsembleContender",
    "FrozenContender",
    "GroupContender",
    "ImageContender",
    "MajorityContender",
    "PixelsContender",
    "PretrainedContender",
    "TableContender",
    "label_members",
    "names_in",
]
