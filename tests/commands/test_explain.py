"""``img-repr explain`` writes figures, arrays and JSON."""

import json

import numpy as np
import pytest

from img_repr import ImageClassifier
from img_repr.commands.app import app


@pytest.mark.filterwarnings("ignore:.*optimizer steps.*")
def test_explain_writes_figures_arrays_and_json(tmp_path):
    random = np.random.default_rng(0)
    x, y = random.normal(size=(12, 40)), np.arange(12) % 2
    model = ImageClassifier("gadf", size=16, epochs=1, min_steps=1).fit(x, y).save(tmp_path / "model")
    np.save(tmp_path / "new.npy", x[:3])
    words = [
        "explain",
        str(model),
        str(tmp_path / "new.npy"),
        "--method",
        "raw_occlusion",
        "--out",
        str(tmp_path / "o"),
    ]
    app(words, standalone_mode=False)
    content = json.loads((tmp_path / "o" / "explanations.json").read_text())
    assert len(content["explanations"]) == 3
    assert len(list((tmp_path / "o").glob("*.png"))) == 3
    assert np.load(next((tmp_path / "o").glob("*.npz")))["weights"].shape == (40,)
