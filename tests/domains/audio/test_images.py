"""Images of matrices: means over areas of the true time, bounded memory, sizes."""

import tracemalloc

import numpy as np
import pytest
import torch

from img_repr import encode_melspectrogram, get_encoder
from img_repr.core.errors import ParameterError
from img_repr.domains.audio import images
from img_repr.domains.audio.images import Grid, check_size

RATE = 8000


def image_of(matrix, grid, length, size):
    return images._fitted(torch.from_numpy(matrix)[None], grid, length, size, size, 0.0)[0].numpy()


def by_slivers(matrix, grid, length, size, fine=400):
    """Cut each pixel in thin slivers, each of which has the value of the nearest column and row."""
    places = (np.arange(size[1] * fine) + 0.5) * length / (size[1] * fine)
    columns = np.clip(np.round(places / grid.hop_length), 0, matrix.shape[1] - 1).astype(int)
    rows = ((np.arange(size[0] * fine) + 0.5) * grid.rows / (size[0] * fine)).astype(int)
    upright = matrix[rows].reshape(size[0], fine, -1).mean(axis=1)[::-1]
    return upright[:, columns].reshape(*size, fine).mean(axis=2)


@pytest.mark.parametrize(("length", "odd"), [(1000, 0), (1023, 0), (1024, 1), (64, 0)])
@pytest.mark.parametrize("size", [(1, 1), (5, 3), (7, 2), (4, 15)])
def test_a_pixel_is_the_mean_over_its_area(random, length, odd, size):
    grid = Grid(7, 64, odd)
    matrix = random.normal(size=(7, grid.columns(length)))
    if size[1] > matrix.shape[1]:
        size = (size[0], matrix.shape[1])
    np.testing.assert_allclose(image_of(matrix, grid, length, size), by_slivers(matrix, grid, length, size), atol=0.02)


@pytest.mark.parametrize("size", [(7, 3), (3, 16), (2, 1)])
def test_the_mean_level_is_kept(random, size):
    grid, length = Grid(7, 64), 1000
    matrix = random.normal(size=(7, 16))
    widths = np.array([32, *[64] * 14, 72])  # half a hop to each side, the outer columns to the ends
    level = np.average(matrix.mean(axis=0), weights=widths)
    assert image_of(matrix, grid, length, size).mean() == pytest.approx(level)
    assert image_of(np.full((7, 16), 3.7), grid, length, size) == pytest.approx(3.7)


def test_rows_without_resizing_are_only_flipped():
    wave = np.random.default_rng(0).normal(size=4000).astype(np.float32)
    matrix = encode_melspectrogram(wave, sample_rate_hz=RATE, n_mels=32)
    image = encode_melspectrogram(wave, sample_rate_hz=RATE, n_mels=32, size=(32, 1))
    weights = images._column_weights(Grid(32, 512), 4000, 1)[0][2].values
    np.testing.assert_allclose(image, matrix[::-1] @ weights, atol=1e-4)


def test_more_pixels_than_columns_lie_on_straight_lines(random):
    grid, matrix = Grid(6, 10), random.normal(size=(6, 9))
    image = image_of(matrix, grid, 80, (6, 16))
    between = np.stack([np.interp(np.arange(16) * 5 + 2.5, grid.centers(80), row) for row in matrix])
    np.testing.assert_allclose(image, between[::-1], atol=1e-12)


@pytest.fixture
def pieces(monkeypatch):
    """Make the weights of columns again, in pieces of so many."""

    def cut(limit):
        images._column_weights.cache_clear()
        monkeypatch.setattr(images, "_MOST_WEIGHTS", limit)

    yield cut
    images._column_weights.cache_clear()


@pytest.mark.parametrize(("limit", "count"), [(1, 13), (107, 13), (250, 7), (600, 3)])
def test_pieces_of_long_recording_equal_whole(random, pieces, limit, count):
    wave, heat = random.normal(size=6789), random.random((4, 13))
    encoder = get_encoder("melspectrogram", size=(4, 13), sample_rate_hz=RATE, hop_length=64)
    pieces(1 << 20)
    image, back = encoder(wave, dtype="float64"), encoder.back_project(heat, wave)
    assert len(images._column_weights(Grid(4, 64), 6789, 13)) == 1
    pieces(limit)
    np.testing.assert_allclose(encoder(wave, dtype="float64"), image, atol=1e-12)
    np.testing.assert_allclose(encoder.back_project(heat, wave), back, atol=1e-12)
    assert len(images._column_weights(Grid(4, 64), 6789, 13)) == count


def test_an_hour_needs_little_memory_for_its_pixels():
    grid, length = Grid(128, 309), 3600 * 44_100
    tracemalloc.start()
    pieces = images._column_weights(grid, length, 128)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    images._column_weights.cache_clear()
    assert sum(weights.values.nbytes for _, _, weights in pieces) < 20e6
    assert peak < 150e6


def test_caches_are_bounded():
    wave = np.random.default_rng(0).normal(size=3000)
    for length in range(2000, 2100):
        encode_melspectrogram(wave[:length], sample_rate_hz=RATE, size=8)
    for cache in (images._column_weights, images._row_weights):
        assert cache.cache_info().currsize <= cache.cache_info().maxsize <= 32


@pytest.mark.parametrize("size", [(3, 5), [3, 5], np.array([3, 5]), (np.int64(3), 5)], ids=str)
def test_sizes(size):
    assert check_size("asker", tuple(size)) == (3, 5)
    assert check_size("asker", None) is None
    assert check_size("asker", np.int32(4)) == (4, 4)


@pytest.mark.parametrize("size", [(3,), (3, 4, 5), (3, 0), (3, 2.0), (True, 3), "32", 2.5, {3, 4}], ids=str)
def test_wrong_sizes(size):
    with pytest.raises(ParameterError, match="asker: expected size to be pixels"):
        check_size("asker", size)


def test_several_waveforms_carry_heat_of_several_channels(random):
    waves, heat = random.normal(size=(2, 4000)), random.random((2, 8, 9))
    encoder = get_encoder("melspectrogram", size=(8, 9), sample_rate_hz=RATE)
    back = encoder.back_project(heat, waves)
    for number in (0, 1):
        np.testing.assert_allclose(back[number], encoder.back_project(heat[number], waves[number]))
    with pytest.raises(ValueError, match="expected one recording"):
        encoder.back_project(heat, waves[None])
