"""Small real classifiers in place of those that contenders build: a benchmark in a second."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.neighbors import KNeighborsClassifier

from img_repr.benchmark.contender import CnnContender, Contender, TableContender
from img_repr.benchmark.recipe import Recipe
from img_repr.core.dataset import Dataset
from img_repr.core.errors import TrainingError
from img_repr.core.naming import get_encoder
from img_repr.domains.timeseries.sample import TIMESERIES


class Learner:
    """A scikit-learn learner on raw series or on the pixels of their images."""

    def __init__(self, make: Callable[[int], Any], see: Callable[[Any], np.ndarray]) -> None:
        self.make, self.see = make, see
        self.classes: tuple[str, ...] = ()
        self.cost: dict[str, float] = {}
        self.record: dict[str, Any] = {"weights": "none"}

    def fit(self, train: Dataset, *, seed: int) -> "Learner":
        pixels = self.see(train.samples)
        self.model = self.make(seed).fit(pixels, train.known_labels)
        self.classes = tuple(map(str, self.model.classes_))
        self.cost = {"features": float(pixels.shape[1])}
        return self

    def predict_proba(self, samples: Any) -> np.ndarray:
        return self.model.predict_proba(self.see(samples))


class Failing(Learner):
    def fit(self, train: Dataset, *, seed: int) -> "Learner":
        raise TrainingError(f"failing: expected luck, got seed {seed}")


class Local:
    """Replaces the classifier of a contender by a small one."""

    def build(self) -> Learner:
        (encoder,) = self.encoders() or (None,)

        def see(samples: Any) -> np.ndarray:
            return np.asarray(samples if encoder is None else encoder(samples)).reshape(len(samples), -1)

        return (Failing if self.fails else Learner)(self.make, see)


@dataclass(frozen=True)
class LocalImage(Local, CnnContender):
    make: Callable[[int], Any] = lambda seed: KNeighborsClassifier(3)
    fails: bool = False


@dataclass(frozen=True)
class LocalTable(Local, TableContender):
    make: Callable[[int], Any] = lambda seed: KNeighborsClassifier(3)
    fails: bool = False


def trees(seed: int) -> ExtraTreesClassifier:
    return ExtraTreesClassifier(20, random_state=seed)


@pytest.fixture
def image() -> Contender:
    return LocalImage("gadf", {"size": 8}, make=trees)


@pytest.fixture
def table() -> Contender:
    return LocalTable("raw", "1nn")


@pytest.fixture
def failing() -> Contender:
    return LocalTable("raw", "extra_trees", name="unlucky", fails=True)


@pytest.fixture
def waves() -> Dataset:
    """Sixty noisy sines of two frequencies; the first twenty are the published training part."""
    return make_waves("waves", 0)


def make_waves(name: str, seed: int, noise: float = 0.8, count: int = 60) -> Dataset:
    random = np.random.default_rng(seed)
    fast = random.permutation(np.arange(count) % 2)
    time = np.linspace(0, 1, 40)
    series = np.sin(2 * np.pi * (2 + fast[:, None]) * time) + random.normal(scale=noise, size=(count, 40))
    parts = np.where(np.arange(count) < count // 3, "train", "test")
    return Dataset(name, TIMESERIES, series, np.where(fast, "fast", "slow"), split=parts)


@pytest.fixture
def recipe(image: Contender, table: Contender) -> Recipe:
    return Recipe("small", ("waves",), (image, table), seeds=(0, 1))


@pytest.fixture
def runs_folder(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def gadf() -> Any:
    return get_encoder("gadf", size=8)
