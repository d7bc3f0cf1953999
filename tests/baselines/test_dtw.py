import numpy as np
import pytest

from img_repr.baselines.dtw import DtwNeighbor, dtw_distances
from img_repr.core.errors import SampleError


def by_definition(left: np.ndarray, right: np.ndarray) -> float:
    """Distance of two series ``(C, T)`` and ``(C, U)`` cell by cell."""
    total = np.full((left.shape[1] + 1, right.shape[1] + 1), np.inf)
    total[0, 0] = 0.0
    for i in range(left.shape[1]):
        for j in range(right.shape[1]):
            step = ((left[:, i] - right[:, j]) ** 2).sum()
            total[i + 1, j + 1] = step + min(total[i, j], total[i, j + 1], total[i + 1, j])
    return float(np.sqrt(total[-1, -1]))


@pytest.mark.parametrize("channels", [1, 3])
def test_distances_follow_the_definition(channels: int, random: np.random.Generator) -> None:
    left, right = random.normal(size=(3, channels, 12)), random.normal(size=(4, channels, 15))
    expected = [[by_definition(one, other) for other in right] for one in left]
    np.testing.assert_allclose(dtw_distances(left, right), expected, rtol=1e-12)
    if channels == 1:
        np.testing.assert_allclose(dtw_distances(left[:, 0], right[:, 0]), expected, rtol=1e-12)


def test_distances_equal_those_of_pyts(walks: np.ndarray) -> None:
    from pyts.metrics import dtw

    expected = [[dtw(one, other) for other in walks[3:8]] for one in walks[:3]]
    np.testing.assert_allclose(dtw_distances(walks[:3], walks[3:8]), expected, rtol=1e-12)


def test_neighbor_is_invariant_to_a_shift() -> None:
    time = np.arange(40.0)
    bump, dip = np.exp(-((time - 10) ** 2) / 8), -np.exp(-((time - 25) ** 2) / 8)
    late = np.exp(-((time - 25) ** 2) / 8)
    neighbor = DtwNeighbor().fit(np.stack([dip, bump, bump]), np.array(["dip", "bump", "bump"]))
    assert neighbor.predict(late[None]).tolist() == ["bump"]
    np.testing.assert_array_equal(neighbor.predict_proba(late[None]), [[1.0, 0.0]])


def test_rejects_other_channels(walks: np.ndarray) -> None:
    neighbor = DtwNeighbor().fit(np.stack([walks, walks], axis=1), np.arange(40) % 2)
    with pytest.raises(SampleError, match="1nn_dtw: expected series as in training"):
        neighbor.predict(walks)
