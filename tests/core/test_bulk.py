"""Bulk encoding: the same bytes whoever encodes, killed and resumed with nothing lost or doubled.

The reason for its length: one job, encoded and interrupted in every way that there is.
"""

import logging
import multiprocessing
import os
import random as dice
import shutil
import signal
import subprocess
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from img_repr.core import bulk as module
from img_repr.core.bulk import write_shards
from img_repr.core.dataset import Dataset
from img_repr.core.errors import (
    DataError,
    DegenerateSampleWarning,
    ImgReprError,
    NotFittedError,
    ParameterError,
    ResultError,
    SampleError,
)
from img_repr.core.executors import dask_workers, worker_processes
from img_repr.core.exports import export
from img_repr.core.naming import get_encoder
from img_repr.core.shard_job import count_shards, images_per_shard
from img_repr.core.shards import MANIFEST, read_shards, stream
from img_repr.domains.audio.recording import make_recordings
from img_repr.domains.audio.sample import AUDIO
from img_repr.domains.timeseries.sample import TIMESERIES, make_series

COUNT = 300


@pytest.fixture(scope="module")
def pool():
    with worker_processes(2, memory_bytes=1 << 30) as executor:
        yield executor


@pytest.fixture
def encoder():
    return get_encoder("gadf", size=8)


@pytest.fixture
def data():
    return Dataset("toy", TIMESERIES, make_series(COUNT), np.array(["up", "down"] * (COUNT // 2)))


@pytest.fixture
def whole(encoder, data, tmp_path):
    """What an uninterrupted run gives."""
    return content_of(write_shards(encoder, data, tmp_path / "uninterrupted", per_shard=16))


def content_of(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


KINDS = {
    "one channel": (lambda: get_encoder("gadf", size=8), lambda: make_series(10)),
    "stacked": (lambda: get_encoder("gadf+mtf+recurrence", size=8), lambda: make_series(10)),
    "series of two channels": (lambda: get_encoder("gadf", size=8), lambda: make_series(20).reshape(10, 2, -1)),
    "ragged": (lambda: get_encoder("gadf", size=8), lambda: [row[: 20 + i] for i, row in enumerate(make_series(10))]),
    "tensor": (lambda: get_encoder("gadf", size=8), lambda: torch.from_numpy(make_series(10)).float()),
    "size of the series": (lambda: get_encoder("line"), lambda: make_series(10, length=20)),
    "sound": (lambda: get_encoder("melspectrogram", size=8), lambda: make_recordings(10)),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_output_is_identical_for_every_executor(tmp_path, kind, pool):
    encoder, samples = KINDS[kind][0](), KINDS[kind][1]()
    domain, counts = AUDIO if kind == "sound" else TIMESERIES, []
    data = Dataset("toy", domain, samples)
    folder = write_shards(encoder, data, tmp_path / "a/b", per_shard=4, on_images=counts.append)
    assert folder == tmp_path / "a/b"
    shards = read_shards(folder, check=True)
    assert [len(shard) for shard in shards] == [4, 4, 2] == counts
    assert all(isinstance(shard, np.memmap) and shard.dtype == np.uint8 for shard in shards)
    wanted = np.concatenate([np.asarray(encoder(samples[i : i + 1], dtype="uint8")) for i in range(10)])
    np.testing.assert_array_equal(np.concatenate(shards), wanted)
    with ThreadPoolExecutor(3) as threads:
        for caller in (threads, pool):
            other = write_shards(encoder, data, tmp_path / str(id(caller)), per_shard=4, executor=caller)
            assert content_of(other) == content_of(folder)


@pytest.mark.parametrize(
    ("count", "bytes_each", "wanted"),
    [(100_000, 4096, 4096), (10_000, 4096, 512), (200, 4096, 64), (1, 1, 64), (10**6, 3 * 224**2, 256),
     (10**6, 10**7, 4), (10, 10**9, 1), (10**9, 1, 4096)],
)  # fmt: skip
def test_shards_are_large_but_bounded(count, bytes_each, wanted):
    assert images_per_shard(count, bytes_each) == wanted


def test_shards_are_small_where_the_samples_are_large(encoder, tmp_path):
    data = Dataset("long", TIMESERIES, np.tile(make_series(1, length=1 << 10), (5, 1 << 10)))  # of 8 MiB each
    assert [len(shard) for shard in read_shards(write_shards(encoder, data, tmp_path / "set"))] == [4, 1]


def test_number_of_tasks_in_flight_is_bounded(encoder, data, tmp_path):
    class Watching(ThreadPoolExecutor):
        most = 0

        def submit(self, function, task, *told):
            assert len(task.samples) <= 16
            self.running = [one for one in getattr(self, "running", []) if not one.done()]
            future = super().submit(function, task, *told)
            self.running.append(future)
            self.most = max(self.most, len(self.running))
            return future

    with Watching(1) as executor:
        write_shards(encoder, data, tmp_path / "set", per_shard=16, executor=executor, in_flight=3)
    assert 1 <= executor.most <= 3


# ---- interrupted and resumed


def write_some(shards, error, *told, **more):
    """Write so many shards, then fail."""
    real, left = module.write_shard, [shards]

    def stopping(*told, **more):
        if not left[0]:
            raise error("stopped in the middle")
        left[0] -= 1
        return real(*told, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "write_shard", stopping)
        write_shards(*told, **more)


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
@pytest.mark.parametrize("shards", [1, 18])
def test_finished_shards_are_kept(encoder, data, tmp_path, whole, shards, error, caplog):
    place = tmp_path / "set"
    with pytest.raises(error, match="stopped in the middle"):
        write_some(shards, error, encoder, data, place, per_shard=16)
    assert count_shards(place) == (shards, 19)
    with pytest.raises(ResultError, match="expected a folder of encoded images"):
        read_shards(place)
    before = {path: path.stat().st_mtime_ns for path in place.glob("shard-*.npy")}
    counts = []
    with caplog.at_level(logging.INFO, "img_repr"):
        write_shards(encoder, data, place, on_images=counts.append)  # of the size that was begun with
    assert f"{shards} of 19 shards are there already" in caplog.text
    assert (counts[0], sum(counts)) == (16 * shards, COUNT)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert content_of(place) == whole


@pytest.mark.parametrize("existing", [False, True])
def test_where_nothing_is_finished_nothing_is_left(encoder, data, tmp_path, existing):
    if existing:
        (tmp_path / "set").mkdir()
    with pytest.raises(OSError, match="stopped"):
        write_some(0, OSError, encoder, data, tmp_path / "set")
    assert [path.name for path in tmp_path.rglob("*")] == (["set"] if existing else [])


def test_an_encoder_that_is_not_fitted_writes_nothing(data, tmp_path):
    with pytest.raises(NotFittedError, match="gadf: expected a call of fit"):
        write_shards(get_encoder("gadf", size=8, limits="fit"), data, tmp_path / "set")
    assert list(tmp_path.iterdir()) == []


def write_shards_of(per_shard, *told):
    write_shards(*told, per_shard=per_shard)


def fork(work, *told):
    process = multiprocessing.get_context("fork").Process(target=work, args=told)
    process.start()
    return process


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_killed_again_and_again_nothing_is_lost_and_nothing_doubled(encoder, data, tmp_path):
    place, throw, wanted = tmp_path / "set", dice.Random(0), encoder(data.samples, dtype="uint8")
    kills = rounds = 0
    while rounds < 3:
        finished = len(list((place / "job").glob("shard-*"))) + throw.randrange(40)
        process = fork(write_shards_of, 2, encoder, data, place)
        while process.is_alive() and len(list((place / "job").glob("shard-*"))) < finished:
            time.sleep(0.001)
        time.sleep(throw.uniform(0.0, 0.01))
        process.kill()
        process.join(60)
        kills += 1
        if (place / MANIFEST).exists():
            np.testing.assert_array_equal(np.concatenate(read_shards(place, check=True)), wanted)
            write_shards(encoder, data, place)  # clears what is left, if the manifest was the last that was done
            assert len(list(place.iterdir())) == 152
            shutil.rmtree(place)
            rounds += 1
        elif place.exists():
            with pytest.raises(ResultError):
                read_shards(place)
    assert kills > 6


SCRIPT = """
import sys
import numpy as np
from img_repr.core.bulk import write_shards
from img_repr.core.dataset import Dataset
from img_repr.core.executors import worker_processes
from img_repr.core.naming import get_encoder
from img_repr.domains.timeseries.sample import TIMESERIES, make_series

if __name__ == "__main__":
    with worker_processes(2) as pool:
        print(*{pool.submit(__import__("os").getpid).result() for _ in range(9)}, flush=True)
        data = Dataset("toy", TIMESERIES, make_series(400, length=256))
        write_shards(get_encoder("scalogram", size=64), data, sys.argv[1], executor=pool, per_shard=4)
"""


def lives(process):
    try:
        status = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return status != "Z"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked at as Linux shows them")
def test_workers_of_a_killed_job_end_and_the_job_resumes(tmp_path):
    (tmp_path / "job.py").write_text(SCRIPT)
    place = tmp_path / "set"
    command = [sys.executable, tmp_path / "job.py", place]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        workers = [int(word) for word in process.stdout.readline().split()]
        while len(list((place / "job").glob("shard-*.json"))) < 3:
            assert process.poll() is None
            time.sleep(0.02)
        process.kill()
    ends = time.monotonic() + 30
    while any(map(lives, workers)) and time.monotonic() < ends:
        time.sleep(0.05)
    assert workers
    assert not any(map(lives, workers))
    done, of = count_shards(place)
    assert 3 <= done < of == 100
    assert not (place / MANIFEST).exists()
    data, encoder = Dataset("toy", TIMESERIES, make_series(400, length=256)), get_encoder("scalogram", size=64)
    write_shards(encoder, data, place)
    images = np.concatenate(read_shards(place, check=True))
    assert len(images) == 400
    some = [0, 15, 16, 48, 150, 399]
    np.testing.assert_array_equal(images[some], encoder(data.take(some), dtype="uint8"))
    assert {path.name for path in place.iterdir()} >= {MANIFEST, "samples.json"}
    assert [path.name for path in place.iterdir() if path.name.startswith(".")] == []


DAMAGED = {
    "a changed byte": lambda place: (place / "shard-00001.npy").write_bytes(
        (place / "shard-00001.npy").read_bytes()[:-1] + b"\x00\x17"[-1:]
    ),
    "half a shard": lambda place: os.truncate(place / "shard-00001.npy", 300),
    "no shard": lambda place: (place / "shard-00001.npy").unlink(),
    "half a note": lambda place: os.truncate(place / "job" / "shard-00001.npy.json", 10),
    "no note": lambda place: (place / "job" / "shard-00001.npy.json").unlink(),
    "a note of a list": lambda place: (place / "job" / "shard-00001.npy.json").write_text("[1]"),
    "work of the dead": lambda place: (place / "job" / ".work-elsewhere-1-x").mkdir(),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_damaged_shards_are_written_again(encoder, data, tmp_path, whole, case):
    place = tmp_path / "set"
    with pytest.raises(OSError, match="stopped"):
        write_some(3, OSError, encoder, data, place, per_shard=16)
    DAMAGED[case](place)
    assert content_of(write_shards(encoder, data, place)) == whole


# ---- parts of several machines


def test_parts_merge_in_one_folder_or_by_copying(encoder, data, tmp_path, whole):
    for number in (3, 1, 2):
        assert not (tmp_path / "one" / MANIFEST).exists()
        write_shards(encoder, data, tmp_path / "one", part=(number, 3), per_shard=16)
        write_shards(encoder, data, tmp_path / f"machine-{number}", part=(number, 3), per_shard=16)
    assert content_of(tmp_path / "one") == whole
    assert [count_shards(tmp_path / f"machine-{number}") for number in (1, 2, 3)] == [(7, 19), (6, 19), (6, 19)]
    for number in (1, 2, 3):
        shutil.copytree(tmp_path / f"machine-{number}", tmp_path / "merged", dirs_exist_ok=True)
    assert content_of(write_shards(encoder, data, tmp_path / "merged")) == whole


def test_a_copy_that_is_damaged_is_not_taken(encoder, data, tmp_path, whole):
    for number in (1, 2):
        write_shards(encoder, data, tmp_path / f"machine-{number}", part=(number, 2), per_shard=16)
        shutil.copytree(tmp_path / f"machine-{number}", tmp_path / "merged", dirs_exist_ok=True)
    os.truncate(tmp_path / "merged" / "shard-00003.npy", 100)
    write_shards(encoder, data, tmp_path / "merged", part=(1, 2))  # of which number 3 is no part
    assert not (tmp_path / "merged" / MANIFEST).exists()
    assert content_of(write_shards(encoder, data, tmp_path / "merged")) == whole


def test_shards_of_another_job_that_were_copied_in_are_refused(encoder, data, tmp_path):
    write_shards(encoder, data, tmp_path / "one", part=(1, 2), per_shard=16)
    write_shards(get_encoder("gasf", size=8), data, tmp_path / "two", part=(2, 2), per_shard=16)
    shutil.copytree(tmp_path / "two", tmp_path / "one", dirs_exist_ok=True,
                    ignore=shutil.ignore_patterns("job.json"))  # fmt: skip
    with pytest.raises(DataError, match=r"shard-00001.npy: expected a shard of this job, got one of another"):
        write_shards(encoder, data, tmp_path / "one")


@pytest.mark.parametrize("part", [(0, 2), (3, 2), (1, 0)])
def test_a_part_that_there_is_not_is_refused(encoder, data, tmp_path, part):
    with pytest.raises(ParameterError, match=r"expected part \(i, n\) with i from 1 to n"):
        write_shards(encoder, data, tmp_path / "set", part=part)


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_the_same_job_run_at_once_does_no_harm(encoder, data, tmp_path, whole):
    runs = [fork(write_shards_of, 16, encoder, data, tmp_path / "set") for _ in range(4)]
    for run in runs:
        run.join(60)
    assert [run.exitcode for run in runs] == [0, 0, 0, 0]
    assert content_of(tmp_path / "set") == whole


# ---- refused


OTHERS = {
    "encoder": lambda encoder, data: (get_encoder("gadf", size=9), data),
    "content of the data": lambda encoder, data: (encoder, data.subset(np.arange(COUNT)[::-1])),
}


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("what", OTHERS)
def test_a_folder_of_another_job_is_refused_and_left_alone(encoder, data, tmp_path, what, begun):
    place = tmp_path / "set"
    write_shards(encoder, data, place, part=(1, 2) if begun else (1, 1))
    before = content_of(place)
    with pytest.raises(DataError, match=rf"one of the same job, got 300 images of toy with another {what}"):
        write_shards(*OTHERS[what](encoder, data), place)
    with pytest.raises(DataError, match="with another number of images per shard"):
        write_shards(encoder, data, place, per_shard=8)
    assert content_of(place) == before


def test_a_folder_that_holds_something_is_left_alone(encoder, data, tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "notes.txt").write_text("mine")
    for target in (tmp_path / "set", tmp_path / "set" / "notes.txt", tmp_path / "set" / "notes.txt" / "below"):
        with pytest.raises(DataError, match=r"expected a (new or empty folder|path for a folder)"):
            write_shards(encoder, data, target)
    assert content_of(tmp_path / "set") == {"notes.txt": b"mine"}


def test_complete_folder_is_checked_and_unchanged(encoder, data, tmp_path):
    place = write_shards(encoder, data, tmp_path / "set")
    before, counts = content_of(place), []
    (place / "job").mkdir()  # left by one who was killed after the manifest
    renamed = Dataset("other name", TIMESERIES, data.samples, data.labels)
    write_shards(encoder, renamed, place, on_images=counts.append)
    assert (content_of(place), counts) == (before, [COUNT])
    assert not (place / "job").exists()
    (place / "shard-00000.npy").write_bytes(before["shard-00000.npy"][:-1] + b"\x17")
    with pytest.raises(ResultError, match="expected the bytes that the manifest says"):
        write_shards(encoder, data, place)


def test_a_job_that_cannot_be_read_is_refused(encoder, data, tmp_path):
    place = write_shards(encoder, data, tmp_path / "set", part=(1, 2))
    (place / "job" / "job.json").write_text("{}")
    with pytest.raises(DataError, match=r"expected a folder of shards, got one with job.json: expected"):
        write_shards(encoder, data, place)


def test_images_of_two_shapes_are_refused(tmp_path):
    samples = [row[: 20 if place < 64 else 24] for place, row in enumerate(make_series(128))]
    with pytest.raises(
        DataError, match=r"expected images of one shape, \(1, 20, 20\) as the first has, got .* sample 64"
    ):
        write_shards(get_encoder("gadf"), Dataset("two", TIMESERIES, samples), tmp_path / "set")


# ---- samples that cannot be used, workers that die


@pytest.mark.parametrize("caller", ["this process", "processes"])
def test_invalid_sample_ends_the_job_and_keeps_finished_shards(encoder, data, tmp_path, pool, caller):
    series = data.samples.copy()
    data.samples[200, 3] = data.samples[290, 3] = np.nan
    executor = pool if caller == "processes" else None
    with pytest.raises(SampleError, match=r"got NaN in series number 8; .*\(counted from sample 192\)"):
        write_shards(encoder, data, tmp_path / "set", per_shard=16, executor=executor, in_flight=40)
    done, _ = count_shards(tmp_path / "set")
    assert done == (12 if executor is None else 17)  # those in flight are waited for
    with pytest.raises(DataError, match="with another content of the data"):
        write_shards(encoder, Dataset("toy", TIMESERIES, series, data.labels), tmp_path / "set")


@pytest.mark.parametrize("caller", ["this process", "threads", "processes"])
def test_degenerate_sample_warns_or_ends_the_job(encoder, data, tmp_path, pool, caller):
    data.samples[100] = 3.0
    with ThreadPoolExecutor(2) as threads:
        executor = {"this process": None, "threads": threads, "processes": pool}[caller]
        with pytest.raises(DegenerateSampleWarning, match=r"counted from sample 96"):
            write_shards(encoder, data, tmp_path / "set", per_shard=16, executor=executor, keep_degenerate=False)
        assert 6 <= count_shards(tmp_path / "set")[0] < 19
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            write_shards(encoder, data, tmp_path / "set", per_shard=16, executor=executor)
        assert {one.category for one in said} == {DegenerateSampleWarning}
        assert not (tmp_path / "set" / "job").exists()


def test_strict_job_checks_shards_with_degenerate_samples_again(encoder, data, tmp_path):
    data.samples[10] = 3.0
    with pytest.warns(DegenerateSampleWarning):
        write_shards(encoder, data, tmp_path / "set", per_shard=16, part=(1, 2))
    with pytest.raises(DegenerateSampleWarning):
        write_shards(encoder, data, tmp_path / "set", keep_degenerate=False)


class Deadly:
    """A sample that ends the process that unpickles it."""

    def __reduce__(self):
        return os._exit, (9,)


def test_dead_worker_is_an_error_and_keeps_finished_shards(encoder, tmp_path, whole):
    samples = [*make_series(COUNT)]
    data = Dataset("toy", TIMESERIES, samples, np.array(["up", "down"] * (COUNT // 2)))
    job = tmp_path / "set"
    write_shards(encoder, data, job, per_shard=16, part=(1, 19))
    deadly = Dataset("toy", TIMESERIES, samples, data.labels)
    fingerprint = data.fingerprint()
    samples[100] = Deadly()
    object.__setattr__(deadly, "fingerprint", lambda: fingerprint)
    with worker_processes(1) as mortal:
        with pytest.raises(ImgReprError, match=r"expected workers that live, got one that died, .* the same call r"):
            write_shards(encoder, deadly, job, executor=mortal, in_flight=1)
        with pytest.raises(ImgReprError, match="got one that died"):  # there is none any more
            write_shards(encoder, deadly, job, executor=mortal)
    assert count_shards(job)[0] == 6
    samples[100] = make_series(COUNT)[100]
    assert content_of(write_shards(encoder, data, job)) == whole


def test_workers_that_do_not_write_here_are_found_out(encoder, data, tmp_path):
    class Elsewhere(ThreadPoolExecutor):
        def submit(self, function, task, *told):
            future = super().submit(function, task, *told)
            future.result()
            (task.target / f"shard-{task.number:05d}.npy").unlink()
            return future

    with (
        Elsewhere(1) as executor,
        pytest.raises(DataError, match="expected workers that write into this folder, got none"),
    ):
        write_shards(encoder, data, tmp_path / "set", executor=executor)


def test_dask_writes_the_same_bytes(encoder, data, tmp_path, whole):
    distributed = pytest.importorskip("distributed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with (
            distributed.LocalCluster(1, threads_per_worker=2, processes=False, dashboard_address=None) as cluster,
            dask_workers(cluster.scheduler_address) as (executor, threads),
        ):
            place = write_shards(encoder, data, tmp_path / "set", per_shard=16, executor=executor, in_flight=4)
            assert len(list(export(place, "webdataset", executor=executor).iterdir())) == 19
    assert threads == 2
    shutil.rmtree(place / "webdataset")
    assert content_of(place) == whole


def test_sigint_in_a_pool_is_for_the_parent(pool):
    assert pool.submit(signal.getsignal, signal.SIGINT).result() == signal.SIG_IGN


def test_an_encoder_that_ignores_the_dtype_is_refused_and_nothing_is_left(data, tmp_path):
    class Floats:
        """An encoder of one's own: images of float32 whatever is asked for."""

        name, domain, needs_fit = "mine", TIMESERIES, False

        def __call__(self, samples, **asked):
            return np.full((len(samples), 1, 8, 8), 0.5, np.float32)

        def spec(self):
            return {"name": "mine", "version": 1, "parameters": {}}

    with pytest.raises(DataError, match=r"mine: expected 1 images \(N, C, H, W\) of dtype uint8, .* got float32"):
        write_shards(Floats(), data, tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_a_disk_without_room_is_refused_before_anything_is_encoded(encoder, data, tmp_path, monkeypatch):
    monkeypatch.setattr("img_repr.core.bulk.shutil.disk_usage", lambda place: SimpleNamespace(free=10))
    with pytest.raises(DataError, match=r"expected a disk with room for [\d,]+ bytes of images, got 10"):
        write_shards(encoder, data, tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_large_images_are_made_one_at_a_time(monkeypatch, data):
    seen = []

    class Large:
        name = "large"

        def __call__(self, samples, **asked):
            seen.append(len(samples))
            return np.zeros((len(samples), 2, 8192, 4096), np.uint8)

    for images in stream(Large(), data.subset([0, 1, 2])):
        assert images.shape[0] == 1
    assert seen == [1, 1, 1]
