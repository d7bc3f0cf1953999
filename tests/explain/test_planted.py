"""One part of the raw sample decides the class: an explanation puts at least 80 % of its weight there."""

import numpy as np
import pytest

from img_repr import ImageClassifier
from img_repr.domains.audio.recording import Recording
from img_repr.explain.explainer import explain

pytest.importorskip("captum")
LITE0 = {"backbone": "efficientnet_lite0", "weights": "imagenet"}


def planted_series(n, seed):
    random, y = np.random.default_rng(seed), np.arange(n) % 2
    x, t = random.normal(size=(n, 128)), np.arange(32)
    tones = np.where(y[:, None] == 1, np.sin(t * 2 * np.pi / 4), np.sin(t * 2 * np.pi / 12))
    x[:, 80:112] = 0.3 * random.normal(size=(n, 32)) + 2.5 * tones
    return x, y


def planted_audio(n, seed):
    random, y, t = np.random.default_rng(seed), np.arange(n) % 2, np.arange(1000) / 8000
    waves = 0.05 * random.normal(size=(n, 4000))
    waves[:, 2000:3000] += 0.5 * np.sin(2 * np.pi * np.where(y == 1, 2500, 1200)[:, None] * t)
    return [Recording(wave.astype(np.float32), 8000) for wave in waves], y


def planted_binaries(n, seed):
    random, y, samples = np.random.default_rng(seed), np.arange(n) % 2, []
    for label in y:
        content = random.integers(0, 256, 4096).astype(np.uint8)
        content[2048:3072] = random.integers(0, 40, 1024) if label else random.integers(200, 256, 1024)
        samples.append(content.tobytes())
    return samples, y


def planted_rows(n, seed):
    random, y = np.random.default_rng(seed), np.arange(n) % 2
    x = random.normal(size=(n, 16))
    x[:, 5] = np.where(y == 1, 2, -2) + 0.2 * random.normal(size=n)
    return x, y


def weight_inside(one):
    if "frequency_hz" in one.axes:  # half a window of 25 ms and more on each side
        time = one.axes["time_s"]
        return one.weights[:, (time > 0.22) & (time < 0.41)].sum()
    (axis,) = one.axes
    place = {"time_step": slice(76, 116), "byte": slice(2048, 3072), "column": slice(5, 6)}[axis]
    return one.weights[place].sum()


@pytest.mark.filterwarnings("ignore:.*optimizer steps.*")
@pytest.mark.parametrize(
    ("plant", "encoder"),
    [
        (planted_rows, "rowmajor"),
        (planted_series, "spectrogram"),
        pytest.param(planted_audio, "melspectrogram", marks=pytest.mark.slow),
        pytest.param(planted_binaries, "byteplot", marks=pytest.mark.slow),
    ],
)
def test_weight_lies_on_the_part_that_decides(plant, encoder):
    model = ImageClassifier(encoder, size=32, epochs=20, min_steps=1, augment=False).fit(*plant(80, 1))
    samples, labels = plant(8, 7)
    explanations = explain(model, samples)
    assert model.score(samples, labels) == 1.0
    assert np.mean([weight_inside(one) for one in explanations]) >= 0.8
    assert all(one.weights.sum() == pytest.approx(1.0) and one.weights.min() >= 0.0 for one in explanations)
    assert [one.predicted for one in explanations] == [str(label) for label in labels]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*optimizer steps.*")
@pytest.mark.parametrize(
    ("plant", "encoder"),
    [(planted_series, "spectrogram"), (planted_audio, "melspectrogram"), (planted_binaries, "byteplot")],
)
def test_a_pretrained_network_looks_at_the_part_that_decides_too(plant, encoder, capsys):
    """Less sharply: its first layers see ImageNet's textures everywhere, and its maps are coarse."""
    pytest.importorskip("timm", reason="pip install 'img-repr[pretrained]'")
    model = ImageClassifier(encoder, size=64, epochs=6, min_steps=1, batch_size=16, augment=False, **LITE0)
    model.fit(*plant(80, 1))
    samples, labels = plant(8, 7)
    assert model.score(samples, labels) == 1.0
    share = np.mean([weight_inside(one) for one in explain(model, samples)])
    with capsys.disabled():
        print(f"\n  Lite0 on {encoder}: {share:.2f} of the weight on the part that decides", end="")
    assert share >= 0.4
