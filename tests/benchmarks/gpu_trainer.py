"""The trainer on a card: images per second from raw samples, next to the same loop on a batch that lies there ready.

    python tests/benchmarks/gpu_trainer.py --out tests/benchmarks/results/NAME.json

Every backbone learns, with and without ``torch.compile``, from each of these sources in turn, round after round:

- ``ready``: one synthetic batch that lies on the card, again and again. What follows is to have ``BAR`` of its speed.
- ``series``, ``sounds``: raw samples that are encoded per batch on the card, as GADF and as log-mel spectrogram.
- ``series drawn``, ``sounds drawn``: the same with the augmentation of their domain.
- ``files``: PNG files of the GADF images, read by a DataLoader with a worker per core, in a plain loop with the same
  network, optimizer and precision.

Speed is taken of whole epochs behind the first of each training, memory is the peak of a training. ``waits`` names the
lines at which the processor waits for the card, with how often per step. The file is written after each backbone; the
script ends with 1 where encoding on a card stays below the bar. ``--quick --device cpu`` runs all of it in tiny sizes.

The reason for its length: it is one script for a machine that has little else: a checkout, torch, torchvision, numpy,
safetensors and Pillow.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from shutil import which
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # a machine with a card has seldom more than a checkout

from img_repr.core.naming import get_encoder  # noqa: E402
from img_repr.domains.audio.recording import Recording  # noqa: E402
from img_repr.domains.audio.sample import AUDIO  # noqa: E402
from img_repr.domains.timeseries.sample import TIMESERIES, make_series  # noqa: E402
from img_repr.training.backbone import build_backbone  # noqa: E402
from img_repr.training.engine import Engine  # noqa: E402
from img_repr.training.images import EncodedImages, Images  # noqa: E402
from img_repr.training.schedule import parameter_groups  # noqa: E402
from img_repr.training.trainer import Trainer  # noqa: E402

BAR = 0.9
CLASSES = 10
RATE_HZ = 16_000
LENGTH = 256  # of a series
ENCODED = ("series", "sounds")
QUICK = {"backbones": ["small"], "compile": ["off"], "size": 32, "batch": 4, "steps": 2, "rounds": 1, "workers": 1}
LEARNING_RATE = 1e-4  # small: labels are noise, and a loss that overflows would end the training


class Ready:
    """One synthetic batch of images on the device: a source that costs nothing."""

    storage, is_random = "memory", False

    def __init__(self, count: int, batch: int, size: int, device: torch.device) -> None:
        self.count = count
        at_once = max(batch, 256)  # the trainer looks at so many without learning
        self.images = torch.rand(at_once, 1, size, size, device=device)
        self.labels = torch.arange(max(count, at_once), device=device) % CLASSES

    def __len__(self) -> int:
        return self.count

    def batch(self, positions: np.ndarray, generator: torch.Generator | None = None) -> Tensor:
        return self.images[: len(positions)]

    def targets(self, positions: np.ndarray) -> Tensor:
        return self.labels[: len(positions)]


class Files(torch.utils.data.Dataset[tuple[Tensor, int]]):
    """Gray images of a folder, as a user's data set reads them."""

    def __init__(self, paths: list[Path]) -> None:
        self.paths = paths

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, position: int) -> tuple[Tensor, int]:
        from PIL import Image

        with Image.open(self.paths[position]) as image:
            return torch.from_numpy(np.array(image)[None]), position % CLASSES


@dataclass
class Measured:
    """What the rounds gave for one source."""

    images_per_s: list[float] = field(default_factory=list)
    first_epoch_s: list[float] = field(default_factory=list)
    allocated_mb: list[float] = field(default_factory=list)
    reserved_mb: list[float] = field(default_factory=list)

    def add(self, count: int, epochs_s: list[float], device: torch.device) -> None:
        """Note the seconds of each epoch of one training."""
        self.images_per_s.append(count / median(epochs_s[1:]))
        self.first_epoch_s.append(epochs_s[0])
        if device.type == "cuda":
            self.allocated_mb.append(torch.cuda.max_memory_allocated(device) / 2**20)
            self.reserved_mb.append(torch.cuda.max_memory_reserved(device) / 2**20)

    def row(self, ready: "Measured") -> dict[str, Any]:
        """Give the rounds' medians, and the share of the speed of ``ready`` round by round."""
        shares = [own / other for own, other in zip(self.images_per_s, ready.images_per_s, strict=True)]
        return {
            "images_per_s": round(median(self.images_per_s), 2),
            "share_of_ready": round(median(shares), 4),
            "rounds_images_per_s": [round(rate, 2) for rate in self.images_per_s],
            "first_epoch_s": round(self.first_epoch_s[0], 2),
            "peak_allocated_mb": round(max(self.allocated_mb), 1) if self.allocated_mb else None,
            "peak_reserved_mb": round(max(self.reserved_mb), 1) if self.reserved_mb else None,
        }


def sources_of(asked: argparse.Namespace, series: np.ndarray, device: torch.device) -> dict[str, Images]:
    """Give the sources that the trainer learns from."""
    count, random = len(series), np.random.default_rng(0)
    labels = np.arange(count) % CLASSES
    waves = 0.1 * random.standard_normal((count, RATE_HZ), dtype=np.float32)
    sounds = [Recording(wave, RATE_HZ) for wave in waves]
    gadf, mel = get_encoder("gadf", size=asked.size), get_encoder("melspectrogram", size=asked.size, preset="speech")
    drawn_series, drawn_sounds = ((domain.augment, domain.augment_images) for domain in (TIMESERIES, AUDIO))
    return {
        "ready": Ready(count, asked.batch, asked.size, device),
        "series": EncodedImages(gadf, series, labels, device),
        "series drawn": EncodedImages(gadf, series, labels, device, *drawn_series),
        "sounds": EncodedImages(mel, sounds, labels, device),
        "sounds drawn": EncodedImages(mel, sounds, labels, device, *drawn_sounds),
    }


def write_files(folder: Path, series: np.ndarray, asked: argparse.Namespace) -> list[Path]:
    """Write the GADF images of the series as PNG files."""
    from PIL import Image

    encoder = get_encoder("gadf", size=asked.size)

    def write(number: int) -> Path:
        path = folder / f"{number:06d}.png"
        Image.fromarray(np.asarray(encoder(series[number : number + 1], dtype="uint8"))[0, 0]).save(path)
        return path

    with ThreadPoolExecutor(asked.workers) as pool:
        return list(pool.map(write, range(len(series))))


def learn_from_files(
    paths: list[Path], backbone: str, compiled: bool, asked: argparse.Namespace, device: torch.device
) -> list[float]:
    """Train a plain loop on files; gives the seconds of each epoch."""
    engine = Engine.here(device)
    network = engine.prepare(build_backbone(backbone, channels=1, classes=CLASSES))
    groups = parameter_groups(network, rate=LEARNING_RATE, lr_mult=1.0, weight_decay=0.05)
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.99), fused=True)
    called: Callable[[Tensor], Tensor] = torch.compile(network) if compiled else network
    loader = DataLoader(
        Files(paths),
        batch_size=asked.batch,
        shuffle=True,
        drop_last=True,
        num_workers=asked.workers,
        pin_memory=device.type == "cuda",
        persistent_workers=True,
    )
    network.train()
    epochs_s = []
    for _ in range(asked.epochs):
        start, total = time.perf_counter(), torch.zeros((), device=device)
        for pixels, labels in loader:
            images = pixels.to(device, non_blocking=True).float() / 255.0
            with engine.autocast():
                scores = called(images.contiguous(memory_format=torch.channels_last))
            loss = nn.functional.cross_entropy(scores.float(), labels.to(device, non_blocking=True))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            total += loss.detach()
        float(total)  # the card is done when its number is here
        epochs_s.append(time.perf_counter() - start)
    return epochs_s


def trainer_of(
    backbone: str, compiled: bool, asked: argparse.Namespace, device: torch.device, *, epochs: int
) -> Trainer:
    """Make the trainer whose loop is measured."""
    hyperparameters = {
        "backbone": backbone,
        "compile": compiled,
        "batch_size": asked.batch,
        "learning_rate": LEARNING_RATE,
    }
    return Trainer(classes=CLASSES, channels=1, device=device, epochs=epochs, min_steps=0, **hyperparameters)


def waits_of(
    sources: dict[str, Images], asked: argparse.Namespace, device: torch.device
) -> dict[str, dict[str, float]]:
    """Name for each source the lines at which the processor waits for the card, with how often per step."""
    found = {}
    for name, images in sources.items():
        trainer = trainer_of(asked.backbones[0], False, asked, device, epochs=1)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            torch.cuda.set_sync_debug_mode("warn")
            try:
                trainer.fit(images)
            finally:
                torch.cuda.set_sync_debug_mode("default")
        waits = [one for one in caught if "synchronizing" in str(one.message).lower()]
        lines = Counter(f"{Path(one.filename).name}:{one.lineno}" for one in waits)
        found[name] = {line: round(times / trainer.plan.steps, 2) for line, times in lines.most_common(12)}
    return found


def measure(
    backbone: str,
    compiled: bool,
    sources: dict[str, Images],
    paths: list[Path],
    asked: argparse.Namespace,
    device: torch.device,
) -> list[dict[str, Any]]:
    """Give a row per source of one backbone."""
    trainer = trainer_of(backbone, compiled, asked, device, epochs=asked.epochs)
    found = {name: Measured() for name in (*sources, "files")}
    for _ in range(asked.rounds):
        for name, measured in found.items():
            if device.type == "cuda":
                torch.cuda.empty_cache()
                torch.cuda.reset_peak_memory_stats(device)
            if name == "files":
                epochs_s = learn_from_files(paths, backbone, compiled, asked, device)
            else:
                epochs_s = [row["seconds"] for row in trainer.fit(sources[name]).history]  # the card is done with each
            measured.add(len(paths), epochs_s, device)
    rows = []
    for name, measured in found.items():
        row = {"backbone": backbone, "compile": compiled, "source": name} | measured.row(found["ready"])
        if name in ENCODED:
            row["bar"] = BAR
        rows.append(row)
        caller = f"{backbone:<12} {'compiled' if compiled else 'as it is':<9} {name:<13}"
        print(
            f"{caller} {row['images_per_s']:10.1f} images/s {100 * row['share_of_ready']:6.1f} % of ready", flush=True
        )
    return rows


def machine_of(device: torch.device) -> dict[str, Any]:
    """Tell what it was measured on, and with what."""
    facts: dict[str, Any] = {"device": "CPU", "processor": platform.machine(), "cores": os.cpu_count()}
    cpuinfo = Path("/proc/cpuinfo")
    names = [line for line in (cpuinfo.read_text() if cpuinfo.exists() else "").splitlines() if "model name" in line]
    if names:
        facts["processor"] = names[0].partition(":")[2].strip()
    if device.type == "cuda":
        card = torch.cuda.get_device_properties(device)
        asked = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
        told = subprocess.run(asked, capture_output=True, text=True, check=False).stdout if which(asked[0]) else ""
        facts |= {"device": card.name, "memory_mb": card.total_memory // 2**20, "driver": told.split("\n")[0]}
        facts |= {"cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version()}
        facts["bfloat16"] = torch.cuda.is_bf16_supported()
    packages = {name: version(name) for name in ("torch", "torchvision", "numpy", "pillow")}
    return facts | {"python": platform.python_version(), "versions": packages}


def read(words: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--backbones", nargs="+", default=["resnet18", "resnet34", "resnet50"])
    parser.add_argument("--compile", nargs="+", choices=["off", "on"], default=["off", "on"])
    parser.add_argument("--size", type=int, default=224, help="pixels")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--steps", type=int, default=20, help="steps of an epoch")
    parser.add_argument("--epochs", type=int, default=3, help="of each training; the first does not count")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="that read files")
    parser.add_argument("--tune", action="store_true", help="let cuDNN try its convolutions (cudnn.benchmark)")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that it runs")
    asked = parser.parse_args(words)
    if asked.quick:
        parser.set_defaults(**QUICK)
        asked = parser.parse_args(words)
    return asked


def main(words: list[str]) -> int:
    """Measure, write, and tell whether the bar is kept."""
    asked = read(words)
    device = torch.device(asked.device)
    torch.backends.cudnn.benchmark = asked.tune
    series = make_series(asked.batch * asked.steps, length=LENGTH).astype(np.float32)
    settings = {name: value for name, value in vars(asked).items() if name != "out"}
    options = [Path(word).name if word == str(asked.out) else word for word in words]
    report = {
        "command": " ".join(["python", "tests/benchmarks/gpu_trainer.py", *options]),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine_of(device),
        "settings": settings,
        "rows": [],
    }
    sources = sources_of(asked, series, device)
    if device.type == "cuda":
        report["waits"] = waits_of(sources, asked, device)
    with tempfile.TemporaryDirectory() as folder:
        paths = write_files(Path(folder), series, asked)
        for backbone in asked.backbones:
            for compiled in asked.compile:
                report["rows"] += measure(backbone, compiled == "on", sources, paths, asked, device)
                asked.out.parent.mkdir(parents=True, exist_ok=True)
                asked.out.write_text(json.dumps(report, indent=1) + "\n")
    below = [row for row in report["rows"] if row["share_of_ready"] < row.get("bar", 0.0)]
    return int(device.type == "cuda" and bool(below))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
