"""Maps of whole files."""

import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from img_repr.core.errors import DataError, ParameterError, SampleError
from img_repr.domains.binary.binary import Binary
from img_repr.domains.binary.fragments import slide
from img_repr.domains.binary.region_map import RegionMap, map_regions


def histograms(samples: list[Binary]) -> np.ndarray:
    return np.sqrt(np.stack([np.bincount(one.read(), minlength=256) / len(one) for one in samples]))


@pytest.fixture
def kinds(random: np.random.Generator) -> dict[str, np.ndarray]:
    return {
        "noise": random.integers(0, 256, 1 << 16, dtype=np.uint8),
        "text": random.choice(np.frombuffer(b"etaoin shrdlu\n", np.uint8), 1 << 16),
        "zeros": np.zeros(1 << 16, np.uint8),
    }


@pytest.fixture
def classifier(kinds: dict[str, np.ndarray]):
    samples = [one for content in kinds.values() for _, cut in slide(Binary(content), window_bytes=512) for one in cut]
    labels = np.repeat(list(kinds), len(samples) // 3)
    return make_pipeline(FunctionTransformer(histograms), LogisticRegression(C=100.0)).fit(samples, labels)


def test_classifier_maps_regions(kinds: dict[str, np.ndarray], classifier, tmp_path: Path):
    (tmp_path / "firmware").write_bytes(
        kinds["zeros"][:8000].tobytes() + kinds["noise"][:20000].tobytes() + kinds["text"][:9000].tobytes()
    )
    found = map_regions(tmp_path / "firmware", classifier, window_bytes=512, step_bytes=128, batch=50)
    assert found.classes == ("noise", "text", "zeros")
    regions = found.regions()
    assert [one.label for one in regions] == ["zeros", "noise", "text"]
    assert (regions[0].start, regions[-1].stop) == (0, 37000)
    assert all(one.stop == two.start for one, two in pairwise(regions))
    assert abs(regions[1].start - 8000) <= 256
    assert abs(regions[2].start - 28000) <= 256
    assert all(one.probability > 0.6 for one in regions)
    table = found.table()
    assert table[0][:2] == (0, "zeros")
    assert table[-1][0] == 37000 - 512
    assert len(table) == 1 + -(-(37000 - 512) // 128)


def test_batches_change_nothing(kinds: dict[str, np.ndarray], classifier):
    content = np.concatenate([kinds["text"][:3000], kinds["noise"][:3000]])
    whole = map_regions(content, classifier, window_bytes=512)
    for batch in (1, 5):
        found = map_regions(content, classifier, window_bytes=512, batch=batch)
        np.testing.assert_array_equal(found.offsets, whole.offsets)
        np.testing.assert_allclose(found.probabilities, whole.probabilities, rtol=1e-6)


def test_a_file_that_changes_meanwhile(tmp_path: Path):
    class Changing:
        classes = ("a", "b")
        size = 0

        def predict_proba(self, samples: list[Binary]) -> np.ndarray:
            os.truncate(tmp_path / "file", self.size)
            return np.array([[float(one.read().any()), 1.0 - one.read().any()] for one in samples])

    (tmp_path / "file").write_bytes(bytes(range(1, 101)))
    with pytest.raises(DataError, match=r"file: expected 50 bytes from 50, got 0; it became shorter"):
        map_regions(tmp_path / "file", Changing(), window_bytes=10, batch=5)
    (tmp_path / "file").write_bytes(bytes(range(1, 101)))
    found = map_regions(tmp_path / "file", Changing(), window_bytes=10)  # all was read before
    assert found.regions() == [(0, 100, "a", 1.0)]


def test_borders_lie_between_the_middles_of_windows():
    chances = np.array([[1.0, 0.0], [0.8, 0.2], [0.0, 1.0]])
    found = RegionMap(np.array([0, 10, 16]), chances, ("a", "b"), window_bytes=10, length=26)
    assert found.regions() == [(0, 18, "a", 0.9), (18, 26, "b", 1.0)]
    short = RegionMap(np.array([0]), chances[:1], ("a", "b"), window_bytes=10, length=3)
    assert short.regions() == [(0, 3, "a", 1.0)]


def test_rejects_invalid_classifier_and_binary(classifier):
    with pytest.raises(ParameterError, match=r"expected one binary and a classifier with .* got 1 and object"):
        map_regions(b"abc", object())
    with pytest.raises(ParameterError, match=r"expected one binary .* got 2 and Pipeline"):
        map_regions([b"abc", b"abc"], classifier)
    with pytest.raises(SampleError, match="map_regions: expected at least one byte"):
        map_regions(b"", classifier)

    class Narrow:
        classes = ("a", "b")

        def predict_proba(self, samples: list[Binary]) -> np.ndarray:
            return np.ones((len(samples), 1))

    with pytest.raises(ParameterError, match=r"expected probabilities of shape \(1, 2\), got \(1, 1\)"):
        map_regions(b"abc", Narrow())
