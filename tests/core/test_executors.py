"""Executors: processes with limits, and Dask."""

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


def test_without_dask_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ParameterError, match=r"pip install 'img-repr\[scale\]'"), dask_workers("local:2"):
        pass


def test_where_no_scheduler_answers_it_says_so(monkeypatch):
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
