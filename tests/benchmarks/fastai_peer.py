"""fastai in a process of its own, so that neither its star imports nor its patches reach our tests.

``python fastai_peer.py FOLDER``: the folder holds ``train/CLASS/*.png`` and ``valid/CLASS/*.png``, gray images.
A line on stdin is a work as JSON, ``{"source": ..., "epochs": ..., "rate": ..., "seed": ..., "turns": ...}``; a line on
stdout answers it with ``epochs_s``, the CPU time of each epoch with its validation, and ``accuracy`` on ``valid`` at
the end. With ``turns`` it waits before each training batch: it says ``{}`` and goes on when it is sent a line. Bars
and printed rows are off.

With ``weights``, a file of safetensors, the network is EfficientNet-Lite0 of timm with these weights, and ``fine_tune``
with its defaults takes the place of ``fit_one_cycle``; ``epochs_s`` has the epoch of the frozen body too.

Sources: ``folder`` is ``ImageDataLoaders.from_folder`` as the documentation has it, which makes three channels of gray;
``gray`` a ``DataBlock`` of the same files with one channel, normalized; ``tensors`` the same images, decoded and
normalized beforehand, in memory.
"""

import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

warnings.simplefilter("ignore")

import torch  # noqa: E402
from fastai.vision.all import (  # noqa: E402
    Callback,
    CancelValidException,
    CategoryBlock,
    CrossEntropyLossFlat,
    DataBlock,
    DataLoader,
    DataLoaders,
    GrandparentSplitter,
    ImageBlock,
    ImageDataLoaders,
    Learner,
    Normalize,
    PILImageBW,
    accuracy,
    get_image_files,
    parent_label,
    resnet18,
    set_seed,
    vision_learner,
)
from safetensors.torch import load_file  # noqa: E402

BATCH = 16
CPU = torch.device("cpu")


def gray(folder: Path, *normalize: Normalize) -> DataLoaders:
    block = DataBlock(
        blocks=(ImageBlock(cls=PILImageBW), CategoryBlock),
        get_items=get_image_files,
        get_y=parent_label,
        splitter=GrandparentSplitter(),
        batch_tfms=list(normalize),
    )
    return block.dataloaders(folder, bs=BATCH, num_workers=0, device=CPU)


def decoded(loaders: DataLoaders) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Images from 0 to 1 and class numbers of the training and of the valid part."""
    parts = []
    for loader in loaders:
        batches = [(images.as_subclass(torch.Tensor), labels.as_subclass(torch.Tensor)) for images, labels in loader]
        images, labels = zip(*batches, strict=True)
        parts.append((torch.cat(images), torch.cat(labels)))
    return parts


def loaders_of(folder: Path, source: str) -> DataLoaders:
    if source == "folder":
        return ImageDataLoaders.from_folder(folder, bs=BATCH, num_workers=0, device=CPU)
    plain = gray(folder)
    parts = decoded(DataLoaders(plain.train.new(shuffle=False, drop_last=False), plain.valid))
    mean, deviation = parts[0][0].mean().item(), parts[0][0].std().item()
    if source == "gray":
        return gray(folder, Normalize.from_stats([mean], [deviation], cuda=False))
    train, valid = (list(zip((images - mean) / deviation, labels, strict=True)) for images, labels in parts)
    return DataLoaders(
        DataLoader(train, bs=BATCH, shuffle=True, drop_last=True, num_workers=0),
        DataLoader(valid, bs=BATCH, num_workers=0),
        device=CPU,
    )


def learner_of(folder: Path, source: str, weights: str | None) -> Learner:
    learner = vision_learner(
        loaders_of(folder, source),
        "tf_efficientnet_lite0" if weights else resnet18,
        pretrained=False,
        n_in=3 if source == "folder" else 1,
        n_out=len(list((folder / "train").iterdir())),
        loss_func=CrossEntropyLossFlat(),
        metrics=accuracy,
    )
    if weights:
        learner.model[0].model.load_state_dict(load_file(weights))
        learner.freeze()
    return learner


class Watch(Callback):
    """Notes the CPU time of each epoch, and waits for its turn."""

    def __init__(self, turns: bool) -> None:
        self.turns, self.epochs_s = turns, []

    def before_fit(self) -> None:
        self.mark = time.process_time()

    def before_batch(self) -> None:
        if self.turns and self.training:
            answer({})
            sys.stdin.readline()

    def after_epoch(self) -> None:
        now = time.process_time()
        self.epochs_s.append(now - self.mark)
        self.mark = now


class NoValidation(Callback):
    """Leaves out the validation after each epoch."""

    def before_validate(self) -> None:
        raise CancelValidException


def answer(values: dict[str, Any]) -> None:
    print(json.dumps(values), flush=True)


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    for line in sys.stdin:
        work = json.loads(line)
        set_seed(work["seed"])
        weights = work.get("weights")
        learner, watch = learner_of(folder, work["source"], weights), Watch(work["turns"])
        with learner.no_bar(), learner.no_logging():
            if weights:
                learner.fine_tune(work["epochs"], cbs=(watch, NoValidation()))
            else:
                learner.fit_one_cycle(work["epochs"], work["rate"], cbs=watch)
            answer({"epochs_s": watch.epochs_s, "accuracy": learner.validate()[-1]})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
