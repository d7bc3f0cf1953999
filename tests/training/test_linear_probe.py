"""Linear probe: scikit-learn's solution, the strength that validation prefers, and the start of every fine-tuning."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler
from torch import nn

from img_repr.core.errors import TrainingError
from img_repr.training.images import ReadyImages
from img_repr.training.linear_probe import STRENGTHS, _folds, fit_linear_probe, linear_head
from img_repr.training.network import Network, new_head
from img_repr.training.task import Classification, MultiLabel, Regression
from img_repr.training.trainer import Trainer

CPU = torch.device("cpu")


def features(count=90, width=12, classes=3, seed=0):
    random = np.random.default_rng(seed)
    targets = np.arange(count) % classes
    rows = random.normal(size=(count, width)) * np.geomspace(0.01, 100.0, width) + 5.0
    rows[:, 3] += 0.9 * targets * rows[:, 3].std()
    return torch.from_numpy(rows), torch.from_numpy(targets)


def test_equals_scikit_learns_logistic_regression():
    rows, targets = features()
    probe = fit_linear_probe(rows, targets, Classification(3))
    scaler = StandardScaler().fit(rows)
    model = LogisticRegression(C=probe.strength, tol=1e-10, max_iter=10_000).fit(scaler.transform(rows), targets)
    logits = torch.softmax(rows @ probe.weight.T + probe.bias, dim=1).numpy()
    np.testing.assert_allclose(logits, model.predict_proba(scaler.transform(rows)), atol=2e-4)


def test_equals_scikit_learns_ridge_for_regression():
    rows, _ = features()
    targets = rows[:, 3:4].float() / 10.0
    task = Regression(1).fit(targets, class_weight=None)
    probe = fit_linear_probe(rows, targets, task)
    assert torch.isfinite(probe.weight).all()
    found = task.predictions(rows @ probe.weight.T + probe.bias, 1.0)
    model = Ridge(alpha=1.0 / probe.strength).fit(StandardScaler().fit_transform(rows), targets.numpy())
    expected = model.predict(StandardScaler().fit_transform(rows)).ravel()
    assert np.corrcoef(found.numpy().ravel(), expected)[0, 1] > 0.99


def test_fits_several_labels():
    rows, targets = features()
    labels = torch.stack([(targets == 0).float(), (targets != 2).float()], dim=1)
    probe = fit_linear_probe(rows, labels, MultiLabel(2))
    assert probe.weight.shape == (2, 12)


def test_folds_keep_groups_together_and_spread_classes():
    targets = torch.arange(60) % 3
    groups = np.repeat(np.arange(20), 3)
    for fitting, held_out in _folds(targets, groups):
        assert not set(groups[held_out]) & set(groups[fitting])
    for _, held_out in _folds(targets, None):
        counts = torch.bincount(targets[held_out]).tolist()
        assert max(counts) - min(counts) <= 1


def test_penalty_chosen_on_folds_sees_through_copies_of_a_sample():
    """Copies of noise in training and held-out folds would ask for the weakest penalty."""
    random = np.random.default_rng(0)
    rows = torch.from_numpy(random.normal(size=(40, 30)).repeat(3, axis=0))
    targets, groups = torch.from_numpy(random.integers(0, 2, 40).repeat(3)), np.arange(40).repeat(3)
    assert fit_linear_probe(rows, targets, Classification(2)).strength == STRENGTHS[-1]
    assert fit_linear_probe(rows, targets, Classification(2), groups=groups).strength < STRENGTHS[-1]


def test_strength_is_that_with_the_least_validation_loss():
    rows, targets = features(60)
    noise = torch.from_numpy(np.random.default_rng(1).permutation(targets.numpy()))
    assert fit_linear_probe(rows, noise, Classification(3), (rows[:30], targets[:30])).strength == STRENGTHS[0]
    assert fit_linear_probe(rows, targets, Classification(3), (rows, targets)).strength == STRENGTHS[-1]


def test_constant_features_get_no_weight():
    rows, targets = features()
    rows[:, 5] = 7.0
    probe = fit_linear_probe(rows, targets, Classification(3))
    assert (probe.weight[:, 5] == 0).all()
    assert probe.weight.isfinite().all()


@pytest.mark.parametrize("count", [1, 2, 5])
def test_few_samples(count):
    rows, targets = features(count)
    assert fit_linear_probe(rows, targets, Classification(3)).weight.isfinite().all()


def test_only_new_heads_are_fitted():
    assert linear_head(new_head(4, 2, 0.1)) is not None
    assert linear_head(nn.Linear(4, 2)) is None  # it came with the module, and is kept
    assert linear_head(nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2))) is None


# ---- in the trainer


class Body(nn.Module):
    """Channel means through batch normalization."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Conv2d(1, 16, 3), nn.BatchNorm2d(16), nn.ReLU())
        self.layers(torch.randn(32, 1, 8, 8))

    def forward(self, images):
        return self.layers(images).mean(dim=(2, 3))


def images(count=48, seed=0):
    generator = torch.Generator().manual_seed(seed)
    targets = torch.arange(count) % 2
    pixels = torch.rand(count, 1, 8, 8, generator=generator)
    pixels[targets == 1] = pixels[targets == 1].cumsum(3) / 8.0
    return ReadyImages(pixels, targets)


def trained(valid=None, **hyperparameters):
    module = Network(Body(), new_head(16, 2, 0.0))
    trainer = Trainer(classes=2, channels=1, backbone=module, device=CPU, **({"epochs": 2} | hyperparameters))
    return trainer.fit(images(), valid)


def test_the_head_phase_is_one_exact_fit():
    history = trained().history
    assert [(row["phase"], row["steps"]) for row in history] == [("head", 0), ("all", 3), ("all", 3)]
    assert history[0]["strength"] in STRENGTHS


def test_fine_tuning_keeps_the_statistics_of_batch_normalization():
    before = Body().layers[1].running_mean
    assert torch.equal(trained().network.body.layers[1].running_mean, before)
    assert not torch.equal(trained(freeze_norm=False).network.body.layers[1].running_mean, before)


@pytest.mark.parametrize("ema_decay", [0.0, 0.5])
def test_a_probe_that_no_epoch_improves_is_the_result(ema_decay):
    valid = ReadyImages(images(32, seed=1).images, torch.arange(32) // 16)  # labels that no network can predict
    trainer = trained(valid, fine_tune_rate=10.0, ema_decay=ema_decay)  # far too large
    probe, last = trainer.history[0], trainer.history[-1]
    assert probe["valid_loss"] == min(row["valid_loss"] for row in trainer.history) < last["valid_loss"]
    logits = trainer.predict_logits(valid)
    loss = trainer.task.loss(logits, trainer.task.soft_targets(valid.targets(np.arange(32)).cpu()), count=32)
    assert float(loss) == pytest.approx(probe["valid_loss"], abs=1e-5)


def test_a_fitted_head_takes_no_steps():
    steps = []
    trained(listeners=[lambda event, trainer: steps.append(trainer.progress.step) if event == "step_end" else None])
    assert steps == [1, 2, 3, 4, 5, 6]


def test_a_fitted_head_is_resumed(tmp_path):
    def stop(event, trainer):
        if event == "epoch_end" and len(trainer.history) == 1:
            raise KeyboardInterrupt

    module, valid = Network(Body(), new_head(16, 2, 0.0)), images(32, seed=1)
    cut = Trainer(classes=2, channels=1, backbone=module, device=CPU, epochs=2, listeners=[stop])
    with pytest.raises(KeyboardInterrupt):
        cut.fit(images(), valid, checkpoints=tmp_path)
    again = Trainer(classes=2, channels=1, backbone=module, device=CPU, epochs=2)
    again.fit(images(), valid, checkpoints=tmp_path)
    assert torch.equal(again.predict_logits(valid), trained(valid).predict_logits(valid))


def test_a_saved_network_fine_tunes_again(tmp_path):
    trained().save(tmp_path / "network")
    again = Trainer.load(tmp_path / "network", device=CPU, backbone=Network(Body(), new_head(16, 2, 0.0)))
    assert again.fine_tunes
    assert again.fit(images()).history[0]["phase"] == "head"


def test_features_that_are_not_finite_are_refused():
    module = Network(Body(), new_head(16, 2, 0.0))
    trainer = Trainer(classes=2, channels=1, backbone=module, device=CPU, epochs=1)
    trainer.network.body.layers[1].running_var.fill_(-1.0)
    with pytest.raises(TrainingError, match="features that the frozen body computes"):
        trainer.fit(images())
