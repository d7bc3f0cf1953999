"""Executors: processes with limits, and Dask."""

import os
import subprocess
import sys
import warnings

import pytest
import torch

from img_repr.core.errors import ParameterError
from img_repr.core.executors import dask_workers, worker_processes


def test_workers_have_one_thread_and_no_more_memory_than_they_may():
    with worker_processes(1, memory_bytes=256 << 20) as pool:
        assert pool.submit(torch.get_num_threads).result() == 1
        assert len(pool.submit(bytes, 64 << 20).result()) == 64 << 20
        if sys.platform == "linux":
            with pytest.raises(MemoryError):
                pool.submit(bytes, 1 << 30).result()
            assert pool.submit(abs, -3).result() == 3  # it lives


@pytest.mark.parametrize("count", [0, -1])
def test_no_workers_are_refused(count):
    with pytest.raises(ParameterError, match="expected at least one process"), worker_processes(count):
        pass


@pytest.mark.parametrize("where", ["local:", "local:0", "local:two", "local"])
def test_a_cluster_of_no_workers_is_refused(where):
    pytest.importorskip("distributed")
    with (
        pytest.raises(ParameterError, match="dask: expected the address of a scheduler or local:N, got"),
        dask_workers(where),
    ):
        pass


def test_missing_dask_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ParameterError, match=r"pip install 'img-repr\[scale\]'"), dask_workers("local:2"):
        pass


def test_rejects_address_without_scheduler(monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("img_repr.core.executors._PATIENCE_S", 0.5)
    with (
        pytest.raises(ParameterError, match=r"dask: expected a scheduler with workers at tcp://127\.0\.0\.1:9, got"),
        dask_workers("tcp://127.0.0.1:9"),
    ):
        pass


@pytest.mark.slow
def test_processes_of_a_cluster_keep_their_memory():
    pytest.importorskip("distributed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with dask_workers("local:1") as (executor, threads):
            import os

            assert threads == 1
            assert executor.submit(os.getenv, "MALLOC_TRIM_THRESHOLD_").result() == str(1 << 28)
            assert executor.submit(os.getenv, "OMP_NUM_THREADS").result() == "1"


FORKED = """
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
import numpy as np
from img_repr import get_encoder, load_dataset
from img_repr.core.bulk import write_shards
from img_repr.core.exports import export
from img_repr.benchmark.contender import Contender
from img_repr.benchmark.recipe import Recipe
from img_repr.benchmark.run_benchmark import run_benchmark

if __name__ == "__main__":
    data, gadf = load_dataset("gunpoint"), get_encoder("gadf", size=64)
    gadf(data.samples)  # OpenMP has its threads now
    with ProcessPoolExecutor(2, mp_context=get_context("fork")) as pool:
        folder = write_shards(gadf, data, sys.argv[1] + "/images", executor=pool)
        print(len(list(export(folder, "png", executor=pool).rglob("*.png"))))
        recipe = Recipe("small", ("gunpoint",), (Contender.parse("pixels:gadf:1nn"), Contender.parse("majority")))
        print([one["status"] for one in run_benchmark(recipe, sys.argv[1] + "/runs", executor=pool)])
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not fork")
def test_a_pool_that_forks_after_openmp_has_begun_does_not_hang(tmp_path):
    (tmp_path / "script.py").write_text(FORKED)
    environment = {**os.environ, "OMP_NUM_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, str(tmp_path / "script.py"), str(tmp_path)],
        capture_output=True, text=True, timeout=600, env=environment, check=False,
    )  # fmt: skip
    assert done.stdout.split("\n")[:2] == ["200", "['ok', 'ok']"], done.stderr
