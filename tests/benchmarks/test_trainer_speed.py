"""The trainer next to fastai and next to a bare loop.

One thread and CPU time throughout. Whatever is compared takes turns with ours step by step, so that both meet the same
neighbors on a busy machine, and what is reported is the median over epochs. ResNet-18 with random weights learns
GunPoint as GADF of 64 pixels in batches of 16: 128 series to train on and 72 held out, half of each class.
"""

import importlib.util
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import ttest_rel
from torch import nn

from img_repr.core.dataset import Dataset
from img_repr.core.loader import load_dataset
from img_repr.core.naming import get_encoder
from img_repr.training.images import ReadyImages, image_source
from img_repr.training.schedule import parameter_groups
from img_repr.training.trainer import Trainer
from tests.benchmarks.peers import INSTALL, Fastai

pytestmark = pytest.mark.benchmark

CPU = torch.device("cpu")
SIZE, BATCH = 64, 16
TRAIN = 64  # series of each class
SEEDS, EPOCHS = 5, 10  # of the comparison of accuracy
TOLERANCE = 2.0  # points of accuracy: twice the standard error that five seeds have
GADF = get_encoder("gadf", size=SIZE)


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def gunpoint() -> Dataset:
    return load_dataset("gunpoint")


def cut(data: Dataset, seed: int) -> tuple[Dataset, Dataset]:
    """Cut the series into what is trained on and what is held out."""
    random, targets = np.random.default_rng(seed), data.targets
    chosen = [random.permutation(np.flatnonzero(targets == label))[:TRAIN] for label in np.unique(targets)]
    train = np.sort(np.concatenate(chosen))
    return data.subset(train), data.subset(np.setdiff1d(np.arange(len(data)), train))


def trainer_of(backbone: str = "resnet18", **hyperparameters: Any) -> Trainer:
    return Trainer(
        classes=2, channels=1, backbone=backbone, device=CPU, batch_size=BATCH, min_steps=0, **hyperparameters
    )


class Turns:
    """A listener that lets another training take a step after each of ours, and tells the CPU time of both by epoch."""

    def __init__(self, other: Callable[[], None]) -> None:
        self.other, self.ours_s, self.others_s = other, [0.0], [0.0]
        self._mark = 0.0

    def begin(self) -> None:
        """Start the clock."""
        self._mark = time.process_time()

    def __call__(self, event: str, trainer: Trainer) -> None:
        now = time.process_time()
        self.ours_s[-1] += now - self._mark
        if event == "step_end":
            self.other()
            self.others_s[-1] += time.process_time() - now
        if event == "epoch_end":
            self.ours_s.append(0.0)
            self.others_s.append(0.0)
        self.begin()


def peer_of(data: Dataset, seed: int, folder: Path) -> Fastai:
    """fastai on the GADF images of one cut of the data."""
    train, valid = cut(data, seed)
    parts = {
        name: (GADF(part.samples, dtype="uint8"), part.known_labels)
        for name, part in (("train", train), ("valid", valid))
    }
    return Fastai(parts, folder)


@pytest.fixture
def fastai(gunpoint: Dataset, tmp_path: Path) -> Iterator[Callable[[int], Fastai]]:
    if importlib.util.find_spec("fastai") is None:
        pytest.skip(f"fastai is not installed; to measure next to it: {INSTALL}")
    begun: list[Fastai] = []

    def begin(seed: int) -> Fastai:
        begun.append(peer_of(gunpoint, seed, tmp_path / str(seed)))
        return begun[-1]

    yield begin
    for one in begun:
        one.end()


@pytest.mark.parametrize(
    ("source", "words", "bar"),
    [
        ("folder", "PNG files, from_folder", 80.0),
        ("gray", "PNG files, one channel", 85.0),
        ("tensors", "tensors in memory", 90.0),
    ],
)
def test_an_epoch_beside_fastai(
    fastai: Callable[[int], Fastai], gunpoint: Dataset, source: str, words: str, bar: float, say: Any
) -> None:
    """fastai as its documentation has it, then as it is quicker; the bars of these leave room for a busy machine."""
    epochs, peer = 6, fastai(0)
    train, valid = cut(gunpoint, 0)
    turns = Turns(peer.step)
    trainer = trainer_of(epochs=epochs, listeners=(turns,))
    peer.begin(source=source, epochs=epochs, rate=1e-3, seed=0, turns=True)
    turns.begin()
    trainer.fit(*(image_source(GADF, part.samples, part.targets, device=CPU) for part in (train, valid)))
    theirs_s = peer.last["epochs_s"]
    share = 100.0 * float(np.median(np.divide(turns.ours_s[:epochs], theirs_s)))
    say(f"an epoch as a share of fastai's, {words}", share, "%     ", bar)
    assert share <= bar


@pytest.mark.slow
def test_accuracy_beside_fastai(fastai: Callable[[int], Fastai], gunpoint: Dataset, say: Any) -> None:
    """Ours is not significantly below over the seeds, each with its own cut of the data, nor below by ``TOLERANCE``.

    Each learns at its own default rate, with its own head and schedule. The last epoch counts, whichever was best.
    """
    ours, theirs = [], []
    for seed in range(SEEDS):
        peer = fastai(seed)
        theirs.append(peer.begin(source="gray", epochs=EPOCHS, rate=1e-3, seed=seed, turns=False)["accuracy"])
        peer.end()
        train, valid = (image_source(GADF, part.samples, part.targets, device=CPU) for part in cut(gunpoint, seed))
        ours.append(trainer_of(epochs=EPOCHS, seed=seed).fit(train, valid).history[-1]["valid_accuracy"])
    points = 100.0 * (np.array(ours) - theirs)
    error = float(points.std(ddof=1)) / SEEDS**0.5
    print(f"\n  accuracy of {SEEDS} seeds: ours {np.round(ours, 3)}, fastai's {np.round(theirs, 3)}", end="")
    say(f"accuracy above fastai's, mean of seeds, error {error:.1f}", float(points.mean()), "points", -TOLERANCE)
    assert points.mean() >= -TOLERANCE
    assert not ttest_rel(ours, theirs, alternative="less").pvalue < 0.05  # nan where all are equal


@pytest.mark.parametrize(("backbone", "epochs"), [("small", 30), ("resnet18", 8)])
def test_the_loop_beside_a_bare_one(gunpoint: Dataset, backbone: str, epochs: int, say: Any) -> None:
    """Forward, cross-entropy, backward and AdamW over batches that lie ready, with the same network and settings."""
    train, _ = cut(gunpoint, 0)
    images, labels = torch.as_tensor(GADF(train.samples)), torch.from_numpy(train.targets)
    ready = [
        (images[start : start + BATCH].contiguous(memory_format=torch.channels_last), labels[start : start + BATCH])
        for start in range(0, len(images), BATCH)
    ]

    def step() -> None:
        batch, truth = ready.pop(0)
        ready.append((batch, truth))
        optimizer.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(network(batch), truth).backward()
        optimizer.step()

    turns = Turns(step)
    trainer = trainer_of(backbone, epochs=epochs, listeners=(turns,))
    network, config = trainer.network, trainer.config
    groups = parameter_groups(network, rate=config.learning_rate, lr_mult=1.0, weight_decay=config.weight_decay)
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.99), fused=True)
    turns.begin()
    trainer.fit(ReadyImages(images, labels))
    share = 100.0 * float(np.median(np.divide(turns.ours_s[:epochs], turns.others_s[:epochs])))
    say(f"training as a share of a bare loop, {backbone}, 64 px", share, "%     ", 105.0)
    assert share <= 105.0
