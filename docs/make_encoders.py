"""Draw docs/encoders.png: one series of each class of GunPoint under every encoder (python docs/make_encoders.py)."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from img_repr import get_encoder, load_dataset

NAMES = ("gadf", "gasf", "mtf", "recurrence", "recurrence(signed=True)", "scalogram", "spectrogram", "line")

data = load_dataset("gunpoint")
chosen = [int(np.flatnonzero(data.labels == label)[0]) for label in data.classes]
figure, axes = plt.subplots(2, len(NAMES) + 1, figsize=(13.5, 3.3), layout="constrained")
for row, number in zip(axes, chosen, strict=True):
    series = data.take([number])
    row[0].plot(series[0], color="black", linewidth=1)
    row[0].set_ylabel(f"class {data.labels[number]}")
    for place, name in zip(row[1:], NAMES, strict=True):
        place.imshow(get_encoder(name, size=128)(series)[0, 0], cmap="gray", vmin=0, vmax=1)
for place, title in zip(axes[0], ("series", *NAMES), strict=True):
    place.set_title(title.replace("(signed=True)", ",\nsigned"), fontsize=10, loc="left")
for place in axes.flat:
    place.set_xticks([])
    place.set_yticks([])
figure.savefig(Path(__file__).with_name("encoders.png"), dpi=90)
