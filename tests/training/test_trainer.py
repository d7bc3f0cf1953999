"""Trainer: it memorizes small sets, repeats itself exactly, and has no side effects.

The reason for its length: all tests of the loop share the same small trainings.
"""

import re
from itertools import pairwise

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from img_repr.core.errors import DataError, ParameterError, ResultError, SampleError, TrainingError
from img_repr.core.naming import get_encoder
from img_repr.domains.timeseries.augmentation import augment_series
from img_repr.training import forward as module
from img_repr.training.backbone import build_backbone
from img_repr.training.engine import best_device
from img_repr.training.images import EncodedImages, ReadyImages
from img_repr.training.loop import mixup
from img_repr.training.schedule import batches, epoch_order, one_cycle, parameter_groups
from img_repr.training.trainer import Trainer

CPU = torch.device("cpu")
SHORT = {"epochs": 2, "min_steps": 0, "batch_size": 4}


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request):
    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    return torch.device(request.param)


def noise(count=16, classes=4, *, seed=0, device=CPU, channels=1):
    """Images of noise with labels: what can be learned of them is each by heart."""
    generator = torch.Generator().manual_seed(seed)
    return ReadyImages(torch.rand(count, channels, 16, 16, generator=generator).to(device), np.arange(count) % classes)


def make(classes=4, channels=1, device=CPU, **values):
    return Trainer(classes=classes, channels=channels, device=device, **(SHORT | values))


def on_epoch(take):
    """Listen to rows of the history as they are made."""
    return (lambda event, trainer: take(trainer.history[-1]) if event == "epoch_end" else None,)


def weights_of(trainer):
    return {name: value.clone() for name, value in trainer.network.state_dict().items()}


def equal(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.fixture
def pretrained(tmp_path):
    """A file of weights for the small network's body."""
    torch.manual_seed(99)
    body = build_backbone("small", channels=1, classes=2).body.state_dict()
    save_file({name: value.contiguous() for name, value in body.items()}, tmp_path / "body.safetensors")
    return str(tmp_path / "body.safetensors")


def test_memorizes_a_few_images(device):
    toy = noise(device=device)
    trainer = make(device=device, epochs=40, batch_size=16, dropout=0.0, mixup=0.0).fit(toy)
    assert (trainer.predict_proba(toy).argmax(axis=1) == np.arange(16) % 4).all()
    assert trainer.history[-1]["loss"] < 0.3 * trainer.history[0]["loss"]


def test_trains_on_encoded_samples_with_default_hyperparameters(walks):
    fast = np.sin(np.linspace(0, 30, 97)) * 3
    series = 0.3 * walks / walks.std() + fast * (np.arange(40) % 2)[:, None]
    images = EncodedImages(get_encoder("gadf", size=16), series, np.arange(40) % 2, CPU, augment_series)
    trainer = Trainer(classes=2, channels=1, device=CPU, epochs=12, min_steps=0).fit(images)
    assert (trainer.predict_proba(images).argmax(axis=1) == np.arange(40) % 2).all()


@pytest.mark.parametrize("drawn", [False, True])
def test_same_seed_gives_the_same_bits(walks, drawn):
    def run(seed):
        toy = noise()
        if drawn:
            toy = EncodedImages(get_encoder("gadf", size=16), walks[:16], np.arange(16) % 4, CPU, augment_series)
        return make(seed=seed).fit(toy, noise(seed=1))

    first = run(3)
    torch.rand(5)
    second, other = run(3), run(4)
    assert equal(weights_of(first), weights_of(second))
    assert [row["loss"] for row in first.history] == [row["loss"] for row in second.history]
    assert np.array_equal(first.predict_proba(noise()), second.predict_proba(noise()))
    assert not equal(weights_of(first), weights_of(other))
    assert not torch.equal(make(seed=3).network.head[1].weight, make(seed=4).network.head[1].weight)


@pytest.mark.gpu
def test_same_seed_gives_the_same_losses_on_a_gpu():
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    cuda = torch.device("cuda")
    losses = [[row["loss"] for row in make(device=cuda, seed=3).fit(noise(device=cuda)).history] for _ in range(2)]
    assert losses[0] == pytest.approx(losses[1], rel=0.02)  # the order of a GPU's sums is not fixed


@pytest.mark.parametrize(
    "hyperparameter", [{"mixup": 0.0}, {"dropout": 0.0}, {"label_smoothing": 0.2}, {"weight_decay": 0.9}]
)
def test_hyperparameter_has_an_effect(hyperparameter):
    assert not equal(weights_of(make().fit(noise())), weights_of(make(**hyperparameter).fit(noise())))


def test_global_random_state_is_kept(device, pretrained):
    np.random.seed(5)  # noqa: NPY002  the global generator is what is looked at
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    on_device = torch.cuda.get_rng_state() if device.type == "cuda" else None
    for hyperparameters in ({}, {"weights": pretrained}):
        trainer = make(device=device, **hyperparameters).fit(noise(device=device), noise(device=device))
        trainer.predict_proba(noise(device=device))
    with pytest.raises(TrainingError):
        make(device=device).fit(ReadyImages(torch.full((4, 1, 16, 16), torch.nan, device=device), [0, 1, 2, 3]))
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002
    assert on_device is None or torch.equal(torch.cuda.get_rng_state(), on_device)


def test_global_random_state_does_not_matter():
    runs = []
    for seed in (1, 2):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            runs.append(weights_of(make().fit(noise())))
    assert equal(*runs)


def test_fine_tuning_trains_the_head_first_then_all_layers(device, pretrained):
    seen = []
    trainer = make(
        device=device,
        weights=pretrained,
        freeze_epochs=2,
        listeners=on_epoch(lambda row: seen.append((row["phase"], weights_of(trainer)))),
    )
    start = weights_of(trainer)
    trainer.fit(noise(device=device), noise(seed=1, device=device))
    assert [phase for phase, _ in seen] == ["head", "all", "all"]
    statistics = {name for name in start if "running" in name}
    assert statistics
    for name in start:
        assert torch.equal(start[name], seen[0][1][name]) == name.startswith("body."), name
    last = seen[-1][1]
    learning = {name for name, _ in trainer.network.named_parameters()}
    assert [name for name in learning if torch.equal(last[name], start[name])] == []
    assert all(torch.equal(last[name], start[name]) for name in statistics)
    assert all(weight.requires_grad for weight in trainer.network.parameters())


def test_lower_layers_have_lower_rates(pretrained):
    def moved(decay):
        trainer = make(weights=pretrained, freeze_epochs=0, lr_mult=decay, weight_decay=0.0)
        start = weights_of(trainer)
        trainer.fit(noise())
        first = next(name for name in start if name.endswith("weight"))
        return float((trainer.network.state_dict()[first] - start[first]).abs().mean())

    assert moved(0.01) < 0.05 * moved(1.0)


def test_random_weights_are_never_frozen():
    trainer = make(freeze_epochs=3).fit(noise())
    assert [row["phase"] for row in trainer.history] == ["all", "all"]


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ("images", "the images of samples 3 are not finite"),
        ("rate", r"lower the learning rate, which was \d.\de\+\d\d"),
    ],
)
def test_loss_that_is_not_finite_is_an_error_with_batch_and_cause(broken, reason):
    toy, rows = noise(), []
    if broken == "images":
        toy.images[3] = torch.nan
    rate = {"learning_rate": 1e30} if broken == "rate" else {}
    trainer = make(listeners=on_epoch(rows.append), **rate)
    where = (
        r"trainer: expected a finite loss, got (nan|inf) in epoch 1 of 2 \(all\), step (\d) of 4, samples ([\d, ]+); "
    )
    with pytest.raises(TrainingError, match=where + reason) as stopped:
        trainer.fit(toy)
    _, step, samples = re.search(where, str(stopped.value)).groups()
    batch = batches(epoch_order(16, seed=0, epoch=0), 4)[int(step) - 1]
    assert samples == ", ".join(map(str, batch))
    assert broken == "rate" or 3 in batch
    assert trainer.history == rows == []


def test_history_has_one_row_per_epoch():
    rows = []
    trainer = make(listeners=on_epoch(rows.append), epochs=3).fit(noise(18), noise(6, seed=1))
    assert trainer.history == rows
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    for row in rows:
        assert (row["phase"], row["epochs"], row["steps"]) == ("all", 3, 5)
        assert row["loss"] > 0
        assert row["valid_loss"] > 0
        assert row["valid_accuracy"] * 6 == pytest.approx(round(row["valid_accuracy"] * 6))
        assert row["seconds"] > 0
    wanted = [3e-3 * one_cycle(step / 15, pct_start=0.25) for step in (4, 9, 14)]
    assert [row["rate"] for row in rows] == pytest.approx(wanted)


@pytest.mark.parametrize("verb", ["fine_tune", "fit_one_cycle"])
def test_verb_overrides_epochs(verb):
    for call in ((3,), ()):
        rows = getattr(make(min_steps=99), verb)(noise(), *call).history
        assert sum(row["phase"] == "all" for row in rows) == (3 if call else 25)  # else 99 steps of four a pass


def test_module_with_weights_is_fine_tuned():
    module = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU())
    tuned, fresh = make(backbone=module).fit(noise()), make(backbone=module, weights="random").fit(noise())
    assert [row["phase"] for row in tuned.history] == ["head", "all", "all"]
    assert [row["phase"] for row in fresh.history] == ["all", "all"]
    assert (tuned.fine_tunes, fresh.fine_tunes) == (True, False)


@pytest.mark.parametrize("device", ["cuda:99", "gpu", 3, "meta"])
def test_rejects_missing_device_in_one_sentence(device):
    with pytest.raises(ParameterError, match="device: expected") as refused:
        make(device=device)
    assert "\n" not in str(refused.value)


def test_device_may_be_text():
    assert make(device="cpu").device == CPU


def test_error_names_features_that_are_not_finite(pretrained):
    trainer = make(weights=pretrained)
    trainer.network.body[0][0][0].weight.data.fill_(3e38)
    with pytest.raises(TrainingError, match="expected finite features, but the features that the frozen body"):
        trainer.fit(noise())


def test_history_without_validation_part():
    (row, *_) = make().fit(noise()).history
    assert set(row) == {"phase", "epoch", "epochs", "steps", "loss", "rate", "seconds"}


def test_validation_values_equal_those_of_predictions():
    valid = noise(9, seed=1)
    trainer = make().fit(noise(), valid)
    chances = trainer.predict_proba(valid)
    truth = valid.labels.numpy()
    row = trainer.history[-1]
    assert row["valid_accuracy"] == pytest.approx((chances.argmax(axis=1) == truth).mean())
    assert row["valid_loss"] == pytest.approx(-np.log(chances[np.arange(9), truth]).mean(), rel=1e-5)


def test_validation_does_not_change_training():
    assert equal(weights_of(make().fit(noise())), weights_of(make().fit(noise(), noise(seed=1))))


@pytest.mark.parametrize(("epochs", "min_steps", "wanted"), [(3, 0, 3), (1, 10, 3), (1, 12, 3), (1, 13, 4), (9, 13, 9)])
def test_min_steps_raises_epochs_of_small_sets(epochs, min_steps, wanted):
    trainer = make(epochs=epochs, min_steps=min_steps).fit(noise(16))  # four steps per pass
    assert len(trainer.history) == wanted


def test_probabilities_are_valid_and_independent_of_the_batch(device, monkeypatch):
    toy = noise(11, device=device)
    trainer = make(device=device).fit(toy)
    chances = trainer.predict_proba(toy)
    assert (chances.shape, chances.dtype) == ((11, 4), np.float64)
    np.testing.assert_allclose(chances.sum(axis=1), 1.0, rtol=0, atol=1e-12)
    atol = 1e-6 if device.type == "cpu" else 2e-2
    for place in (0, 7):
        alone = ReadyImages(toy.images[place : place + 1], [0])
        np.testing.assert_allclose(trainer.predict_proba(alone)[0], chances[place], rtol=0, atol=atol)
    monkeypatch.setattr(module, "_BATCH_SIZE", 3)
    np.testing.assert_allclose(trainer.predict_proba(toy), chances, rtol=0, atol=atol)


def test_prediction_changes_nothing():
    trainer = make().fit(noise())
    before = weights_of(trainer)
    first = trainer.predict_proba(noise(seed=2))
    assert equal(weights_of(trainer), before)
    assert np.array_equal(trainer.predict_proba(noise(seed=2)), first)


def test_temperature_softens_probabilities_in_order():
    trainer, toy = make().fit(noise()), noise(seed=2)
    sharp, plain, soft = (trainer.predict_proba(toy, temperature=value) for value in (0.25, 1.0, 8.0))
    assert (sharp.max(axis=1) > plain.max(axis=1)).all()
    assert (plain.max(axis=1) > soft.max(axis=1)).all()
    assert np.array_equal(sharp.argmax(axis=1), soft.argmax(axis=1))
    scores = trainer.predict_logits(toy).double().numpy()
    np.testing.assert_allclose(plain, np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True))


@pytest.mark.parametrize("asked", [{"temperature": 0.0}, {"temperature": np.nan}, {"tta": 10**9}, {"tta": -1}])
def test_rejects_prediction_options_outside_bounds(asked):
    with pytest.raises(ParameterError, match=f"expected {next(iter(asked))} to be"):
        make().predict_proba(noise(), **asked)


def test_mixup_mixes_labels_like_images():
    labels = torch.tensor([0, 1, 2, 3, 0, 1])
    images = nn.functional.one_hot(labels, 4).float()[:, :, None, None]  # each shows its own label
    kinds = set()
    for step in range(20):
        mixed, shares = mixup(images, nn.functional.one_hot(labels, 4).float(), seed=(0, step, 1, 0), beta=0.4)
        torch.testing.assert_close(mixed[..., 0, 0], shares)
        torch.testing.assert_close(shares.sum(dim=1), torch.ones(6))
        assert (shares >= 0).all()
        kinds.add(float(shares[0, 0]))
    assert len(kinds) > 5
    again, _ = mixup(images, nn.functional.one_hot(labels, 4).float(), seed=(0, 19, 1, 0), beta=0.4)
    assert torch.equal(again, mixed)


def test_subtracting_the_mean_image_disables_augmentation(walks):
    calls = []

    def augment(samples, generator):
        calls.append(len(samples))
        return samples

    encoder = get_encoder("gadf", size=16)
    alike = walks[:1] + 1e-3 * walks[:16]
    for samples, share in ((alike, 0.9), (alike, 0.0)):
        calls.clear()
        trainer = make(center_below=share).fit(EncodedImages(encoder, samples, np.arange(16) % 4, CPU, augment))
        assert trainer.normalization.centered == (share > 0)
        assert bool(calls) == (share == 0)


def test_uneven_and_single_batches_train():
    for count in (1, 3, 5):
        trainer = make(classes=2, batch_size=4).fit(noise(count, 2))
        assert np.isfinite(trainer.predict_proba(noise(count, 2))).all()


def test_rejects_wrong_hyperparameter_before_building():
    with pytest.raises(ParameterError, match="no hyperparameter is called 'epoch'"):
        make(epoch=3)
    with pytest.raises(ParameterError, match="expected 'small'"):
        make(backbone="smal")


def test_best_device_is_the_gpu():
    assert best_device().type == ("cuda" if torch.cuda.is_available() else "cpu")


def test_fine_tuning_rates_are_spaced_like_those_of_fastai(tmp_path):
    torch.manual_seed(0)
    body = build_backbone("resnet18", channels=3, classes=2).body.state_dict()
    save_file({name: value.contiguous() for name, value in body.items()}, tmp_path / "body.safetensors")
    rates = []

    def listen(event, trainer):
        if event == "step_end" and not rates:
            rates.append(trainer.progress.rate)

    trainer = make(2, 3, backbone="resnet18", weights=str(tmp_path / "body.safetensors"), freeze_epochs=0, epochs=1)
    groups = parameter_groups(trainer.network, rate=1e-3, lr_mult=0.01, weight_decay=0.05)
    names = {id(weight): name for name, weight in trainer.network.named_parameters()}
    order, peaks = [], {}
    for group in groups:
        for weight in group["params"]:
            stage = ".".join(names[id(weight)].split(".")[: 1 if names[id(weight)].startswith("head") else 2])
            if stage not in order:
                order.append(stage)
            peaks[stage] = group["peak"]
    assert order == ["head", "body.layer4", "body.layer3", "body.layer2", "body.layer1", "body.bn1", "body.conv1"]
    np.testing.assert_allclose(list(peaks.values()), np.geomspace(1e-3, 1e-5, 7))
    trainer.listeners = (listen,)
    trainer.fit(noise(4, 2, channels=3))
    assert rates == [pytest.approx(1e-3 / 25)]


def test_tta_averages_predictions(walks):
    encoder = get_encoder("gadf", size=16)
    drawn = EncodedImages(encoder, walks, np.arange(len(walks)) % 2, CPU, augment_series)
    trainer = make(2).fit(drawn)
    state = torch.get_rng_state()
    plain, seen = trainer.predict_proba(drawn), trainer.predict_proba(drawn, tta=3)
    assert torch.equal(torch.get_rng_state(), state)
    assert np.array_equal(trainer.predict_proba(drawn, tta=3), seen)
    assert not np.allclose(seen, plain)
    np.testing.assert_allclose(seen.sum(axis=1), 1.0)
    singles = [trainer.predict_proba(drawn, tta=views) * (1 + views) for views in range(4)]
    parts = [one - before for before, one in pairwise(singles)]
    for part in parts:  # each view is a prediction of its own
        np.testing.assert_allclose(part.sum(axis=1), 1.0)
        assert (part >= 0).all()
    assert not np.allclose(parts[0], parts[1])


def test_saved_network_predicts_the_same_bits(tmp_path):
    trainer = make(ema_decay=0.9).fit(noise(), noise(seed=1))
    loaded = Trainer.load(trainer.save(tmp_path / "network"), device=CPU)
    assert np.array_equal(loaded.predict_proba(noise(seed=2)), trainer.predict_proba(noise(seed=2)))
    rows = [{word: value for word, value in row.items() if word != "seconds"} for row in trainer.history]
    assert (loaded.history, loaded.config, loaded.task, loaded.seed) == (
        rows,
        trainer.config,
        trainer.task,
        trainer.seed,
    )
    assert loaded.normalization.unexplained == trainer.normalization.unexplained
    with pytest.raises(ResultError, match=r"trainer\.json: expected a file that can be read, got: No such file"):
        Trainer.load(tmp_path)


def test_gradients_are_clipped():
    norms = []

    def listen(event, trainer):
        if event == "step_end":
            squares = [weight.grad.square().sum() for weight in trainer.network.parameters()]
            norms.append(float(torch.stack(squares).sum().sqrt()))

    make(listeners=(listen,)).fit(noise())
    loose = max(norms)
    norms.clear()
    make(grad_clip=loose / 10, listeners=(listen,)).fit(noise())
    assert max(norms) <= loose / 10 * (1 + 1e-5)


def test_progress_counts_steps_and_epochs():
    seen = []
    make(epochs=2, listeners=(lambda event, trainer: seen.append((event, trainer.progress)),)).fit(noise(12))
    events = [event for event, _ in seen]
    assert events == ["fit_start", *(["step_end"] * 3 + ["epoch_end"]) * 2, "fit_end"]
    steps = [now.step for event, now in seen if event == "step_end"]
    assert steps == [1, 2, 3, 4, 5, 6]
    assert {now.steps for _, now in seen} == {6}
    assert np.isnan(seen[0][1].loss)
    assert all(np.isfinite(now.loss) and now.rate > 0 for _, now in seen[1:])
    assert [now.epoch for _, now in seen] == [1, 1, 1, 1, 2, 2, 2, 2, 2, 2]


def test_listeners_may_predict():
    def ask(event, trainer):
        if event == "step_end":
            trainer.predict_proba(noise(seed=2))

    assert equal(weights_of(make(listeners=(ask,)).fit(noise())), weights_of(make().fit(noise())))


def test_rejects_invalid_data_before_the_first_step():
    steps = []
    trainer = make(listeners=(lambda event, trainer: steps.append(event),))
    with pytest.raises(DataError, match="expected at least one image to train on, got none"):
        trainer.fit(noise(0))
    with pytest.raises(DataError, match="expected at least one image to validate on, got none"):
        trainer.fit(noise(), noise(0))
    with pytest.raises(DataError, match=r"from 0 to 3 for 4 classes, got int64 of shape \(6,\) from 0 to 5"):
        trainer.fit(noise(), noise(6, 6))
    assert steps == []
    for wrong in ({"classes": 0}, {"classes": -2}, {"channels": 0}, {"channels": 1.0}):
        with pytest.raises(ParameterError, match="to be an integer of at least 1, got"):
            make(**wrong)


def test_second_fit_clips_only_new_gradients(pretrained):
    def fitted_again(*, first):
        trainer = make(weights=pretrained, grad_clip=0.1, epochs=1)
        start = weights_of(trainer)
        if first:
            trainer.fit(noise())
            trainer.network.load_state_dict(start)
        return trainer.fit(noise())

    assert equal(weights_of(fitted_again(first=True)), weights_of(fitted_again(first=False)))


def test_fine_tuned_network_round_trip(tmp_path, pretrained):
    trainer = make(weights=pretrained).fit(noise())
    loaded = Trainer.load(trainer.save(tmp_path / "network"), device=CPU)
    assert (loaded.config, loaded.weights) == (trainer.config, trainer.weights)
    assert np.array_equal(loaded.predict_proba(noise(seed=2)), trainer.predict_proba(noise(seed=2)))


def test_saves_shared_weights_and_numpy_counts(tmp_path):
    first = nn.Conv2d(4, 4, 1)
    second = nn.Conv2d(4, 4, 1)
    second.weight = first.weight
    own = nn.Sequential(nn.Conv2d(1, 4, 3), first, nn.ReLU(), second)
    trainer = make(channels=np.int64(1), classes=np.int64(4), backbone=own).fit(noise(), checkpoints=tmp_path / "kept")
    loaded = Trainer.load(trainer.save(tmp_path / "network"), device=CPU, backbone=own)
    assert np.array_equal(loaded.predict_proba(noise()), trainer.predict_proba(noise()))


def test_rejects_images_of_another_shape_in_one_sentence():
    with pytest.raises(SampleError, match=r"expected images \(3, 16, 16\) in channels, .* got \(1, 16, 16\)"):
        make(channels=3).fit(noise())
    centered = make(center_below=0.999).fit(noise())
    assert centered.normalization.centered
    with pytest.raises(SampleError, match=r"expected images \(1, 16, 16\) in channels, .* got \(1, 12, 12\)"):
        centered.predict_proba(ReadyImages(torch.rand(2, 1, 12, 12), [0, 0]))


MODES = {
    "fine-tuning on kept features": ({"freeze_epochs": 5}, False),
    "fine-tuning of what is drawn again": ({"freeze_epochs": 5}, True),
    "one cycle of what is drawn again": ({}, True),
    "patience": ({"patience": 15}, False),
    "mixup, smoothing and dropout": ({"mixup": 0.2, "label_smoothing": 0.1, "dropout": 0.25}, False),
}


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_memorizes_thirty_two_samples_in_every_mode(mode, pretrained):
    hyperparameters, drawn = MODES[mode]
    series = np.cumsum(np.random.default_rng(0).normal(size=(32, 60)), axis=1)
    images = EncodedImages(
        get_encoder("gadf", size=24), series, np.arange(32) % 2, CPU, augment_series if drawn else None
    )
    calm = {"mixup": 0.0, "dropout": 0.0, "weight_decay": 0.0, "epochs": 80, "batch_size": 16, "fine_tune_rate": 3e-3}
    weights = pretrained if "fine-tuning" in mode else None
    trainer = make(2, weights=weights, lr_mult=1.0, **(calm | hyperparameters)).fit(images, images)
    assert (trainer.predict_proba(images).argmax(axis=1) == np.arange(32) % 2).all()
