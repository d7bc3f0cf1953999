"""Contender: a representation with a classifier, as a value; all look alike to the benchmark."""

import difflib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from img_repr.core.dataset import Dataset
from img_repr.core.encoder import AbstractEncoder
from img_repr.core.errors import ParameterError
from img_repr.core.features import FEATURES, FeatureFacts, get_features
from img_repr.core.naming import get_encoders, parameters_known_to
from img_repr.training.config import TrainConfig

IMAGE_SIZE = 64  # pixels, where a contender does not say
_FIELDS = {
    "cnn": ("encoder", "parameters", "training"),
    "table": ("features", "learner", "parameters"),
    "pixels": ("encoder", "learner", "parameters"),
    "majority": (),
}
_ROLES = {"cnn": "image", "table": "table", "pixels": "control", "majority": "control"}
_SEEDLESS_LEARNERS = {"1nn", "1nn_dtw", "logistic", "logistic_unscaled", "majority", "ridge"}  # they draw nothing


class Classifier(Protocol):
    """What a contender builds: it learns from a training part and gives probabilities for samples.

    ``cost`` holds what it knows of its own cost after ``fit``: ``parameters``, ``bytes_per_image`` ...;
    ``record`` holds what a reader must know to trust it: the weights really used, the epochs really run, a
    history.
    """

    classes: tuple[str, ...]
    cost: dict[str, float]
    record: dict[str, Any]

    def fit(self, train: Dataset, *, seed: int) -> "Classifier":
        """Learn from a training part; a validation part, where one is needed, is cut from it."""
        ...

    def predict_proba(self, samples: Any) -> np.ndarray:
        """Probabilities ``(N, K)`` in the order of ``classes``."""
        ...


@dataclass(frozen=True)
class Contender:
    """A representation with a classifier.

    Parameters
    ----------
    kind : {"cnn", "table", "pixels", "majority"}
        The shared CNN on images; a learner on features; a learner on the pixels of images; the majority
        class.
    values : dict
        Fields of that kind: ``encoder``, ``features``, ``learner``, ``parameters`` (of the representation)
        and ``training`` (of the trainer).
    name : str
        What tables call it; made of the rest where it is not given.

    Examples
    --------
    >>> Contender.parse("cnn:gadf+mtf").name
    'CNN on gadf+mtf'
    >>> Contender.parse("table:summary:extra_trees").role
    'table'
    """

    kind: str
    values: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""

    def __post_init__(self) -> None:
        if self.kind not in _FIELDS:
            near = difflib.get_close_matches(self.kind, _FIELDS, n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ParameterError(f"contender: expected kind to be one of {', '.join(_FIELDS)}, got {self.kind!r}{hint}")
        unknown = set(self.values) - set(_FIELDS[self.kind])
        if unknown:
            raise ParameterError(
                f"contender {self.kind}: expected only {', '.join(_FIELDS[self.kind]) or 'its kind'}, got "
                f"{', '.join(sorted(unknown))}"
            )
        for required in ("encoder", "features", "learner"):
            if required in _FIELDS[self.kind] and required not in self.values:
                raise ParameterError(f"contender {self.kind}: expected {required}=, got {dict(self.values)}")
        for word, value in self.values.items():
            kind, words = (Mapping, "a table") if word in ("parameters", "training") else (str, "text")
            if not isinstance(value, kind):
                raise ParameterError(f"contender {self.kind}: expected {word} to be {words}, got {value!r:.60}")
        object.__setattr__(self, "name", self.name or self._title())

    @classmethod
    def parse(cls, text: str) -> "Contender":
        """Read ``cnn:ENCODER``, ``table:FEATURES:LEARNER``, ``pixels:ENCODER:LEARNER`` or ``majority``."""
        kind, *values = text.split(":")
        if kind not in _FIELDS:
            return cls(kind)  # an error that names the kinds
        words = [word for word in _FIELDS.get(kind, ()) if word not in ("parameters", "training")]
        if len(values) != len(words):
            raise ParameterError(f"contender: expected {':'.join([kind, *map(str.upper, words)])}, got {text!r}")
        return cls(kind, dict(zip(words, values, strict=True)))

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> "Contender":
        """Read a table of a recipe: the fields of the kind beside ``kind`` and, optionally, ``name``."""
        if not isinstance(table, Mapping):
            raise ParameterError(f"contender: expected text like 'cnn:gadf', or a table, got {table!r:.60}")
        values = {word: value for word, value in table.items() if word not in ("kind", "name")}
        return cls(str(table.get("kind", "")), values, str(table.get("name", "")))

    def check(self) -> None:
        """Refuse names and parameters that nothing knows, before anything is run.

        Raises
        ------
        UnknownNameError, ParameterError
        """
        from img_repr.baselines.tabular import PIXELS, TabularBaseline

        self.spec()
        if self.kind == "pixels" and len(self.encoders()) > 1:
            raise ParameterError(f"contender pixels: expected one encoder, got {self.values['encoder']!r}")
        if "features" in self.values:
            get_features(self.values["features"], **self.values.get("parameters", {}))
        if "learner" in self.values:
            TabularBaseline(self.values.get("features", PIXELS), self.values["learner"])

    def spec(self) -> dict[str, Any]:
        """All that makes the contender what it is, as JSON values; the name is not part of it."""
        spec = {"kind": self.kind} | {word: self.values.get(word, {}) for word in _FIELDS[self.kind]}
        if "encoder" in spec:
            spec["encoder"] = [encoder.spec() for encoder in self.encoders()]
            del spec["parameters"]
        if "training" in spec:  # every knob, defaults too: a default that changes makes another contender
            spec["training"] = asdict(TrainConfig.of(dict(spec["training"])))
        facts = self._feature_facts
        if facts is not None:
            spec["features_version"] = facts.version
        return spec

    @property
    def _feature_facts(self) -> FeatureFacts | None:
        name = self.values.get("features")
        return FEATURES[str(name)] if name in FEATURES else None

    @property
    def role(self) -> str:
        """``"image"`` or ``"table"``, the two sides of the question, ``"control"``, or ``"leak"``.

        A leak is a table that knows nothing of the content, only how the sample was taken.
        """
        facts = self._feature_facts
        return "leak" if facts is not None and facts.leak_only else _ROLES[self.kind]

    @property
    def needs_seed(self) -> bool:
        """Whether another seed may give other predictions; a contender that draws nothing is run once."""
        facts = self._feature_facts
        if facts is not None and facts.draws:
            return True
        return self.kind != "majority" and self.values.get("learner") not in _SEEDLESS_LEARNERS

    @property
    def domain(self) -> str | None:
        """Name of the kind of sample that it reads; None if it reads any."""
        for encoder in self.encoders():
            return encoder.domain.name
        facts = self._feature_facts
        return None if facts is None else facts.domain.name

    def encoders(self) -> tuple[AbstractEncoder, ...]:
        """Make what makes its pictures; none if it looks at none."""
        if "encoder" not in self.values:
            return ()
        return get_encoders(self.values["encoder"], **{"size": IMAGE_SIZE, **self.values.get("parameters", {})})

    def trained_with(self, training: Mapping[str, Any]) -> "Contender":
        """Give the contender with values for its trainer where it has none of its own."""
        if self.kind != "cnn" or not training:
            return self
        return replace(self, values={**self.values, "training": {**training, **self.values.get("training", {})}})

    def suited(self, parameters: Mapping[str, Any]) -> "Contender":
        """Give the contender with values for those parameters that its encoders know and that it leaves open."""
        found = parameters_known_to(self.values["encoder"], parameters) if "encoder" in self.values else {}
        if not found:
            return self
        return replace(self, values={**self.values, "parameters": {**found, **self.values.get("parameters", {})}})

    def build(self) -> Classifier:
        """Make the unfitted classifier."""
        from img_repr.baselines.tabular import TabularBaseline

        parameters = self.values.get("parameters", {})
        if self.kind == "cnn":
            from img_repr.training.classifier import ImageClassifier

            return ImageClassifier(*self.encoders(), **self.values.get("training", {}))
        if self.kind == "pixels":
            return TabularBaseline.on_pixels(self.encoders()[0], self.values["learner"])
        if self.kind == "majority":
            return TabularBaseline(None, "majority")
        return TabularBaseline(self.values["features"], self.values["learner"], **parameters)

    def _title(self) -> str:
        if self.kind == "cnn":
            return f"CNN on {self.values['encoder']}"
        if self.kind == "pixels":
            return f"{self.values['learner']} on {self.values['encoder']} pixels"
        return self.kind if self.kind == "majority" else f"{self.values['learner']} on {self.values['features']}"
