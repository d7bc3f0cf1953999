"""A user's encoder and network, in a module outside the package: trained, saved, and loaded by other processes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PARTS = """
from pathlib import Path
import torch
from torch import nn
from img_repr.core.metadata import encoder
from img_repr.domains.timeseries.sample import TIMESERIES, check_series
from img_repr.training.backbone import backbone

Path(__file__).with_name("imported").touch()


@encoder(TIMESERIES, value_range=(-1.0, 1.0), reference="A. User, 2026")
def encode_rise(series, *, size=16, lengths=None, dtype=None, out=None):
    batch = check_series(series, caller="rise", lengths=lengths)
    pieces = torch.nn.functional.adaptive_avg_pool1d(batch.values, size)
    low, high = pieces.aminmax(dim=1, keepdim=True)
    shares = (pieces - low) / (high - low).clamp_min(1e-300)

    def fill(rows, out):
        return torch.sub(shares[rows, None, :], shares[rows, :, None], out=out)

    return batch.render(fill, (size, size), (-1.0, 1.0), dtype, out)


@backbone
def three_layers(*, channels, classes, dropout):
    layers = []
    for inputs, outputs in [(channels, 16), (16, 32), (32, 64)]:
        layers += [nn.Conv2d(inputs, outputs, 3, stride=2, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layers)


class Mine(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = three_layers(channels=3, classes=2, dropout=0.0)
        self.scores = nn.Linear(64, 1000)

    def forward(self, images):
        return self.scores(self.body(images).amax((2, 3)))
"""

START = """
from pathlib import Path
import numpy as np
import torch
from img_repr import ImageClassifier, get_encoder
from img_repr.core.errors import ImgReprError
cpu = torch.device("cpu")


def same(name, **own):
    model = ImageClassifier.load(name, device=cpu, **own)
    print(name, np.array_equal(model.predict_proba(np.load("samples.npy")), np.load(f"{name}.npy")))
"""

LEARN = """
import my_parts
from img_repr import load_dataset
data = load_dataset("gunpoint")
train, test = (data.subset(np.flatnonzero(data.split == part)) for part in ("train", "test"))
np.save("samples", test.samples)
few = {"epochs": 2, "min_steps": 10, "device": cpu}
module = my_parts.Mine()
models = {
    "both": ImageClassifier(
        get_encoder("rise", size=24), backbone="three_layers", epochs=10, min_steps=100, device=cpu
    ),
    "network": ImageClassifier(get_encoder("gadf", size=16), backbone="three_layers", **few),
    "module": ImageClassifier(get_encoder("gasf+gadf", size=16), backbone=module, **few),
}
for name, model in models.items():
    chances = model.fit(train, seed=1).predict_proba(test.samples)
    model.save(name)
    np.save(name, chances)
    print(name, model.config.backbone, (chances.argmax(axis=1) == test.targets).mean(), sep=" | ")
"""

ASK = """
import my_parts
same("both")
same("network")
same("module", backbone=my_parts.Mine())
"""

BLIND = """
for name in ("both", "network", "module"):
    try:
        ImageClassifier.load(name)
    except ImgReprError as error:
        print(error)
print(Path("imported").exists())
"""

ANNOUNCED = """
same("both")
same("network")
print(get_encoder("rise"))
"""


def run(script, folder, **environment):
    """Run a script in a process of its own, in a folder whose modules it may import."""
    (folder / "script.py").write_text(START + script)
    done = subprocess.run(
        [sys.executable, "-W", "error", "script.py"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""} | environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    folder = tmp_path_factory.mktemp("user")
    (folder / "my_parts.py").write_text(PARTS)
    return folder, run(LEARN, folder)


@pytest.mark.slow
def test_user_encoder_and_network_are_trained(learned):
    _, lines = learned
    rows = [line.split(" | ") for line in lines]
    assert [row[0] for row in rows] == ["both", "network", "module"]
    assert [row[1] for row in rows[:2]] == ["three_layers", "three_layers"]
    assert float(rows[0][2]) > 0.7  # guessing: 0.5


@pytest.mark.slow
def test_process_that_imports_the_module_predicts_the_same(learned):
    folder, _ = learned
    assert run(ASK, folder) == ["both True", "network True", "module True"]


@pytest.mark.slow
def test_process_without_the_module_gets_an_error_and_imports_nothing(learned):
    folder, _ = learned
    (folder / "imported").unlink(missing_ok=True)
    both, network, module, imported = run(BLIND, folder)
    assert "no encoder is called 'rise'" in both
    assert "got 'three_layers'" in network
    assert "import the module that registers it" in network
    assert "Mine" in module
    assert imported == "False"


@pytest.mark.slow
def test_entry_point_replaces_the_import(learned):
    folder, _ = learned
    facts = folder / "my_parts-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: my_parts\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text("[img_repr.domains]\nmine = my_parts\n")
    lines = run(ANNOUNCED, folder, PYTHONPATH=f"{ROOT}{os.pathsep}{folder}")
    assert lines == ["both True", "network True", "get_encoder('rise')"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["own_parts.md", "training.md"])
def test_documentation_pages_run(name):
    """In a process of its own: its parts must not be found by other tests."""
    page = ROOT / "docs" / name
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "doctest", page.name],
        cwd=page.parent,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert page.read_text().count(">>> ") > 20
