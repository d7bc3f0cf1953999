"""Encoded images on disk: streamed, written as files that numpy reads, and what the manifest says."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from img_repr.core.bulk import write_shards
from img_repr.core.dataset import Dataset
from img_repr.core.encoder import AbstractEncoder
from img_repr.core.errors import DataError, ResultError, SampleError
from img_repr.core.naming import encoder_from_spec, get_encoder
from img_repr.core.shards import MANIFEST, read_columns, read_shards, stream, write_shard
from img_repr.domains.timeseries.sample import TIMESERIES, make_series

LABELS = np.array(["up", "down"] * 5)


class Failing(AbstractEncoder):
    """An encoder that stops after some batches."""

    def __init__(self, encoder, batches, error=OSError):
        self.encoder, self.left, self.error = encoder, batches, error

    name = property(lambda self: self.encoder.name)
    domain = property(lambda self: self.encoder.domain)
    needs_fit = property(lambda self: False)

    def fit(self, samples):
        return self

    def spec(self):
        return self.encoder.spec()

    def __call__(self, samples, **more):
        if not self.left:
            raise self.error("stopped in the middle")
        self.left -= 1
        return self.encoder(samples, **more)

    def back_project(self, heat, sample):
        return self.encoder.back_project(heat, sample)


@pytest.fixture
def encoder():
    return get_encoder("gadf", size=8)


@pytest.fixture
def data():
    return Dataset("toy", TIMESERIES, make_series(10), LABELS)


@pytest.fixture
def folder(encoder, data, tmp_path):
    return write_shards(encoder, data, tmp_path / "set", per_shard=4)


def test_a_stream_uses_one_buffer_again(encoder, data):
    places, copies = set(), []
    for images in stream(encoder, data, at_once=4):
        places.add(images.__array_interface__["data"][0])
        copies.append(images.copy())
        assert images.dtype == np.uint8
    assert [len(batch) for batch in copies] == [4, 4, 2]
    assert len(places) == 2  # the last batch is shorter
    np.testing.assert_array_equal(np.concatenate(copies), encoder(data.samples, dtype="uint8"))


def test_a_stream_is_lazy(encoder, data):
    batches = stream(Failing(encoder, 1), data, at_once=3)
    assert len(next(batches)) == 3
    with pytest.raises(OSError, match="stopped"):
        next(batches)


def test_a_stream_of_a_part_counts_from_its_first(encoder, data):
    data.samples[7, 3] = np.nan
    with pytest.raises(SampleError, match=r"in series number 1; .* \(counted from sample 106\)"):
        list(stream(encoder, data, at_once=3, first=100))


def test_shard_equals_the_file_of_numpy(tmp_path, random):
    images = random.integers(0, 256, (10, 3, 5, 7), dtype=np.uint8)
    sha256 = write_shard(tmp_path / "one.npy", (images[i : i + 4] for i in (0, 4, 8)), 10, (3, 5, 7))
    np.save(tmp_path / "theirs.npy", images)
    assert (tmp_path / "one.npy").read_bytes() == (tmp_path / "theirs.npy").read_bytes()
    assert sha256 == hashlib.sha256((tmp_path / "theirs.npy").read_bytes()).hexdigest()


def test_rejects_other_shapes_or_numbers_of_images(tmp_path):
    images = np.zeros((4, 1, 8, 8), np.uint8)
    with pytest.raises(DataError, match=r"one shape, \(1, 8, 8\) as the first has, got \(1, 8, 9\) from sample 54 on"):
        write_shard(tmp_path / "one.npy", [images, np.zeros((1, 1, 8, 9), np.uint8)], 5, (1, 8, 8), first=50)
    with pytest.raises(DataError, match="expected 5 images, got 4"):
        write_shard(tmp_path / "one.npy", [images], 5, (1, 8, 8))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is full is had so on Linux")
def test_a_full_disk_is_one_sentence(tmp_path):
    (tmp_path / "full.npy").symlink_to("/dev/full")
    with pytest.raises(DataError, match=r"expected room for 128 bytes, got: No space left on device"):
        write_shard(tmp_path / "full.npy", [np.zeros((4, 1, 8, 8), np.uint8)], 4, (1, 8, 8))


def test_manifest_describes_the_folder(encoder, data, folder):
    manifest = json.loads((folder / MANIFEST).read_text())
    assert (manifest["dataset"], manifest["images"], manifest["shape"]) == ("toy", 10, [1, 8, 8])
    assert manifest["fingerprint"] == data.fingerprint()
    assert encoder_from_spec(manifest["encoder"]) == encoder
    assert [entry["images"] for entry in manifest["shards"]] == [4, 4, 2]
    for entry in manifest["shards"]:
        assert entry["sha256"] == hashlib.sha256((folder / entry["file"]).read_bytes()).hexdigest()
    assert {path.name for path in folder.iterdir()} == {
        MANIFEST, "samples.json", *(entry["file"] for entry in manifest["shards"])
    }  # fmt: skip


def test_columns_are_stored_with_the_images(encoder, tmp_path):
    data = Dataset(
        "toy", TIMESERIES, make_series(3), np.array(["größe", "b", "b"]), groups=np.array([7, 8, 8]),
        times=np.array(["2020-01-01", "2020-01-02", "2020-01-03"], dtype="datetime64[D]"),
        genuine=np.array([True, False, True]), elapsed_s=np.array([0.5, 1.0, 2.0]),
    )  # fmt: skip
    assert read_columns(write_shards(encoder, data, tmp_path / "set")) == {
        "labels": ["größe", "b", "b"],
        "groups": [7, 8, 8],
        "times": ["2020-01-01", "2020-01-02", "2020-01-03"],
        "genuine": [True, False, True],
        "elapsed_s": [0.5, 1.0, 2.0],
    }


def edit(**changes):
    return lambda folder: (folder / MANIFEST).write_text(
        json.dumps(json.loads((folder / MANIFEST).read_text()) | changes)
    )


def truncated(folder):
    path = folder / "shard-00001.npy"
    path.write_bytes(path.read_bytes()[:-40])


BROKEN = {
    "no manifest": lambda folder: (folder / MANIFEST).unlink(),
    "half a manifest": lambda folder: (folder / MANIFEST).write_text((folder / MANIFEST).read_text()[:50]),
    "a manifest of a list": lambda folder: (folder / MANIFEST).write_text("[]"),
    "no shard": lambda folder: (folder / "shard-00001.npy").unlink(),
    "half a shard": truncated,
    "an empty shard": lambda folder: (folder / "shard-00001.npy").write_bytes(b""),
    "another shape": edit(shape=[1, 4, 16]),
    "another type": lambda folder: np.save(folder / "shard-00002.npy", np.zeros((2, 1, 8, 8))),
    "objects": lambda folder: np.save(folder / "shard-00002.npy", np.array([{}, None]), allow_pickle=True),
    "no shards": lambda folder: (folder / MANIFEST).write_text("{}"),
    "shards of another kind": edit(shards=[3, None]),
}


@pytest.mark.parametrize("case", BROKEN)
def test_rejects_folder_that_contradicts_its_manifest(folder, case):
    assert len(read_shards(folder, check=True)) == 3
    BROKEN[case](folder)
    with pytest.raises(ResultError, match=r"expected (a folder of encoded images|\d images of shape)") as refused:
        read_shards(folder)
    assert str(refused.value).startswith(str(folder))


def test_check_finds_a_changed_byte(folder):
    path = folder / "shard-00001.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"\x17")
    read_shards(folder)
    with pytest.raises(ResultError, match=r"shard-00001.npy: expected the bytes that the manifest says, got others"):
        read_shards(folder, check=True)
