"""Series put together."""

from pathlib import Path

import numpy as np
import pytest

from img_repr.core.errors import DataError
from img_repr.domains.timeseries.assembly import assemble, drop_padding, unevenly_spaced

HERE = Path("here")


def test_one_length_is_one_array():
    assert assemble("toy", HERE, [np.arange(3), np.ones(3)]).samples.dtype == np.float64
    ragged = assemble("toy", HERE, [np.ones((2, 3)), np.ones((2, 4))]).samples
    assert isinstance(ragged, list)
    assert [one.shape for one in ragged] == [(2, 3), (2, 4)]


@pytest.mark.parametrize(
    ("series", "message"),
    [
        ([], "here: expected at least one series, got none"),
        ([np.ones(3), np.ones(0)], "here: expected at least one value in every series, got none in number 1"),
        (
            [np.ones((2, 3)), np.ones((3, 3))],
            "here: expected 2 channels in every series, got 3 in series number 1",
        ),
    ],
)
def test_rejects_inconsistent_series(series: list[np.ndarray], message: str):
    with pytest.raises(DataError, match=message):
        assemble("toy", HERE, series)


def test_padding():
    nan = np.nan
    np.testing.assert_array_equal(drop_padding(np.array([nan, 1, nan, 2, nan, nan])), [nan, 1, nan, 2])
    assert len(drop_padding(np.array([nan, nan]))) == 0


def test_spacing():
    assert not unevenly_spaced(np.array([5.0]))
    assert not unevenly_spaced(np.arange(9) * 0.1)
    assert unevenly_spaced(np.array([0, 1, 2.1]))
