"""The transform in pieces against the definition, window by window."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from img_repr.domains.audio.filterbank import mel_filters
from img_repr.domains.audio.fourier import band_energies, exact_energies
from img_repr.domains.audio.framing import Framing

FRAMINGS = [Framing(16, 16, 4, 100), Framing(17, 12, 5, 100), Framing(8, 3, 11, 100), Framing(3, 2, 1, 100)]
every_framing = pytest.mark.parametrize("framing", FRAMINGS, ids=str)


def by_definition(wave: np.ndarray, framing: Framing) -> np.ndarray:
    """Sum each window, centered on every hop-th sample with silence beyond the ends, times each cosine and sine."""
    window = framing.window(torch.zeros(1, dtype=torch.float64)).numpy()
    time, side = np.arange(framing.n_fft), framing.n_fft // 2
    turns = np.exp(-2j * np.pi * np.outer(np.arange(framing.bins), time) / framing.n_fft)
    padded = np.pad(wave, side)
    starts = range(0, len(padded) - framing.n_fft + 1, framing.hop_length)
    return np.array([np.abs(turns @ (padded[start:][: framing.n_fft] * window)) ** 2 for start in starts]).T


@every_framing
@pytest.mark.parametrize("length", [1, 2, 40, 3001])
def test_energies_are_those_of_the_definition(random, framing, length):
    waves = random.normal(size=(2, length))
    energies = band_energies(torch.from_numpy(waves), framing).numpy()
    for wave, found in zip(waves, energies, strict=True):
        np.testing.assert_allclose(found, by_definition(wave, framing), atol=1e-10)
    roots = band_energies(torch.from_numpy(waves), framing, power=1.0).numpy()
    np.testing.assert_allclose(roots**2, energies, atol=1e-10)


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_bands_are_weighted_sums(random, power):
    framing = Framing(512, 400, 37, 8000)
    weights = mel_filters("test", framing, 45)
    waves = torch.from_numpy(random.normal(size=(3, 25_000)))
    bands = band_energies(waves, framing, weights, power=power).numpy()
    sums = weights.filters.astype(np.float64) @ band_energies(waves, framing, power=power).numpy()
    np.testing.assert_allclose(bands, sums, rtol=1e-12)


@every_framing
@pytest.mark.parametrize("power", [1.0, 2.0])
def test_the_way_with_a_gradient_is_the_same(random, framing, power):
    waves = torch.from_numpy(random.normal(size=(2, 60)))
    waves[1] = 0.0  # the root has no slope at zero
    followed = waves.clone().requires_grad_()
    energies = band_energies(followed, framing, power=power)
    torch.testing.assert_close(energies.detach(), band_energies(waves, framing, power=power), atol=1e-12, rtol=1e-12)
    energies.sum().backward()
    assert followed.grad.isfinite().all()


def test_float32_is_that_of_float64_rounded(random):
    waves, framing = torch.from_numpy(random.normal(size=(1, 9000))), Framing(1024, 1024, 100, 8000)
    exact = band_energies(waves, framing)
    assert (band_energies(waves.float(), framing) - exact).abs().max() < 1e-6 * exact.max()


def test_threads_have_separate_buffers(random):
    framing = Framing(256, 256, 64, 8000)
    waves = [torch.from_numpy(random.normal(size=(1, 20_000))) for _ in range(8)]
    alone = [band_energies(wave, framing) for wave in waves]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda wave: band_energies(wave, framing), waves))
    for one, other in zip(alone, together, strict=True):
        torch.testing.assert_close(one, other, atol=0, rtol=0)


@every_framing
@pytest.mark.parametrize("length", [1, 2, 27, 28, 29, 200])
def test_blocks_equal_one_transform(random, framing, length, monkeypatch):
    monkeypatch.setattr("img_repr.domains.audio.fourier._EXACT_AT_ONCE", 7)
    waves = torch.from_numpy(random.normal(size=(2, length)))
    blocks = list(exact_energies(waves, framing))
    assert all(block.shape[-1] == 7 for block in blocks[:-1])
    torch.testing.assert_close(torch.cat(blocks, dim=-1), band_energies(waves, framing), atol=1e-12, rtol=1e-12)


def test_blocks_are_exact_for_float32(random):
    waves, framing = torch.from_numpy(random.normal(size=(1, 900))).float(), Framing(64, 64, 16, 8000)
    (block,) = exact_energies(waves, framing)
    assert block.dtype == torch.float64
    torch.testing.assert_close(block, band_energies(waves.double(), framing), atol=0, rtol=0)
