"""TensorFlow's and Keras' files, written here byte by byte, and how damaged ones are refused."""

import numpy as np
import pytest

from img_repr.core.errors import WeightsError
from img_repr.training.tensorflow_file import BUNDLE, read_bundle, read_hdf5
from img_repr.training.weights_file import find_file, read_tensors
from tests.training.tensorflow_files import write_bundle

TENSORS = {
    "model/dense/kernel": np.arange(600, dtype=np.float32).reshape(2, 300),
    "model/dense/bias": np.array([1.5, -2.5, np.pi], np.float32),
    "model/scale": np.array(7.0, np.float32),
    "save_counter": np.array([3], np.int64),
}


def test_variables_of_a_saved_model(tmp_path):
    path = find_file(write_bundle(tmp_path, TENSORS))
    assert path.name == BUNDLE
    found = read_tensors(path)
    assert list(found) == ["model/dense/bias", "model/dense/kernel", "model/scale"]
    for name, value in found.items():
        np.testing.assert_array_equal(value.numpy(), TENSORS[name])


def damage_index(change):
    def damage(folder):
        path = folder / "variables" / "variables.index"
        path.write_bytes(change(path.read_bytes()))

    return damage


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "variables" / "variables.index").unlink(),
        lambda folder: (folder / "variables" / BUNDLE).write_bytes(b"\0" * 90),
        lambda folder: (folder / "variables" / BUNDLE).write_bytes(b""),
        lambda folder: write_bundle(folder, TENSORS, compression=1),
        damage_index(lambda data: data[:-1]),
        damage_index(lambda data: b""),
        damage_index(lambda data: data[: len(data) // 2] + data[-48:]),
        damage_index(lambda data: data[:20] + b"\xff" * 30 + data[50:]),
        damage_index(lambda data: data[:-48] + b"\xff" * 40 + data[-8:]),
    ],
)
def test_damaged_variables_are_refused_in_a_sentence(tmp_path, damage):
    path = find_file(write_bundle(tmp_path, TENSORS))
    damage(tmp_path)
    with pytest.raises(WeightsError, match="expected the variables of a SavedModel") as error:
        read_bundle(path)
    assert "\n" not in str(error.value)


def test_no_byte_of_an_index_leads_to_another_error(tmp_path):
    path = find_file(write_bundle(tmp_path, TENSORS))
    index = path.with_name("variables.index")
    whole = index.read_bytes()
    random = np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        damaged = bytearray(whole)
        for position in random.integers(len(whole), size=3):
            damaged[position] = random.integers(256)
        index.write_bytes(bytes(damaged))
        try:
            read_bundle(path)
        except WeightsError:
            refused += 1
    assert refused > 50


def test_arrays_of_keras(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "some.h5", "w") as file:
        for name, value in TENSORS.items():
            file[name] = value
    found = read_tensors(find_file(tmp_path))
    assert sorted(found) == ["model/dense/bias", "model/dense/kernel", "model/scale"]
    np.testing.assert_array_equal(found["model/dense/kernel"].numpy(), TENSORS["model/dense/kernel"])
    (tmp_path / "some.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + b"\0" * 50)
    with pytest.raises(WeightsError, match="expected arrays in the HDF5 file"):
        read_hdf5(tmp_path / "some.h5")


def test_without_h5py(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(
        WeightsError, match=r"expected the package h5py to read some\.h5, .* pip install 'img-repr\[keras\]', got none"
    ):
        read_hdf5(tmp_path / "some.h5")
