"""Pretrained weights: found, checked, read without executing code, and never replaced by random ones.

The reason for its length: every kind of weight file, sound and hostile, in one small zoo.
"""

import argparse
import contextlib
import gc
import hashlib
import pickle
import re
import shutil
import socket
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torchvision import models

from img_repr.core.errors import ParameterError, WeightsError
from img_repr.training import download as downloads
from img_repr.training import weights as module
from img_repr.training.backbone import build_backbone
from img_repr.training.trainer import Trainer
from img_repr.training.weights import FOLDER_VARIABLE, FULL_SHA256, find_weights

CPU = torch.device("cpu")


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def state():
    """A state dictionary of resnet18 as torchvision makes it, with values that no seed gives."""
    network = models.get_model("resnet18", weights=None)
    generator = torch.Generator().manual_seed(1234)
    for name, value in network.state_dict().items():
        if value.is_floating_point():
            value.copy_(torch.rand(value.shape, generator=generator) * 0.1 + name.endswith("var"))
    return network.state_dict()


@pytest.fixture(scope="module")
def files(state, tmp_path_factory):
    """The same weights in both formats, and under a name that carries the beginning of their hash."""
    folder = tmp_path_factory.mktemp("weights")
    torch.save(state, folder / "mine.pth")
    save_file({name: value.contiguous() for name, value in state.items()}, folder / "mine.safetensors")
    shutil.copy(folder / "mine.pth", folder / f"resnet18-{sha256(folder / 'mine.pth')[:8]}.pth")
    return folder


@pytest.fixture
def named(files):
    return next(files.glob("resnet18-*.pth"))


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """No folder of weights, an empty cache of torch's, no proxy, and nothing beyond this machine."""
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(module, "_torchvision_url", lambda backbone: pytest.fail("this test names no address"))


@pytest.fixture
def published_at(monkeypatch):
    """Say where torchvision keeps the weights."""
    return lambda url: monkeypatch.setattr(module, "_torchvision_url", lambda backbone: url)


@pytest.fixture
def server(tmp_path):
    """A real server on this machine: its folder and its address."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *told):
            pass

    folder = tmp_path / "served"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.02,))
        thread.start()
        yield folder, f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


def closed_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class Touch:
    """A pickle that makes a file when it is read."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("name", ["mine.pth", "mine.safetensors"])
def test_file_is_read_completely(files, state, name):
    found = find_weights(str(files / name), "resnet18")
    assert (found.source, found.sha256) == (name, sha256(files / name))
    assert set(found.state) == set(state)
    assert all(torch.equal(found.state[key], value) for key, value in state.items())
    assert find_weights(files / name, "resnet18").sha256 == found.sha256
    assert found.record() == {"file": name, "sha256": sha256(files / name), "checked": "nothing"}


@pytest.mark.parametrize("name", ["mine.pth", "mine.safetensors"])
def test_trainer_starts_from_a_file_with_new_head_and_adapted_stem(files, state, name):
    path = str(files / name)
    values = {"classes": 3, "channels": 1, "seed": 5, "backbone": "resnet18", "device": CPU}
    trainer, scratch = Trainer(weights=path, **values), Trainer(**values)
    assert trainer.weights.items() >= {"weights": path, "file": name, "sha256": sha256(files / name)}.items()
    assert scratch.weights == {"weights": "random"}
    own = trainer.network.body.state_dict()
    torch.testing.assert_close(own.pop("conv1.weight"), state["conv1.weight"].sum(dim=1, keepdim=True))
    assert set(own) == set(state) - {"conv1.weight", "fc.weight", "fc.bias"}
    assert all(torch.equal(value, state[key]) for key, value in own.items())
    head, new = trainer.network.head.state_dict(), scratch.network.head.state_dict()
    assert all(torch.equal(head[key], new[key]) for key in new)
    assert not torch.equal(scratch.network.body.layer1[0].conv1.weight, state["layer1.0.conv1.weight"])


def test_older_files_without_batch_counters_fit(files, state, tmp_path):
    older = {name: value for name, value in state.items() if not name.endswith("num_batches_tracked")}
    assert len(older) < len(state)
    torch.save(older, tmp_path / "older.pth")
    trainer = Trainer(classes=2, channels=3, backbone="resnet18", weights=str(tmp_path / "older.pth"), device=CPU)
    assert torch.equal(trainer.network.body.conv1.weight, state["conv1.weight"])
    assert torch.equal(trainer.network.body.bn1.running_var, state["bn1.running_var"])


def test_weights_of_the_small_network_fit_it(tmp_path):
    body = build_backbone("small", channels=2, classes=9).body.state_dict()
    save_file({name: value.contiguous() for name, value in body.items()}, tmp_path / "small.safetensors")
    path = str(tmp_path / "small.safetensors")
    trainer = Trainer(classes=2, channels=2, weights=path, device=CPU)
    assert all(torch.equal(value, body[name]) for name, value in trainer.network.body.state_dict().items())
    with pytest.raises(WeightsError, match=r"expected small.safetensors to fit backbone 'resnet18', got 100 missing"):
        Trainer(classes=2, channels=2, weights=path, backbone="resnet18", device=CPU)


@pytest.mark.parametrize("ends_in_scores", [True, False])
def test_weights_of_a_user_module_fit_it_by_name(tmp_path, ends_in_scores):
    ending = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10)] if ends_in_scores else []
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 8, 3), *ending)
    state = {name: torch.rand_like(value.float()) for name, value in module.state_dict().items()}
    torch.save(state, tmp_path / "mine.pth")
    trainer = Trainer(classes=2, channels=1, backbone=module, weights=str(tmp_path / "mine.pth"), device=CPU)
    body = trainer.network.body
    torch.testing.assert_close(body[0].weight, state["0.weight"].sum(dim=1, keepdim=True))
    assert torch.equal(body[1].running_var, state["1.running_var"])
    assert torch.equal(body[3].weight, state["3.weight"])


def test_imagenet_weights_are_read_from_the_folder_variable(named, monkeypatch, published_at):
    published_at(f"http://127.0.0.1:{closed_port()}/{named.name}")
    monkeypatch.setenv(FOLDER_VARIABLE, str(named.parent))
    trainer = Trainer(classes=2, channels=1, backbone="resnet18", weights="imagenet", device=CPU)
    assert trainer.weights.items() >= {"weights": "imagenet", "file": named.name, "sha256": sha256(named)}.items()


def test_imagenet_weights_are_read_from_torchs_cache(named, tmp_path, published_at):
    published_at(f"http://127.0.0.1:{closed_port()}/{named.name}")
    cache = tmp_path / "torch" / "hub" / "checkpoints"
    cache.mkdir(parents=True)
    shutil.copy(named, cache)
    assert find_weights("imagenet", "resnet18").sha256 == sha256(named)


def test_rejects_published_file_with_wrong_checksum(named, tmp_path, monkeypatch, published_at):
    shutil.copy(named, tmp_path / "resnet18-0123abcd.pth")
    published_at(f"http://127.0.0.1:{closed_port()}/resnet18-0123abcd.pth")
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    with pytest.raises(WeightsError, match=rf"the published sha256 0123abcd\.\.\., got {sha256(named)[:12]}\.\.\."):
        find_weights("imagenet", "resnet18")


def test_record_says_if_only_digits_were_checked(named, monkeypatch, published_at):
    published_at(f"http://127.0.0.1:{closed_port()}/{named.name}")
    monkeypatch.setenv(FOLDER_VARIABLE, str(named.parent))
    assert find_weights("imagenet", "resnet18").checked == "8 digits"


def test_full_checksum_is_checked_if_known(named, monkeypatch, published_at):
    published_at(f"http://127.0.0.1:{closed_port()}/{named.name}")
    monkeypatch.setenv(FOLDER_VARIABLE, str(named.parent))
    monkeypatch.setitem(FULL_SHA256, named.name, sha256(named)[:8] + 56 * "0")
    with pytest.raises(
        WeightsError, match=rf"published sha256 {sha256(named)[:8]}0000\.\.\., got {sha256(named)[:12]}"
    ):
        find_weights("imagenet", "resnet18")
    monkeypatch.setitem(FULL_SHA256, named.name, sha256(named))
    assert find_weights("imagenet", "resnet18").checked == "sha256"
    assert find_weights(named, "resnet18").checked == "sha256"  # by path too: it is what was published


def test_file_with_wrong_checksum_is_not_opened(tmp_path, published_at):
    published_at(f"http://127.0.0.1:{closed_port()}/resnet18-f37072fd.pth")
    cache, marker = tmp_path / "torch" / "hub" / "checkpoints", tmp_path / "ran"
    cache.mkdir(parents=True)
    torch.save({"conv1.weight": Touch(marker)}, cache / "resnet18-f37072fd.pth")
    with pytest.raises(WeightsError, match=r"the published sha256 f37072fd47e8\.\.\., got .*: delete it"):
        find_weights("imagenet", "resnet18")
    assert not marker.exists()


def test_digits_in_the_name_of_a_user_file_are_ignored(named, tmp_path):
    shutil.copy(named, tmp_path / "mine-20261105.pth")
    assert find_weights(tmp_path / "mine-20261105.pth", "resnet18").sha256 == sha256(named)


def old_save(thing, path):
    torch.save(thing, path, _use_new_zipfile_serialization=False)


def plain_pickle(thing, path):
    path.write_bytes(pickle.dumps(thing))


@pytest.mark.parametrize("save", [torch.save, old_save, plain_pickle])
@pytest.mark.parametrize("name", ["planted.pth", "planted.pt", "planted.safetensors"])
def test_rejects_file_with_code_without_running_it(tmp_path, save, name):
    marker = tmp_path / "ran"
    save({"conv1.weight": Touch(marker)}, tmp_path / name)
    with pytest.raises(WeightsError, match=f"weights: expected tensors in .*{name}, got "):
        find_weights(tmp_path / name, "resnet18")
    assert not marker.exists()
    if save is plain_pickle:
        pickle.loads((tmp_path / name).read_bytes())
        assert marker.exists()  # the trap was a real one


@pytest.mark.parametrize("name", ["mine.pth", "mine.safetensors"])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.6])
def test_rejects_truncated_file(files, tmp_path, name, share):
    whole = (files / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(WeightsError, match=f"weights: expected tensors in .*{name}, got ") as refused:
        find_weights(tmp_path / name, "resnet18")
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize("thing", [[torch.zeros(2)], {"state_dict": {"a": [1.0]}}, {"epoch": 3}, torch.zeros(3)])
def test_rejects_file_of_other_content(tmp_path, thing):
    torch.save(thing, tmp_path / "other.pth")
    with pytest.raises(WeightsError, match=r"expected a dictionary of tensors in .*other\.pth"):
        find_weights(tmp_path / "other.pth", "resnet18")


@pytest.mark.parametrize("what", ["nowhere.pth", "ImageNet", ""])
def test_rejects_path_that_is_not_a_file(what):
    with pytest.raises(WeightsError, match=f"expected 'imagenet' or a file, got '{what}', which is not a file"):
        find_weights(what, "resnet18")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda state: state.pop("layer3.0.conv1.weight"), r"1 missing \(layer3\.0\.conv1\.weight\), 0 of other"),
        (lambda state: state.update({"layer3.0.bn1.bias": torch.zeros(3)}), r"1 of other shapes \(layer3\.0\.bn1\.b"),
        (lambda state: state.update({"layer1.2.conv1.weight": torch.zeros(3)}), r"1 unused \(layer1\.2\."),
        (lambda state: state.clear(), r"got 100 missing"),
    ],
)
def test_rejects_weights_of_another_network(state, tmp_path, change, said):
    other = dict(state)
    change(other)
    torch.save(other, tmp_path / "other.pth")
    with pytest.raises(WeightsError, match=rf"expected other\.pth to fit backbone 'resnet18', .*({said})"):
        Trainer(classes=2, channels=1, backbone="resnet18", weights=str(tmp_path / "other.pth"), device=CPU)


def test_rejects_weights_of_a_deeper_network(tmp_path):
    torch.save(models.get_model("resnet34", weights=None).state_dict(), tmp_path / "deeper.pth")
    with pytest.raises(WeightsError, match=r"got 0 missing .* unused"):
        Trainer(classes=2, channels=1, backbone="resnet18", weights=str(tmp_path / "deeper.pth"), device=CPU)


def test_side_heads_of_a_file_are_skipped(tmp_path):
    whole = models.get_model("googlenet", weights=None, init_weights=False)
    torch.save(whole.state_dict(), tmp_path / "side.pth")
    trainer = Trainer(classes=2, channels=1, backbone="googlenet", weights=str(tmp_path / "side.pth"), device=CPU)
    assert torch.equal(trainer.network.body.inception4a.branch1.conv.weight, whole.inception4a.branch1.conv.weight)


def test_offline_error_names_places_and_alternatives(tmp_path, monkeypatch, published_at):
    url = f"http://127.0.0.1:{closed_port()}/resnet18-0123abcd.pth"
    published_at(url)
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "mine"))
    with pytest.raises(WeightsError) as refused:
        find_weights("imagenet", "resnet18")
    said = str(refused.value)
    for word in (url, "resnet18-0123abcd.pth", "'resnet18'", str(tmp_path / "mine"), str(tmp_path / "torch"),
                 f"set {FOLDER_VARIABLE} to its folder", "weights=PATH", "weights=None"):  # fmt: skip
        assert word in said
    with pytest.raises(WeightsError):
        Trainer(classes=2, channels=1, backbone="resnet18", weights="imagenet", device=CPU)


def test_download_is_checked_and_cached(named, server, tmp_path, published_at):
    served, address = server
    shutil.copy(named, served)
    published_at(f"{address}/{named.name}")
    found = find_weights("imagenet", "resnet18")
    assert (found.source, found.sha256) == (named.name, sha256(named))
    (served / named.name).unlink()
    assert find_weights("imagenet", "resnet18").sha256 == found.sha256
    assert [path.name for path in (tmp_path / "torch/hub/checkpoints").iterdir()] == [named.name]


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-9]), r"\d+ bytes with the sha256 [0-9a-f]{12}\.\.\."),
        (lambda path: path.unlink(), r"HTTP Error 404"),
    ],
)
def test_failed_download_leaves_no_file(named, server, tmp_path, published_at, break_it, said):
    served, address = server
    shutil.copy(named, served)
    break_it(served / named.name)
    published_at(f"{address}/{named.name}")
    with pytest.raises(WeightsError, match=rf"got {said}.*weights=None"):
        find_weights("imagenet", "resnet18")
    assert list((tmp_path / "torch/hub/checkpoints").iterdir()) == []


@pytest.fixture
def rude_server():
    """A server that sends what it is told and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        door.settimeout(10)
        answers = []

        def serve():
            for answer in answers:
                with door.accept()[0] as caller:
                    caller.recv(65536)
                    caller.sendall(answer)

        thread = threading.Thread(target=serve)
        yield answers, thread, f"http://127.0.0.1:{door.getsockname()[1]}"
        thread.join()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.0 200 OK\r\nContent-Length: 900000\r\n\r\n" + 5000 * b"x",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n" + 5000 * b"x",
        b"what?\r\n\r\n",
        b"",
    ],
)
def test_broken_connection_leaves_no_file(rude_server, tmp_path, published_at, answer):
    answers, thread, address = rude_server
    answers.append(answer)
    thread.start()
    published_at(f"{address}/resnet18-f37072fd.pth")
    with pytest.raises(WeightsError, match=r"expected resnet18-f37072fd\.pth for backbone 'resnet18' .*weights=None"):
        find_weights("imagenet", "resnet18")
    assert list((tmp_path / "torch/hub/checkpoints").iterdir()) == []


def test_silent_server_times_out(tmp_path, monkeypatch, published_at):
    monkeypatch.setattr(module, "_TIMEOUT_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes the call and says nothing
        published_at(f"http://127.0.0.1:{silent.getsockname()[1]}/resnet18-f37072fd.pth")
        with pytest.raises(WeightsError, match=r"got .*timed out.*weights=None"):
            find_weights("imagenet", "resnet18")
    assert list((tmp_path / "torch/hub/checkpoints").iterdir()) == []


def endless(piece, pause_s, head=b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"):
    def serve(caller, ended):
        caller.sendall(head)
        while not ended.wait(pause_s):
            caller.sendall(piece)

    return serve


def once(answer):
    return lambda caller, ended: caller.sendall(answer)


def redirect(address):
    return once(b"HTTP/1.1 302 Found\r\nLocation: " + address + b"\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("serve", "said"),
    [
        (endless(b"a", 0.02), "too slow: timed out"),
        (endless(b"a", 0.02, b"HTTP/1.1 200 OK\r\n"), "timed out"),  # the head of the answer has no end
        (endless(b"a" * 1000, 0.0, b"HTTP/1.1 200 OK\r\n\r\n"), "more than 100,000 bytes"),
        (once(b"HTTP/1.1 200 OK\r\nContent-Length: 100001\r\n\r\n"), "100,001 bytes, more than 100,000"),
        (once(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nabc\r\n"), "got "),
        (redirect(b"file:///etc/passwd"), "got .*file:///etc/passwd"),
        (redirect(b"ftp://127.0.0.1/x"), "a redirect to 'ftp://127.0.0.1/x'"),
        (redirect(b"http://[::1"), "got "),
        (redirect(b"http://a..b/"), "got "),
        (redirect(b""), "got "),
        (redirect(b"/resnet18-f37072fd.pth"), "got "),  # to itself
    ],
)
def test_bad_download_is_an_error_in_one_sentence(tmp_path, monkeypatch, published_at, serve, said):
    monkeypatch.setattr(module, "_TIMEOUT_S", 0.3)
    monkeypatch.setattr(downloads, "_MAX_BYTES", 100_000 if "100,0" in said else 1 << 30)

    ended = threading.Event()

    def answer_all(door):
        with contextlib.suppress(OSError):
            while True:
                caller, _ = door.accept()
                with caller, contextlib.suppress(OSError):
                    caller.recv(65536)
                    serve(caller, ended)

    with socket.create_server(("127.0.0.1", 0)) as door:
        threading.Thread(target=answer_all, args=(door,), daemon=True).start()
        published_at(f"http://127.0.0.1:{door.getsockname()[1]}/resnet18-f37072fd.pth")
        with pytest.raises(WeightsError, match=rf"expected resnet18-f37072fd\.pth .*{said}.*weights=None"):
            find_weights("imagenet", "resnet18")
    ended.set()
    time.sleep(0.2)  # the thread that asked hears the end of its connection
    gc.collect()
    assert list((tmp_path / "torch/hub/checkpoints").iterdir()) == []


def test_old_densenet_names_are_converted(tmp_path):
    torch.manual_seed(3)
    network = models.get_model("densenet121", weights=None)
    old = {
        re.sub(r"(denselayer\d+\.(?:norm|conv))([12])", r"\1.\2", name): value
        for name, value in network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    torch.save(old, tmp_path / "densenet.pth", _use_new_zipfile_serialization=False)
    trainer = Trainer(classes=2, channels=3, backbone="densenet121", weights=str(tmp_path / "densenet.pth"), device=CPU)
    own = trainer.network.body.state_dict()
    given = {name: value for name, value in network.state_dict().items() if not name.startswith("classifier")}
    assert set(own) == set(given)
    assert all(torch.equal(own[name], value) for name, value in given.items())


def test_known_checksums_match_the_names_of_default_files():
    addresses = {models.get_model_weights(name).DEFAULT.url for name in models.list_models(module=models)}
    names = {url.rsplit("/", 1)[-1] for url in addresses} | {"efficientnet-lite0-57934424.pth"}
    assert set(FULL_SHA256) <= names
    for name, digest in FULL_SHA256.items():
        assert len(digest) == 64
        assert digest.startswith(module._digits_in_name(name))
    assert len(set(FULL_SHA256.values())) == len(FULL_SHA256)


def test_url_is_torchvisions_with_a_hash(monkeypatch):
    monkeypatch.undo()
    assert module._torchvision_url("resnet18").endswith("/resnet18-f37072fd.pth")
    addresses = [module._torchvision_url(name) for name in models.list_models(module=models)]
    assert min(len(module._digits_in_name(url.rsplit("/", 1)[-1])) for url in addresses) == 8


@pytest.mark.parametrize("backbone", ["small", "resnet19", "own Mine"])
def test_imagenet_weights_need_a_torchvision_network(monkeypatch, backbone):
    monkeypatch.undo()
    with pytest.raises(WeightsError, match=f"expected a torchvision network for 'imagenet', got backbone '{backbone}'"):
        find_weights("imagenet", backbone)


WRAPPERS = {
    "DataParallel": lambda state: {f"module.{name}": value for name, value in state.items()},
    "torch.compile": lambda state: {f"_orig_mod.{name}": value for name, value in state.items()},
    "both": lambda state: {"net": {f"module._orig_mod.{name}": value for name, value in state.items()}},
    "Lightning": lambda state: {
        "state_dict": {f"model.{name}": value for name, value in state.items()} | {"loss.weight": torch.ones(2)},
        "epoch": 3,
        "hparams": {"rate": 0.1},
    },
    "torchvision's references": lambda state: {
        "model": state,
        "optimizer": {"state": {0: {"step": torch.tensor(1.0)}}, "param_groups": [{"lr": 0.1}]},
        "args": argparse.Namespace(epochs=90),
    },
    "a tutorial": lambda state: {"model_state_dict": state, "optimizer_state_dict": {}, "loss": torch.tensor(0.5)},
    "an average alone": lambda state: {"ema": {"n_averaged": torch.tensor(3)} | WRAPPERS["DataParallel"](state)},
    "half precision": lambda state: {
        name: value.half() if value.is_floating_point() else value for name, value in state.items()
    },
    "a head of two layers": lambda state: (
        {name: value for name, value in state.items() if not name.startswith("fc.")}
        | {"fc.0.weight": torch.ones(4, 512), "fc.2.weight": torch.ones(3, 4)}
    ),
}


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_reads_wrapped_checkpoints_of_other_trainers(state, tmp_path, wrapper):
    torch.save(WRAPPERS[wrapper](state), tmp_path / "other.pth")
    trainer = Trainer(classes=3, channels=3, backbone="resnet18", weights=str(tmp_path / "other.pth"), device=CPU)
    own = trainer.network.body.state_dict()
    for name, value in own.items():
        wanted = state[name].half().float() if wrapper == "half precision" else state[name]
        torch.testing.assert_close(value, wanted.to(value.dtype), rtol=0, atol=0)


def test_prefers_weights_to_their_average(state, tmp_path):
    other = {name: torch.zeros_like(value) for name, value in state.items()}
    torch.save({"ema": other, "model": state}, tmp_path / "both.pth")
    found = find_weights(tmp_path / "both.pth", "resnet18")
    assert torch.equal(found.state["conv1.weight"], state["conv1.weight"])


def test_removed_prefix_is_recorded(state, tmp_path):
    torch.save(WRAPPERS["Lightning"](state), tmp_path / "other.ckpt")
    values = {"classes": 3, "channels": 3, "backbone": "resnet18", "device": CPU}
    assert Trainer(weights=str(tmp_path / "other.ckpt"), **values).weights["prefix"] == "model."


def test_object_in_a_checkpoint_is_named_and_not_created(tmp_path):
    marker = tmp_path / "ran"
    torch.save({"model": {"a": torch.zeros(2)}, "args": Touch(marker)}, tmp_path / "other.pth")
    with pytest.raises(
        WeightsError, match=r"got an object of [\w.]+, which is never loaded .* save only the dictionary"
    ):
        find_weights(tmp_path / "other.pth", "resnet18")
    assert not marker.exists()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("where", ["layer4.1.conv2.weight", "bn1.running_mean"])
def test_error_names_weights_that_are_not_finite(state, tmp_path, value, where):
    torch.save(state | {where: torch.full_like(state[where], value)}, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=rf"finite numbers in w\.pth, got NaN or infinity in 1 of \d+ .*\({where}\)"):
        Trainer(classes=2, channels=3, backbone="resnet18", weights=str(tmp_path / "w.pth"), device=CPU)


def test_unused_head_may_be_not_finite(state, tmp_path):
    torch.save(state | {"fc.weight": torch.full_like(state["fc.weight"], float("nan"))}, tmp_path / "w.pth")
    Trainer(classes=2, channels=3, backbone="resnet18", weights=str(tmp_path / "w.pth"), device=CPU)


def test_rejects_module_with_weights_that_are_not_finite():
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    module[0].weight.data[0] = float("nan")
    with pytest.raises(
        ParameterError, match=r"expected finite weights in own Sequential, got NaN .* \(body\.0\.weight\)"
    ):
        Trainer(classes=2, channels=3, backbone=module, device=CPU)


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin", "mine.pth"])
def test_folder_with_one_file_of_weights_is_accepted(state, tmp_path, name):
    (tmp_path / "config.json").write_text("{}")
    if name.endswith("safetensors"):
        save_file({key: value.contiguous() for key, value in state.items()}, tmp_path / name)
    else:
        torch.save(state, tmp_path / name)
    assert find_weights(tmp_path, "resnet18").source == name


def test_folder_with_several_files_is_an_error(state, tmp_path):
    for name in ("one.pth", "two.pth"):
        (tmp_path / name).touch()
    with pytest.raises(
        WeightsError, match=r"expected one file of weights in .*, got one\.pth, two\.pth; pass the path of the file"
    ):
        find_weights(tmp_path, "resnet18")


def test_saved_model_is_a_source_of_body_weights(tmp_path):
    first = Trainer(classes=3, channels=1, seed=4, device=CPU)
    first.save(tmp_path / "network")
    second = Trainer(classes=2, channels=1, weights=str(tmp_path / "network"), device=CPU)
    own = first.network.body.state_dict()
    assert all(torch.equal(value, own[name]) for name, value in second.network.body.state_dict().items())


@pytest.mark.parametrize("value", [torch.zeros(2, dtype=torch.complex64)])
def test_rejects_tensors_that_are_not_weights(tmp_path, value):
    torch.save({"conv1.weight": value}, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=r"expected dense real tensors by name in .*, got 'conv1.weight' of "):
        find_weights(tmp_path / "w.pth", "resnet18")


def test_rejects_too_long_path():
    with pytest.raises(WeightsError, match="expected 'imagenet' or a file, got 'aaa"):
        find_weights("a" * 5000, "resnet18")


def test_no_folder_named_tilde_without_a_home(monkeypatch, tmp_path):
    from img_repr.training import weights

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: "~/.cache/torch/hub")  # what torch says of a user without a home
    monkeypatch.setenv("IMG_REPR_CACHE", str(tmp_path / "cache"))
    assert weights._torch_cache() == tmp_path / "cache" / "weights"
    assert not (tmp_path / "~").exists()
