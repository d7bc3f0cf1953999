"""Encoders by name: ``get_encoder("gadf+recurrence(signed=True)", size=64)``."""

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from img_repr.core.dataset import Dataset
from img_repr.core.encoder import AbstractEncoder, Encoder
from img_repr.core.errors import ParameterError, ResultError
from img_repr.core.metadata import ENCODERS
from img_repr.core.registry import did_you_mean
from img_repr.core.stack import EncoderStack


def stack_encoders(*encoders: Encoder) -> EncoderStack:
    """Return one encoder made of several; its image has the channels of all of them.

    Examples
    --------
    >>> from img_repr import get_encoder, stack_encoders
    >>> stack_encoders(get_encoder("gadf", size=32), get_encoder("recurrence", size=32)).name
    'gadf+recurrence'
    """
    return EncoderStack(tuple(encoders))


def get_encoder(name: str, **parameters: Any) -> Encoder | EncoderStack:
    """Get a frozen encoder by name.

    Parameters
    ----------
    name : str
        A key of :func:`list_encoders`, optionally with its own parameters in brackets. Several names with ``+`` between
        them make one image with all their channels: ``"gadf+recurrence(signed=True)"``.
    **parameters
        Keywords of ``encode_<name>``; in a stack each is passed to every part that has it. With the value ``"fit"``,
        :meth:`Encoder.fit` sets the parameter.

    Raises
    ------
    UnknownNameError
        If there is no such encoder; the message suggests similar names.
    ParameterError
        If the encoder has no such parameter.

    Examples
    --------
    >>> from img_repr import get_encoder
    >>> get_encoder("gadf", size=64) == get_encoder("gadf(size=64)")
    True
    >>> get_encoder("gdaf")
    Traceback (most recent call last):
    ...
    img_repr.core.errors.UnknownNameError: no encoder is called 'gdaf'; did you mean 'gasf' or 'gadf' or 'igtd'?
    """
    named = [(ENCODERS[key], own) for key, own in parse_names(name)]
    _check_words(name, parameters, {word for metadata, _ in named for word in metadata.defaults()})
    parts = []
    for metadata, own in named:
        shared = {word: value for word, value in parameters.items() if word in metadata.defaults()}
        parts.append(Encoder.of(metadata, shared | own))
    return parts[0] if len(parts) == 1 else stack_encoders(*parts)


def get_encoders(names: str, **parameters: Any) -> tuple[Encoder | EncoderStack, ...]:
    """Get several encoders, one network each: ``"scalogram|gadf+mtf"`` is two, the second with two channels.

    Parameters
    ----------
    names : str
        Names as :func:`get_encoder` takes them, with ``|`` between them.
    **parameters
        Each is passed to every encoder that has it.

    Examples
    --------
    >>> [encoder.name for encoder in get_encoders("scalogram|gadf+mtf", size=64)]
    ['scalogram', 'gadf+mtf']
    """
    alternatives = _alternatives(names)
    words = [_words_of(one) for one in alternatives]
    _check_words(names, parameters, set().union(*words))
    return tuple(
        get_encoder(one, **{word: value for word, value in parameters.items() if word in known})
        for one, known in zip(alternatives, words, strict=True)
    )


def parameters_known_to(names: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that at least one of the named encoders has.

    Examples
    --------
    >>> parameters_known_to("gadf|mtf", {"n_bins": 4, "color": "red"})
    {'n_bins': 4}
    """
    known = set().union(*(_words_of(one) for one in _alternatives(names)))
    return {word: value for word, value in parameters.items() if word in known}


def encoders_for(dataset: Dataset, names: str | None = None, **parameters: Any) -> tuple[AbstractEncoder, ...]:
    """Get the encoders for a data set, by default its domain's, with the parameters that its samples need.

    Parameters
    ----------
    dataset : Dataset
    names : str, optional
        Names as :func:`get_encoders` takes them.
    **parameters
        Each is passed to every encoder that has it, and overrides inferred values.

    Raises
    ------
    ParameterError
        If an encoder reads another kind of sample; and what :func:`get_encoders` raises.

    Examples
    --------
    >>> from img_repr import load_dataset
    >>> encoders_for(load_dataset("gunpoint"), size=64)
    (get_encoder('gadf', size=64),)
    """
    names = names or dataset.domain.encoder
    for key, _ in (pair for one in _alternatives(names) for pair in parse_names(one)):
        reads = ENCODERS[key].domain.name
        if reads != dataset.domain.name:
            raise ParameterError(
                f"{key}: expected samples of the domain {reads}, got {dataset.domain.name}: {dataset.name}"
            )
    return infer_parameters(get_encoders(names, **parameters), dataset)


def infer_parameters(encoders: Sequence[AbstractEncoder], dataset: Dataset) -> tuple[AbstractEncoder, ...]:
    """Set the parameters that the samples of a data set need, unless they were set explicitly.

    The command line and :class:`ImageClassifier` both call this function, so that both make the same images.

    Examples
    --------
    >>> from img_repr import get_encoder, load_dataset
    >>> sounds = load_dataset("synthetic_sounds")
    >>> infer_parameters([get_encoder("melspectrogram", size=16)], sounds)[0].all_parameters["sample_rate_hz"]
    16000
    """
    values = dataset.infer_parameters()
    return tuple(encoder.with_inferred(values) for encoder in encoders)


def _alternatives(names: str) -> list[str]:
    found, rest = [], _read_expression(names)
    while isinstance(rest, ast.BinOp) and isinstance(rest.op, ast.BitOr):
        found.append(rest.right)
        rest = rest.left
    return [ast.unparse(one) for one in reversed([*found, rest])]


def _words_of(name: str) -> set[str]:
    return {word for key, _ in parse_names(name) for word in ENCODERS[key].defaults()}


def _check_words(names: str, parameters: Mapping[str, Any], known: set[str]) -> None:
    for word in parameters:
        if word not in known:
            hint = f"{did_you_mean(word, known)} known: {', '.join(sorted(known))}".strip()
            raise ParameterError(f"{names}: no parameter is called {word!r}; {hint}")


def parse_names(text: str, caller: str = "encoder") -> list[tuple[str, dict[str, Any]]]:
    """Parse ``"gadf+recurrence(signed=True)"`` into names and their parameters; ``caller`` is for messages.

    Examples
    --------
    >>> parse_names("gadf+recurrence(signed=True)")
    [('gadf', {}), ('recurrence', {'signed': True})]
    """
    found, parts = [], _read_expression(text, caller)
    while isinstance(parts, ast.BinOp) and isinstance(parts.op, ast.Add):
        found.append(parts.right)
        parts = parts.left
    named = []
    for part in reversed([*found, parts]):
        call = part if isinstance(part, ast.Call) else ast.Call(part, [], [])
        if not isinstance(call.func, ast.Name) or call.args:
            raise ParameterError(f"{caller}: expected names like 'gadf+recurrence(signed=True)', got {text!r}")
        try:
            own = {str(word.arg): ast.literal_eval(word.value) for word in call.keywords}
        except (ValueError, TypeError, RecursionError, MemoryError):
            raise ParameterError(f"{caller}: expected plain values in brackets, got {text!r}") from None
        if len(own) < len(call.keywords):
            raise ParameterError(f"{caller}: expected each parameter once, got {text!r}")
        named.append((call.func.id, own))
    return named


def _read_expression(text: str, caller: str = "encoder") -> ast.expr:
    try:
        found = ast.parse(text, mode="eval").body
        ast.unparse(found)  # recurses as deeply as anything below
        return found
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):  # not UTF-8, not text, nested too deeply
        said = repr(text) if len(repr(text)) < 200 else f"{text!r:.200}..."
        raise ParameterError(f"{caller}: expected names like 'gadf+recurrence(signed=True)', got {said}") from None


def list_encoders(domain: str | None = None) -> list[str]:
    """Sorted names of all encoders, or of those of one domain.

    Examples
    --------
    >>> from img_repr import list_encoders
    >>> "gadf" in list_encoders("timeseries")
    True
    """
    return [name for name in ENCODERS if domain is None or ENCODERS[name].domain.name == domain]


def encoder_from_spec(spec: Mapping[str, Any]) -> Encoder | EncoderStack:
    """Return the encoder of a spec from :meth:`AbstractEncoder.spec`."""
    if "parts" in spec:
        return EncoderStack(tuple(_from_spec(part) for part in spec["parts"]))
    return _from_spec(spec)


def _from_spec(spec: Mapping[str, Any]) -> Encoder:
    metadata = ENCODERS[spec["name"]]
    if spec["version"] != metadata.version:
        raise ResultError(
            f"{metadata.name}: expected images of version {metadata.version}, got a record of {spec['version']}, "
            "whose images were others"
        )
    return Encoder.of(metadata, spec["parameters"])
