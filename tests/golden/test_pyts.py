"""Our images against pyts', option by option, over random walks and the sets of the UCR archive.

pyts computes its sine from ``1 - x**2``, which cancels near the ends: 2.6e-8 of the difference are its own.
"""

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from img_repr import encode_gadf, encode_gasf, encode_mtf, encode_recurrence
from img_repr.core.errors import DegenerateSampleWarning

UCR = [
    "Adiac", "ArrowHead", "Beef", "CBF", "Coffee", "ECG200", "ECGFiveDays", "FaceAll",
    "GunPoint", "ItalyPowerDemand", "Lightning7", "OSULeaf", "OliveOil", "Strawberry", "SyntheticControl",
]  # fmt: skip
GRAMIAN = 5e-8
MARKOV = 1e-12
SERIES_OF_EACH = 12


@pytest.fixture(scope="module")
def pyts() -> ModuleType:
    """pyts' encoders; importing them compiles for about half a minute."""
    import pyts.image

    return pyts.image


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # pyts on merged quantiles
        warnings.simplefilter("ignore", DegenerateSampleWarning)
        yield


def sizes_of(series: np.ndarray) -> list[int | float]:
    length = series.shape[1]
    return [1, 2, 17, length // 2, length - 1, length, 0.3]


def largest(ours: np.ndarray, theirs: np.ndarray) -> float:
    assert ours.shape == theirs.shape
    assert ours.dtype == np.float64
    return float(np.abs(ours - theirs).max())


def check_gramian(series: np.ndarray, pyts: ModuleType, sizes: list[int | float]) -> None:
    for encode, method in ((encode_gadf, "difference"), (encode_gasf, "summation")):
        for size in sizes:
            for overlapping in (False, True):
                for sample_range in ((-1, 1), (0, 1), (-0.5, 0.25)):
                    options = {"overlapping": overlapping, "sample_range": sample_range}
                    theirs = pyts.GramianAngularField(image_size=size, method=method, **options).fit_transform(series)
                    assert largest(encode(series, size=size, **options), theirs) <= GRAMIAN, (
                        method,
                        size,
                        options,
                    )


def check_markov(series: np.ndarray, pyts: ModuleType, sizes: list[int | float]) -> None:
    for size in sizes:
        for overlapping in (False, True):
            for strategy in ("quantile", "uniform", "normal"):
                for n_bins in (2, 5, 8, 30):
                    options = {"overlapping": overlapping, "strategy": strategy, "n_bins": n_bins}
                    theirs = pyts.MarkovTransitionField(image_size=size, **options).fit_transform(series)
                    assert largest(encode_mtf(series, size=size, **options), theirs) <= MARKOV, (
                        size,
                        options,
                    )


def check_recurrence(series: np.ndarray, pyts: ModuleType, dimensions: list[int | float]) -> None:
    for dimension in dimensions:
        for time_delay in (1, 3, 0.05):
            for threshold, percentages in (
                (None, (10,)),
                (0.5, (10,)),
                ("point", (0, 1, 33.3, 100)),
                ("distance", (0, 10, 50)),
            ):
                for percentage in percentages:
                    options = {
                        "dimension": dimension,
                        "time_delay": time_delay,
                        "threshold": threshold,
                        "percentage": percentage,
                    }
                    theirs = pyts.RecurrencePlot(**options).fit_transform(series)
                    # numba fuses the sum of squares of an embedding, which may move its root by one rounding
                    fused = 0.0 if dimension == 1 or threshold is not None else 4 * np.finfo(float).eps * theirs.max()
                    assert largest(encode_recurrence(series, **options), theirs) <= fused, options


CHECKS: list[Callable[..., None]] = [check_gramian, check_markov]


@pytest.mark.slow
@pytest.mark.parametrize("check", CHECKS)
def test_walks_at_every_kind_of_size(check: Callable[..., None], walks: np.ndarray, pyts: ModuleType) -> None:
    check(walks[:10], pyts, sizes_of(walks))


@pytest.mark.slow
def test_walks_recurrence(walks: np.ndarray, pyts: ModuleType) -> None:
    check_recurrence(walks[:10], pyts, [1, 2, 3, 0.1])


@pytest.mark.slow
def test_values_that_repeat(random: np.random.Generator, pyts: ModuleType) -> None:
    steps = random.integers(0, 5, size=(12, 64)).astype(float)  # ties at every quantile and distance
    check_gramian(steps, pyts, [17, 64])
    check_markov(steps, pyts, [17, 64])
    check_recurrence(steps, pyts, [1])


@pytest.mark.slow
def test_sample_range_none(walks: np.ndarray, pyts: ModuleType) -> None:
    scaled = walks / np.abs(walks).max()
    theirs = pyts.GramianAngularField(image_size=31, sample_range=None, method="d").fit_transform(scaled)
    assert largest(encode_gadf(scaled, size=31, sample_range=None), theirs) <= GRAMIAN


@pytest.mark.slow
def test_integers(random: np.random.Generator, pyts: ModuleType) -> None:
    counts = random.integers(-1000, 1000, size=(5, 40))
    assert largest(encode_gadf(counts), pyts.GramianAngularField(method="d").fit_transform(counts)) <= GRAMIAN
    assert largest(encode_recurrence(counts), pyts.RecurrencePlot().fit_transform(counts)) == 0.0
    assert largest(encode_mtf(counts), pyts.MarkovTransitionField().fit_transform(counts)) <= MARKOV


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("name", UCR)
def test_archive(name: str, data_folder: Path, pyts: ModuleType) -> None:
    path = data_folder / "ucr" / name / f"{name}_TEST.tsv"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    series = np.loadtxt(path, delimiter="\t")[:SERIES_OF_EACH, 1:]
    length = series.shape[1]
    sizes: list[int | float] = [min(64, length), length]
    for encode, method in ((encode_gadf, "difference"), (encode_gasf, "summation")):
        for size in sizes:
            theirs = pyts.GramianAngularField(image_size=size, method=method).fit_transform(series)
            assert largest(encode(series, size=size), theirs) <= GRAMIAN
    for size in sizes:
        for strategy in ("quantile", "uniform", "normal"):
            theirs = pyts.MarkovTransitionField(image_size=size, strategy=strategy).fit_transform(series)
            assert largest(encode_mtf(series, size=size, strategy=strategy), theirs) <= MARKOV
    for threshold in (None, 0.5, "point", "distance"):
        theirs = pyts.RecurrencePlot(threshold=threshold).fit_transform(series)
        assert largest(encode_recurrence(series, threshold=threshold), theirs) == 0.0
