"""Runs on Dask: several worker processes on this machine, one of which is killed in the middle."""

import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from img_repr.benchmark.execution.cluster import Cluster
from img_repr.benchmark.result import read_records
from img_repr.benchmark.run_benchmark import run_benchmark
from img_repr.core.errors import ResultError
from img_repr.core.executors import dask_client

RUNS = 33

pytest.importorskip("distributed")
# what Dask's own sockets and processes leave to the garbage collector where one is killed
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parent)  # workers are told where this process looks


@pytest.mark.slow
def test_a_worker_killed_in_the_middle_loses_nothing(runs_folder, tmp_path):
    from hazards import make_recipe, make_steps

    log, killed, over = tmp_path / "log", [], threading.Event()

    def kill_one():
        while not (killed or over.wait(0.02)):
            begun = log.read_text().splitlines() if log.exists() else []
            if len(begun) > 8 and time.time() - float(begun[-1].split()[2]) < 0.3:  # it is in the middle of a run
                killed.append(int(begun[-1].split()[1]))
                os.kill(killed[0], signal.SIGKILL)

    killer = threading.Thread(target=kill_one)
    killer.start()
    try:
        with dask_client("local:3") as client, Cluster(client) as cluster:
            recipe = make_recipe(RUNS, log=log, takes_s=0.5)
            results = run_benchmark(recipe, tmp_path / "there", datasets=[make_steps()], executor=cluster)
    finally:
        over.set()
        killer.join()
    assert len(killed) == 1
    assert len(results) == RUNS
    assert {result["status"] for result in results} == {"ok"}
    assert len(log.read_text().splitlines()) > RUNS  # the run of the dead was begun again
    run_benchmark(make_recipe(RUNS), runs_folder, datasets=[make_steps()])
    here, there = (
        {record.key: record for record in read_records(folder)[0]} for folder in (runs_folder, tmp_path / "there")
    )
    assert here.keys() == there.keys()
    assert len(here) == RUNS
    for key, record in here.items():
        same = there[key].predictions
        assert all(np.array_equal(kept, same[name]) for name, kept in record.predictions.items())
        assert record.result["log_loss"] == there[key].result["log_loss"]


@pytest.mark.slow
def test_a_run_that_kills_worker_after_worker_is_a_failure(runs_folder):
    import dask
    from hazards import make_recipe, make_steps

    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        dask_client("local:1") as client,
        Cluster(client) as cluster,
    ):
        results = run_benchmark(make_recipe(3, {1: "exit"}), runs_folder, datasets=[make_steps()], executor=cluster)
    assert [result["status"] for result in results] == ["ok", "failed", "ok"]
    assert results[1]["error"]["class"] == "KilledWorker"
    assert results[1]["error"]["stage"] == "worker"


@pytest.mark.slow
def test_a_cluster_that_loses_its_last_worker_ends_the_run(runs_folder, monkeypatch):
    from hazards import make_recipe, make_steps

    monkeypatch.setattr("img_repr.core.executors._PATIENCE_S", 1.0)
    monkeypatch.setattr("img_repr.core.executors._CHECK_S", 0.2)
    with dask_client("local:1") as client, Cluster(client) as cluster:
        leaving = threading.Timer(2.0, lambda: client.retire_workers(list(client.nthreads()), close_workers=True))
        leaving.start()
        with pytest.raises(ResultError, match="has had no worker for 1 s; finished"):
            run_benchmark(make_recipe(40, takes_s=0.5), runs_folder, datasets=[make_steps()], executor=cluster)
        leaving.join()
    assert len(read_records(runs_folder)[0]) < 40
