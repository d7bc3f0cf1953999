"""Cache of images on disk: concurrent writers, damage, full disks."""

import json
import multiprocessing
import os
import shutil
import signal
import time
from collections import namedtuple

import numpy as np
import pytest
import torch

from img_repr.core import bulk as bulk_module
from img_repr.core import shard_job
from img_repr.core.dataset import Dataset
from img_repr.core.errors import SampleError
from img_repr.core.naming import get_encoder
from img_repr.core.shards import MANIFEST
from img_repr.domains.timeseries.sample import TIMESERIES, make_series
from img_repr.training import image_cache as module
from img_repr.training.image_cache import cache_images, find_images

forks = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")


@pytest.fixture
def root(monkeypatch, tmp_path):
    monkeypatch.setenv("IMG_REPR_CACHE", str(tmp_path))
    monkeypatch.setattr(shard_job, "images_per_shard", lambda count, bytes_each: 4)
    return tmp_path / "images"


@pytest.fixture
def encoder():
    return get_encoder("gadf", size=8)


@pytest.fixture
def series():
    return make_series(10)


def only(root):
    (folder,) = root.iterdir()
    return folder


def test_cached_images_are_memory_mapped(root, encoder, series):
    assert find_images(encoder, "data", 10) is None
    made = cache_images(encoder, series, "data")
    found = find_images(encoder, "data", 10)
    assert [len(shard) for shard in found] == [4, 4, 2]
    assert all(isinstance(shard, np.memmap) for shard in found)
    for one in (made, found):
        np.testing.assert_array_equal(np.concatenate(one), encoder(series, dtype="uint8"))


def test_key_depends_on_data_and_encoder(root, encoder, series):
    one = Dataset("one", TIMESERIES, series, np.array(["a", "b"] * 5))
    parts = [one, one.subset(np.arange(10)[::-1]), one.subset(np.arange(9)), Dataset("one", TIMESERIES, series + 1e-9)]
    learned = get_encoder("gadf", size=8, limits="fit")
    encoders = [encoder, get_encoder("gadf", size=9), get_encoder("gasf", size=8), get_encoder("gadf+gasf", size=8)]
    encoders += [learned.fit(series), learned.fit(series * 2)]
    for part in parts:
        cache_images(encoder, part.samples, part.fingerprint())
    for other in encoders[1:]:
        cache_images(other, series, one.fingerprint())
    assert len(list(root.iterdir())) == len(parts) + len(encoders) - 1
    same = Dataset("other name", TIMESERIES, series.copy(), one.labels)
    assert find_images(get_encoder("gadf", size=8), same.fingerprint(), 10) is not None
    for part in parts:
        (*_, last) = find_images(encoder, part.fingerprint(), len(part))
        np.testing.assert_array_equal(last[-1:], encoder(part.samples[-1:], dtype="uint8"))


def test_ragged_samples_and_lists_are_cached(root, encoder, series):
    ragged = [row[: 20 + place] for place, row in enumerate(series)]
    np.testing.assert_array_equal(np.concatenate(cache_images(encoder, ragged, "r")), encoder(ragged, dtype="uint8"))


def test_tensors_are_cached_like_arrays(root, encoder, series):
    made = np.concatenate(cache_images(encoder, torch.from_numpy(series), "t"))
    np.testing.assert_array_equal(made, encoder(series, dtype="uint8"))


@pytest.mark.gpu
def test_tensors_on_a_gpu_are_cached(root, encoder, series):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    made = np.concatenate(cache_images(encoder, torch.from_numpy(series).cuda(), "t"))
    np.testing.assert_array_equal(made, encoder(series, dtype="uint8"))


def flip_a_byte(folder):
    path = folder / "shard-00001.npy"
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)


def edit(**changes):
    def change(folder):
        manifest = json.loads((folder / MANIFEST).read_text())
        (folder / MANIFEST).write_text(json.dumps(manifest | changes))

    return change


def without_hashes(folder):
    manifest = json.loads((folder / MANIFEST).read_text())
    edit(shards=[{"file": entry["file"], "images": entry["images"]} for entry in manifest["shards"]])(folder)


def fewer(folder):
    edit(shards=json.loads((folder / MANIFEST).read_text())["shards"][:2])(folder)


BROKEN = {
    "a changed byte": flip_a_byte,
    "a shard cut off": lambda folder: os.truncate(folder / "shard-00001.npy", 200),
    "a shard of nothing": lambda folder: os.truncate(folder / "shard-00001.npy", 0),
    "zeros after a crash": lambda folder: (folder / "shard-00002.npy").write_bytes(
        bytes((folder / "shard-00002.npy").stat().st_size)
    ),
    "a folder for a shard": lambda folder: (
        (folder / "shard-00000.npy").unlink(),
        (folder / "shard-00000.npy").mkdir(),
    ),
    "no shard": lambda folder: (folder / "shard-00000.npy").unlink(),
    "no manifest": lambda folder: (folder / MANIFEST).unlink(),
    "half a manifest": lambda folder: os.truncate(folder / MANIFEST, 40),
    "a foreign manifest": lambda folder: (folder / MANIFEST).write_text("[1]"),
    "shards of a foreign manifest": edit(shards=[3, None]),
    "no hashes": without_hashes,
    "fewer images": fewer,
    "a file": lambda folder: (shutil.rmtree(folder), folder.write_text("mine")),
    "nothing": lambda folder: (shutil.rmtree(folder), folder.mkdir()),
}


@pytest.mark.parametrize("case", BROKEN)
def test_damaged_images_are_deleted_and_encoded_again(root, encoder, series, case):
    cache_images(encoder, series, "data")
    folder = only(root)
    BROKEN[case](folder)
    with pytest.warns(UserWarning, match="image cache: damaged images are deleted: ") as said:
        assert find_images(encoder, "data", 10) is None
    assert len(said) == 1
    assert list(root.iterdir()) == []
    np.testing.assert_array_equal(np.concatenate(cache_images(encoder, series, "data")), encoder(series, dtype="uint8"))
    assert only(root) == folder


def test_open_images_stay_valid_when_their_folder_is_deleted(root, encoder, series):
    made = cache_images(encoder, series, "data")
    (only(root) / MANIFEST).unlink()
    with pytest.warns(UserWarning, match="images are deleted"):
        find_images(encoder, "data", 10)
    np.testing.assert_array_equal(np.concatenate(made), encoder(series, dtype="uint8"))


def test_second_writer_uses_the_images_of_the_first(root, encoder, series, monkeypatch):
    real = module.write_shards
    others = []

    def overtaken(*told):
        if not others:
            others.append(None)
            others.append(cache_images(encoder, series, "data"))
            others.append((only_whole(root) / MANIFEST).stat().st_ino)
        return real(*told)

    def only_whole(root):
        (folder,) = (place for place in root.iterdir() if not place.name.startswith("."))
        return folder

    monkeypatch.setattr(module, "write_shards", overtaken)
    second = cache_images(encoder, series, "data")
    assert (only(root) / MANIFEST).stat().st_ino == others[2]
    np.testing.assert_array_equal(np.concatenate(second), encoder(series, dtype="uint8"))


def start(work, *told):
    """Run a function in a process of its own."""
    process = multiprocessing.get_context("fork").Process(target=work, args=told)
    process.start()
    return process


def write_in_turns(encoder, series, barrier):
    wanted = encoder(series, dtype="uint8")
    for turn in range(5):
        barrier.wait(60)
        assert np.array_equal(np.concatenate(cache_images(encoder, series, f"turn {turn}")), wanted)


def die_in_the_middle(encoder, series):
    def stream(*told, **more):
        yield encoder(series[:5], dtype="uint8")
        os.kill(os.getpid(), signal.SIGKILL)

    bulk_module.stream = stream
    cache_images(encoder, series, "data")


@forks
def test_four_processes_may_write_at_once(root, encoder):
    barrier = multiprocessing.get_context("fork").Barrier(4)
    writers = [start(write_in_turns, encoder, make_series(200), barrier) for _ in range(4)]
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0, 0, 0]
    assert len(list(root.iterdir())) == 5  # and nothing next to them
    assert all(find_images(encoder, f"turn {turn}", 200) is not None for turn in range(5))


@forks
def test_temporary_files_of_killed_writers_are_ignored_and_deleted(root, encoder, series):
    killed = start(die_in_the_middle, encoder, series)
    killed.join(60)
    assert killed.exitcode == -signal.SIGKILL
    left = only(root)
    assert list(left.rglob("*.npy"))
    assert find_images(encoder, "data", 10) is None
    cache_images(encoder, series, "data")
    assert left.exists()  # it may be at work still
    (root / ".mine-1").mkdir()
    for place in (left, root / ".mine-1"):
        os.utime(place, (time.time() - 8 * 24 * 3600,) * 2)
    cache_images(encoder, series, "more data")
    assert not left.exists()
    assert (root / ".mine-1").exists()  # nobody's but the user's
    assert find_images(encoder, "data", 10) is not None


def full_before(monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(module.shutil, "disk_usage", lambda place: usage(10**9, 10**9 - 639, 639))


def full_within(monkeypatch):
    def fill(*told, **more):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(bulk_module, "write_shard", fill)


def no_folder(monkeypatch):
    monkeypatch.setenv("IMG_REPR_CACHE", "/dev/null")


def no_home(monkeypatch):
    for name in ("IMG_REPR_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)

    def expanduser(path):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(module.Path, "expanduser", expanduser)


HINDERED = {
    "no room": (full_before, "expected 640 free bytes, got 639"),
    "a disk that fills": (full_within, "No space left on device"),
    "no folder": (no_folder, "Not a directory|File exists"),
    "no home": (no_home, "expected a folder named by IMG_REPR_CACHE or a home folder, got neither"),
}


@pytest.mark.parametrize("case", HINDERED)
def test_warns_if_nothing_can_be_cached(root, encoder, series, case, monkeypatch):
    hinder, words = HINDERED[case]
    hinder(monkeypatch)
    assert find_images(encoder, "data", 10) is None
    with pytest.warns(
        UserWarning, match=rf"^image cache: nothing is cached, every batch is encoded again: .*({words})"
    ):
        assert cache_images(encoder, series, "data") is None
    assert not root.exists() or list(root.iterdir()) == []


def test_wrong_sample_is_an_error_without_a_cache_folder(root, encoder, series):
    series[7, 3] = np.nan
    with pytest.raises(SampleError):
        cache_images(encoder, series, "data")
    assert list(root.iterdir()) == []
