"""Sums of rows and columns, by bytes and by floats, in pieces that begin and end anywhere, against small points."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from img_repr.domains.binary import row_sums
from img_repr.domains.binary.row_sums import rows_of, summed_columns, summed_rows


def enlarged_sums(values: np.ndarray, parts: int) -> np.ndarray:
    """Sum rows over parts where every row is as many points as there are parts."""
    return np.repeat(values, parts, axis=0).reshape(parts, len(values), -1).sum(axis=1) / parts


@pytest.fixture(params=["bytes", "floats"])
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "floats":
        monkeypatch.setattr(row_sums, "_sum_of_bytes", None)
    elif row_sums._sum_of_bytes is None:
        pytest.skip("this torch has no sums of bytes")
    return request.param


@settings(max_examples=100, deadline=None)
@given(
    n=st.integers(1, 3),
    width=st.sampled_from([1, 5, 8, 16, 32, 64, 96]),
    length=st.integers(1, 1200),
    parts=st.integers(1, 40),
    dtype=st.sampled_from(["uint8", "bool", "float32", "float64"]),
    data=st.data(),
)
def test_pieces_add_up(n, width, length, parts, dtype, data):
    signal = np.random.default_rng(length).integers(0, 256, (n, length)).astype(dtype)
    count = -(-length // width)
    whole = np.zeros((n, count * width))
    whole[:, :length] = signal
    expected = [enlarged_sums(one.reshape(count, width), parts) for one in whole]
    found = np.zeros((n, parts, width))
    for first, stop in pairwise(sorted({0, length, *data.draw(st.lists(st.integers(0, length), max_size=4))})):
        row, lead = divmod(first, width)
        top, sums = summed_rows(rows_of(signal[:, first:stop], lead, width), row, count, parts)
        assert sums.dtype == ("float64" if dtype == "float64" else "float32")
        found[:, top : top + len(sums)] += sums.reshape(len(sums), n, width).swapaxes(0, 1)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize(("width", "count", "parts"), [(32, 700, 224), (1024, 40, 224), (64, 900, 2), (4128, 9, 4)])
def test_both_kernels(kernel, width, count, parts):
    signal = np.random.default_rng(0).integers(0, 256, (1, count * width - 7), dtype=np.uint8)
    rows = rows_of(signal, 0, width)
    assert (rows.dtype == np.uint8) == (kernel == "bytes" and width <= 4096)
    top, sums = summed_rows(rows, 0, count, parts)
    whole = np.append(signal[0], np.zeros(7)).reshape(count, width)
    assert top == 0
    np.testing.assert_allclose(sums, enlarged_sums(whole, parts), rtol=3e-7)


def test_sums_of_whole_rows_are_exact(kernel):
    """2000 rows of 255: an integer of 19 bits."""
    rows = rows_of(np.full((1, 4000 * 32), 255, np.uint8), 0, 32)
    assert (summed_rows(rows, 0, 4000, 2)[1] == 2000 * 255).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("width", "parts"), [(768, 224), (32, 224), (5, 5), (6, 4), (1009, 224), (3, 700), (700, 3), (1, 1), (64, 64)]
)
def test_columns(width, parts, dtype):
    rows = np.random.default_rng(0).random((7, width)).astype(dtype)
    found = summed_columns(rows, parts)
    assert found.dtype == dtype
    np.testing.assert_allclose(
        found, enlarged_sums(rows.T.astype(float), parts).T, rtol=1e-5 if dtype == "float32" else 1e-12
    )
