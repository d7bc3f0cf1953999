"""Variants of series that leave the label what it is."""

import numpy as np
import pytest
import torch

from img_repr.domains.timeseries.augmentation import augment_series

STILL = {"jitter": 0.0, "warp": 0.0, "crop": 0.0}


def draw(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def series(walks):
    return torch.from_numpy(walks)


@pytest.mark.parametrize("shape", [(1, 2), (1, 3), (4, 50), (4, 3, 50), (2, 1, 7), (5, 1000)])
@pytest.mark.parametrize("fraction", [0.0, 0.5, 1.0])
def test_shapes_stay(shape, fraction):
    given = torch.randn(shape, dtype=torch.float64, generator=draw(1))
    varied = augment_series(given, draw(), fraction=fraction)
    assert varied.shape == given.shape
    assert varied.isfinite().all()


def test_fraction_zero_changes_nothing(series):
    assert torch.equal(augment_series(series, draw(), fraction=0.0), series)


def test_fraction_one_changes_every_series(series):
    varied = augment_series(series, draw(), fraction=1.0)
    assert ((varied - series).abs().amax(dim=1) > 0).all()


def test_fraction_is_the_probability_of_a_change():
    series = torch.randn(2000, 8, dtype=torch.float64, generator=draw(1))
    changed = (augment_series(series, draw(), fraction=0.3) != series).any(dim=1)
    assert 0.25 < changed.double().mean() < 0.35
    assert augment_series(series, draw(), fraction=0.3)[~changed].equal(series[~changed])


def test_zero_strength_changes_nothing(series):
    torch.testing.assert_close(augment_series(series, draw(), fraction=1.0, **STILL), series, rtol=0, atol=1e-9)


@pytest.mark.parametrize("as_list", [False, True])
def test_generator_determines_the_result(series, as_list):
    def vary(seed):
        varied = augment_series(list(series) if as_list else series, draw(seed))
        return torch.stack(varied) if as_list else varied

    state = torch.get_rng_state()
    first = vary(1)
    torch.rand(3)
    assert torch.equal(vary(1), first)
    assert not torch.equal(vary(2), first)
    with torch.random.fork_rng(devices=[]):
        torch.set_rng_state(state)
        vary(3)
        assert torch.equal(torch.get_rng_state(), state)


def test_the_input_is_not_changed(series):
    before = series.clone()
    augment_series(series, draw(), fraction=1.0)
    augment_series(list(series), draw(), fraction=1.0)
    assert torch.equal(series, before)


def test_series_of_a_batch_differ_in_their_variants():
    same = torch.linspace(0, 1, 60, dtype=torch.float64).repeat(6, 1)
    varied = augment_series(same, draw(), fraction=1.0, jitter=0.0)
    assert len({tuple(row.tolist()) for row in varied}) == 6


def test_warped_time_increases_within_the_series():
    time = torch.arange(200, dtype=torch.float64).repeat(300, 1)
    varied = augment_series(time, draw(), fraction=1.0, jitter=0.0)
    assert (varied.diff(dim=1) > 0).all()
    assert varied.min() >= 0
    assert varied.max() <= 199


@pytest.mark.parametrize("crop", [0.0, 0.05, 0.3])
def test_no_more_than_the_crop_is_cut_off_at_each_end(crop):
    time = torch.linspace(0, 1, 400, dtype=torch.float64).repeat(500, 1)
    varied = augment_series(time, draw(), fraction=1.0, jitter=0.0, warp=0.0, crop=crop)
    assert varied[:, 0].min() >= 0
    assert varied[:, 0].max() <= crop
    assert (1 - varied[:, -1]).max() <= crop + 1e-12
    if crop:
        assert varied[:, 0].max() > 0.9 * crop
        assert (1 - varied[:, -1]).max() > 0.9 * crop


@pytest.mark.parametrize("warp", [0.1, 0.2, 0.5])
def test_speed_changes_no_more_than_the_warp(warp):
    time = torch.linspace(0, 1, 400, dtype=torch.float64).repeat(300, 1)
    speed = augment_series(time, draw(), fraction=1.0, jitter=0.0, crop=0.0, warp=warp).diff(dim=1) * 399
    ratio = speed.amax(dim=1) / speed.amin(dim=1)
    assert ratio.max() <= (1 + warp) / (1 - warp) * (1 + 1e-6)
    assert ratio.max() > 1 + warp  # and it does something
    assert (speed.diff(dim=1).abs().amax(dim=1) < 0.1 * warp).all()  # smoothly


@pytest.mark.parametrize("scale", [1e-7, 1.0, 1e6])
def test_noise_is_a_fraction_of_each_channels_std(scale):
    series = torch.randn(50, 2, 400, dtype=torch.float64, generator=draw(1)) * scale
    series[:, 1] *= 10
    varied = augment_series(series + 5 * scale, draw(), fraction=1.0, **(STILL | {"jitter": 0.02}))
    noise = (varied - series - 5 * scale).std(dim=(0, 2)) / series.std(dim=(0, 2))
    torch.testing.assert_close(noise, torch.full((2,), 0.02, dtype=torch.float64), rtol=0.05, atol=0)


def test_values_stay_in_the_range_of_the_series_but_for_the_noise(series):
    varied = augment_series(series, draw(), fraction=1.0, jitter=0.0)
    assert (varied.amax(dim=1) <= series.amax(dim=1)).all()
    assert (varied.amin(dim=1) >= series.amin(dim=1)).all()


def test_by_default_a_variant_is_much_nearer_to_its_series_than_another_series(series):
    smooth = series.cumsum(dim=1)
    smooth = (smooth - smooth.mean(dim=1, keepdim=True)) / smooth.std(dim=1, keepdim=True)
    varied = augment_series(smooth, draw(), fraction=1.0)
    nearest = torch.cdist(varied, smooth).argmin(dim=1)
    assert (nearest == torch.arange(40)).double().mean() > 0.9


def test_the_channels_of_a_series_are_warped_together(series):
    two = torch.stack([series, 3 * series + 1], dim=1)
    varied = augment_series(two, draw(), fraction=1.0, jitter=0.0)
    assert (varied[:, 0] != series).any()
    torch.testing.assert_close(varied[:, 1], 3 * varied[:, 0] + 1)


def test_a_constant_series_stays_constant():
    varied = augment_series(torch.full((3, 20), 2.5, dtype=torch.float64), draw(), fraction=1.0)
    torch.testing.assert_close(varied, torch.full((3, 20), 2.5, dtype=torch.float64))


@pytest.mark.parametrize(
    "rows",
    [
        [np.arange(5.0), np.arange(9.0), np.arange(2.0)],
        [[1, 2, 3], [4, 5, 6, 7]],
        [torch.arange(4.0), torch.arange(6.0)],
        [np.zeros((2, 5)), np.ones((2, 8))],
        np.arange(12).reshape(3, 4),
    ],
    ids=["numpy", "python", "torch", "channels", "array"],
)
def test_lists_of_unequal_series_keep_their_lengths(rows):
    varied = augment_series(rows, draw(), fraction=1.0)
    assert isinstance(varied, list)
    assert [tuple(one.shape) for one in varied] == [np.shape(one) for one in rows]
    assert all(one.isfinite().all() for one in varied)
    for one, given in zip(augment_series(rows, draw(), fraction=0.0), rows, strict=True):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(given, dtype=np.float64))


def test_a_list_is_varied_one_by_one(walks):
    ragged = [row[: 30 + position] for position, row in enumerate(walks)]
    varied = augment_series(ragged, draw(), fraction=1.0, jitter=0.0)
    for one, given in zip(varied, ragged, strict=True):
        assert given.min() <= one.min() <= one.max() <= given.max()
        assert (one.numpy() != given).any()


def test_a_missing_value_stays_a_missing_value_and_no_more():
    series = torch.randn(8, 50, dtype=torch.float64, generator=draw(1))
    series[:, 20] = torch.nan
    for varied in (augment_series(series, draw(), fraction=1.0), augment_series(list(series), draw(), fraction=1.0)):
        for row in varied:
            assert 0 < row.isnan().sum() <= 4


@pytest.mark.gpu
@pytest.mark.parametrize("as_list", [False, True])
def test_on_a_gpu_it_stays_there(series, as_list):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    generator = torch.Generator("cuda").manual_seed(0)
    varied = augment_series(list(series.cuda()) if as_list else series.cuda(), generator)
    assert all(one.device.type == "cuda" for one in varied)
