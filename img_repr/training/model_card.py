"""Model cards: README.md of a saved model, in the format of Hugging Face."""

import json
import re
from collections.abc import Mapping
from typing import Any

from scipy.stats import binomtest

from img_repr.core.card import find_card
from img_repr.core.numbers import is_number
from img_repr.training.network_folder import is_count, is_fraction

CARD = "README.md"
_LIBRARY = "img-repr"
_NAMED = 20  # classes listed by name


def render_card(model: Mapping[str, Any]) -> str:
    """Return the card of a model as Markdown with a YAML header.

    Parameters
    ----------
    model : mapping
        Content of ``model.json``; its ``record`` describes training samples, validation and test.

    Examples
    --------
    >>> card = render_card({"kind": "classifier", "encoders": [{"name": "gadf"}], "record": {}, "classes": ["a", "b"]})
    >>> card.splitlines()[1]
    'library_name: "img-repr"'
    """
    record = model["record"]
    samples = _dict(record.get("samples"))
    name = str(samples.get("name", "unknown data"))
    encoders = [str(one["name"]) for one in model["encoders"]]
    sections = {
        "Data": _data(name, samples, model.get("classes")),
        "Split": _split(record),
        "Score": _scores(record),
        "Images and network": [
            f"Encoders: {', '.join(map(_plain, encoders))}, with the parameters in `model.json`.",
            f"Network: {_plain(_dict(model.get('training')).get('backbone', 'unknown'))}, weights from "
            f"{_plain(_dict(record.get('weights')).get('weights', 'unknown'))}.",
        ],
        "License": _license(name),
        "Limits": _limits(model, samples),
    }
    body = [
        f"# {_plain(', '.join(encoders))} on {_plain(name)}",
        "",
        "Trained by img-repr. To use it:",
        "",
        _usage(model),
    ]
    for title, lines in sections.items():
        body += ["", f"## {title}", "", *(f"- {line}" for line in lines)]
    return "\n".join(["---", *_header(name, encoders, samples, record), "---", "", *body, ""])


def interval(score: float, count: int) -> tuple[float, float]:
    """Return the 95 % interval of an accuracy over independent samples.

    E. B. Wilson: Probable Inference, the Law of Succession, and Statistical Inference, JASA 22, 1927.

    Examples
    --------
    >>> [round(end, 3) for end in interval(0.9, 50)]
    [0.786, 0.957]
    """
    found = binomtest(round(score * count), count).proportion_ci(method="wilson")
    return float(found.low), float(found.high)


def _header(name: str, encoders: list[str], samples: Mapping[str, Any], record: Mapping[str, Any]) -> list[str]:
    """Return the lines of the header; JSON texts are YAML."""
    domain = samples.get("domain")
    tags = [
        _LIBRARY,
        *([domain] if isinstance(domain, str) else []),
        *(part for one in encoders for part in one.split("+")),
    ]
    found = {
        "library_name": _LIBRARY,
        "license": "unknown",
        "tags": list(dict.fromkeys(tags)),
        "metrics": ["accuracy"] if "valid_accuracy" in record else [],
        "datasets": [name] if find_card(name) else [],
    }
    return [f"{word}: {json.dumps(value)}" for word, value in found.items() if value]


def _usage(model: Mapping[str, Any]) -> str:
    kind = {"classifier": "ImageClassifier", "regressor": "ImageRegressor"}.get(model["kind"], "ImageClassifier")
    return f'```python\nfrom img_repr import {kind}\n\nmodel = {kind}.load("FOLDER")\nmodel.predict(samples)\n```'


def _data(name: str, samples: Mapping[str, Any], classes: list[str] | None) -> list[str]:
    lines = [f"{_plain(name)}: {_plain(samples.get('count', 'an unknown number of'))} training samples."]
    if _shape(samples):
        sides = ["any" if one is None else str(one) for one in _shape(samples)]
        lines.append(f"Shape of a sample: ({', '.join(sides)}).")
    if classes:
        more = f" and {len(classes) - _NAMED} more" if len(classes) > _NAMED else ""
        lines.append(f"{len(classes)} classes: {', '.join(map(_plain, classes[:_NAMED]))}{more}.")
    card = find_card(name)
    if card is not None:
        lines.append(f"Source: {card.source}")
    return lines


def _split(record: Mapping[str, Any]) -> list[str]:
    validation = _dict(record.get("validation"))
    if not is_count(validation.get("count")):
        return ["No validation part."]
    by = (
        "no group is in both parts" if validation.get("grouped") else "at random, as many of each class as in the whole"
    )
    lines = [f"Validation: {validation['count']} of the training samples, {by}."]
    notes = record.get("validation_notes")
    return lines + [_plain(note) for note in (notes if isinstance(notes, list) else [])]


def _scores(record: Mapping[str, Any]) -> list[str]:
    lines = []
    test, validation = _dict(record.get("test")), _dict(record.get("validation"))
    if is_fraction(test.get("accuracy")) and is_count(test.get("count")):
        lines.append(_score("test part, scored once", test["accuracy"], test["count"]))
    if is_fraction(record.get("valid_accuracy")) and is_count(validation.get("count")):
        lines.append(
            _score("validation part, which also chose the epoch", record["valid_accuracy"], validation["count"])
        )
    for word in sorted(record):
        if word.startswith("valid_") and word != "valid_accuracy" and is_number(record[word]):
            lines.append(f"{word.removeprefix('valid_')} on the validation part: {record[word]:.3f}")
    return lines or ["The model was not scored."]


def _score(part: str, score: float, count: int) -> str:
    low, high = interval(score, count)
    return f"Accuracy on the {part}: {score:.3f} (95 % interval {low:.3f} to {high:.3f}, {count} independent samples)"


def _license(name: str) -> list[str]:
    card = find_card(name)
    data = f"Training data: {card.license}." if card else "Training data: unknown."
    return ["Of the weights: not stated; whoever publishes them sets it in the header.", data]


def _limits(model: Mapping[str, Any], samples: Mapping[str, Any]) -> list[str]:
    lines = [
        "The score holds for samples like those of training: other sensors, people or programs were not tested.",
    ]
    if model["kind"] == "classifier":
        lines.append("A sample of no class above is assigned to one of them.")
    shape = _shape(samples)
    if shape and shape[-1] is not None and samples.get("domain") == "timeseries":
        lines.append(f"Series of another length than {shape[-1]} are resampled to the same image.")
    return lines


def _dict(value: Any) -> Mapping[str, Any]:
    """Return a part of the record, which may be of another program; empty if it is no object."""
    return value if isinstance(value, dict) else {}


def _shape(samples: Mapping[str, Any]) -> list[int | None]:
    shape = samples.get("shape")
    return shape if isinstance(shape, list) and all(one is None or is_count(one) for one in shape) else []


def _plain(value: Any) -> str:
    """Return text as one line without Markdown or HTML."""
    return re.sub(r"([\\`*_\[\]<>|#~])", r"\\\1", " ".join(str(value).split()))
