"""The synthetic traces: what people do in them, and that nothing but movement tells them apart."""

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesClassifier

from img_repr import encode_trajectory
from img_repr.core.card import find_card
from img_repr.core.errors import ParameterError
from img_repr.core.loader import load_dataset
from img_repr.core.splits.cuts import group_splits, published_splits
from img_repr.domains.mouse.features import ClockAndScreen, KinematicFeatures
from img_repr.domains.mouse.synthetic import load_synthetic_traces


class Pixels:
    """Images as tables, so that what they tell is known without a network."""

    def fit_transform(self, traces):
        return encode_trajectory(traces, size=32).reshape(len(traces), -1)


def score(data, features):
    split = next(published_splits(data))
    table = features.fit_transform(data.samples)
    forest = ExtraTreesClassifier(100, random_state=0).fit(table[split.train], data.labels[split.train])
    return forest.score(table[split.test], data.labels[split.test])


def test_classes_have_their_names():
    data = load_dataset("synthetic_traces")
    assert (data.name, data.domain.name) == ("SyntheticTraces", "mouse")
    assert data.notes == ("synthetic: made by code from seed 0; scores say nothing of real traces",)
    card = find_card("SyntheticTraces")
    parts = (data.split == "train").sum(), (data.split == "test").sum()
    assert (card.classes, card.domain, (card.n_train, card.n_test)) == (len(data.classes), "mouse", parts)
    assert "synthetic" in card.title.lower()


def test_sessions_are_whole_in_one_part():
    data = load_synthetic_traces()
    for group in np.unique(data.groups):
        inside = data.groups == group
        assert inside.sum() == 10
        assert len(set(data.split[inside])) == len(set(data.labels[inside])) == 1
    assert len(set(data.names)) == len(data)
    assert len(list(group_splits(data, 5))) == 5


def test_the_seed_decides():
    first, second, other = load_synthetic_traces(seed=3), load_synthetic_traces(seed=3), load_synthetic_traces(seed=4)
    assert first.fingerprint() == second.fingerprint() != other.fingerprint()


def ways_of(trace):
    """Cut a round where the button is released: (seconds, x and y, fraction of them before the press)."""
    pressed = np.asarray(trace.buttons) & 1
    ends = np.flatnonzero((pressed[:-1] == 1) & (pressed[1:] == 0)) + 2
    positions = np.stack([trace.x_px, trace.y_px], axis=1)
    return [
        (trace.t_s[first:end] - trace.t_s[first], positions[first:end], pressed[first:end])
        for first, end in zip([0, *ends[:-1]], ends, strict=True)
    ]


def test_every_trace_is_a_round_of_clicks_on_a_ring_on_the_screen():
    for one in load_synthetic_traces().samples:
        ways = ways_of(one)
        assert len(ways) == 5
        assert sum(len(time) for time, _, _ in ways) == len(one)
        goals = np.array([positions[-1] for _, positions, _ in ways])
        middle = goals.mean(axis=0)
        radii = np.hypot(*(goals - middle).T)
        assert 130 < radii.min() <= radii.max() < 370
        turns = np.diff(np.unwrap(np.arctan2(*(goals - middle).T)))
        np.testing.assert_allclose(np.abs(turns), 2 * np.pi * 2 / 5, atol=0.5)  # the next but one comes next
        for _, positions, pressed in ways:
            assert np.count_nonzero(np.diff(pressed) == 1) == 1
            assert (positions[pressed == 1] == positions[-1]).all(), "no drag"
        for position, side in ((one.x_px, 1280), (one.y_px, 800)):
            assert (position == position.round()).all()
            assert position.min() >= 0
            assert position.max() < side


def test_one_recorder_for_all():
    for one in load_synthetic_traces().samples:
        steps = np.diff(one.t_s)
        within = steps < 0.05  # between two ways the pointer rests, and nothing is recorded
        assert np.count_nonzero(~within) <= 4
        assert steps.min() > 0.009
        assert steps[within].max() < 0.023
        assert steps.max() < 0.35
        assert 100 <= len(one) <= 1000


def test_the_rounds_of_a_session_follow_each_other():
    data = load_synthetic_traces()
    for before, after in zip(data.samples[:9], data.samples[1:10], strict=True):
        assert 1.0 <= after.t_s[0] - before.t_s[-1] < 4.0


def test_people_are_fastest_early_or_in_the_middle_and_take_longer_for_longer_ways():
    data = load_synthetic_traces()
    fastest, seconds, lengths, straight, people = [], [], [], [], []
    for trace, label in zip(data.samples, data.labels, strict=True):
        for time, positions, pressed in ways_of(trace):
            moved = np.flatnonzero((positions != positions[-1]).any(axis=1))[-1] + 2  # till it rests
            steps = np.hypot(*np.diff(positions[:moved], axis=0).T)
            speed = np.convolve(steps, np.ones(3) / 3, "same")
            fastest.append(speed.argmax() / len(speed))
            seconds.append(time[moved - 1])
            lengths.append(np.hypot(*(positions[-1] - positions[0])))
            straight.append(lengths[-1] / steps.sum())
            people.append(label.startswith("person"))
            assert pressed[:moved].sum() == 0
    fastest, seconds, lengths, straight, people = map(np.array, (fastest, seconds, lengths, straight, people))
    assert 0.1 < np.median(fastest[people]) < 0.5
    assert np.corrcoef(np.log(lengths[people]), seconds[people])[0, 1] > 0.15
    by_label = np.repeat(data.labels, 5)
    assert straight[by_label == "script, straight"].mean() > straight[people].mean() + 0.02


@pytest.mark.parametrize("seed", [0, 1])
def test_movement_is_informative_and_the_recorder_is_not(seed):
    """By chance 0.14 are right."""
    data = load_synthetic_traces(seed=seed)
    assert 0.7 < score(data, KinematicFeatures()) < 0.95
    assert 0.55 < score(data, Pixels()) < 0.95
    assert score(data, ClockAndScreen()) < 0.25


@pytest.mark.parametrize("seed", [-1, "x", 0.5, True])
def test_a_wrong_seed_is_refused(seed: object):
    with pytest.raises(ParameterError, match="synthetic_traces: expected seed to be an integer from 0"):
        load_synthetic_traces(seed=seed)
