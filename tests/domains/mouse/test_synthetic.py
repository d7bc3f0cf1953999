"""The synthetic traces: what people do in them, and that nothing but movement tells them apart."""

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesClassifier

from img_repr.core.card import find_card
from img_repr.core.loader import load_dataset
from img_repr.core.splits import group_splits, published_splits
from img_repr.domains.mouse.actions import kind_of
from img_repr.domains.mouse.clock_and_screen import ClockAndScreen
from img_repr.domains.mouse.features import KinematicFeatures
from img_repr.domains.mouse.synthetic import load_synthetic_traces


def score(data, features):
    split = next(published_splits(data))
    table = features.fit_transform(data.samples)
    forest = ExtraTreesClassifier(100, random_state=0).fit(table[split.train], data.labels[split.train])
    return forest.score(table[split.test], data.labels[split.test])


def test_they_are_called_what_they_are():
    data = load_dataset("synthetic_traces")
    assert (data.name, data.domain.name) == ("SyntheticTraces", "mouse")
    assert data.notes == ("synthetic: made by code from seed 0; scores say nothing of real traces",)
    card = find_card("SyntheticTraces")
    parts = (data.parts == "train").sum(), (data.parts == "test").sum()
    assert (card.classes, card.domain, (card.n_train, card.n_test)) == (len(data.classes), "mouse", parts)
    assert "synthetic" in card.title.lower()


def test_sessions_are_whole_in_one_part():
    data = load_synthetic_traces()
    for group in np.unique(data.groups):
        inside = data.groups == group
        assert inside.sum() == 10
        assert len(set(data.parts[inside])) == len(set(data.labels[inside])) == 1
    assert len(set(data.names)) == len(data)
    assert len(list(group_splits(data, 5))) == 5


def test_the_seed_decides():
    first, second, other = load_synthetic_traces(seed=3), load_synthetic_traces(seed=3), load_synthetic_traces(seed=4)
    assert first.fingerprint() == second.fingerprint() != other.fingerprint()


def test_every_trace_is_a_movement_and_a_click_on_the_screen():
    for one in load_synthetic_traces().samples:
        assert kind_of(one) == "PC"
        assert one.buttons[-1] == 0
        assert one.buttons[-2] == 1
        assert one.buttons[0] == 0
        assert 20 <= len(one) <= 200
        assert (np.diff(one.t_s) > 0.009).all()
        assert (np.diff(one.t_s) < 0.023).all()
        for place, side in ((one.x_px, 1280), (one.y_px, 800)):
            assert (place == place.round()).all()
            assert place.min() >= 0
            assert place.max() < side


def test_a_session_goes_on_where_it_was():
    data = load_synthetic_traces()
    for before, after in zip(data.samples[:9], data.samples[1:10], strict=True):
        assert after.t_s[0] - before.t_s[-1] >= 1.0
        assert abs(after.x_px[0] - before.x_px[-1]) + abs(after.y_px[0] - before.y_px[-1]) < 12  # tremor


def test_people_are_fastest_early_or_in_the_middle_and_take_longer_for_longer_ways():
    data = load_synthetic_traces()
    kinematic = KinematicFeatures(clock_ms=None)
    table = kinematic.fit_transform(data.samples)
    columns = dict(zip(kinematic.get_feature_names_out(), table.T, strict=True))
    people = np.char.startswith(data.labels, "person")
    assert 0.1 < np.median(columns["fastest_at"][people]) < 0.5
    assert np.corrcoef(np.log(columns["ends_px"][people]), columns["elapsed_s"][people])[0, 1] > 0.3
    straight = data.labels == "script, straight"
    assert columns["straightness"][straight].min() > columns["straightness"][people].mean()


@pytest.mark.parametrize("seed", [0, 1])
def test_the_table_learns_something_and_not_all_and_the_recorder_tells_nothing(seed):
    data = load_synthetic_traces(seed=seed)
    assert 0.75 < score(data, KinematicFeatures()) < 0.96
    assert score(data, ClockAndScreen()) < 0.25  # by chance 0.14
