"""The kinds of contender that stand alone: one class each."""
# ruff: noqa: D102 - the base class documents what the kinds override

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import PurePath
from typing import Any, ClassVar

from img_repr.benchmark.contenders.abstract import IMAGE_SIZE, WILDCARD, Contender, names_in
from img_repr.benchmark.contenders.classifier import Classifier
from img_repr.core.encoder import AbstractEncoder
from img_repr.core.errors import ParameterError
from img_repr.core.features import FEATURES, FeatureMetadata, get_features
from img_repr.core.metadata import ENCODERS
from img_repr.core.naming import get_encoders, parameters_known_to
from img_repr.training.config import RANDOM, TrainConfig

_SEEDLESS_LEARNERS = {"1nn", "1nn_dtw", "logistic", "logistic_unscaled", "majority", "ridge"}  # use no random numbers
_ONNX = "onnx:"
_FROZEN_HYPERPARAMETERS = ("backbone", "weights", "center_below", "n_members")  # nothing else affects a frozen network


class ImageContender(Contender):
    """Contenders whose images come from ``encoder``, with ``parameters`` for it."""

    encoder: str
    parameters: Mapping[str, Any]

    @property
    def has_wildcard(self) -> bool:
        return WILDCARD in self.encoder

    @property
    def domain(self) -> str | None:
        encoders = self.encoders()
        return encoders[0].domain.name if encoders else None

    def encoders(self) -> tuple[AbstractEncoder, ...]:
        return () if self.has_wildcard else get_encoders(self.encoder, **{"size": IMAGE_SIZE, **self.parameters})

    def with_inferred_parameters(self, parameters: Mapping[str, Any]) -> Contender:
        found = parameters_known_to(self.encoder, parameters)
        return self.with_values(parameters={**found, **self.parameters}) if found else self

    def spec(self) -> dict[str, Any]:
        return {"kind": self.kind, "encoder": [encoder.spec() for encoder in self.encoders()]}

    def check(self) -> None:
        if self.has_wildcard:
            for name in names_in(self.encoder):
                ENCODERS[name]
        super().check()


class NetworkContender(ImageContender):
    """Image contenders with a network; ``training`` holds the hyperparameters that they set."""

    training: Mapping[str, Any]

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """All hyperparameters that apply, with their defaults."""
        return asdict(TrainConfig.of(dict(self.training)))

    @property
    def pretrained(self) -> str:
        """Pretrained network in words, ``resnet18 from imagenet`` or an ONNX file; empty for random weights."""
        backbone, weights = self.training.get("backbone", TrainConfig.backbone), self.training.get("weights")
        if backbone.startswith(_ONNX):
            return PurePath(backbone.removeprefix(_ONNX)).name
        if weights in (None, RANDOM):
            return ""
        return f"{backbone} from {PurePath(str(weights)).name}"

    def trained_with(self, training: Mapping[str, Any]) -> Contender:
        return self.with_values(training={**training, **self.training}) if training else self

    def spec(self) -> dict[str, Any]:
        return super().spec() | {"training": self.hyperparameters}  # all: a changed default makes another contender

    def check(self) -> None:
        from img_repr.training.backbone import check_backbone

        check_backbone(self.hyperparameters["backbone"])
        super().check()


@dataclass(frozen=True)
class CnnContender(NetworkContender):
    """The shared CNN on images, from random weights or fine-tuned."""

    encoder: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    kind: ClassVar[str] = "cnn"

    @property
    def title(self) -> str:
        return f"CNN on {self.encoder}" + (f", fine-tuned {self.pretrained}" if self.pretrained else "")

    role = "image"
    needs_seed = True

    def check(self) -> None:
        from img_repr.training.onnx_body import refuse_training

        refuse_training(self.hyperparameters["backbone"])
        super().check()

    def build(self) -> Classifier:
        from img_repr.training.classifier import ImageClassifier

        return ImageClassifier(self.encoders(), infer_parameters=False, **self.training)


@dataclass(frozen=True)
class FrozenContender(NetworkContender):
    """A linear head on the features that a network computes from images; the network is not trained."""

    encoder: str
    learner: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    kind: ClassVar[str] = "frozen"

    def _complete(self) -> None:
        unused = ", ".join(sorted(set(self.training) - set(_FROZEN_HYPERPARAMETERS)))
        if unused:
            names = ", ".join(_FROZEN_HYPERPARAMETERS)
            raise ParameterError(f"contender {self.kind}: expected training to hold only {names}, got {unused}")

    @property
    def hyperparameters(self) -> dict[str, Any]:
        values = super().hyperparameters
        return {name: values[name] for name in _FROZEN_HYPERPARAMETERS}

    def trained_with(self, training: Mapping[str, Any]) -> Contender:
        return super().trained_with({name: training[name] for name in training if name in _FROZEN_HYPERPARAMETERS})

    @property
    def title(self) -> str:
        body = self.pretrained or f"random {self.hyperparameters['backbone']}"
        return f"{self.learner} on {self.encoder}, frozen {body}"

    @property
    def role(self) -> str:
        return "image" if self.pretrained else "control"

    @property
    def needs_seed(self) -> bool:
        return not self.pretrained

    def spec(self) -> dict[str, Any]:
        return super().spec() | {"learner": self.learner}

    def check(self) -> None:
        _check_learner(self.learner)
        super().check()
        if not self.has_wildcard:
            self.build()  # refuses combinations that do not work

    def build(self) -> Classifier:
        from img_repr.benchmark.contenders.frozen import FrozenFeatures

        return FrozenFeatures(*self.encoders(), learner=self.learner, **self.hyperparameters)


@dataclass(frozen=True)
class PixelsContender(ImageContender):
    """A learner on the pixels of images."""

    encoder: str
    learner: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    kind: ClassVar[str] = "pixels"

    @property
    def title(self) -> str:
        return f"{self.learner} on {self.encoder} pixels"

    role = "control"

    @property
    def needs_seed(self) -> bool:
        return self.learner not in _SEEDLESS_LEARNERS

    def spec(self) -> dict[str, Any]:
        return super().spec() | {"learner": self.learner}

    def check(self) -> None:
        _check_learner(self.learner)
        if not self.has_wildcard and len(self.encoders()) > 1:
            raise ParameterError(f"contender pixels: expected one encoder, got {self.encoder!r}")
        super().check()
        if not self.has_wildcard:
            self.build()  # refuses combinations that do not work

    def build(self) -> Classifier:
        from img_repr.baselines.tabular import TabularBaseline

        (encoder,) = self.encoders()
        return TabularBaseline.on_pixels(encoder, self.learner)


@dataclass(frozen=True)
class TableContender(Contender):
    """A learner on a table of features, with ``parameters`` for the features."""

    features: str
    learner: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    kind: ClassVar[str] = "table"

    @property
    def _metadata(self) -> FeatureMetadata | None:
        return FEATURES[self.features] if self.features in FEATURES else None  # noqa: SIM401 - a registry

    @property
    def has_wildcard(self) -> bool:
        return WILDCARD in self.features

    @property
    def domain(self) -> str | None:
        return None if self._metadata is None else self._metadata.domain.name

    @property
    def title(self) -> str:
        return f"{self.learner} on {self.features}"

    @property
    def role(self) -> str:
        return "leak" if self._metadata is not None and self._metadata.leak_only else "table"

    @property
    def needs_seed(self) -> bool:
        is_random = self._metadata is not None and self._metadata.is_random
        return is_random or self.learner not in _SEEDLESS_LEARNERS

    def spec(self) -> dict[str, Any]:
        spec = {"kind": self.kind, "features": self.features, "learner": self.learner, "parameters": self.parameters}
        return spec if self._metadata is None else spec | {"features_version": self._metadata.version}

    def check(self) -> None:
        _check_learner(self.learner)
        if not self.has_wildcard:
            get_features(self.features, **self.parameters)
        super().check()
        if not self.has_wildcard:
            self.build()  # refuses combinations that do not work

    def build(self) -> Classifier:
        from img_repr.baselines.tabular import TabularBaseline

        return TabularBaseline(self.features, self.learner, **self.parameters)


@dataclass(frozen=True)
class MajorityContender(Contender):
    """The most frequent class of the training part."""

    kind: ClassVar[str] = "majority"

    @property
    def title(self) -> str:
        return self.kind

    role = "control"
    needs_seed = False

    def spec(self) -> dict[str, Any]:
        return {"kind": self.kind}

    def build(self) -> Classifier:
        from img_repr.baselines.tabular import TabularBaseline

        return TabularBaseline(None, "majority")


def _check_learner(learner: str) -> None:
    from img_repr.baselines.learners import make_learner

    make_learner(learner)
