"""Pretrained weights in a network: what must fit, what may differ, and the record of which they are."""

from typing import Any

from torch import Tensor, nn

from img_repr.core.errors import ParameterError, WeightsError
from img_repr.training.network import Network
from img_repr.training.stem import adapt_stem
from img_repr.training.weights import find_weights
from img_repr.training.weights_file import not_finite, without_prefix


def load_pretrained(network: Network, weights: str, backbone: str) -> dict[str, Any]:
    """Put pretrained weights into a network's body; only the head and an adapted stem may differ.

    Parameters
    ----------
    network : Network
    weights : str
        ``"imagenet"`` or a path, see :func:`img_repr.training.weights.find_weights`.
    backbone : str
        Name of the network.

    Returns
    -------
    dict
        For the record of a run: which weights these really are.

    Raises
    ------
    WeightsError
        If they cannot be had, do not fit, or hold NaN or infinity.
    """
    found = find_weights(weights, backbone)
    own = network.body.state_dict()
    plain, prefix = without_prefix(found.state, own)
    state = adapt_stem(plain, own)
    for name in own:  # older files lack a counter that no network here reads
        if name.endswith("num_batches_tracked"):
            state.setdefault(name, own[name])
    missing = sorted(set(own) - set(state))
    wrong = sorted(name for name in set(own) & set(state) if own[name].shape != state[name].shape)
    surplus = sorted(set(state) - set(own) - _of_a_head(network.body, state))
    if missing or wrong or surplus:
        raise WeightsError(
            f"weights: expected {found.source} to fit backbone {backbone!r}, got {len(missing)} missing "
            f"({', '.join(missing[:3])}), {len(wrong)} of other shapes ({', '.join(wrong[:3])}) and {len(surplus)} "
            f"without a place ({', '.join(surplus[:3])})"
        )
    bad = not_finite({name: state[name] for name in own})
    if bad:
        raise WeightsError(
            f"weights: expected finite numbers in {found.source}, got NaN or infinity in {len(bad)} of {len(own)} "
            f"tensors ({', '.join(prefix + name for name in bad[:3])})"
        )
    network.body.load_state_dict({name: state[name] for name in own})
    return {"weights": weights} | found.record() | ({"prefix": prefix} if prefix else {})


def check_module_weights(network: Network, caller: str) -> None:
    """Refuse a module that came with weights that are no numbers.

    Raises
    ------
    ParameterError
    """
    bad = not_finite(network.state_dict())
    if bad:
        raise ParameterError(
            f"backbone: expected finite weights in {caller}, got NaN or infinity in {len(bad)} tensors "
            f"({', '.join(bad[:3])})"
        )


def _of_a_head(body: nn.Module, state: dict[str, Tensor]) -> set[str]:
    """Names of the weights of the head that the body came without, and of side heads that only training uses."""
    taken_off = {path for path, part in body.named_modules() if isinstance(part, nn.Identity)}
    return {
        name
        for name in state
        if name.rpartition(".")[0] in taken_off
        or name.partition(".")[0] in taken_off  # a head of several layers
        or name.lower().startswith("aux")
    }
