import hashlib
import json
import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from img_repr.benchmark.contender import Contender
from img_repr.benchmark.contenders.frozen import FrozenFeatures
from img_repr.benchmark.execution.run import Run, execute_run
from img_repr.core.dataset import Dataset
from img_repr.core.errors import DataError, NotFittedError, ParameterError
from img_repr.core.naming import get_encoder
from img_repr.core.splits.cuts import published_splits
from img_repr.core.splits.inner import inner_folds
from img_repr.training.backbone import build_backbone
from img_repr.training.images import image_source
from img_repr.training.linear_probe import STRENGTHS
from img_repr.training.trainer import Trainer


@pytest.fixture
def weights(tmp_path):
    """A file of weights of the small body, for images of one channel."""
    torch.manual_seed(7)
    path = tmp_path / "mine.safetensors"
    save_file(build_backbone("small", channels=1, classes=2).body.state_dict(), path)
    return path


def test_features_are_those_of_the_body_and_the_head_is_a_line_on_them(waves, gadf):
    train, test = waves.subset(range(40)), waves.samples[40:]
    model = FrozenFeatures(gadf, learner="logistic").fit(train, seed=3)
    trainer = Trainer(classes=2, channels=1, seed=3000)
    before = torch.as_tensor(gadf(train.samples)).float()
    mean, deviation = before.mean(), before.std(correction=0)
    with torch.inference_mode():
        body = trainer.network.body.eval()
        tables = [
            body((torch.as_tensor(gadf(one)).float() - mean) / deviation).numpy() for one in (train.samples, test)
        ]
    scaler = StandardScaler().fit(tables[0])
    (strength,) = model.record["strengths"]
    # softmax has a vector of weights for each class, of half the length of scikit-learn's one: half its penalty
    line = LogisticRegression(C=2.0 * strength, tol=1e-8, max_iter=5000).fit(scaler.transform(tables[0]), train.labels)
    np.testing.assert_allclose(model.predict_proba(test), line.predict_proba(scaler.transform(tables[1])), atol=2e-3)
    assert model.classes == ("fast", "slow")


def test_the_body_learns_nothing(waves, gadf, weights):
    model = FrozenFeatures(gadf, learner="ridge", weights=str(weights)).fit(waves, seed=0)
    (part,) = model._fitted
    own, given = part.trainer.network.body.state_dict(), load_file(weights)
    assert set(own) == set(given)
    for name, value in own.items():
        assert torch.equal(value, given[name]), name


def test_pretrained_draws_nothing_and_random_follows_the_seed(waves, gadf, weights):
    train, test = waves.subset(range(30)), waves.samples[30:]

    def told(seed, **hyperparameters):
        return FrozenFeatures(gadf, learner="logistic", **hyperparameters).fit(train, seed=seed).predict_proba(test)

    np.testing.assert_array_equal(told(0, weights=str(weights)), told(1, weights=str(weights)))
    np.testing.assert_array_equal(told(2), told(2))
    assert not np.array_equal(told(2), told(3))


def test_the_record_says_which_weights_and_how_the_strength_was_chosen(waves, gadf, weights):
    random = FrozenFeatures(gadf, learner="logistic").fit(waves, seed=0).record
    assert random["weights"] == {"weights": "random"}
    assert random["strengths"][0] in STRENGTHS
    model = FrozenFeatures(gadf, learner="ridge", weights=str(weights)).fit(waves, seed=0)
    assert model.record["weights"]["sha256"] == hashlib.sha256(weights.read_bytes()).hexdigest()
    assert model.record["strengths"] == [None]  # ridge chooses by itself, inside the training part
    weights_of_body = sum(one.numel() for one in build_backbone("small", channels=1, classes=2).body.parameters())
    assert model.cost == {
        "parameters": weights_of_body + 961 * 2,
        "networks": 1.0,
        "bytes_per_image": 64.0,
        "features": 960.0,
    }
    json.dumps(random)
    json.dumps(model.record)


def test_the_strength_is_chosen_by_whole_groups(waves, gadf, monkeypatch):
    """Strengths were judged on folds that are those of the groups."""
    seen = []

    def watched(dataset, *rest, **words):
        found = list(inner_folds(dataset, *rest, **words))
        seen.extend(found)
        return found

    monkeypatch.setattr("img_repr.benchmark.contenders.frozen.inner_folds", watched)
    groups = np.repeat(["p", "q", "r", "s"], 15)
    data = Dataset("spoken", waves.domain, waves.samples, waves.labels, groups=groups)
    FrozenFeatures(gadf, learner="logistic").fit(data, seed=0)
    assert len(seen) == 3
    for fitting, judged in seen:
        assert not set(groups[fitting]) & set(groups[judged])


def test_several_encoders_have_bodies_of_their_own_and_channels_share_one(waves):
    train, test = waves.subset(range(30)), waves.samples[30:40]
    first, second = get_encoder("gadf", size=8), get_encoder("mtf", size=8, n_bins=4)
    both = FrozenFeatures(first, second, learner="ridge").fit(train, seed=0)
    alone = FrozenFeatures(first, learner="ridge").fit(train, seed=0)
    assert both.cost["networks"] == 2
    assert both.cost["bytes_per_image"] == 128.0
    assert not np.array_equal(both.predict_proba(test), alone.predict_proba(test))
    stacked = FrozenFeatures(get_encoder("gadf+mtf", size=8), learner="ridge").fit(train, seed=0)
    assert stacked.cost["networks"] == 1
    assert stacked.cost["bytes_per_image"] == 128.0
    twice = FrozenFeatures(first, learner="ridge", n_members=2).fit(train, seed=0)
    assert twice.cost["networks"] == 2
    assert twice.cost["bytes_per_image"] == 64.0


def test_classes_of_one_sample_and_classes_missing_in_a_fold(waves, gadf):
    few = Dataset("few", waves.domain, waves.samples[:5], np.array(["a", "b", "c", "a", "b"]))
    model = FrozenFeatures(gadf, learner="logistic").fit(few, seed=0)
    assert model.predict_proba(waves.samples[:4]).shape == (4, 3)
    single = FrozenFeatures(gadf, learner="logistic").fit(few.subset(range(3)), seed=0)
    assert single.record["strengths"] == [STRENGTHS[0]]  # no fold can be cut: the strongest penalty


def test_what_is_wrong_is_said(waves, gadf):
    with pytest.raises(ParameterError, match="expected a linear head, logistic or ridge, got 'extra_trees'"):
        FrozenFeatures(gadf, learner="extra_trees")
    with pytest.raises(NotFittedError, match="frozen features: expected a call of fit"):
        FrozenFeatures(gadf, learner="ridge").predict_proba(waves.samples)
    one = Dataset("one", waves.domain, waves.samples[:5], np.array(["a"] * 5))
    with pytest.raises(DataError, match="one: expected at least two classes to train on, got a"):
        FrozenFeatures(gadf, learner="ridge").fit(one, seed=0)


def test_the_features_are_what_fine_tuning_gives_its_head(waves, gadf):
    images = image_source(gadf, waves.samples, waves.targets, device=torch.device("cpu"))
    trainer = Trainer(classes=2, channels=1)
    with torch.inference_mode():
        direct = trainer.network.eval().body(trainer.normalization(images.batch(np.arange(60))))
    torch.testing.assert_close(trainer.features(images), direct)


def test_a_run_runs(waves, weights):
    contender = Contender.from_table({
        "kind": "frozen",
        "encoder": "gadf|gasf+mtf",
        "learner": "logistic",
        "parameters": {"size": 8},
    })  # fmt: skip
    pretrained = Contender.from_table({
        "kind": "frozen",
        "encoder": "gadf",
        "learner": "ridge",
        "training": {"weights": str(weights)},
    })  # fmt: skip
    split = next(published_splits(waves))
    for one, role in ((contender, "control"), (pretrained, "image")):
        outcome = execute_run(pickle.loads(pickle.dumps(Run(waves, "f", split, 0, one, 0))))
        assert outcome.result["status"] == "ok", outcome.result["error"]
        assert outcome.result["role"] == role
        assert outcome.result["accuracy"] > 0.5
        assert outcome.result["n_encoded"] == 40  # what is offered to be timed by itself is there
