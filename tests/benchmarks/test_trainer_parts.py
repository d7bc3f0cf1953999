"""What a step of the trainer costs by part, from raw series and from raw sounds that are encoded per batch.

One thread and CPU time, measured from outside: by a source of images that times itself and by torch's own hooks, so
that the loop has no clock in it. ``draw`` is the augmentation of the domain. ``rest`` is the loss and the zeroing of
gradients, which every loop has, and what the trainer adds: seeds, mixup, schedule, checks, listeners.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from img_repr.core.dataset import Dataset
from img_repr.core.encoder import AbstractEncoder
from img_repr.core.loader import load_dataset
from img_repr.core.naming import get_encoder
from img_repr.training.images import EncodedImages
from img_repr.training.trainer import Trainer

pytestmark = pytest.mark.benchmark

CPU = torch.device("cpu")
SIZE, BATCH = 64, 16
PARTS = ("data", "draw", "encode", "forward", "backward", "optimizer")


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Parts:
    """A listener that tells what the CPU time of steps is spent on, all of it measured from outside the trainer.

    What passes between two changes of part belongs to the part that the first of them began.
    """

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self._part, self._mark = "rest", 0.0

    def __call__(self, event: str, trainer: Trainer) -> None:
        if event == "fit_start":  # what comes before it is done once
            self.change("rest")
            self.seconds.clear()

    def change(self, part: str) -> str:
        """Begin a part; gives the one before."""
        now, before = time.process_time(), self._part
        self.seconds[before] += now - self._mark
        self._part, self._mark = part, now
        return before

    def timed(self, part: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """Make a function a part of its own."""

        def within(*given: Any, **named: Any) -> Any:
            before = self.change(part)
            try:
                return work(*given, **named)
            finally:
                self.change(before)

        return within

    def begins(self, part: str) -> Callable[..., None]:
        """Make a hook that begins a part."""

        def hook(*_: Any) -> None:
            self.change(part)

        return hook

    @contextmanager
    def of_steps(self, network: nn.Module) -> Iterator[None]:
        """Tell forward, backward and optimizer by the hooks that torch calls."""

        def after_forward(module: nn.Module, given: Any, scores: Tensor) -> None:
            self.change("rest")
            scores.register_hook(self.begins("backward"))

        hooks = [
            network.register_forward_pre_hook(self.begins("forward")),
            network.register_forward_hook(after_forward),
            register_optimizer_step_pre_hook(self.begins("optimizer")),
            register_optimizer_step_post_hook(self.begins("rest")),
        ]
        yield
        self.change("rest")
        for hook in hooks:
            hook.remove()


class TimedImages(EncodedImages):
    """Raw samples that are encoded per batch, with the time of each part."""

    def __init__(self, data: Dataset, encoder: AbstractEncoder, parts: Parts) -> None:
        drawn = (data.domain.augment, data.domain.augment_images)
        timed = [None if draw is None else parts.timed("draw", draw) for draw in drawn]
        super().__init__(encoder, data.samples, data.targets, CPU, *timed)
        self.encoder = parts.timed("encode", encoder)
        self.batch = parts.timed("data", self.batch)


@pytest.mark.parametrize("backbone", ["small", "resnet18"])
@pytest.mark.parametrize(
    ("dataset", "encoder"), [("gunpoint", "gadf"), ("synthetic_sounds", "melspectrogram(preset='speech')")]
)
def test_parts_of_a_step(dataset: str, encoder: str, backbone: str, say: Any, record_property: Any) -> None:
    data, parts = load_dataset(dataset), Parts()
    images = TimedImages(data, get_encoder(encoder, size=SIZE).fit(data.samples), parts)
    hyperparameters = {"backbone": backbone, "batch_size": BATCH, "epochs": 2, "min_steps": 0}
    trainer = Trainer(classes=len(data.classes), channels=1, device=CPU, listeners=(parts,), **hyperparameters)
    trainer.fit(images)
    with parts.of_steps(trainer.network):
        trainer.fit(images)
    steps, whole = trainer.plan.steps, sum(parts.seconds.values())
    print(f"\n  a step of {BATCH}, {data.name} as {encoder}, {backbone}: {1e3 * whole / steps:.0f} ms", end="")
    for part in (*PARTS, "rest"):
        share = parts.seconds[part] / whole
        record_property(f"{dataset} {backbone} {part}", share)
        print(f"\n    {part:<56} {100 * share:8.1f} %", end="")
    say("... neither data nor network nor optimizer", 100.0 * parts.seconds["rest"] / whole, "%     ", 8.0)
    assert all(parts.seconds[part] > 0.0 for part in PARTS)
    assert parts.seconds["rest"] <= 0.08 * whole
