"""Checkpoint files: bits and metadata are restored, and any damage is detected."""

import json
import math
import pickle
import random
import stat
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from img_repr.core.errors import ParameterError, ResultError
from img_repr.training.checkpoint_file import DamagedError, looks_whole, read_file, write_file

FLOATS = ["float64", "float32", "float16", "bfloat16", "float8_e4m3fn", "complex64"]
WHOLE = ["int64", "int32", "int16", "int8", "uint8", "uint16", "bool"]


@pytest.fixture
def path(tmp_path):
    """Where a small checkpoint stands."""
    tensors = {"weight": torch.randn(3, 4, 2, 2).to(memory_format=torch.channels_last), "step": torch.tensor(7)}
    write_file(tmp_path / "one.safetensors", tensors, {"epoch": 3, "loss": 1 / 3, "names": ["a", "b"]})
    return tmp_path / "one.safetensors"


def bits(tensor):
    return tensor.detach().resolve_conj().resolve_neg().contiguous().reshape(-1).view(torch.uint8).tolist()


def said_by(caught):
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) < 300
    assert "rror" not in text
    return text


@pytest.mark.parametrize("dtype", FLOATS + WHOLE)
def test_bits_and_memory_layout_are_restored(tmp_path, dtype):
    dtype = getattr(torch, dtype)
    noise = np.random.default_rng(0).integers(0, 2 if dtype == torch.bool else 256, 960, np.uint8)
    flat = torch.from_numpy(noise).view(dtype)  # any pattern of bits, nan with payloads among them
    image = flat[:48].reshape(2, 3, 4, 2)
    tensors = {
        "flat": flat,
        "scalar": flat[7],
        "none": flat[:0].reshape(3, 0),
        "image": image,
        "channels_last": image.to(memory_format=torch.channels_last),
        "one_channel": flat[:24].reshape(2, 1, 3, 4).to(memory_format=torch.channels_last),
        "one_pixel": flat[:24].reshape(6, 4, 1, 1).to(memory_format=torch.channels_last),
        "one_row": flat[:5].reshape(1, 5).T,
        "turned": image.permute(2, 3, 0, 1),
        "slices": flat[:30].reshape(5, 6)[1:4, ::2],
        "expanded": flat[:1].expand(4, 3),
        "": flat[5:6],
    }
    write_file(tmp_path / "one", tensors, {})
    found, _ = read_file(tmp_path / "one")
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert (found[name].dtype, found[name].shape) == (tensor.dtype, tensor.shape), name
        assert bits(found[name]) == bits(tensor), name
        assert found[name].stride() == tensor.clone().stride(), name


def test_shared_memory_parameters_and_lazy_views_are_restored(tmp_path):
    tied, waves = torch.nn.Parameter(torch.randn(4, 5)), torch.randn(3, dtype=torch.complex64)
    tensors = {"a": tied, "b": tied, "row": tied[1], "turned": tied.T, "conj": waves.conj(), "neg": waves.conj().imag}
    write_file(tmp_path / "one", tensors, {})
    found, _ = read_file(tmp_path / "one")
    assert {name: bits(value) for name, value in found.items()} == {name: bits(t) for name, t in tensors.items()}
    found["a"].zero_()  # no parameter any more, and shares memory neither with another nor with the file
    assert bits(found["b"]) == bits(tied) == bits(read_file(tmp_path / "one")[0]["a"])


def test_restored_optimizer_continues_exactly(tmp_path):
    """Moments in another layout than their weights give nonsense in torch's fused AdamW."""

    def go_on(weight, first, second, count):
        gradient = torch.linspace(-1, 1, 108).reshape(weight.shape).to(memory_format=torch.channels_last)
        rates = {"lr": 0.1, "beta1": 0.9, "beta2": 0.99, "weight_decay": 0.1, "eps": 1e-8}
        lists = [weight], [gradient], [first], [second], [], [count]
        torch._fused_adamw_(*lists, amsgrad=False, maximize=False, **rates)

    parts = [part.to(memory_format=torch.channels_last) for part in torch.rand(3, 4, 3, 3, 3)]
    state = dict(zip(("weight", "first", "second"), parts, strict=True)) | {"count": torch.tensor(7.0)}
    write_file(tmp_path / "one", state, {})
    found, _ = read_file(tmp_path / "one")
    start = state["weight"].clone()
    go_on(*state.values())
    go_on(*(found[name] for name in state))
    assert not torch.equal(start, state["weight"])
    assert all(torch.equal(found[name], state[name]) for name in state)


def test_metadata_is_restored_exactly(tmp_path):
    numbers = [0.1, 1 / 3, 5e-324, 1.7976931348623157e308, -0.0, math.inf, -math.inf, math.nan, 2**70, -1, True, None]
    metadata = {"numbers": numbers, "names": ("a", ('ö\n"\\\ud800', "\0")), "": {"deep": {"er": []}}}
    write_file(tmp_path / "one", {}, metadata)
    _, found = read_file(tmp_path / "one")
    assert list(map(repr, found["numbers"])) == list(map(repr, numbers))
    assert found["names"] == ["a", ['ö\n"\\\ud800', "\0"]]
    assert found[""] == {"deep": {"er": []}}
    assert list(found) == list(metadata)


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        (
            {"history": [{"loss": np.float32(1)}]},
            r"\['history'\]\[0\]\['loss'\] to be a JSON value, got float32",
        ),
        ({"epochs": {1: 2}}, r"text for the keys of metadata\['epochs'\], got 1"),
        ({"names": {"a"}}, r"metadata\['names'\] to be a JSON value, got set"),
        ({"weight": torch.ones(1)}, "got Tensor"),
    ],
)
def test_rejects_metadata_that_json_would_change(tmp_path, metadata, said):
    with pytest.raises(ParameterError, match=said):
        write_file(tmp_path / "one", {}, metadata)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "wrong",
    [
        np.ones(2),
        torch.eye(2).to_sparse(),
        torch.ones(2, device="meta"),
        torch.ones(2, dtype=torch.complex128),
    ],
)
def test_rejects_tensors_that_are_not_dense(tmp_path, wrong):
    with pytest.raises(ParameterError, match="expected a dense tensor that safetensors stores as 'moment'") as caught:
        write_file(tmp_path / "one", {"weight": torch.ones(2), "moment": wrong}, {})
    said_by(caught)
    assert not list(tmp_path.iterdir())


def test_unreadable_file_is_detected_when_written(tmp_path):
    with pytest.raises(DamagedError, match="duplicate field"):
        write_file(tmp_path / "one", {"__metadata__": torch.ones(2)}, {})


def test_file_has_the_default_permissions(path):
    path.with_name("plain").touch()
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(path.with_name("plain").stat().st_mode)


def test_returns_none_if_there_is_no_checkpoint(path):
    for place in (path.with_name("none"), path / "below"):
        assert read_file(place) is None
        assert not looks_whole(place)


def test_detects_truncation_at_any_length(path):
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(DamagedError) as caught:
            read_file(path)
        said_by(caught)
        assert not looks_whole(path)
    for longer in (b"\0", whole):
        path.write_bytes(whole + longer)
        with pytest.raises(DamagedError):
            read_file(path)


def test_detects_any_changed_byte(path):
    whole, (tensors, metadata) = path.read_bytes(), read_file(path)
    header, unknown = 8 + int.from_bytes(whole[:8], "little"), 0
    for place in range(len(whole)):
        flipped = bytearray(whole)
        flipped[place] ^= random.Random(place).randrange(1, 256)
        path.write_bytes(flipped)
        if place >= header:
            with pytest.raises(DamagedError, match="its bytes changed"):
                read_file(path)
            continue
        try:
            again, same = read_file(path)
        except DamagedError:
            pass
        except ResultError:  # the word or the number by which it is known
            unknown += 1
        else:  # a byte that says nothing
            assert same == metadata
            assert {name: bits(value) for name, value in again.items()} == {n: bits(t) for n, t in tensors.items()}
    assert unknown < 60


class Planted:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_reading_never_unpickles(path):
    mark = path.with_name("unpickled")
    for write in (lambda: torch.save(Planted(mark), path), lambda: path.write_bytes(pickle.dumps(Planted(mark)))):
        write()
        with pytest.raises(DamagedError, match="header"):
            read_file(path)
    assert not mark.exists()
    pickle.loads(path.read_bytes())
    assert mark.exists()  # the plant works


def test_rejects_files_without_tensors(path):
    path.write_text("epoch 1: loss 0.5\n" * 30)
    with pytest.raises(DamagedError, match="header too large"):
        read_file(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(DamagedError):
        read_file(path)


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        {"format": "pt"},
        {"img_repr_checkpoint": json.dumps({"format": 1, "metadata": {}, "orders": {}, "checksum": 0})},
        {"img_repr_checkpoint": "[1]"},
    ],
)
def test_distinguishes_foreign_files_from_damaged_ones(path, metadata):
    save_file({"weight": torch.ones(3)}, path, metadata)
    for action in (read_file, looks_whole):
        with pytest.raises(ResultError, match="expected a checkpoint of a training, format 2, got") as caught:
            action(path)
        assert said_by(caught).startswith(str(path))


@pytest.mark.parametrize("text", ["{", "[" * 100_000, '{"format": 2}', '{"format": 2, "checksum": 0, "metadata": {}}'])
def test_rejects_invalid_records(path, text):
    save_file({"weight": torch.ones(3)}, path, {"img_repr_checkpoint": text})
    with pytest.raises(DamagedError) as caught:
        read_file(path)
    said_by(caught)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_tensors_on_a_gpu_are_restored_on_the_cpu(tmp_path):
    weight = torch.randn(6, 3, 5, 5, device="cuda").to(memory_format=torch.channels_last)
    tensors = {"weight": weight, "same": weight, "half": weight.bfloat16(), "count": torch.tensor(3, device="cuda")}
    write_file(tmp_path / "one", tensors, {})
    found, _ = read_file(tmp_path / "one")
    for name, tensor in tensors.items():
        assert found[name].device.type == "cpu"
        assert bits(found[name]) == bits(tensor.cpu())
        assert found[name].stride() == tensor.stride()
