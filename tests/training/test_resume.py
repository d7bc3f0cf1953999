"""Resuming: a training killed at any moment ends with the weights of an uninterrupted one, bit by bit.

The reason for its length: one training is killed at all possible moments.
"""

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
import warnings

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from img_repr.core.errors import DataError, ParameterError, ResultError, TrainingError
from img_repr.core.naming import get_encoder
from img_repr.domains.timeseries.augmentation import augment_series
from img_repr.training.backbone import build_backbone
from img_repr.training.checkpoint import read_checkpoint
from img_repr.training.images import EncodedImages, ReadyImages
from img_repr.training.task import MultiLabel, Regression
from img_repr.training.trainer import Trainer

CPU = torch.device("cpu")
SHORT = {"epochs": 3, "min_steps": 0, "batch_size": 4}


class KilledError(Exception):
    """Stands for the end of a process."""


def noise(count=10, *, seed=0, labels=None):
    generator = torch.Generator().manual_seed(seed)
    labels = np.arange(count) % 3 if labels is None else labels
    return ReadyImages(torch.rand(count, 1, 12, 12, generator=generator), labels)


def make(**values):
    given = {"classes": 3} if "task" not in values else {}
    return Trainer(channels=1, device=CPU, **(given | SHORT | values))


def weights_of(trainer):
    return {name: value.clone() for name, value in trainer.network.state_dict().items()}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def rows_of(trainer):
    return [{word: value for word, value in row.items() if word != "seconds"} for row in trainer.history]


def killed_after(steps, event="step_end"):
    def listen(what, trainer):
        if what == event and trainer.progress.step == steps:
            raise KilledError

    return listen


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    torch.manual_seed(99)
    body = build_backbone("small", channels=1, classes=2).body.state_dict()
    path = tmp_path_factory.mktemp("weights") / "body.safetensors"
    save_file({name: value.contiguous() for name, value in body.items()}, path)
    return str(path)


def walks():
    return np.cumsum(np.random.default_rng(0).normal(size=(10, 40)), axis=1)


def varied():
    return EncodedImages(get_encoder("gadf", size=12), walks(), np.arange(10) % 3, CPU, augment_series)


KINDS = {
    "one cycle": (dict, noise),
    "drawn again": (dict, varied),
    "averaged": (lambda: {"ema_decay": 0.9}, noise),
    "patient": (lambda: {"patience": 1, "learning_rate": 0.05}, noise),
    "averaged and patient": (lambda: {"ema_decay": 0.9, "patience": 1}, noise),
    "in pieces, clipped": (lambda: {"grad_accum_steps": 2, "grad_clip": 0.1}, noise),
    "any labels": (lambda: {"task": MultiLabel(2)}, lambda: noise(labels=np.arange(20).reshape(10, 2) % 3 % 2)),
    "numbers": (lambda: {"task": Regression(1)}, lambda: noise(labels=np.linspace(5, 9, 10))),
    "balanced": (lambda: {"class_weight": "balanced"}, lambda: noise(labels=np.arange(10) // 8)),
}


def valid_of(kind):
    return KINDS[kind][1]() if "labels" in kind or kind == "numbers" else noise(6, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_resumes_bit_equal_after_each_step(kind, tmp_path):
    hyperparameters, images = KINDS[kind]
    whole = make(**hyperparameters()).fit(images(), valid_of(kind))
    steps = sum(row["steps"] for row in whole.history)
    assert steps >= 3
    for step in range(1, steps + 1) if kind == "one cycle" else (2, 5, steps):
        folder = tmp_path / str(step)
        cut = make(**hyperparameters(), listeners=[killed_after(step)])
        cut.checkpoint_every_s = 0.0
        with pytest.raises(KilledError):
            cut.fit(images(), valid_of(kind), checkpoints=folder)
        if step == 1:
            assert not folder.exists()  # the first was not kept yet
            continue
        again = make(**hyperparameters()).resume(folder, images(), valid_of(kind))
        assert same(weights_of(again), weights_of(whole)), step
        assert rows_of(again) == rows_of(whole)


@pytest.mark.parametrize("images", [noise, varied], ids=["features are kept", "drawn again"])
def test_resumes_bit_equal_in_both_phases_of_fine_tuning(images, pretrained, tmp_path):
    hyperparameters = {"weights": pretrained, "freeze_epochs": 2, "epochs": 2}
    whole = make(**hyperparameters).fit(images(), noise(6, seed=1))
    assert [row["phase"] for row in whole.history] == ["head", "all", "all"]
    for step in (1, 2, 3, 5):
        folder = tmp_path / str(step)
        cut = make(**hyperparameters, listeners=[killed_after(step)])
        cut.checkpoint_every_s = 0.0
        with pytest.raises(KilledError):
            cut.fit(images(), noise(6, seed=1), checkpoints=folder)
        again = make(**hyperparameters).fit(images(), noise(6, seed=1), checkpoints=folder)
        assert same(weights_of(again), weights_of(whole)), step


def test_finished_training_is_not_repeated(tmp_path):
    done = make().fit(noise(), noise(6, seed=1), checkpoints=tmp_path / "kept")
    steps = []
    again = make(listeners=[lambda event, trainer: steps.append(event)])
    again.fit(noise(), noise(6, seed=1), checkpoints=tmp_path / "kept")
    assert steps == ["fit_start", "fit_end"]
    assert same(weights_of(again), weights_of(done))
    assert again.progress.step == again.progress.steps == 9


def test_checkpoints_are_written_after_epochs(tmp_path):
    with pytest.raises(KilledError):
        make(listeners=[killed_after(5)]).fit(noise(), checkpoints=tmp_path / "kept")
    assert read_checkpoint(tmp_path / "kept").metadata["position"] == {"phase": 0, "epoch": 1, "step": 0}


def test_best_checkpoint_is_kept(tmp_path):
    trainer = make(epochs=6, learning_rate=0.05).fit(noise(), noise(6, seed=1), checkpoints=tmp_path)
    losses = [row["valid_loss"] for row in trainer.history]
    best = read_checkpoint(tmp_path, "best")
    assert len(best.metadata["history"]) == int(np.argmin(losses)) + 1
    assert read_checkpoint(tmp_path).metadata["position"]["phase"] == 1


def test_patience_ends_with_the_best_network():
    valid = noise(6, seed=1)
    rows = make(epochs=12, learning_rate=0.05).fit(noise(), valid).history
    patient = make(epochs=12, learning_rate=0.05, patience=2).fit(noise(), valid)
    losses = [row["valid_loss"] for row in patient.history]
    assert losses == [row["valid_loss"] for row in rows[: len(losses)]]
    assert len(losses) < 12
    assert len(losses) - 1 - int(np.argmin(losses)) == 2
    chances = patient.predict_proba(valid)
    own = -np.log(chances[np.arange(6), valid.labels]).mean()
    assert own == pytest.approx(min(losses), rel=1e-5)
    with pytest.raises(ParameterError, match="expected a validation part for patience, got none"):
        make(patience=2).fit(noise())


def test_patience_never_skips_the_body(pretrained):
    hyperparameters = {"weights": pretrained, "patience": 1, "fine_tune_rate": 30.0, "epochs": 6}  # far too large
    history = make(**hyperparameters).fit(noise(), noise(6, seed=1)).history
    assert [row["phase"] for row in history[:2]] == ["head", "all"]


OTHERS = {
    "seed": ({"seed": 1}, noise, "seed"),
    "hyperparameter": ({"learning_rate": 0.1}, noise, r"hyperparameters.learning_rate \(0.003, here 0.1\)"),
    "classes": ({"classes": 4}, noise, r"task.count \(3, here 4\)"),
    "labels": ({}, lambda: noise(labels=np.zeros(10, int)), "targets"),
    "images": ({}, lambda: noise(11), "images"),
    "other images": ({}, lambda: noise(seed=5), "mean_and_std"),
}


@pytest.mark.parametrize("other", OTHERS)
def test_rejects_and_keeps_checkpoint_of_another_training(other, tmp_path):
    make().fit(noise(), checkpoints=tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    hyperparameters, images, named = OTHERS[other]
    with pytest.raises(ResultError, match=f"expected a checkpoint of this training, got one of another: .*{named}"):
        make(**hyperparameters).fit(images(), checkpoints=tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_rejects_checkpoint_of_another_validation_part_verb_or_network(tmp_path, pretrained):
    def own(width):
        return nn.Sequential(nn.Conv2d(1, width, 3), nn.ReLU())

    make().fit(noise(), noise(6, seed=1), checkpoints=tmp_path / "valid")
    for valid, named in ((noise(6, seed=2), r"validation.mean_and_std"), (None, "validation")):
        with pytest.raises(ResultError, match=f"got one of another: {named}"):
            make().fit(noise(), valid, checkpoints=tmp_path / "valid")
    make(weights=pretrained).fine_tune(noise(), checkpoints=tmp_path / "verb")
    with pytest.raises(ResultError, match="got one of another: phases"):
        make(weights=pretrained).fit_one_cycle(noise(), checkpoints=tmp_path / "verb")
    make(backbone=own(4)).fit(noise(), checkpoints=tmp_path / "own")
    with pytest.raises(ResultError, match=r"network.body.0.bias \(\[4\], here \[6\]\)"):
        make(backbone=own(6)).fit(noise(), checkpoints=tmp_path / "own")


def test_state_with_a_nan_loss_is_not_saved(tmp_path):
    """On a GPU losses are looked at when an epoch ends; until then the older checkpoint stays."""

    def spoil(event, trainer):
        if event == "step_end" and trainer.progress.step == 4:
            trainer.state.losses[0] = torch.nan

    trainer = make(listeners=[spoil])
    trainer.checkpoint_every_s = 0.0
    with pytest.raises(TrainingError, match=r"got nan in epoch 2 of 3 \(all\), step 1 of 3"):
        trainer.fit(noise(), checkpoints=tmp_path)
    assert read_checkpoint(tmp_path).metadata["position"] == {"phase": 0, "epoch": 1, "step": 0}


def test_resume_needs_a_checkpoint(tmp_path):
    with pytest.raises(ResultError, match="expected a checkpoint to resume from, got none"):
        make().resume(tmp_path / "none", noise())


def test_resumes_from_the_previous_checkpoint_with_a_warning(tmp_path):
    whole = make().fit(noise())
    with pytest.raises(KilledError):
        make(listeners=[killed_after(8)]).fit(noise(), checkpoints=tmp_path)
    last = tmp_path / "last.safetensors"
    last.write_bytes(last.read_bytes()[:5000])
    with pytest.warns(UserWarning, match=r"damaged last.safetensors .*; resuming from before.safetensors"):
        again = make().fit(noise(), checkpoints=tmp_path)
    assert same(weights_of(again), weights_of(whole))


def test_unwritable_folder_is_an_error_before_the_first_step(tmp_path):
    (tmp_path / "file").write_text("mine")
    steps = []
    with pytest.raises(DataError, match="expected"):
        make(listeners=[lambda event, trainer: steps.append(event)]).fit(noise(), checkpoints=tmp_path / "file")
    assert steps == []
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize(("step", "place"), [(5, (1, 2)), (3, (0, 3))], ids=["in an epoch", "at its last step"])
def test_ctrl_c_saves_after_the_step(step, place, tmp_path):
    def press(event, trainer):
        if event == "step_end" and trainer.progress.step == step:
            os.kill(os.getpid(), signal.SIGINT)

    whole = make().fit(noise())
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(
        KeyboardInterrupt, match=rf"stopped after {step} of 9 steps; to resume, train with checkpoints=.*kept"
    ):
        make(listeners=[press]).fit(noise(), checkpoints=tmp_path / "kept")
    assert signal.getsignal(signal.SIGINT) is before
    assert read_checkpoint(tmp_path / "kept").metadata["position"] == {"phase": 0, "epoch": place[0], "step": place[1]}
    again = make().resume(tmp_path / "kept", noise())
    assert same(weights_of(again), weights_of(whole))
    assert rows_of(again) == rows_of(whole)


def test_ctrl_c_after_the_last_step_is_not_lost(tmp_path):
    def press(event, trainer):
        if event == "fit_end":
            os.kill(os.getpid(), signal.SIGINT)

    trainer = make(listeners=[press])
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(noise(), checkpoints=tmp_path / "kept")
    assert same(weights_of(trainer), weights_of(make().fit(noise())))


def test_other_threads_do_not_handle_signals(tmp_path):
    done = []
    thread = threading.Thread(target=lambda: done.append(make().fit(noise(), checkpoints=tmp_path / "kept")))
    thread.start()
    thread.join()
    assert same(weights_of(done[0]), weights_of(make().fit(noise())))


TRAINER = """
import os
import sys
import numpy as np
import torch
from img_repr.core.naming import get_encoder
from img_repr.domains.timeseries.augmentation import augment_series
from img_repr.training.images import EncodedImages
from img_repr.training.trainer import Trainer

torch.set_num_threads(1)

def train(kept, done):
    walks = np.cumsum(np.random.default_rng(0).normal(size=(40, 60)), axis=1)
    train = EncodedImages(get_encoder("gadf", size=16), walks, np.arange(40) % 2, torch.device("cpu"), augment_series)
    trainer = Trainer(
        classes=2, channels=1, device=torch.device("cpu"), epochs=10, min_steps=0, batch_size=8, ema_decay=0.9,
    )
    trainer.checkpoint_every_s = 0.02
    trainer.fit(train, train, checkpoints=kept).save(done)

for line in sys.stdin:
    child = os.fork()
    if not child:
        train(*line.split())
        os._exit(0)
    print(child, flush=True)
    print(os.waitpid(child, 0)[1], flush=True)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="one process imports torch for many that are killed")
def test_resumes_bit_equal_after_twenty_random_kills(tmp_path):
    """Processes are killed somewhere on their way, and others go on, until one is done."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    chance, kills, trainings = random.Random(0), 0, 0
    with subprocess.Popen(
        [sys.executable, "-c", TRAINER], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:

        def run(kept, done, seconds=None):
            """Run a process, and kill it after so many seconds; tell whether it was killed."""
            print(kept, done, file=parent.stdin, flush=True)
            child = int(parent.stdout.readline())
            if seconds is not None:
                time.sleep(seconds)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
            return os.WIFSIGNALED(int(parent.stdout.readline()))

        started = time.monotonic()
        assert not run(tmp_path / "whole.kept", tmp_path / "whole")
        whole_s = time.monotonic() - started
        wanted = load_file(tmp_path / "whole" / "network.safetensors")
        while kills < 20:
            kept, done = tmp_path / f"kept-{trainings}", tmp_path / f"done-{trainings}"
            while not done.exists():
                kills += run(kept, done, chance.uniform(0.05, 0.6) * whole_s if kills < 20 else None)
            assert same(load_file(done / "network.safetensors"), wanted)
            trainings += 1
        parent.stdin.close()


def test_checkpoints_give_no_warnings(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make(ema_decay=0.5).fit(noise(), noise(6, seed=1), checkpoints=tmp_path)
        make(ema_decay=0.5).fit(noise(), noise(6, seed=1), checkpoints=tmp_path)
