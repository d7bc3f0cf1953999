"""Print which of AudioSet's classes YAMNet finds in a folder of sounds, by the folder's own classes.

``python docs/make_yamnet_classes.py WEIGHTS yamnet_class_map.csv DATA``: weights that hold the head, the makers' table
of class names, and sounds as ``img-repr`` reads them. The score of a class in a recording is its highest over the
patches; "Silence" is left out, because many clips end in it.
"""

import csv
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import torch

from img_repr import get_encoder, load_dataset
from img_repr.training.backbone import build_backbone
from img_repr.training.images import image_source
from img_repr.training.normalization import normalization_of
from img_repr.training.patches import windows_of
from img_repr.training.weights import find_weights, load_pretrained


def main(weights: str, class_map: str, data: str) -> None:
    """Print a row for each class of the data: the most frequent first classes of YAMNet."""
    with Path(class_map).open(encoding="utf-8") as file:
        names = np.array([row["display_name"] for row in csv.DictReader(file)])
    network = build_backbone("yamnet", channels=1, classes=2).eval()
    load_pretrained(network, weights, "yamnet")
    head = find_weights(weights, "yamnet").state
    dataset = load_dataset(data)
    encoder = get_encoder("melspectrogram", preset="yamnet", sample_rate_hz=16_000, duration_s=5.0)
    images = image_source(encoder, dataset.samples, dataset.targets, device=torch.device("cpu"))
    to_values = normalization_of(images, center_below=0.0, own_values=True)
    found = []
    with torch.inference_mode():
        for positions in np.array_split(np.arange(len(images)), max(1, len(images) // 32)):
            scores = [
                network.body.patch_features(patches) @ head["classes.weight"].T + head["classes.bias"]
                for patches in windows_of(to_values(images.batch(positions)), 96, 48)
            ]
            highest = torch.stack(scores).amax(dim=0)
            highest[:, names == "Silence"] = -torch.inf
            found.append(names[highest.argmax(dim=1).numpy()])
    first = np.concatenate(found)
    for label in dataset.classes:
        counts = Counter(first[dataset.labels == label]).most_common(6)
        print(f"| {label} | {', '.join(f'{name} {count}' for name, count in counts)} |")


if __name__ == "__main__":
    main(*sys.argv[1:])
