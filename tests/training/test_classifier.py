"""ImageClassifier: fitting, prediction, saving and loading.

The reason for its length: tables of damaged folders and of validation parts.
"""

import hashlib
import json
import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError, NotFittedError, ParameterError, ResultError, SplitError
from img_repr.core.naming import get_encoder, get_encoders
from img_repr.domains.audio.recording import Recording
from img_repr.domains.audio.sample import AUDIO
from img_repr.domains.timeseries.sample import TIMESERIES
from img_repr.training import estimator as module
from img_repr.training.backbone import build_backbone
from img_repr.training.classifier import ImageClassifier, fit_temperature

CPU = torch.device("cpu")
SHORT = {"epochs": 1, "min_steps": 1}


def waves(labels, *, seed=0, length=40, noise=0.3, **columns):
    """Noisy sines whose number of cycles is the place of their label."""
    labels = np.asarray(labels)
    random = np.random.default_rng(seed)
    cycles = 2 + 2 * np.unique(labels, return_inverse=True)[1]
    series = np.sin(2 * np.pi * cycles[:, None] * np.linspace(0, 1, length) + random.uniform(0, 6, (len(labels), 1)))
    return Dataset("waves", TIMESERIES, series + random.normal(scale=noise, size=series.shape), labels, **columns)


def make(names="gadf(size=8)", **hyperparameters):
    return ImageClassifier(get_encoders(names), device=CPU, **(SHORT | hyperparameters))


@pytest.fixture
def data():
    return waves(["slow", "fast"] * 12)


@pytest.fixture
def model(data):
    return make().fit(data, seed=3)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A folder that a model was saved in, to be copied."""
    return (
        make("gadf(size=8)|mtf(size=8)").fit(waves(["slow", "fast"] * 12)).save(tmp_path_factory.mktemp("kept") / "m")
    )


@pytest.fixture
def folder(kept, tmp_path):
    return Path(shutil.copytree(kept, tmp_path / "model"))


def content(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_classifies_waves():
    fitting, validation = waves(["slow", "fast"] * 15), waves(["slow", "fast"] * 15, seed=1)
    model = make("gadf(size=16)", epochs=20).fit(fitting)
    chances = model.predict_proba(validation.samples)
    assert chances.shape == (30, 2)
    np.testing.assert_allclose(chances.sum(axis=1), 1.0, atol=1e-12)
    assert model.classes == ("fast", "slow")
    assert (np.array(model.classes)[chances.argmax(axis=1)] == validation.labels).mean() > 0.9
    assert model.record["valid_accuracy"] > 0.8


@pytest.mark.parametrize("names", ["gadf(size=8)", "gadf+mtf", "recurrence(signed=True)|gadf+mtf"])
@pytest.mark.parametrize("members", [1, 2])
def test_saved_model_predicts_the_same_bits(data, tmp_path, names, members):
    encoders = get_encoders(names, **({} if "(size" in names else {"size": 8}))
    model = ImageClassifier(encoders, device=CPU, n_members=members, **SHORT).fit(data, seed=3)
    folder = model.save(tmp_path / "deep" / "model")
    loaded = ImageClassifier.load(folder, device=CPU)
    assert np.array_equal(loaded.predict_proba(data.samples), model.predict_proba(data.samples))
    assert loaded.encoders == model.encoders
    assert loaded.classes == model.classes
    assert (loaded.config, loaded.temperature_) == (model.config, model.temperature_)
    assert loaded.record == json.loads(json.dumps(model.record))
    for one, other in zip(model.members_, loaded.members_, strict=True):
        state, again = one.network.state_dict(), other.network.state_dict()
        assert all(torch.equal(state[name], again[name]) for name in state)
    parts = ("trainer.json", "network.safetensors")
    names_on_disk = {f"member-{number}/{part}" for number in range(members * len(encoders)) for part in parts}
    assert set(content(folder)) == names_on_disk | {"model.json", "README.md"}
    assert [path.name for path in folder.parent.iterdir()] == ["model"]
    assert loaded.save(tmp_path / "again") == tmp_path / "again"
    assert {name: data for name, data in content(folder).items() if name != "model.json"} == {
        name: data for name, data in content(tmp_path / "again").items() if name != "model.json"
    }


def test_model_folder_has_the_default_permissions(model, tmp_path):
    (tmp_path / "plain").mkdir()
    assert model.save(tmp_path / "model").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_probabilities_of_several_encoders_are_averaged(data):
    model = make("gadf(size=8)|gadf(size=8)+mtf(size=8)", n_members=2).fit(data)
    assert [member.channels for member in model.members_] == [1, 2, 1, 2]
    assert len({member.seed for member in model.members_}) == 4
    assert model.cost["networks"] == 4
    assert model.cost["bytes_per_image"] == 64 + 128
    single = sum(weight.numel() for member in model.members_ for weight in member.network.parameters())
    assert model.cost["parameters"] == single
    wanted = []
    for place, encoder in enumerate(model.encoders):
        images = module.image_source(encoder, data.samples, np.zeros(24), device=CPU)
        wanted += [member.predict_proba(images, temperature=model.temperature_) for member in model.members_[place::2]]
    np.testing.assert_allclose(model.predict_proba(data.samples), np.mean(wanted, axis=0), rtol=0, atol=1e-12)


def test_fitted_encoder_parameters_are_saved(data, tmp_path):
    model = make("gadf(size=8, limits='fit')").fit(data)
    (encoder,) = model.encoders
    assert not encoder.needs_fit
    low, high = encoder.all_parameters["limits"]
    assert low == pytest.approx(data.samples.min())
    assert high == pytest.approx(data.samples.max())
    loaded = ImageClassifier.load(model.save(tmp_path / "model"), device=CPU)
    assert loaded.encoders == model.encoders
    one = data.samples[:1] / 3  # by limits of its own it would look like the whole
    assert np.array_equal(loaded.predict_proba(one), model.predict_proba(one))


def test_second_fit_replaces_the_first(data):
    model = make("gadf(size=8, limits='fit')")
    first = model.fit(data).encoders
    larger = Dataset("larger", TIMESERIES, data.samples * 100, data.labels)
    second = model.fit(larger).encoders
    assert first != second
    assert second == (get_encoder("gadf", size=8, limits="fit").fit(larger.samples),)
    assert len(model.members_) == 1


def test_same_seed_gives_the_same_model(data):
    one, same, other = (make().fit(data, seed=seed).predict_proba(data.samples) for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_fit_changes_neither_data_nor_random_state(data, tmp_path):
    samples, labels, state = data.samples.copy(), data.labels.copy(), torch.get_rng_state()
    ImageClassifier.load(make().fit(data).save(tmp_path / "m"), device=CPU).predict_proba(data.samples)
    assert np.array_equal(data.samples, samples)
    assert np.array_equal(data.labels, labels)
    assert torch.equal(torch.get_rng_state(), state)


def test_save_replaces_a_model(folder, model, data):
    model.save(folder)
    assert set(content(folder)) == {"README.md", "model.json", "member-0/trainer.json", "member-0/network.safetensors"}
    loaded = ImageClassifier.load(folder, device=CPU)
    assert np.array_equal(loaded.predict_proba(data.samples), model.predict_proba(data.samples))


@pytest.mark.parametrize("step", ["write", "move"])
def test_failed_save_keeps_the_old_model_without_temporary_files(folder, model, monkeypatch, step):
    before = content(folder)

    def fail(*told, **more):
        raise OSError("no space left on the disk")

    def rename(path, target, real=Path.rename):
        return fail() if path.name == "new" else real(path, target)

    if step == "write":
        monkeypatch.setattr(safetensors.torch, "save_file", fail)
    else:
        monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(OSError, match="no space left"):
        model.save(folder)
    assert content(folder) == before
    assert [path.name for path in folder.parent.iterdir()] == ["model"]
    ImageClassifier.load(folder, device=CPU)


def test_interrupted_save_keeps_the_old_model(folder, data, monkeypatch):
    before, written = content(folder), []

    def stop_at_the_second(state, path, real=safetensors.torch.save_file):
        if written:
            raise KeyboardInterrupt
        written.append(path)
        real(state, path)

    model = make(n_members=2).fit(data)
    monkeypatch.setattr(safetensors.torch, "save_file", stop_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        model.save(folder)
    assert content(folder) == before
    assert not Path(written[0]).exists()
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


def test_save_rejects_folders_with_other_content(model, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work")
    for target in (tmp_path / "thesis", tmp_path / "thesis" / "chapter.txt"):
        with pytest.raises(DataError, match="expected a new or empty folder to write into"):
            model.save(target)
    assert content(tmp_path) == {"thesis/chapter.txt": b"years of work"}
    (tmp_path / "empty").mkdir()
    assert model.save(tmp_path / "empty") == tmp_path / "empty"


def rewrite(**changes):
    def change(folder):
        stored = json.loads((folder / "model.json").read_text())
        (folder / "model.json").write_text(json.dumps(stored | changes))

    return change


def rewrite_encoder(**changes):
    def change(folder):
        stored = json.loads((folder / "model.json").read_text())
        stored["encoders"][0] |= changes
        (folder / "model.json").write_text(json.dumps(stored))

    return change


def rewrite_member(**changes):
    def change(folder):
        path = folder / "member-0" / "trainer.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


def drop(key):
    def change(folder):
        stored = json.loads((folder / "model.json").read_text())
        del stored[key]
        (folder / "model.json").write_text(json.dumps(stored))

    return change


def truncate(name, share):
    def change(folder):
        whole = (folder / name).read_bytes()
        (folder / name).write_bytes(whole[: int(len(whole) * share)])

    return change


def every_member(folder, training):
    for path in (folder / "model.json", *folder.glob("member-*/trainer.json")):
        stored = json.loads(path.read_text())
        path.write_text(json.dumps(stored | {"training": stored["training"] | training}))


def change_tensors(folder, name, value):
    """Write other numbers with a checksum that fits them."""
    path, facts = folder / "member-0" / "network.safetensors", folder / "member-0" / "trainer.json"
    state = safetensors.torch.load_file(path)
    if value is None:
        del state[name]
    else:
        state[name].view(-1)[0] = value
    safetensors.torch.save_file(state, path)
    stored = json.loads(facts.read_text())
    facts.write_text(json.dumps(stored | {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()}))


def change_byte(path):
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 1
    path.write_bytes(bytes(whole))


def other_network(folder):
    make("gadf(size=8)+mtf(size=8)").fit(waves(["a", "b"] * 6)).save(folder.parent / "other")
    shutil.copytree(folder.parent / "other" / "member-0", folder / "member-0", dirs_exist_ok=True)


def replace_by_fifo(path):
    path.unlink()
    os.mkfifo(path)


BROKEN = {
    "no folder": shutil.rmtree,
    "a file": lambda folder: (shutil.rmtree(folder), folder.write_text("{}")),
    "an empty folder": lambda folder: (shutil.rmtree(folder), folder.mkdir()),
    "no model.json": lambda folder: (folder / "model.json").unlink(),
    "no second network": lambda folder: shutil.rmtree(folder / "member-1"),
    "half a model.json": truncate("model.json", 0.5),
    "an empty model.json": truncate("model.json", 0.0),
    "half a network": truncate("member-0/network.safetensors", 0.5),
    "an empty network": truncate("member-1/network.safetensors", 0.0),
    "no text": lambda folder: (folder / "model.json").write_bytes(b"\xff\xfe\x00"),
    "a list": lambda folder: (folder / "model.json").write_text("[]"),
    "a number": lambda folder: (folder / "model.json").write_text("3"),
    "another json": lambda folder: (folder / "model.json").write_text('{"format": 1}'),
    "another format": rewrite(format=1),
    "no encoder": rewrite(encoders=[]),
    "encoders of words": rewrite(encoders=["gadf", "mtf"]),
    "an unknown encoder": rewrite_encoder(name="gdaf"),
    "an unknown parameter": rewrite_encoder(parameters={"sized": 8}),
    "another version": rewrite_encoder(version=99),
    "an unknown hyperparameter": rewrite(training={"epoch": 3}),
    "a hyperparameter out of range": rewrite(training={"epochs": 0}),
    "an unknown backbone": rewrite(training={"backbone": "resnet19"}),
    "networks too few": rewrite(channels=[1]),
    "networks too many": rewrite(channels=[1, 1, 1]),
    "other channels": rewrite(channels=[1, 3]),
    "wrong channels": rewrite_member(channels=3),
    "another task": rewrite_member(task={"kind": "classification", "count": 3, "weights": []}),
    "no task": rewrite_member(task={"kind": "boxes"}),
    "another network's format": rewrite_member(format=0),
    "other classes": rewrite(classes=["a", "b", "c"]),
    "no temperature": drop("temperature"),
    "a temperature of 0": rewrite(temperature=0),
    "a temperature below 0": rewrite(temperature=-1.0),
    "a temperature that is NaN": rewrite(temperature=float("nan")),
    "an endless temperature": rewrite(temperature=float("inf")),
    "a temperature in words": rewrite(temperature="1.0"),
    "a temperature that is true": rewrite(temperature=True),
    "classes twice": rewrite(classes=["slow", "slow"]),
    "one class": rewrite(classes=["slow"]),
    "classes that are no text": rewrite(classes=[1, 2]),
    "labels of an unknown type": rewrite(label_type="complex"),
    "a regressor": rewrite(kind="regressor"),
    "another kind": rewrite(kind=3),
    "an older format": rewrite(format=2),
    "views without bound": lambda folder: every_member(folder, training={"tta": 10**9}),
    "an unfitted encoder": rewrite_encoder(parameters={"limits": "fit"}),
    "a record that is none": rewrite(record=[]),
    "columns that are no text": rewrite(columns=[1]),
    "deep json": lambda folder: (folder / "model.json").write_text("[" * 100_000),
    "channels beyond memory": rewrite_member(channels=10**9),
    "classes beyond memory": rewrite_member(task={"kind": "classification", "count": 10**9, "weights": []}),
    "a task of numbers": rewrite_member(task={"kind": "regression", "count": 2, "mean": [0.0, 0.0], "std": [1, 1]}),
    "weights of classes that are NaN": rewrite_member(
        task={"kind": "classification", "count": 2, "weights": [float("nan"), 1.0]}
    ),
    "a task in words": rewrite_member(task="classes"),
    "a seed that is none": rewrite_member(seed=-1),
    "a history that is none": rewrite_member(history=3),
    "a share that is NaN": rewrite_member(unexplained=float("nan")),
    "weights that are NaN": lambda folder: change_tensors(folder, "head.1.weight", float("nan")),
    "weights that are infinite": lambda folder: change_tensors(folder, "body.0.0.0.weight", float("inf")),
    "a deviation of 0": lambda folder: change_tensors(folder, "input.std", 0.0),
    "a mean that is NaN": lambda folder: change_tensors(folder, "input.mean", float("nan")),
    "no mean": lambda folder: change_tensors(folder, "input.mean", None),
    "one other byte": lambda folder: change_byte(folder / "member-0" / "network.safetensors"),
    "a giant header": lambda folder: (folder / "member-0" / "network.safetensors").write_bytes(
        (2**62).to_bytes(8, "little") + b"{}" * 50
    ),
    "a FIFO for a record": lambda folder: replace_by_fifo(folder / "model.json"),
    "a FIFO for a network": lambda folder: replace_by_fifo(folder / "member-0" / "network.safetensors"),
    "an encoder that is a path": rewrite_encoder(name="../../evil"),
    "a network from the web": rewrite_member(training={"backbone": "timm:hf-hub:evil/model"}),
    "a network from a folder": rewrite_member(training={"backbone": "timm:local-dir:/tmp/evil"}),
    "no classes": drop("classes"),
    "another network": other_network,
}


@pytest.mark.parametrize("case", BROKEN)
def test_load_rejects_damaged_models_in_one_sentence(folder, case):
    BROKEN[case](folder)
    with pytest.raises(ResultError) as refused:
        ImageClassifier.load(folder, device=CPU)
    said = str(refused.value)
    assert said.startswith(f"{folder}: ")
    assert "expected" in said
    assert "\n" not in said
    assert len(said) < len(str(folder)) * 2 + 300


class Touch:
    """A pickle that makes a file when it is read."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("name", ["member-0/network.safetensors", "member-0/trainer.json", "model.json"])
@pytest.mark.parametrize("save", [torch.save, lambda thing, path: path.write_bytes(pickle.dumps(thing))])
def test_loading_never_unpickles(folder, tmp_path, name, save):
    save({"0": Touch(tmp_path / "ran")}, folder / name)
    with pytest.raises(ResultError):
        ImageClassifier.load(folder, device=CPU)
    assert not (tmp_path / "ran").exists()


def test_unfitted_model_cannot_predict_or_be_saved(tmp_path):
    with pytest.raises(NotFittedError, match="before predict_proba"):
        make().predict_proba(np.zeros((1, 9)))
    with pytest.raises(NotFittedError, match="before save"):
        make().save(tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


def test_wrong_calls_are_explained(data, model):
    with pytest.raises(ParameterError, match="expected at least one encoder, got none"):
        ImageClassifier([]).fit(data)
    with pytest.raises(ParameterError, match="expected encoder to be a name, an Encoder or several of these, got 3"):
        ImageClassifier(3).fit(data)
    with pytest.raises(TypeError, match="unexpected keyword argument 'epoch'"):
        make(epoch=3)
    with pytest.raises(DataError, match="waves: expected at least two classes to train on, got one class, slow"):
        make().fit(data.subset(np.flatnonzero(data.labels == "slow")))
    with pytest.raises(DataError, match="waves: expected labeled samples"):
        make().fit(Dataset("waves", TIMESERIES, data.samples))
    with pytest.raises(SplitError, match="expected a class with two training samples"):
        make().fit(waves(["a", "b", "c"]))
    for nothing in (data.samples[:0], []):
        with pytest.raises(DataError, match="expected a batch of at least one sample, got none"):
            model.predict_proba(nothing)


def test_class_with_one_sample_is_not_held_out(monkeypatch):
    data = waves(["rare", *["often", "usual"] * 6])
    seen = watch(monkeypatch)
    model = make().fit(data)
    assert model.classes == ("often", "rare", "usual")
    (fitting, validation) = seen
    assert 1 in fitting
    assert 1 not in validation
    assert model.predict_proba(data.samples).shape == (13, 3)


def watch(monkeypatch):
    """Labels of each part that a model makes images of, in order."""
    seen = []

    def image_source(encoder, samples, labels, real=module.image_source, **more):
        seen.append(np.asarray(labels).tolist())
        return real(encoder, samples, labels, **more)

    monkeypatch.setattr(module, "image_source", image_source)
    return seen


def test_validation_part_may_lack_classes(monkeypatch):
    groups = np.repeat(np.arange(6), 4)
    data = waves(np.repeat(["a", "b", "c"], 8), groups=groups)  # each group is of one class
    seen = watch(monkeypatch)
    model = make(n_members=3).fit(data)
    for validation in seen[1::2]:
        assert 0 < len(set(validation)) < 3
    assert 0.0 <= model.record["valid_accuracy"] <= 1.0
    assert 0.25 <= model.temperature_ <= 8.0
    assert model.predict_proba(data.samples).shape == (24, 3)


def test_class_of_one_group_is_fitted_by_every_member_with_a_note(monkeypatch):
    data = waves(np.repeat(["a", "b", "c"], 8), groups=np.repeat(["p", "q", "r"], 8))
    seen = watch(monkeypatch)
    model = make(n_members=2).fit(data)
    assert [set(fitted) for fitted in seen[::2]] == [{0, 1, 2}] * 2
    (note,) = model.record["validation_notes"]
    assert note.startswith("The validation part shares groups with what is fitted, because each group is the last of")


def test_validation_part_shares_no_group_with_training(monkeypatch):
    groups = np.tile(np.arange(5), 8)
    data = waves(np.repeat(["a", "b"], 20), groups=groups)
    parts = []

    def image_source(encoder, samples, labels, real=module.image_source, **more):
        parts.append({groups[int(np.flatnonzero((data.samples == one).all(axis=1))[0])] for one in samples})
        return real(encoder, samples, labels, **more)

    monkeypatch.setattr(module, "image_source", image_source)
    make("gadf(size=8)|mtf(size=8)", n_members=2).fit(data)
    assert len(parts) == 8
    for fitting, validation in zip(parts[::2], parts[1::2], strict=True):
        assert validation
        assert not fitting & validation
        assert fitting | validation == set(range(5))
    assert len({tuple(validation) for validation in parts[1::2]}) > 1  # each member has a part of its own


def test_validation_part_is_the_latest_if_times_are_known(monkeypatch):
    data = waves(["a", "b"] * 10, times=np.arange(20)[::-1])
    parts = []

    def image_source(encoder, samples, labels, real=module.image_source, **more):
        parts.append([data.times[np.flatnonzero((data.samples == one).all(axis=1))[0]] for one in samples])
        return real(encoder, samples, labels, **more)

    monkeypatch.setattr(module, "image_source", image_source)
    make().fit(data)
    assert max(parts[0]) < min(parts[1])


def test_without_validation_part_all_samples_are_fitted(monkeypatch, data):
    seen = watch(monkeypatch)
    model = make(validation_fraction=0.0).fit(data)
    assert [len(part) for part in seen] == [24]
    assert model.temperature_ == 1.0
    assert "valid_accuracy" not in model.record


def test_only_training_samples_are_augmented(monkeypatch, data):
    drawn = []

    def image_source(encoder, samples, labels, real=module.image_source, **more):
        drawn.append(more.get("augment"))
        return real(encoder, samples, labels, **more)

    monkeypatch.setattr(module, "image_source", image_source)
    make().fit(data).predict_proba(data.samples)
    make(augment=False).fit(data)
    assert drawn == [TIMESERIES.augment, None, None, None, None]


def tones(labels, *, seed=0):
    """Noisy tones of unequal length and rate whose pitch is the place of their label."""
    random, labels = np.random.default_rng(seed), np.asarray(labels)
    samples = []
    for place in np.unique(labels, return_inverse=True)[1]:
        rate = int(random.choice([4000, 8000]))
        time = np.arange(int(random.uniform(0.2, 0.3) * rate)) / rate
        wave = np.sin(2 * np.pi * (300 + 500 * place) * time) + random.normal(scale=0.3, size=len(time))
        samples.append(Recording((wave * 5000).astype(np.int16), rate))
    return Dataset("tones", AUDIO, samples, labels)


def test_classifies_recordings_and_saves_fitted_parameters(tmp_path):
    fitting, validation = tones(["low", "high"] * 15), tones(["low", "high"] * 15, seed=1)
    names = "melspectrogram(size=16, n_fft=256, hop_length=64, duration_s='fit', sample_rate_hz='fit')"
    model = make(names, epochs=10).fit(fitting)
    chances = model.predict_proba(validation.samples)
    assert (np.array(model.classes)[chances.argmax(axis=1)] == validation.labels).mean() > 0.9
    fitted = dict(model.encoders[0].parameters)
    assert fitted["sample_rate_hz"] in (4000, 8000)
    assert 0.25 < fitted["duration_s"] <= 0.3
    loaded = ImageClassifier.load(model.save(tmp_path / "m"), device=CPU)
    assert np.array_equal(loaded.predict_proba(validation.samples), chances)
    assert loaded.encoders == model.encoders


def test_only_training_recordings_are_augmented(monkeypatch):
    drawn = []

    def image_source(encoder, samples, labels, real=module.image_source, **more):
        drawn.append((more.get("augment"), more.get("augment_images")))
        return real(encoder, samples, labels, **more)

    monkeypatch.setattr(module, "image_source", image_source)
    data = tones(["low", "high"] * 8)
    names = "melspectrogram(size=8, n_fft=256, sample_rate_hz=4000)"
    make(names).fit(data).predict_proba(data.samples)
    make(names, augment=False).fit(data)
    assert drawn == [(AUDIO.augment, AUDIO.augment_images), *[(None, None)] * 4]
    assert None not in drawn[0]


def test_record_describes_the_training(data):
    rows = []
    encoders = get_encoders("gadf(size=8)|mtf(size=8)")
    listeners = [lambda event, trainer: rows.append(trainer.history[-1]) if event == "epoch_end" else None]
    model = ImageClassifier(encoders, device=CPU, listeners=listeners, epochs=3, min_steps=1, n_members=2).fit(data)
    record = model.record
    assert record == json.loads(json.dumps(record))
    assert [spec["name"] for spec in record["encoders"]] == ["gadf", "mtf"]
    assert record["weights"] == {"weights": "random"}
    assert record["images"] == "on_the_fly"
    assert record["head"] == "Dropout(p=0.25, inplace=False), Linear(in_features=960, out_features=2, bias=True)"
    assert record["augmentation"] == ["augment_series", "mixup 0.2"]
    assert record["schedule"] == [
        {"name": "all", "epochs": 3, "rate": 0.003, "lr_mult": 1.0, "freeze_norm": False, "is_fit": False}
    ]
    assert record["result_of"] == ["all, epoch 3"] * 4
    assert (record["epochs"], len(rows)) == (3, 12)
    assert record["temperature"] == model.temperature_
    assert len(record["unexplained_by_mean_image"]) == len(record["mean_image_subtracted"]) == 4
    last = [member.history[-1]["valid_accuracy"] for member in model.members_]
    assert record["valid_accuracy"] == pytest.approx(np.mean(last))


def test_classifies_series_of_unequal_length():
    whole = waves(["slow", "fast"] * 10)
    ragged = [row[: 25 + place % 7] for place, row in enumerate(whole.samples)]
    model = make("gadf(size=8)|mtf(size=8)").fit(Dataset("ragged", TIMESERIES, ragged, whole.labels))
    chances = model.predict_proba(ragged[:5])
    assert chances.shape == (5, 2)
    np.testing.assert_allclose(chances.sum(axis=1), 1.0, atol=1e-12)
    np.testing.assert_allclose(model.predict_proba([ragged[3]])[0], chances[3], rtol=0, atol=1e-6)
    assert model.predict_proba([np.arange(9.0), ragged[0], whole.samples[0]]).shape == (3, 2)


def test_classifies_series_of_several_channels():
    one = waves(["slow", "fast"] * 10)
    two = Dataset("two", TIMESERIES, np.stack([one.samples, -one.samples], axis=1), one.labels)
    model = make().fit(two)
    assert model.members_[0].channels == 2
    assert model.predict_proba(two.samples[:4]).shape == (4, 2)


@pytest.mark.parametrize("factor", [0.5, 1.0, 4.0])
def test_temperature_recovers_a_known_factor(factor):
    generator = torch.Generator().manual_seed(0)
    honest = 2.0 * torch.randn(4000, 3, generator=generator)
    truth = torch.multinomial(honest.softmax(dim=1), 1, generator=generator)[:, 0]
    assert fit_temperature(honest * factor, truth) == pytest.approx(factor, rel=0.1)


def test_temperature_is_fitted_to_all_validation_parts(data, monkeypatch):
    sources = []

    def image_source(encoder, samples, labels, real=module.image_source, **more):
        sources.append((real(encoder, samples, labels, **more), torch.as_tensor(labels)))
        return sources[-1][0]

    monkeypatch.setattr(module, "image_source", image_source)
    model = make(epochs=6, n_members=2).fit(data)
    judged = list(zip(model.members_, sources[1::2], strict=True))
    scores = torch.cat([member.predict_logits(images) for member, (images, _) in judged])
    truth = torch.cat([labels for _, (_, labels) in judged])
    assert model.temperature_ == fit_temperature(scores, truth) != 1.0


def test_temperature_stays_in_its_range():
    right = torch.eye(3)[torch.arange(30) % 3] * 2
    truth = torch.arange(30) % 3
    assert fit_temperature(right * 1e-3, truth) == pytest.approx(0.25)
    assert fit_temperature(right * 1e3, (truth + 1) % 3) == pytest.approx(8.0)
    assert fit_temperature(right[:2] * 4, truth[:2]) > 0.25  # two right answers are no certainty


@pytest.mark.gpu
def test_model_of_a_gpu_predicts_on_a_cpu(data, tmp_path):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    model = ImageClassifier(get_encoder("gadf", size=8), device=torch.device("cuda"), **SHORT).fit(data)
    loaded = ImageClassifier.load(model.save(tmp_path / "m"), device=CPU)
    np.testing.assert_allclose(loaded.predict_proba(data.samples), model.predict_proba(data.samples), rtol=0, atol=0.02)


def test_fine_tuned_model_is_loaded_and_reports_the_best_epoch(data, tmp_path):
    body = build_backbone("small", channels=1, classes=2).body.state_dict()
    weights = tmp_path / "body.safetensors"
    safetensors.torch.save_file({name: value.contiguous() for name, value in body.items()}, weights)
    hyperparameters = {"weights": str(weights), "epochs": 12, "min_steps": 1, "patience": 2, "fine_tune_rate": 0.05}
    model = ImageClassifier(get_encoder("gadf", size=8), device=CPU, **hyperparameters).fit(data)
    best = min(model.members_[0].history, key=lambda row: row["valid_loss"])
    assert best is not model.members_[0].history[-1]
    assert model.record["valid_accuracy"] == best["valid_accuracy"]
    loaded = ImageClassifier.load(model.save(tmp_path / "model"), device=CPU)
    assert np.array_equal(loaded.predict_proba(data.samples), model.predict_proba(data.samples))
    assert loaded.members_[0].config == model.config


def test_column_names_are_saved(tmp_path):
    series = waves(["slow", "fast"] * 12).samples
    two = Dataset(
        "two", TIMESERIES, np.stack([series, series], axis=1), np.array(["a", "b"] * 12), columns=("ax", "ay")
    )
    model = make().fit(two)
    assert ImageClassifier.load(model.save(tmp_path / "named")).columns == ("ax", "ay")
