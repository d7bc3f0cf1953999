"""Kinematic features: hand-worked rows, what they may not depend on, and the bar on real mice."""

import math
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.metrics import roc_auc_score

from img_repr.core.errors import NotFittedError, ParameterError, SampleError
from img_repr.core.features import FEATURES, get_features
from img_repr.core.loader import load_dataset
from img_repr.domains.mouse.features import ClockAndScreen, KinematicFeatures
from img_repr.domains.mouse.sample import make_traces
from img_repr.domains.mouse.trace import LEFT, RIGHT, Trace


def columns_of(traces, **parameters):
    kinematic = KinematicFeatures(**({"clock_ms": None} | parameters)).fit(traces)
    return dict(zip(kinematic.get_feature_names_out(), kinematic.transform(traces).T, strict=True))


def test_hand_worked_actions() -> None:
    """A straight way of 30 and 40 px in half a second, with a click."""
    click = Trace(np.arange(6) / 10, [0, 6, 18, 30, 30, 30], [0, 8, 24, 40, 40, 40], [0, 0, 0, 0, LEFT, 0])
    found = {name: column[0] for name, column in columns_of([click]).items()}
    expected = {
        "action": 1,
        "length_px": 50,
        "ends_px": 50,
        "elapsed_s": 0.5,
        "direction": 1,
        "straightness": 1,
        "points": 6,
        "curvature_max": 0,
        "critical_points": 2,
        "speed_max": 200,
        "speed_mean": 100,
        "speed_x_mean": 60,
        "speed_y_max": 160,
        "acceleration_max": 1000,
        "acceleration_min": -2000,
        "acceleration_s": 0.2,
        "largest_deviation_px": 0,
        "speed_50": 100,
        "step_px_90": 20,
        "width_px": 30,
        "height_px": 40,
        "still_fraction": 0.4,
        "sharp_fraction": 0,
        "rests": 1,
        "rest_fraction": 0.4,
        "rest_longest_s": 0.2,
        "fastest_at": 0.3,
        "path_in_third_0": 0.6,
        "towards_1": 1,
        "submovements": 1,
        "submovements_per_s": 2,
        "start_angle": 0,
        "difficulty_per_s": 2 * math.log2(51),
        "presses_left": 1,
        "presses_right": 0,
        "holds": 1,
        "hold_mean_s": 0.1,
        "wait_for_press_s": 0.1,
        "first_press_s": 0.4,
        "drags": 0,
        "wheel_events": 0,
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-9)


def test_hand_worked_bends_drags_and_wheel() -> None:
    """Right, down, left and up again around a square of 10 px: held by two buttons on the second side."""
    square = Trace(
        np.arange(6) / 10,
        [0, 10, 10, 0, 0, 0],
        [0, 0, 10, 10, 0, 0],
        [0, LEFT, LEFT | RIGHT, 0, 0, 0],
        [0, 0, 0, 0, 2, -3],
    )
    found = {name: column[0] for name, column in columns_of([square]).items()}
    expected = {
        "action": 2,
        "ends_px": 0,
        "straightness": 0,
        "largest_deviation_px": math.hypot(10, 10),
        "angles_sum": math.pi / 2 + math.pi - math.pi / 2,
        "curvature_mean": math.pi / 20,
        "turn_sum": 1.5 * math.pi,
        "turn_size_sum": 1.5 * math.pi,
        "sharp_fraction": 1,
        "flips_x": 1,
        "flips_y": 1,
        "towards_0": 0.25,
        "towards_2": 0.25,
        "towards_4": 0.25,
        "towards_6": 0.25,
        "presses_left": 1,
        "presses_right": 1,
        "holds": 1,
        "drags": 1,
        "drag_px": 20,
        "hold_longest_s": 0.2,
        "wheel_notches": 5,
        "wheel_balance": -1,
        "wheel_events": 2,
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-9)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("clock_ms", [None, 1.0, 16.0, 1000.0, "fit"])
def test_rows_are_finite_whatever_comes(clock_ms) -> None:
    far = np.array([1e6, -1e6] * 20)
    traces = [
        Trace([5.0], [1.0], [2.0]),
        Trace([5.0], [1.0], [2.0], [LEFT], [-3]),
        Trace([5.0, 5.0], [1.0, 9.0], [2.0, 2.0]),
        Trace(np.zeros(9), np.arange(9), np.arange(9), [LEFT] * 9),
        Trace(np.arange(9) * 1e-9, np.arange(9), np.arange(9)),
        Trace(np.arange(40) / 1000, far, -far),
        Trace([0.0, 1e9], [1.0, 1.0], [1.0, 1.0]),
        Trace(1e9 + np.arange(5) / 60, np.zeros(5), np.zeros(5), [LEFT, 0, RIGHT, 0, LEFT]),
        *make_traces(2),
    ]
    kinematic = KinematicFeatures(clock_ms=clock_ms).fit(traces)
    table = kinematic.transform(traces)
    names = kinematic.get_feature_names_out()
    assert table.shape == (len(traces), len(names)) == (len(traces), len(set(names)))
    assert np.isfinite(table).all()
    still = KinematicFeatures(clock_ms=clock_ms).fit_transform(traces[:1])
    assert set(names[still[0] != 0]) == {"points"}


@pytest.mark.parametrize("clock_ms", [None, 40.0])
def test_rows_do_not_depend_on_the_batch(clock_ms) -> None:
    traces = [*make_traces(3), Trace([0.0], [0.0], [0.0]), *make_traces(4, seed=9)]
    before = [one.x_px.copy() for one in traces]
    kinematic = KinematicFeatures(clock_ms=clock_ms).fit(traces)
    whole = kinematic.transform(traces)
    np.testing.assert_array_equal(whole, np.concatenate([kinematic.transform([one]) for one in traces]))
    np.testing.assert_array_equal(whole, kinematic.transform([one.to("cpu") for one in traces]))
    assert all(np.array_equal(one.x_px, kept) for one, kept in zip(traces, before, strict=True))


def test_portions_are_as_one(monkeypatch) -> None:
    traces = make_traces(9)
    whole = KinematicFeatures().fit_transform(traces)
    monkeypatch.setattr("img_repr.domains.mouse.columns._EVENTS_AT_ONCE", 100)
    np.testing.assert_array_equal(whole, KinematicFeatures().fit_transform(traces))


def test_place_and_time_of_day_do_not_matter() -> None:
    traces = make_traces(8)
    moved = [Trace(one.t_s + 4096.0, one.x_px + 700, one.y_px - 300, one.buttons) for one in traces]
    kinematic = KinematicFeatures(clock_ms=None).fit(traces)
    np.testing.assert_allclose(kinematic.transform(moved), kinematic.transform(traces), rtol=1e-9, atol=1e-7)


def test_a_clock_makes_recorders_alike() -> None:
    """One movement, recorded every 5 ms and every 25 ms: rows differ by their own clocks, and not by a slow one."""

    def recorded(tick_s):
        time = np.arange(0.0, 2.0 + 1e-9, tick_s)
        return Trace(time, 400 * np.sin(2 * time), 300 * np.cos(3 * time))

    traces = [recorded(0.005), recorded(0.025)]
    own, slow = columns_of(traces), columns_of(traces, clock_ms=50.0)
    assert own["points"].tolist() == [401, 81]
    for name in ("points", "speed_mean", "speed_max", "acceleration_deviation", "curvature_deviation", "turn_size_50"):
        assert slow[name][0] == pytest.approx(slow[name][1], rel=0.03), name
    fitted = KinematicFeatures().fit(traces)
    assert fitted.clock_ms_ == 25.0
    assert fitted.transform(traces)[0, 5] == fitted.transform(traces)[1, 5] == 81


def test_sets_choose_columns() -> None:
    traces = make_traces(3)
    parts = [KinematicFeatures(sets=(one,)).fit_transform(traces) for one in ("antal", "movement", "clicks")]
    np.testing.assert_array_equal(KinematicFeatures().fit_transform(traces), np.hstack(parts))


def test_passes_checks_of_sklearn() -> None:
    kinematic = get_features("kinematic", clock_ms=20.0)
    assert isinstance(kinematic, KinematicFeatures)
    assert repr(clone(kinematic)) == repr(kinematic)
    assert clone(kinematic).fit(make_traces(2)).clock_ms_ == 20.0


def test_rejects_invalid_input() -> None:
    traces = make_traces(2)
    with pytest.raises(NotFittedError, match="KinematicFeatures: expected fit on training traces first"):
        KinematicFeatures().transform(traces)
    with pytest.raises(ParameterError, match=r"KinematicFeatures: expected sets to be of .* got 'antal'"):
        KinematicFeatures(sets="antal").fit(traces)
    with pytest.raises(ParameterError, match=r"KinematicFeatures: expected clock_ms to be a period .* got -1"):
        KinematicFeatures(clock_ms=-1).fit(traces)
    with pytest.raises(SampleError, match="KinematicFeatures: expected a batch of traces, a list of them, got one"):
        KinematicFeatures().fit(traces).transform(traces[0])
    with pytest.raises(SampleError, match="KinematicFeatures: expected time that does not run backwards"):
        KinematicFeatures().fit([Trace([1.0, 0.0], [0, 0], [0, 0])])


def challenge_auc(dataset, features) -> float:
    """AUC over all labeled test sessions of the mean probability of the user whom each claims to be."""
    train, test = (np.flatnonzero(dataset.split == part) for part in ("train", "test"))
    table, judged = features.fit_transform(dataset.take(train)), features.transform(dataset.take(test))
    forest = ExtraTreesClassifier(100, random_state=0, class_weight="balanced").fit(table, dataset.labels[train])
    claimed = np.searchsorted(forest.classes_, dataset.labels[test])
    probability = forest.predict_proba(judged)[np.arange(len(test)), claimed]
    sessions, position = np.unique(dataset.groups[test], return_inverse=True)
    score = np.bincount(position, probability) / np.bincount(position)
    genuine = np.zeros(len(sessions), dtype=bool)
    genuine[position] = dataset.genuine[test]
    return float(roc_auc_score(genuine, score))


@pytest.mark.data
@pytest.mark.slow
def test_balabit_reaches_the_bar_and_hardware_alone_does_not(data_folder: Path) -> None:
    dataset = load_dataset(data_folder / "balabit", segments="pause_click", at_most=60)
    assert challenge_auc(dataset, KinematicFeatures()) >= 0.94
    assert 0.8 < challenge_auc(dataset, get_features("clock_and_screen")) < 0.92
    same = dataset.subset(np.flatnonzero(np.isin(dataset.labels, ["user12", "user15", "user16"])))
    assert challenge_auc(same, KinematicFeatures()) >= 0.90


def test_hand_worked():
    time = np.array([2.0, 2.1, 2.3, 2.6, 3.0])  # intervals of 0.1, 0.2, 0.3 and 0.4 s
    whole = Trace(time, [5, 80, 6, 7, 8], [9, 1, 2, 30, 4])
    table = ClockAndScreen().fit_transform([whole, Trace([1.0], [3], [4])])
    np.testing.assert_allclose(table, [[0.175, 0.25, 0.325, 80, 30], [0, 0, 0, 3, 4]])


def test_metadata_marks_leak_only():
    assert FEATURES["clock_and_screen"].leak_only
    assert not FEATURES["kinematic"].leak_only


def test_movement_does_not_matter():
    """The way back, mirrored inside its own extent, and at the same times, has the same row."""
    traces = make_traces(5)
    other = [Trace(one.t_s, one.x_px[::-1], one.y_px[::-1]) for one in traces]
    clock = ClockAndScreen().fit(traces)
    np.testing.assert_array_equal(clock.transform(traces), clock.transform(other))
