"""Contenders that crash, hang or exhaust their process, in a module that worker processes can import.

As a script it runs a recipe of many runs: ``hazards.py RUNS LOG [HOW MANY, SECONDS OF EACH]``.
"""

import ctypes
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from img_repr.benchmark.contender import TableContender
from img_repr.benchmark.execution.workers import Workers
from img_repr.benchmark.recipe import Recipe
from img_repr.benchmark.run_benchmark import run_benchmark
from img_repr.core.dataset import Dataset
from img_repr.core.errors import TrainingError
from img_repr.domains.timeseries.sample import TIMESERIES


class Trees:
    def __init__(self, contender: "Hazard") -> None:
        self.contender = contender
        self.classes: tuple[str, ...] = ()
        self.cost: dict[str, float] = {}
        self.record: dict[str, Any] = {"process": os.getpid()}

    def fit(self, train: Dataset, *, seed: int) -> "Trees":
        from sklearn.ensemble import ExtraTreesClassifier  # only workers need it

        if self.contender.log:
            with Path(self.contender.log).open("a") as file:  # a line in one write
                file.write(f"{seed} {os.getpid()} {time.time()}\n")
        time.sleep(self.contender.takes_s)
        match self.contender.does.get(seed):
            case "crash":
                ctypes.string_at(0)
            case "exit":
                os._exit(3)
            case "leave":
                sys.exit("left")
            case "grow":
                held = []
                while len(held) < 400:  # 40 MB each, all of it touched
                    held.append(np.ones(5_000_000))
                    time.sleep(0.01)
            case "hang":
                time.sleep(600)
            case "poison":
                raise RuntimeError("CUDA error: an illegal memory access was encountered")
            case "refuse":
                raise TrainingError(f"hazard: expected luck, got seed {seed}")
        self.model = ExtraTreesClassifier(10, random_state=seed).fit(train.samples, train.known_labels)
        self.classes = tuple(map(str, self.model.classes_))
        return self

    def predict_proba(self, samples: Any) -> np.ndarray:
        return self.model.predict_proba(samples)


@dataclass(frozen=True)
class Hazard(TableContender):
    """Ten trees; ``does`` says by seed how ``fit`` harms its process. It is not part of the spec."""

    does: Mapping[int, str] = field(default_factory=dict)
    log: str = ""
    takes_s: float = 0.0

    def build(self) -> Trees:
        return Trees(self)


def hazard(does: Mapping[int, str] | None = None, log: Path | str = "", takes_s: float = 0.0) -> Hazard:
    return Hazard("raw", "extra_trees", name="trees", does=does or {}, log=str(log), takes_s=takes_s)


def make_recipe(
    count: int, does: Mapping[int, str] | None = None, log: Path | str = "", takes_s: float = 0.0
) -> Recipe:
    """Return a recipe of as many runs as seeds."""
    return Recipe("hazards", ("steps",), (hazard(does, log, takes_s),), seeds=tuple(range(count)))


def make_steps() -> Dataset:
    random = np.random.default_rng(0)
    up = np.arange(40) % 2
    series = up[:, None] * (np.arange(12) > 5) + random.normal(scale=0.7, size=(40, 12))
    parts = np.where(np.arange(40) < 20, "train", "test")
    return Dataset("steps", TIMESERIES, series, np.where(up, "up", "flat"), split=parts)


if __name__ == "__main__":
    how_many, takes_s = (int(sys.argv[3]), float(sys.argv[4])) if len(sys.argv) > 3 else (200, 0.02)
    with Workers(2) as workers:
        run_benchmark(
            make_recipe(how_many, log=sys.argv[2], takes_s=takes_s),
            sys.argv[1],
            datasets=[make_steps()],
            executor=workers,
        )
