"""Tasks: losses and metrics against those of torch and scikit-learn, and invalid targets."""

import numpy as np
import pytest
import torch
from torch import nn

from img_repr.core.errors import DataError, NotFittedError, ParameterError, ResultError
from img_repr.training.images import ReadyImages
from img_repr.training.task import Classification, MultiLabel, Regression, task_from_spec, task_spec
from img_repr.training.trainer import Trainer

CPU = torch.device("cpu")


def scores_of(count=6, outputs=3, seed=0):
    return torch.randn(count, outputs, generator=torch.Generator().manual_seed(seed))


TASKS = {
    "classes": (Classification(3), torch.tensor([0, 1, 2, 1, 1, 0])),
    "balanced classes": (
        Classification(3).fit(torch.tensor([0, 1, 1, 1, 2, 1]), class_weight="balanced"),
        torch.tensor([0, 1, 2, 1, 1, 0]),
    ),
    "labels": (MultiLabel(3), (torch.arange(18).view(6, 3) % 4 == 0).float()),
    "numbers": (Regression(3).fit(scores_of(9), class_weight=None), scores_of(seed=1)),
}


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_losses_of_pieces_sum_to_the_batch_loss(name, smoothing):
    task, targets = TASKS[name]
    scores, shares = scores_of(), task.soft_targets(targets)
    whole = task.loss(scores, shares, count=6, smoothing=smoothing)
    pieces = [task.loss(scores[part], shares[part], count=6, smoothing=smoothing) for part in (slice(2), slice(2, 6))]
    torch.testing.assert_close(sum(pieces), whole)
    assert float(whole) > 0


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_losses_equal_those_of_torch(smoothing):
    classes, labels, numbers = (TASKS[name] for name in ("classes", "labels", "numbers"))
    scores = scores_of()
    torch.testing.assert_close(
        classes[0].loss(scores, classes[0].soft_targets(classes[1]), count=6, smoothing=smoothing),
        nn.CrossEntropyLoss(label_smoothing=smoothing)(scores, classes[1]),
    )
    torch.testing.assert_close(
        labels[0].loss(scores, labels[0].soft_targets(labels[1]), count=6, smoothing=smoothing),
        nn.BCEWithLogitsLoss()(scores, labels[1] * (1 - smoothing) + smoothing / 2),
    )
    torch.testing.assert_close(
        numbers[0].loss(scores, numbers[0].soft_targets(numbers[1]), count=6),
        nn.MSELoss()(scores, numbers[0].soft_targets(numbers[1])),
    )


def test_rare_classes_weigh_more():
    targets = torch.tensor([0] * 6 + [1] * 2)
    task = Classification(2).fit(targets, class_weight="balanced")
    assert task.weights == pytest.approx((8 / 12, 2.0))
    same = torch.zeros(8, 2)  # each sample costs log 2, and the mean weight is 1
    assert float(task.loss(same, task.soft_targets(targets), count=8)) == pytest.approx(np.log(2))
    weighted = nn.CrossEntropyLoss(weight=torch.tensor(task.weights), reduction="sum")(scores_of(8, 2), targets) / 8
    torch.testing.assert_close(task.loss(scores_of(8, 2), task.soft_targets(targets), count=8), weighted)
    assert Classification(3).fit(targets, class_weight="balanced").weights[2] <= 100  # a class without samples


def test_rare_labels_weigh_more():
    targets = torch.tensor([[1, 1], [0, 1], [0, 0], [0, 0]])
    assert MultiLabel(2).fit(targets, class_weight="balanced").weights == (3.0, 1.0)
    assert MultiLabel(2).fit(targets, class_weight=None).weights == ()


def test_predictions_are_in_the_units_of_targets():
    targets = torch.tensor([[10.0, -1.0], [14.0, -1.0], [18.0, -1.0]])
    task = Regression(2).fit(targets, class_weight=None)
    assert task.mean == (14.0, -1.0)
    assert task.std == pytest.approx((np.sqrt(32 / 3), 1.0))  # what never varies is not divided by nothing
    torch.testing.assert_close(task.predictions(task.soft_targets(targets)), targets)
    assert task.evaluate(task.soft_targets(targets), targets) == pytest.approx(1.0)
    assert task.evaluate(torch.zeros(3, 2), targets) == pytest.approx(0.0)
    assert np.isnan(task.evaluate(torch.zeros(1, 2), targets[:1]))


def test_integers_are_standardized():
    whole = torch.tensor([0, 1, 1, 2, 7])
    task = Regression(1).fit(whole, class_weight=None)
    torch.testing.assert_close(task.soft_targets(whole), task.soft_targets(whole.float()[:, None]))
    assert float(task.soft_targets(whole).std(correction=0)) == pytest.approx(1.0)
    with pytest.raises(NotFittedError, match="expected a call of fit before predictions"):
        Regression(1).predictions(torch.zeros(3, 1))


def test_average_precision_equals_that_of_scikit_learn():
    from sklearn.metrics import average_precision_score

    task, targets = TASKS["labels"]
    scores = scores_of()
    wanted = np.mean([average_precision_score(targets[:, one], scores[:, one]) for one in range(3)])
    assert task.evaluate(scores, targets) == pytest.approx(wanted)
    assert np.isnan(task.evaluate(scores, torch.zeros(6, 3)))


def test_predictions_are_probabilities():
    scores = scores_of().double()
    torch.testing.assert_close(Classification(3).predictions(scores, 2.0), (scores / 2).softmax(dim=1))
    torch.testing.assert_close(MultiLabel(3).predictions(scores, 2.0), (scores / 2).sigmoid())


WRONG = {
    "a class too many": (Classification(2), torch.tensor([0, 1, 2]), r"integers \(N,\) from 0 to 1 .*from 0 to 2"),
    "a negative class": (Classification(2), torch.tensor([0, -1]), "integers"),
    "classes as floats": (Classification(2), torch.tensor([0.0, 1.0]), "got float32 of shape"),
    "classes as rows": (Classification(2), torch.eye(2).long(), "integers"),
    "labels that are no 0 or 1": (MultiLabel(2), torch.tensor([[0, 2]]), "zeros and ones"),
    "labels too few": (MultiLabel(2), torch.zeros(4, 1), r"zeros and ones \(N, 2\)"),
    "labels as classes": (MultiLabel(2), torch.tensor([0, 1]), "zeros and ones"),
    "no numbers": (Regression(1), torch.tensor([1.0, torch.nan]), "finite numbers"),
    "numbers too many": (Regression(1), torch.zeros(4, 2), "finite numbers"),
}


@pytest.mark.parametrize("case", WRONG)
def test_rejects_invalid_targets(case):
    task, targets, said = WRONG[case]
    with pytest.raises(DataError, match=f"training: expected targets to be .*{said}"):
        task.fit(targets, class_weight=None)


def test_trainer_rejects_invalid_targets():
    with pytest.raises(DataError, match="expected targets"):
        Trainer(classes=2, channels=1, device=CPU).fit(ReadyImages(torch.rand(4, 1, 8, 8), [0, 1, 2, 0]))
    with pytest.raises(ParameterError, match="expected class_weight only for classes and labels"):
        Trainer(task=Regression(1), channels=1, device=CPU, class_weight="balanced").fit(
            ReadyImages(torch.rand(4, 1, 8, 8), np.arange(4) / 3)
        )
    for given in ({}, {"classes": 2, "task": Classification(2)}):
        with pytest.raises(ParameterError, match="trainer: expected classes or task"):
            Trainer(channels=1, **given)


@pytest.mark.parametrize("name", TASKS)
def test_task_spec_round_trip(name):
    import json

    task = TASKS[name][0]
    assert task_from_spec(json.loads(json.dumps(task_spec(task)))) == task


def test_rejects_unknown_task():
    with pytest.raises(
        ResultError, match="expected kind to be one of classification, multilabel, regression, got 'boxes'"
    ):
        task_from_spec({"kind": "boxes", "count": 2})


IMAGES = torch.rand(32, 1, 16, 16, generator=torch.Generator().manual_seed(0))
BY_HEART = {
    "two classes": (Classification(2), np.arange(32) % 2),
    "four classes": (Classification(4), np.arange(32) % 4),
    "balanced": (Classification(2), np.arange(32) // 24),
    "labels": (MultiLabel(3), np.arange(32)[:, None] // [1, 2, 4] % 2),
    "numbers": (Regression(2), np.random.default_rng(0).normal([5.0, -100.0], [0.1, 30.0], (32, 2))),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "hyperparameters", [{}, {"ema_decay": 0.9}, {"grad_accum_steps": 4}, {"grad_clip": 1.0}], ids=str
)
@pytest.mark.parametrize("kind", BY_HEART)
def test_memorizes_thirty_two_images(kind, hyperparameters):
    task, labels = BY_HEART[kind]
    images = ReadyImages(IMAGES, labels)
    trainer = Trainer(
        task=task, channels=1, device=CPU, epochs=60, batch_size=32, dropout=0.0, mixup=0.0, weight_decay=0.0,
        class_weight="balanced" if kind == "balanced" else None, **hyperparameters,
    ).fit(images)  # fmt: skip
    found = trainer.predict_proba(images)
    if isinstance(task, Classification):
        assert (found.argmax(axis=1) == labels).all()
    elif isinstance(task, MultiLabel):
        assert ((found > 0.5) == labels).all()
    else:
        residual = ((found - labels) ** 2).sum(axis=0) / ((labels - labels.mean(axis=0)) ** 2).sum(axis=0)
        assert (residual < 0.05).all()


def test_history_names_the_metric():
    for task, labels in (BY_HEART["labels"], BY_HEART["numbers"]):
        images = ReadyImages(IMAGES, labels)
        trainer = Trainer(task=task, channels=1, device=CPU, epochs=1, min_steps=0).fit(images, images)
        assert f"valid_{task.metric}" in trainer.history[-1]


def test_regression_of_numbers_far_from_zero():
    """Times in seconds since 1970 differ where float32 has one number for all of them."""
    labels = 1.7e9 + 3.0 * np.arange(32)
    images = ReadyImages(IMAGES + torch.linspace(0, 2, 32)[:, None, None, None], labels)
    trainer = Trainer(task=Regression(1), channels=1, device=CPU, epochs=40, mixup=0.0).fit(images)
    found = trainer.predict_proba(images)[:, 0]
    assert np.corrcoef(found - 1.7e9, labels - 1.7e9)[0, 1] > 0.9
