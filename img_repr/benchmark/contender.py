"""Contender: a representation with a classifier, as a value; all look alike to the benchmark."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from img_repr.benchmark.contenders.chosen import over_grid
from img_repr.benchmark.contenders.classifier import Classifier
from img_repr.benchmark.contenders.kinds import KINDS, Kind, labeled, names_in, trained_from
from img_repr.core.encoder import AbstractEncoder
from img_repr.core.errors import ParameterError
from img_repr.core.features import FEATURES, FeatureMetadata, get_features
from img_repr.core.metadata import ENCODERS
from img_repr.core.naming import get_encoders, parameters_known_to
from img_repr.training.config import TrainConfig

IMAGE_SIZE = 64  # pixels, where a contender does not say
EVERY = "*"  # each encoder, or feature set, of a data set's domain
_EXPECTED: dict[str, tuple[type | tuple[type, ...], str]] = {
    **dict.fromkeys(("parameters", "training", "grid"), (Mapping, "a table")),
    **dict.fromkeys(("of", "among"), ((list, tuple), "a list of contenders")),
    "folds": (int, "a whole number"),
}
_SEEDLESS_LEARNERS = {"1nn", "1nn_dtw", "logistic", "logistic_unscaled", "majority", "ridge"}  # they draw nothing


@dataclass(frozen=True)
class Contender:
    """A representation with a classifier.

    Parameters
    ----------
    kind : {"cnn", "frozen", "table", "pixels", "majority", "ensemble", "chosen"}
        The shared CNN on images, from random weights or fine-tuned; a linear head on what a body that learns nothing
        makes of images; a learner on features; a learner on the pixels of images; the majority class; the mean of
        other contenders' probabilities; the best of other contenders by inner folds of the training part.
    values : dict
        Fields of that kind: ``encoder``, ``features``, ``learner``, ``parameters`` (of the representation) and
        ``training`` (of the trainer); ``of``, the members of an ensemble; ``among``, what is chosen from, ``folds``
        (3), ``by`` (``"accuracy"``, or ``"log_loss"``) and ``grid``, lists of values for fields of each.
    name : str
        What tables call it; made of the rest where it is not given.

    Examples
    --------
    >>> Contender.parse("cnn:gadf+mtf").name
    'CNN on gadf+mtf'
    >>> Contender.parse("table:summary:extra_trees").role
    'table'
    >>> Contender.of({"kind": "cnn", "encoder": "gadf", "training": {"weights": "imagenet", "backbone": "vgg16"}}).name
    'CNN on gadf, fine-tuned vgg16 from imagenet'
    >>> tried = Contender.of({"kind": "chosen", "among": ["cnn:gadf"], "grid": {"parameters": {"size": [32, 64]}}})
    >>> [member.values["parameters"] for member in tried.members]
    [{'size': 32}, {'size': 64}]
    """

    kind: str
    values: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            near = difflib.get_close_matches(self.kind, KINDS, n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ParameterError(f"contender: expected kind to be one of {', '.join(KINDS)}, got {self.kind!r}{hint}")
        kind = KINDS[self.kind]
        unknown = set(self.values) - set(kind.fields)
        if unknown:
            raise ParameterError(
                f"contender {self.kind}: expected only {', '.join(kind.fields) or 'its kind'}, got "
                f"{', '.join(sorted(unknown))}"
            )
        for required in kind.needs:
            if required not in self.values:
                raise ParameterError(f"contender {self.kind}: expected {required}=, got {dict(self.values)}")
        for word, value in self.values.items():
            expected, words = _EXPECTED.get(word, (str, "text"))
            if not isinstance(value, expected) or isinstance(value, bool):
                raise ParameterError(f"contender {self.kind}: expected {word} to be {words}, got {value!r:.60}")
        useless = ", ".join(sorted(set(self.training) - set(kind.hyperparameters))) if kind.hyperparameters else ""
        if useless:
            raise ParameterError(
                f"contender {self.kind}: expected training to hold only {', '.join(kind.hyperparameters)}, got "
                f"{useless}"
            )
        if kind.members:
            object.__setattr__(self, "values", self._with_members(kind))
        object.__setattr__(self, "name", self.name or kind.title(self))

    @classmethod
    def parse(cls, text: str) -> "Contender":
        """Read the short form.

        ``cnn:ENCODER``, ``frozen:ENCODER:LEARNER``, ``table:FEATURES:LEARNER``, ``pixels:ENCODER:LEARNER``,
        ``majority``; ``ensemble:ONE&ANOTHER`` and ``chosen:ONE&ANOTHER`` of such forms. ``*`` stands for each encoder
        or feature set of a data set's domain, ``*+*`` for each pair of encoders in one image.

        Examples
        --------
        >>> Contender.parse("ensemble:cnn:gadf & table:minirocket:ridge").name
        'mean of CNN on gadf; ridge on minirocket'
        """
        kind, *values = text.split(":")
        if kind not in KINDS:
            return cls(kind)  # an error that names the kinds
        needs = KINDS[kind].needs
        if KINDS[kind].members and values:
            return cls(kind, {needs[0]: [member.strip() for member in ":".join(values).split("&")]})
        if len(values) != len(needs):
            words = ["ONE&ANOTHER"] if KINDS[kind].members else map(str.upper, needs)
            raise ParameterError(f"contender: expected {':'.join([kind, *words])}, got {text!r}")
        return cls(kind, dict(zip(needs, values, strict=True)))

    @classmethod
    def of(cls, table: "Contender | str | Mapping[str, Any]") -> "Contender":
        """Read a table of a recipe, the kind's fields next to ``kind`` and, optionally, ``name``; or a short form."""
        if isinstance(table, Contender):
            return table
        if isinstance(table, str):
            return cls.parse(table)
        if not isinstance(table, Mapping):
            raise ParameterError(f"contender: expected text like 'cnn:gadf', or a table, got {table!r:.60}")
        for word in ("kind", "name"):
            if not isinstance(table.get(word, ""), str):
                raise ParameterError(f"contender: expected {word} to be text, got {table[word]!r:.60}")
        values = {word: value for word, value in table.items() if word not in ("kind", "name")}
        return cls(table.get("kind", ""), values, table.get("name", ""))

    def check(self) -> None:
        """Refuse names and parameters that nothing knows, before anything is run.

        Raises
        ------
        UnknownNameError, ParameterError
        """
        for member in self.members:
            member.check()
        domains = sorted({member.domain for member in self.members if member.domain is not None})
        if len(domains) > 1:
            raise ParameterError(
                f"contender {self.kind}: expected members that read one kind of sample, got {', '.join(domains)}"
            )
        if "learner" in self.values:
            from img_repr.baselines.learners import make_learner

            make_learner(self.values["learner"])
        if "training" in KINDS[self.kind].fields:
            from img_repr.training.backbone import check_backbone

            check_backbone(self.hyperparameters["backbone"])
        if self.open:  # what it stands for is checked when the domain is known
            for name in names_in(self.values.get("encoder", "")):
                ENCODERS[name]
            return
        self.spec()
        if self.kind == "pixels" and len(self.encoders()) > 1:
            raise ParameterError(f"contender pixels: expected one encoder, got {self.values['encoder']!r}")
        if "features" in self.values:
            get_features(self.values["features"], **self.values.get("parameters", {}))
        if self.kind not in ("cnn", "ensemble"):
            self.build()  # refuses what does not go together

    def spec(self) -> dict[str, Any]:
        """All that makes the contender what it is, as JSON values; the name is not part of it."""
        spec = {"kind": self.kind} | {word: self.values.get(word, {}) for word in KINDS[self.kind].fields}
        if self.members:
            spec[KINDS[self.kind].members] = [member.spec() for member in self.members]
            spec.pop("grid", None)  # is spread over them
        if "encoder" in spec:
            spec["encoder"] = [encoder.spec() for encoder in self.encoders()]
            del spec["parameters"]
        if "training" in spec:  # every hyperparameter, defaults too: a default that changes makes another contender
            spec["training"] = self.hyperparameters
        facts = self._feature_facts
        if facts is not None:
            spec["features_version"] = facts.version
        return spec

    def same_as(self, other: "Contender") -> bool:
        """Whether another is the same but for its name."""
        return (self.kind, self.values) == (other.kind, other.values)

    @property
    def members(self) -> tuple["Contender", ...]:
        """Contenders that it is made of, or chosen from."""
        word = KINDS[self.kind].members
        return tuple(self.values[word]) if word else ()

    @property
    def training(self) -> Mapping[str, Any]:
        """Values for the trainer that were given."""
        given: Mapping[str, Any] = self.values.get("training", {})
        return given

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """All hyperparameters of the trainer that apply to this kind, with defaults where none is given."""
        every, own = asdict(TrainConfig.of(dict(self.training))), KINDS[self.kind].hyperparameters
        return {word: every[word] for word in own} if own else every

    @property
    def open(self) -> bool:
        """Whether a ``*`` in it waits for a data set's domain: see :mod:`img_repr.benchmark.contenders.wildcards`."""
        own = any(EVERY in self.values.get(word, "") for word in ("encoder", "features"))
        return own or any(member.open for member in self.members)

    @property
    def _feature_facts(self) -> FeatureMetadata | None:
        name = self.values.get("features")
        return FEATURES[str(name)] if name in FEATURES else None

    @property
    def role(self) -> str:
        """``"image"`` or ``"table"``, the two sides of the question, ``"control"``, ``"leak"`` or ``"fused"``.

        A leak is a table that knows nothing of the content, only how the sample was taken. A frozen body is an image
        where its weights are pretrained, a control where they are random. Of several members it is what all are, else
        ``"fused"``.
        """
        roles = {member.role for member in self.members}
        if roles:
            return roles.pop() if len(roles) == 1 else "fused"
        if self.kind == "frozen":
            return "image" if trained_from(self.training) else "control"
        facts = self._feature_facts
        return "leak" if facts is not None and facts.leak_only else KINDS[self.kind].role

    @property
    def needs_seed(self) -> bool:
        """Whether another seed may give other predictions; a contender that draws nothing is run once."""
        if self.kind == "ensemble":
            return any(member.needs_seed for member in self.members)
        if self.kind == "frozen":
            return not trained_from(self.training)
        facts = self._feature_facts
        if self.kind == "chosen" or (facts is not None and facts.is_random):
            return True  # inner folds are drawn
        return self.kind != "majority" and self.values.get("learner") not in _SEEDLESS_LEARNERS

    @property
    def domain(self) -> str | None:
        """Name of the kind of sample that it reads; None if it reads any, or waits for one."""
        for member in self.members:
            if member.domain is not None:
                return member.domain
        for encoder in self.encoders():
            return encoder.domain.name
        facts = self._feature_facts
        return None if facts is None else facts.domain.name

    def encoders(self) -> tuple[AbstractEncoder, ...]:
        """Make what makes its images, those of its members too; none if it looks at none, or at which is open."""
        if self.members:
            return tuple(encoder for member in self.members for encoder in member.encoders())
        if EVERY in self.values.get("encoder", EVERY):
            return ()
        return get_encoders(self.values["encoder"], **{"size": IMAGE_SIZE, **self.values.get("parameters", {})})

    def trained_with(self, training: Mapping[str, Any]) -> "Contender":
        """Give the contender with values for its trainer, or its members' trainers, where it has none of its own."""
        kind = KINDS[self.kind]
        if kind.members:
            return self.made_of(member.trained_with(training) for member in self.members)
        shared = {
            word: value for word, value in training.items() if not kind.hyperparameters or word in kind.hyperparameters
        }
        if "training" not in kind.fields or not shared:
            return self
        return self.with_values(training={**shared, **self.training})

    def with_inferred_parameters(self, parameters: Mapping[str, Any]) -> "Contender":
        """Give the contender with values for those parameters that its encoders know and that it leaves open."""
        if self.members:
            return self.made_of(member.with_inferred_parameters(parameters) for member in self.members)
        found = parameters_known_to(self.values["encoder"], parameters) if "encoder" in self.values else {}
        if not found:
            return self
        return self.with_values(parameters={**found, **self.values.get("parameters", {})})

    def made_of(self, members: Iterable["Contender"]) -> "Contender":
        """Give the contender with other members."""
        return self.with_values(**{KINDS[self.kind].members: tuple(members)})

    def with_values(self, **values: Any) -> "Contender":
        """Give the contender with other values; a name that was made of the old ones is made again."""
        name = "" if self.name == KINDS[self.kind].title(self) else self.name
        return replace(self, values={**self.values, **values}, name=name)

    def build(self) -> Classifier:
        """Make the unfitted classifier."""
        return KINDS[self.kind].build(self)

    def _with_members(self, kind: Kind) -> dict[str, Any]:
        """Give the values with contenders as members, the grid spread over them, and the defaults of a choice."""
        values = {**kind.usual, **self.values}
        grid, members = values.pop("grid", {}), [Contender.of(one) for one in values[kind.members]]
        if grid:
            members = [one.with_values(**made) for one in members for made in over_grid(one.values, grid)]
        labeled(members)  # refuses one that stands there twice
        if len(members) < 2 and not any(member.open for member in members):
            raise ParameterError(f"contender {self.kind}: expected at least two contenders, got {len(members)}")
        return values | {kind.members: tuple(members)}
