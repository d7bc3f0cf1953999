"""Filters on the mel scale; that they are librosa's stands in the golden tests."""

import numpy as np
import pytest
import torch

from img_repr.core.errors import ParameterError
from img_repr.domains.audio.filterbank import Weights, hz_to_mel, mel_filters, mel_to_hz
from img_repr.domains.audio.framing import Framing

FRAMING = Framing(2048, 2048, 512, 22050)


@pytest.mark.parametrize("htk", [False, True])
def test_mels_and_back(htk):
    hz = np.concatenate([[0.0, 999.9, 1000.0, 1000.1], np.geomspace(1, 48000, 99)])
    np.testing.assert_allclose(mel_to_hz(hz_to_mel(hz, htk=htk), htk=htk), hz, rtol=1e-12, atol=1e-9)
    assert (np.diff(hz_to_mel(np.sort(hz), htk=htk)) > 0).all()


def test_mels_of_the_books():
    assert hz_to_mel(np.array(700.0), htk=True) == pytest.approx(2595 * np.log10(2))
    assert hz_to_mel(np.array(6400.0)) == pytest.approx(15 + 27)  # 27 logarithmic steps from 1000 to 6400 Hz
    assert hz_to_mel(np.array(200.0)) == pytest.approx(3)


@pytest.mark.parametrize("htk", [False, True])
def test_a_filter_is_a_triangle_of_unit_area(htk):
    framing = Framing(1 << 15, 1 << 15, 512, 22050)
    filters = mel_filters("test", framing, 40, fmin_hz=100.0, fmax_hz=8000.0, htk=htk).filters
    assert filters.dtype == np.float32
    assert (filters >= 0).all()
    np.testing.assert_allclose(filters.sum(axis=1) * 22050 / (1 << 15), 1.0, rtol=2e-3)
    edges = mel_to_hz(np.linspace(*hz_to_mel(np.array([100.0, 8000.0]), htk=htk), 42), htk=htk)
    np.testing.assert_allclose(framing.frequencies_hz[filters.argmax(axis=1)], edges[1:-1], atol=22050 / (1 << 15))
    outside = (framing.frequencies_hz < edges[:-2, None]) | (framing.frequencies_hz > edges[2:, None])
    assert not filters[outside].any()


def test_empty_bands_are_counted():
    with pytest.warns(UserWarning, match=r"^test: \d+ of 200 mel bands hold no frequency of n_fft = 256"):
        mel_filters("test", Framing(256, 256, 64, 22050), 200)


@pytest.mark.parametrize(
    ("n_mels", "bounds"),
    [
        (0, {}),
        (2.5, {}),
        (True, {}),
        (40, {"fmin_hz": -1.0}),
        (40, {"fmin_hz": 3000.0, "fmax_hz": 3000.0}),
        (40, {"fmax_hz": 11025.5}),
        (40, {"fmax_hz": "high"}),
        (40, {"fmin_hz": float("nan")}),
    ],
)
def test_rejects_invalid_bounds(n_mels, bounds):
    with pytest.raises(ParameterError, match=r"^test: expected"):
        mel_filters("test", FRAMING, n_mels, **bounds)


@pytest.mark.parametrize("count", [1, 15, 16, 17, 50])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gathering_in_groups_is_the_matrix_product(random, count, dtype):
    filters = np.where(random.random((count, 65)) < 0.1, random.random((count, 65)), 0.0).astype(np.float32)
    filters[count // 2] = 0.0
    weights, energies = Weights(filters), torch.from_numpy(random.random((30, 65))).to(dtype)
    gathered = torch.full((count, 30), torch.nan, dtype=dtype)
    weights.gather(energies, gathered)
    tolerance = {"rtol": 1e-5, "atol": 1e-6} if dtype == torch.float32 else {"rtol": 1e-13, "atol": 1e-14}
    torch.testing.assert_close(gathered, torch.from_numpy(filters).to(dtype) @ energies.T, **tolerance)
    torch.testing.assert_close((energies @ weights.like(energies)).T, gathered, **tolerance)
