"""Fine-tuning EfficientNet-Lite0 next to fastai: the same weights, images, epochs and batch size.

ESC-10 by its official folds, as log-mel images in memory, without augmentation. Each trains with its own defaults, head
and schedule: fastai's ``fine_tune`` begins with an epoch of the frozen body, ours with a fit of the linear head. One
thread, CPU time of the training alone.
"""

import importlib.util
import time

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from scipy.stats import ttest_1samp

from img_repr.core.loader import load_dataset
from img_repr.core.naming import get_encoder
from img_repr.training.images import ReadyImages
from img_repr.training.linear_probe import fit_linear_probe
from img_repr.training.task import Classification
from img_repr.training.trainer import Trainer
from tests.benchmarks.peers import INSTALL, Fastai

pytestmark = pytest.mark.benchmark

CPU = torch.device("cpu")
SIZE, EPOCHS, BATCH = 96, 5, 16
LOG_MEL = {"preset": "environment", "window_ms": 46.0, "hop_ms": 20.0, "duration_s": 5.0}
NETWORK = {"backbone": "efficientnet_lite0", "weights": "imagenet"}


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def lite0():
    pytest.importorskip("timm", reason="pip install 'img-repr[pretrained]'")
    return NETWORK


def trainer_of(**hyperparameters):
    return Trainer(classes=10, channels=1, device=CPU, batch_size=BATCH, epochs=EPOCHS, **hyperparameters)


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_fine_tuning_beside_fastai(lite0, data_folder, tmp_path, say):
    """Ours is not significantly less accurate over the folds, and takes at most 80 % of the time."""
    if importlib.util.find_spec("fastai") is None:
        pytest.skip(f"fastai is not installed; to measure next to it: {INSTALL}")
    data = load_dataset(next(path for path in (data_folder, *data_folder.glob("*")) if path.name == "esc10"))
    pixels = torch.as_tensor(get_encoder("melspectrogram", size=SIZE, **LOG_MEL)(data.samples, dtype="uint8"))
    save_file(dict(trainer_of(**lite0).network.body.state_dict()), tmp_path / "body.safetensors")
    gains, ours_s, theirs_s = [], [], []
    for fold in sorted(set(data.split)):
        held_out = data.split == fold
        parts = {"train": ~held_out, "valid": held_out}
        peer = Fastai({name: (pixels[mask], data.targets[mask]) for name, mask in parts.items()}, tmp_path / fold)
        answer = peer.begin(
            source="tensors", epochs=EPOCHS, seed=0, turns=False, weights=str(tmp_path / "body.safetensors")
        )
        peer.end()
        train = ReadyImages(pixels[torch.from_numpy(~held_out)], data.targets[~held_out])
        trainer, started = trainer_of(**lite0), time.process_time()
        trainer.fit(train)
        ours_s.append(time.process_time() - started)
        theirs_s.append(sum(answer["epochs_s"]))
        found = trainer.predict_proba(ReadyImages(pixels[torch.from_numpy(held_out)], data.targets[held_out]))
        accuracy = float((found.argmax(axis=1) == data.targets[held_out]).mean())
        gains.append(100.0 * (accuracy - answer["accuracy"]))
        print(f"\n  {fold}: ours {accuracy:.3f}, fastai's {answer['accuracy']:.3f}", end="")
    error = float(np.std(gains, ddof=1)) / len(gains) ** 0.5
    say(f"accuracy above fastai's, mean of folds, error {error:.1f}", float(np.mean(gains)), "points", 0.0)
    percent = 100.0 * sum(ours_s) / sum(theirs_s)
    say("fine-tuning as a percentage of fastai's time", percent, "%     ", 80.0)
    assert not ttest_1samp(gains, 0.0, alternative="less").pvalue < 0.05  # nan if all are equal
    assert percent <= 80.0


def test_features_of_a_frozen_body_cost_its_forward_pass(lite0, say):
    """The features of a probe are computed once, in the time of the bare network."""
    images = torch.rand(512, 1, 128, 128)
    trainer = trainer_of(**lite0)
    body = trainer.network.body.eval()

    def bare() -> None:
        with torch.no_grad():
            for start in range(0, len(images), 64):
                body(images[start : start + 64].contiguous(memory_format=torch.channels_last))

    source = ReadyImages(images, np.zeros(len(images), int))
    ratios = []
    for _ in range(4):
        started = time.process_time()
        bare()
        middle = time.process_time()
        trainer.features(source)
        ratios.append((time.process_time() - middle) / (middle - started))
    percent = 100.0 * float(np.median(ratios[1:]))
    say("features of a frozen body as a percentage of the bare network's time", percent, "%     ", 105.0)
    assert percent <= 105.0


def test_a_probe_on_5000_samples_takes_seconds(say):
    random = torch.Generator().manual_seed(0)
    targets = torch.arange(5000) % 10
    rows = torch.randn(5000, 1280, generator=random) + 0.15 * torch.randn(10, 1280, generator=random)[targets]
    fit_linear_probe(rows[:100], targets[:100], Classification(10))
    started = time.process_time()
    fit_linear_probe(rows, targets, Classification(10))
    seconds = time.process_time() - started
    say("linear probe on 5,000 samples of 1,280 features", seconds, "s     ", 5.0)
    assert seconds <= 5.0
