"""Encoded images on disk: whole or not there, and what the manifest says."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from img_repr.core import shards as module
from img_repr.core.dataset import Dataset
from img_repr.core.encoder import AbstractEncoder
from img_repr.core.errors import DataError, NotFittedError, ResultError
from img_repr.core.naming import encoder_from_spec, get_encoder
from img_repr.core.shards import MANIFEST, as_picture, export_png, read_shards, stream, write_shards
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


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    """Three images per batch and four per shard, so that ten make several of both."""
    monkeypatch.setattr(module, "_PER_SHARD", 4)
    monkeypatch.setattr(stream, "__kwdefaults__", {"at_once": 3})


KINDS = {
    "one channel": (lambda: get_encoder("gadf", size=8), lambda: make_series(10)),
    "stacked": (lambda: get_encoder("gadf+mtf+recurrence", size=8), lambda: make_series(10)),
    "series of two channels": (
        lambda: get_encoder("gadf", size=8),
        lambda: make_series(20).reshape(10, 2, -1),
    ),
    "ragged": (lambda: get_encoder("gadf", size=8), lambda: [row[: 20 + i] for i, row in enumerate(make_series(10))]),
    "tensor": (lambda: get_encoder("gadf", size=8), lambda: torch.from_numpy(make_series(10)).float()),
    "size of the series": (lambda: get_encoder("line"), lambda: make_series(10, length=20)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_read_is_what_was_encoded(tmp_path, kind):
    encoder, samples = KINDS[kind][0](), KINDS[kind][1]()
    counts = []
    folder = write_shards(
        encoder, Dataset("toy", TIMESERIES, samples, LABELS), tmp_path / "a/b", on_images=counts.append
    )
    assert folder == tmp_path / "a/b"
    shards = read_shards(folder)
    assert [len(shard) for shard in shards] == [4, 4, 2]
    assert all(isinstance(shard, np.memmap) and shard.dtype == np.uint8 for shard in shards)
    wanted = np.concatenate([np.asarray(encoder(samples[i : i + 1], dtype="uint8")) for i in range(10)])
    np.testing.assert_array_equal(np.concatenate(shards), wanted)
    assert counts == [3, 3, 3, 1]
    assert json.loads((folder / "labels.json").read_text()) == LABELS.tolist()


def test_the_manifest_tells_what_it_is(encoder, data, tmp_path):
    folder = write_shards(encoder, data, tmp_path / "set")
    manifest = json.loads((folder / MANIFEST).read_text())
    assert (manifest["dataset"], manifest["images"], manifest["shape"]) == ("toy", 10, [1, 8, 8])
    assert manifest["fingerprint"] == data.fingerprint()
    assert encoder_from_spec(manifest["encoder"]) == encoder
    assert [entry["images"] for entry in manifest["shards"]] == [4, 4, 2]
    for entry in manifest["shards"]:
        assert entry["sha256"] == hashlib.sha256((folder / entry["file"]).read_bytes()).hexdigest()
    assert {path.name for path in folder.iterdir()} == {
        MANIFEST, "labels.json", *(entry["file"] for entry in manifest["shards"])
    }  # fmt: skip


def test_the_same_data_give_the_same_bytes(encoder, data, tmp_path):
    one, two = write_shards(encoder, data, tmp_path / "one"), write_shards(encoder, data, tmp_path / "two")
    for path in one.iterdir():
        assert path.read_bytes() == (two / path.name).read_bytes()


def test_without_labels_there_is_no_file_of_labels(encoder, tmp_path):
    folder = write_shards(encoder, Dataset("toy", TIMESERIES, make_series(3)), tmp_path / "set")
    assert not (folder / "labels.json").exists()
    assert export_png(folder) == 3
    assert sorted(path.name for path in (folder / "png").iterdir()) == ["000000.png", "000001.png", "000002.png"]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
@pytest.mark.parametrize("existing", [False, True])
@pytest.mark.parametrize("batches", [0, 2])
def test_after_a_failure_in_the_middle_nothing_is_left(encoder, data, tmp_path, batches, existing, error):
    if existing:
        (tmp_path / "set").mkdir()
    with pytest.raises(error, match="stopped in the middle"):
        write_shards(Failing(encoder, batches, error), data, tmp_path / "set")
    assert [path.name for path in tmp_path.rglob("*")] == (["set"] if existing else [])
    assert len(read_shards(write_shards(encoder, data, tmp_path / "set"))) == 3


def test_a_folder_that_holds_something_is_left_alone(encoder, data, tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "notes.txt").write_text("mine")
    for target in (tmp_path / "set", tmp_path / "set" / "notes.txt"):
        with pytest.raises(DataError, match="expected a new or empty folder to write into"):
            write_shards(encoder, data, target)
    assert (tmp_path / "set" / "notes.txt").read_text() == "mine"
    whole = write_shards(encoder, data, tmp_path / "other")
    with pytest.raises(DataError, match="got one that holds something"):
        write_shards(encoder, data, whole)


def test_an_encoder_that_is_not_fitted_writes_nothing(data, tmp_path):
    with pytest.raises(NotFittedError, match="gadf: expected a call of fit"):
        write_shards(get_encoder("gadf", size=8, limits="fit"), data, tmp_path / "set")
    assert list(tmp_path.iterdir()) == []


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
    batches = stream(Failing(encoder, 1), data)
    assert len(next(batches)) == 3
    with pytest.raises(OSError, match="stopped"):
        next(batches)


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
    "no shard": lambda folder: (folder / "shard-00001.npy").unlink(),
    "half a shard": truncated,
    "another shape": edit(shape=[1, 4, 16]),
    "another type": lambda folder: np.save(folder / "shard-00002.npy", np.zeros((2, 1, 8, 8))),
    "objects": lambda folder: np.save(folder / "shard-00002.npy", np.array([{}, None]), allow_pickle=True),
    "no shards": lambda folder: (folder / MANIFEST).write_text("{}"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_folder_that_is_not_what_it_says_is_refused(encoder, data, tmp_path, case):
    folder = write_shards(encoder, data, tmp_path / "set")
    BROKEN[case](folder)
    with pytest.raises(ResultError, match=r"expected (a folder of encoded images|\d images of shape)") as refused:
        read_shards(folder)
    assert str(refused.value).startswith(str(folder))


@pytest.mark.parametrize("case", ["empty shard", "manifest of a list"])
def test_an_empty_shard_and_a_foreign_manifest_are_refused(encoder, data, tmp_path, case):
    folder = write_shards(encoder, data, tmp_path / "set")
    if case == "empty shard":
        (folder / "shard-00001.npy").write_bytes(b"")
    else:
        (folder / MANIFEST).write_text("[]")
    with pytest.raises(ResultError):
        read_shards(folder)


def test_pngs_lie_by_label_whatever_is_in_it(encoder, tmp_path):
    labels = np.array(["plain", "a/b", "../up", "..", " ", "größe 1", "C:\\x", "a.b-c_d", "."])
    folder = write_shards(encoder, Dataset("toy", TIMESERIES, make_series(9), labels), tmp_path / "set")
    assert export_png(folder) == 9
    files = sorted(path.relative_to(folder / "png").as_posix() for path in (folder / "png").rglob("*.png"))
    assert sorted(files, key=lambda name: name[-10:]) == [
        "plain/000000.png", "a_b/000001.png", "_up/000002.png", "_/000003.png", "_~2/000004.png", "größe_1/000005.png",
        "C__x/000006.png", "a.b-c_d/000007.png", "_~3/000008.png",
    ]  # fmt: skip
    assert set(tmp_path.rglob("*.png")) == {folder / "png" / name for name in files}


@pytest.mark.parametrize("first", ["a/b", "a b", "a\nb", "a\u2028b"])
def test_every_label_has_a_folder_of_its_own(encoder, tmp_path, first):
    labels = np.array([first, "a_b", "a_b"])
    folder = write_shards(encoder, Dataset("toy", TIMESERIES, make_series(3), labels), tmp_path / "set")
    export_png(folder)
    shown = {path.name: path.parent.name for path in folder.rglob("*.png")}
    assert shown["000001.png"] == shown["000002.png"] != shown["000000.png"]


@pytest.mark.parametrize("names", ["gadf", "gadf+mtf", "gadf+mtf+recurrence"])
def test_a_png_holds_the_pixels(tmp_path, names):
    encoder = get_encoder(names, size=8)
    folder = write_shards(encoder, Dataset("toy", TIMESERIES, make_series(2)), tmp_path / "set")
    export_png(folder)
    with Image.open(folder / "png" / "000001.png") as picture:
        pixels = np.asarray(picture)
    image = read_shards(folder)[0][1]
    np.testing.assert_array_equal(pixels, as_picture(image))
    assert pixels.shape == {1: (8, 8), 2: (8, 16), 3: (8, 8, 3)}[len(image)]
    if len(image) == 3:
        np.testing.assert_array_equal(pixels[..., 1], image[1])


def test_a_long_set_is_written_without_holding_it(encoder, tmp_path, monkeypatch):
    """No batch is larger than what is encoded at once, and no shard is held beside the one being filled."""
    largest = []
    real = np.lib.format.open_memmap
    monkeypatch.setattr(
        np.lib.format, "open_memmap", lambda *told, **more: largest.append(more.get("shape")) or real(*told, **more)
    )
    write_shards(encoder, Dataset("toy", TIMESERIES, make_series(10)), Path(tmp_path / "set"))
    assert largest == [(4, 1, 8, 8), (4, 1, 8, 8), (2, 1, 8, 8)]
