"""Model cards, and models that are pushed to and pulled from a server of the Hub's interface."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from img_repr import ImageClassifier, load_dataset
from img_repr.core.errors import DataError, ImgReprError, ResultError
from img_repr.training.model_card import interval, render_card

_spec = importlib.util.spec_from_file_location("hub_server", Path(__file__).with_name("hub_server.py"))
hub_server = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(hub_server)


@pytest.fixture(scope="module")
def data():
    return load_dataset("gunpoint").subset(range(0, 200, 5))


@pytest.fixture(scope="module")
def model(data):
    return ImageClassifier("gadf", size=16, epochs=1, min_steps=1).fit(data)


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    return model.save(tmp_path_factory.mktemp("models") / "mine")


@pytest.fixture
def hub(monkeypatch, tmp_path):
    pytest.importorskip("huggingface_hub")
    with hub_server.local_hub() as (address, files, asked):
        for name, value in {"HF_ENDPOINT": address, "HF_HOME": str(tmp_path / "home"), "HF_TOKEN": "hf_test",
                            "HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_TELEMETRY": "1",
                            "HF_HUB_DISABLE_XET": "1"}.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        yield files, asked


# ---- the card


def test_every_saved_model_has_a_card_with_data_split_score_license_and_limits(folder):
    card = (folder / "README.md").read_text("utf-8")
    head, body = card.removeprefix("---\n").split("\n---\n", 1)
    header = {line.partition(": ")[0]: json.loads(line.partition(": ")[2]) for line in head.splitlines()}
    assert header["tags"] == ["img-repr", "timeseries", "gadf"]
    assert header["license"] == "unknown"
    assert [line for line in body.splitlines() if line.startswith("## ")] == [
        "## Data", "## Split", "## Score", "## Images and network", "## License", "## Limits"
    ]  # fmt: skip
    for words in ("40 training samples", "Shape of a sample: (150)", "2 classes: 1, 2", "Validation: 8 of",
                  "95 % interval", "8 independent samples", "timeseriesclassification.com"):  # fmt: skip
        assert words in body


def test_the_header_is_yaml_that_huggingface_hub_reads(folder):
    card = pytest.importorskip("huggingface_hub").ModelCard.load(folder / "README.md")
    assert card.data.library_name == "img-repr"
    assert card.data.metrics == ["accuracy"]


def test_the_interval_is_wilsons():
    assert interval(0.5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)  # R: binom::binom.wilson(5, 10)
    assert interval(1.0, 20)[1] == 1.0


def test_names_of_classes_cannot_write_into_the_card():
    evil = "</h1><script>x</script>\n---\n# [a](http://b)"
    card = render_card({"kind": "classifier", "encoders": [{"name": "gadf"}], "record": {}, "classes": [evil, "b"]})
    assert "<script" not in card.replace("\\<", "")
    assert card.count("\n---\n") == 1


@pytest.mark.parametrize("record", [
    {"samples": 3, "validation": [], "test": "x", "weights": None, "validation_notes": {}},
    {"samples": {"shape": "x", "count": [], "domain": 4, "name": {}}, "valid_accuracy": "high"},
    {"test": {"accuracy": 7, "count": -1}, "valid_accuracy": float("nan"), "validation": {"count": 9}},
])  # fmt: skip
def test_a_card_is_made_of_any_record(record):
    assert "## Limits" in render_card({"kind": "classifier", "encoders": [{"name": "a"}], "record": record})


# ---- the hub


def test_what_is_pulled_predicts_as_what_was_pushed(hub, model, data, tmp_path):
    files, _ = hub
    assert model.push_to_hub("me/mine").endswith(hub_server.COMMIT)
    assert sorted(files) == ["README.md", "member-0/network.safetensors", "member-0/trainer.json", "model.json"]
    pulled = ImageClassifier.from_hub("me/mine", cache=tmp_path / "cache")
    np.testing.assert_array_equal(pulled.predict_proba(data.samples), model.predict_proba(data.samples))


def test_only_the_files_of_a_model_are_downloaded(hub, model, tmp_path):
    files, asked = hub
    model.push_to_hub("me/mine")
    files |= {"evil.py": b"raise SystemExit", "member-0/weights.pkl": b"x", "a/b/model.json": b"{}"}
    ImageClassifier.from_hub("me/mine", cache=tmp_path / "cache")
    assert not [path for path in asked if "evil" in path or "pkl" in path or "a/b" in path]
    assert not [*tmp_path.rglob("evil.py"), *tmp_path.rglob("*.pkl")]


@pytest.mark.parametrize("change", ["pickle", "nan", "version", "escape", "header"])
def test_a_hostile_download_is_refused(hub, model, tmp_path, change):
    files, _ = hub
    model.push_to_hub("me/mine")
    record = json.loads(files["model.json"])
    if change == "pickle":
        files["member-0/network.safetensors"] = b"\x80\x04cos\nsystem\n(S'touch /tmp/owned'\ntR."
    elif change == "nan":
        record["temperature"] = float("nan")
    elif change == "version":
        record["format"] = 99
    elif change == "escape":
        record["encoders"] = [{"name": "../../evil", "version": 1, "parameters": {}}]
    else:
        files["member-0/network.safetensors"] = (2**62).to_bytes(8, "little") + b"{}"
    files["model.json"] = json.dumps(record).encode()
    with pytest.raises(ImgReprError):
        ImageClassifier.from_hub("me/mine", cache=tmp_path / "cache")


@pytest.mark.parametrize("repo", ["me/other", "no/such/name", "../../etc"])
def test_other_repositories_are_refused_in_a_sentence(hub, repo, tmp_path):
    with pytest.raises(DataError, match=r"^hub: expected a repository"):
        ImageClassifier.from_hub(repo, cache=tmp_path / "cache")


def test_a_repository_without_a_model_is_refused(hub, tmp_path):
    hub[0]["README.md"] = b"nothing"
    with pytest.raises(ResultError, match=r"model.json"):
        ImageClassifier.from_hub("me/mine", cache=tmp_path / "cache")


@pytest.mark.slow
def test_commands_keep_an_edited_card(hub, folder, tmp_path):
    (tmp_path / "sent").mkdir()
    for path in folder.rglob("*.*"):
        target = tmp_path / "sent" / path.relative_to(folder)
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(path.read_bytes())
    (tmp_path / "sent" / "README.md").write_text("---\nlicense: mit\n---\nMine.\n")
    for words in (["push", "sent", "me/mine"], ["pull", "me/mine", "--out", "got"]):
        done = subprocess.run([sys.executable, "-m", "img_repr", *words], cwd=tmp_path, capture_output=True, text=True,
                              timeout=500, env=dict(os.environ))  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "got" / "README.md").read_text() == "---\nlicense: mit\n---\nMine.\n"
    assert ImageClassifier.load(tmp_path / "got").classes == ("1", "2")
