"""MiniRocket against aeon's (see tests/golden/make_series_tables.py)."""

from pathlib import Path

import numpy as np
import pytest
import torch

from img_repr.baselines.learners import make_learner
from img_repr.core.errors import ParameterError
from img_repr.domains.timeseries.minirocket import KERNELS, MiniRocket, choose_dilations, positive_shares

GOLDEN = np.load(Path(__file__).parents[2] / "golden" / "minirocket.npz")
CASES = {"one": 840, "many": 840, "short": 84}


@pytest.mark.parametrize(("case", "count"), CASES.items())
def test_features_are_the_published_ones_for_equal_biases(case: str, count: int) -> None:
    series = GOLDEN[f"{case}_series"]
    dilations, per_dilation = choose_dilations(series.shape[2], count, 32)
    np.testing.assert_array_equal(dilations, GOLDEN[f"{case}_dilations"])
    np.testing.assert_array_equal(per_dilation, GOLDEN[f"{case}_per_dilation"])
    channels = np.split(GOLDEN[f"{case}_channels"].astype(np.int64), np.cumsum(GOLDEN[f"{case}_channels_per"])[:-1])
    biases = torch.from_numpy(GOLDEN[f"{case}_biases"])
    found = positive_shares(torch.from_numpy(series), dilations, per_dilation, channels, biases).numpy()
    np.testing.assert_array_equal(found, GOLDEN[f"{case}_features"])


@pytest.mark.parametrize(("case", "count"), CASES.items())
def test_seed_gives_the_random_numbers_of_aeon(case: str, count: int) -> None:
    series = GOLDEN[f"{case}_series"]
    rocket = MiniRocket(n_features=count, seed=5).fit(series)
    np.testing.assert_allclose(rocket.biases_, GOLDEN[f"{case}_biases"], atol=2e-5)
    np.testing.assert_array_equal(rocket.transform(series), GOLDEN[f"{case}_features"])


def test_default_has_9996_named_features(walks: np.ndarray) -> None:
    rocket = MiniRocket().fit(walks[:4])
    names = rocket.get_feature_names_out()
    assert len(KERNELS) == 84
    assert len(set(names)) == 9996 == rocket.transform(walks[:2]).shape[1]


def test_fraction_equals_that_of_a_plain_convolution(walks: np.ndarray) -> None:
    rocket = MiniRocket(n_features=84).fit(walks)
    kernel = 40
    weights = torch.full((1, 1, 9), -1.0)
    weights[0, 0, list(KERNELS[kernel])] = 2.0
    output = torch.nn.functional.conv1d(torch.from_numpy(walks).float()[:, None], weights, padding=4)[:, 0]
    expected = (output > rocket.biases_[kernel]).float().mean(dim=1)
    np.testing.assert_allclose(rocket.transform(walks)[:, kernel], expected.numpy(), atol=1.01 / 97)


def test_rows_do_not_depend_on_chunks(walks: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    rocket = MiniRocket(n_features=840).fit(walks)
    whole = rocket.transform(walks)
    monkeypatch.setattr(
        "img_repr.domains.timeseries.minirocket._CHUNK_VALUES", 3 * 97 * int(rocket.per_dilation_.max())
    )
    np.testing.assert_array_equal(rocket.transform(walks), whole)
    np.testing.assert_array_equal(rocket.transform(walks[:1]), whole[:1])


def test_seed_decides(walks: np.ndarray) -> None:
    first, same, other = (MiniRocket(n_features=84, seed=seed).fit(walks).biases_ for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, same)
    assert (first != other).any()


def test_series_shorter_than_a_kernel_are_padded(random: np.random.Generator) -> None:
    table = MiniRocket(n_features=168).fit(random.normal(size=(6, 4))).transform(random.normal(size=(3, 4)))
    assert table.shape == (3, 168)
    assert ((table >= 0) & (table <= 1)).all()


def test_too_few_features_are_refused(walks: np.ndarray) -> None:
    with pytest.raises(ParameterError, match="expected n_features of at least 84"):
        MiniRocket(n_features=83).fit(walks)


@pytest.mark.data
@pytest.mark.parametrize(("name", "published"), [("GunPoint", 0.993), ("OliveOil", 0.933), ("ECG200", 0.91)])
def test_accuracy_is_the_published_one(name: str, published: float, data_folder: Path) -> None:
    train, test = (np.loadtxt(data_folder / "ucr" / name / f"{name}_{part}.tsv") for part in ("TRAIN", "TEST"))
    rocket = MiniRocket().fit(train[:, 1:])
    ridge = make_learner("ridge").fit(rocket.transform(train[:, 1:]), train[:, 0])
    assert ridge.score(rocket.transform(test[:, 1:]), test[:, 0]) == pytest.approx(published, abs=0.0201)
