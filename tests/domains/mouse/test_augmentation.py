"""Variants of traces: what each change does alone, and what none may touch."""

import numpy as np
import pytest
import torch

from img_repr.core.errors import ParameterError, SampleError
from img_repr.domains.mouse.actions import kind_of
from img_repr.domains.mouse.augmentation import augment_traces
from img_repr.domains.mouse.sample import check_traces, make_traces
from img_repr.domains.mouse.trace import LEFT, RIGHT, Trace

COLUMNS = ("t_s", "x_px", "y_px", "buttons", "wheel")
NONE = {"fraction": 1.0, "turn_deg": 0.0, "scale": 0.0, "jitter_px": 0.0, "warp": 0.0, "clock_ms": 0.0, "drop": 0.0}


def draw(seed=0):
    return torch.Generator().manual_seed(seed)


def vary(trace, seed=0, **more):
    return augment_traces([trace], draw(seed), **(NONE | more))[0]


def same(one, other):
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in COLUMNS)


def busy():
    """Many presses, releases, drags and turns of the wheel, at equal times among others."""
    random = np.random.default_rng(7)
    count = 400
    time = np.cumsum(random.choice([0.0, 0.001, 0.016, 0.5], count))
    buttons = np.repeat(random.choice([0, 0, LEFT, RIGHT, LEFT | RIGHT], count // 4), 4)
    wheel = random.choice([0] * 12 + [1, -2], count)
    x, y = random.integers(0, 50, (2, count)).cumsum(axis=1)
    return Trace(time, x, y, buttons, wheel)


def test_generator_determines_the_result_and_input_is_unchanged():
    traces = make_traces(6)
    before = [Trace(*(getattr(one, name).copy() for name in COLUMNS)) for one in traces]
    one, again, other = (augment_traces(traces, draw(seed)) for seed in (1, 1, 2))
    assert all(same(a, b) for a, b in zip(one, again, strict=True))
    assert not all(same(a, b) for a, b in zip(one, other, strict=True))
    assert all(same(a, b) for a, b in zip(before, traces, strict=True))


def test_fraction_zero_changes_nothing_and_one_everything():
    traces = make_traces(20)
    assert all(same(a, b) for a, b in zip(augment_traces(traces, draw(), fraction=0.0), traces, strict=True))
    assert not any(same(a, b) for a, b in zip(augment_traces(traces, draw(), fraction=1.0), traces, strict=True))
    kept = sum(
        same(a, b) for seed in range(20) for a, b in zip(augment_traces(traces, draw(seed)), traces, strict=True)
    )
    assert 0.18 < kept / 400 < 0.32  # a quarter, at fraction 0.75


def test_zero_strength_changes_nothing():
    for given in (busy(), *make_traces(3)):
        made = vary(given)
        np.testing.assert_allclose(made.t_s, given.t_s, rtol=0, atol=1e-9)
        for name in COLUMNS[1:]:
            np.testing.assert_array_equal(getattr(made, name), getattr(given, name))


def test_tensors_are_varied_as_arrays():
    traces = make_traces(5)
    plain = augment_traces(traces, draw(3))
    tensors = augment_traces([one.to(torch.device("cpu")) for one in traces], draw(3))
    for one, other in zip(plain, tensors, strict=True):
        for name in COLUMNS:
            assert isinstance(getattr(one, name), np.ndarray)
            assert isinstance(getattr(other, name), torch.Tensor)
            assert getattr(one, name).dtype == getattr(other, name).numpy().dtype
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize("seed", range(12))
def test_no_mark_is_lost(seed):
    given = busy()
    (made,) = augment_traces([given], draw(seed), fraction=1.0, clock_ms=2000.0, drop=1.0, jitter_px=3.0)
    assert len(made) < len(given)

    def marks(one):
        changed = np.flatnonzero(np.diff(one.buttons))
        return one.buttons[0], one.buttons[changed + 1].tolist(), one.wheel[one.wheel != 0].tolist()

    assert marks(made) == marks(given)
    check_traces([made], caller="variant")  # time does not run backwards


def test_a_click_stays_a_click():
    x = np.array([0.0, 30, 60, 80, 80, 80, 80])
    click = Trace(np.arange(7) / 10, x, x, [0, 0, 0, 0, LEFT, LEFT, 0])
    kinds = {kind_of(vary(click, seed, jitter_px=3.0, turn_deg=9.0, scale=0.2, drop=0.5)) for seed in range(40)}
    assert kinds == {"PC"}


def test_a_turn_keeps_distances_and_the_first_place():
    given = Trace(np.arange(4), [100.5, 130.5, 160.5, 110.0], [50.0, 90.0, 50.0, 50.0])
    angles = []
    for seed in range(60):
        made = vary(given, seed, turn_deg=10.0)
        assert (made.x_px[0], made.y_px[0]) == (100.5, 50.0)
        across, down = np.diff(made.x_px), np.diff(made.y_px)
        np.testing.assert_allclose(np.hypot(across, down), np.hypot(np.diff(given.x_px), np.diff(given.y_px)))
        angles.append(np.rad2deg(np.arctan2(made.y_px[2] - 50.0, made.x_px[2] - 100.5)))
    assert -10 <= min(angles) < -8
    assert 8 < max(angles) <= 10


def test_a_scale_changes_all_ways_alike():
    given = Trace(np.arange(3), [0.5, 100.0, 300.0], [0.0, 50.0, -20.0])
    sizes = []
    for seed in range(60):
        made = vary(given, seed, scale=0.2)
        sizes.append((made.x_px[2] - 0.5) / 299.5)
        np.testing.assert_allclose(made.y_px, sizes[-1] * given.y_px, atol=1e-9)
    assert 0.8 <= min(sizes) < 0.84
    assert 1.16 < max(sizes) <= 1.2


def test_whole_pixels_stay_whole_and_others_do_not():
    whole, broken = make_traces(1)[0], Trace(np.arange(3), [0.5, 100.0, 300.0], np.zeros(3))
    made = augment_traces([whole, broken], draw(), fraction=1.0, drop=0.0)
    assert (made[0].x_px == made[0].x_px.round()).all()
    assert not (made[1].x_px == made[1].x_px.round()).all()


def test_jitter_has_its_deviation_and_rests_stay_rests():
    x = np.repeat(np.arange(3000.0), 2) + 0.25
    made = vary(Trace(np.arange(6000), x, np.zeros(6000)), jitter_px=0.7)
    noise = made.x_px - x
    np.testing.assert_allclose(noise[::2], noise[1::2], atol=1e-9)
    assert noise.std() == pytest.approx(0.7, rel=0.1)
    assert np.abs(np.diff(made.y_px)[::2]).max() < 1e-9


def test_time_is_warped_smoothly_and_little():
    given = Trace(np.cumsum(np.full(500, 0.016)), np.arange(500), np.zeros(500))
    speeds = []
    for seed in range(30):
        made = vary(given, seed, warp=0.2)
        assert made.t_s[0] == pytest.approx(given.t_s[0])
        speed = np.diff(made.t_s) / 0.016
        speeds.append((speed.min(), speed.max()))
        assert np.abs(np.diff(speed)).max() < 0.005
    assert 0.8 - 1e-6 <= np.min(speeds) < 0.83
    assert 1.17 < np.max(speeds) <= 1.2 + 1e-6


def test_equal_times_stay_equal():
    given = Trace([0.0, 1.0, 1.0, 1.0, 2.0], np.arange(5), np.zeros(5))
    made = vary(given, warp=0.3)
    assert made.t_s[1] == made.t_s[2] == made.t_s[3] < made.t_s[4]


def test_a_slower_recorder_sees_each_period_once():
    given = Trace(np.arange(1000) / 1000, np.arange(1000), np.zeros(1000))
    fractions = []
    for seed in range(40):
        made = vary(given, seed, clock_ms=20.0)
        fractions.append(len(made) / 1000)
        gaps = np.diff(made.x_px)[1:-1]
        assert gaps.max() - gaps.min() <= 1  # even, to a millisecond
        assert (made.x_px[0], made.x_px[-1]) == (0, 999)
    assert min(fractions) == pytest.approx(0.05, abs=0.01)
    assert max(fractions) > 0.5


def test_lost_events_are_few_and_anywhere():
    given = Trace(np.arange(1000), np.arange(1000), np.zeros(1000))
    lost = [1 - len(vary(given, seed, drop=0.3)) / 1000 for seed in range(40)]
    assert min(lost) < 0.03
    assert 0.25 < max(lost) < 0.35


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_shortest_traces_stay_traces(count):
    for seed in range(30):
        given = [Trace(np.zeros(count), np.zeros(count), np.ones(count)), Trace([5.0], [1.5], [2.0], [LEFT])]
        made = augment_traces(given, draw(seed), fraction=1.0, clock_ms=100.0, drop=1.0)
        assert all(1 <= len(one) <= count for one in made)
        assert made[1].buttons.tolist() == [LEFT]
        check_traces(made, caller="variant")


@pytest.mark.gpu
def test_on_a_gpu():
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    device = torch.device("cuda")
    generator = torch.Generator(device).manual_seed(0)
    traces = [one.to(device) for one in make_traces(8)]
    made = augment_traces(traces, generator, fraction=1.0)
    assert all(one.t_s.device.type == "cuda" for one in made)
    check_traces(made, caller="variant")
    check_traces(augment_traces(make_traces(8), generator, fraction=1.0), caller="variant")


def test_rejects_invalid_input():
    with pytest.raises(SampleError, match="augmentation: expected traces of one event at least, got"):
        augment_traces(np.zeros((2, 5, 3)), draw())
    with pytest.raises(SampleError, match="expected traces of one event at least"):
        augment_traces([Trace([], [], [])], draw())
    with pytest.raises(ParameterError, match=r"augmentation: expected warp in \[0, 0.99\], got 2"):
        augment_traces(make_traces(1), draw(), warp=2)
    with pytest.raises(ParameterError, match=r"expected drop in \[0, 1\], got -0.1"):
        augment_traces(make_traces(1), draw(), drop=-0.1)
    assert augment_traces([], draw()) == []
