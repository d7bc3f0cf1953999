"""The image contract's own arithmetic, on images made by hand."""

from itertools import pairwise
from math import inf

import numpy as np
import pytest
import torch
from torch import Tensor

from img_repr.core.errors import ParameterError
from img_repr.core.image import leaves_range, render, resolve_dtype, to_unit, with_channel_axis


@pytest.mark.parametrize(
    ("value_range", "values", "expected"),
    [
        ((-1.0, 1.0), [-1.0, 0.0, 0.5, 1.0], [0.0, 0.5, 0.75, 1.0]),
        ((0.0, 1.0), [-0.1, 0.0, 0.3, 1.1], [0.0, 0.0, 0.3, 1.0]),
        ((-80.0, 0.0), [-80.0, -20.0, 0.0, -40.0], [0.0, 0.75, 1.0, 0.5]),
        ((0.0, inf), [0.0, 1.0, 4.0, 2.0], [0.0, 0.25, 1.0, 0.5]),
        ((-inf, inf), [-4.0, 0.0, 2.0, 1.0], [0.0, 0.5, 0.75, 0.625]),
        ((0.0, inf), [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]),
        ((-inf, inf), [0.0, 0.0, 0.0, 0.0], [0.5, 0.5, 0.5, 0.5]),
    ],
)
def test_to_unit(value_range, values, expected):
    image = torch.tensor(values).reshape(1, 2, 2)
    np.testing.assert_allclose(to_unit(image.clone(), value_range).flatten(), expected, atol=1e-7)
    with_gradient = image.clone().requires_grad_()
    np.testing.assert_allclose(to_unit(with_gradient * 1.0, value_range).detach().flatten(), expected, atol=1e-7)
    assert torch.equal(with_gradient, image)


def test_each_image_has_its_own_extreme():
    images = torch.stack([torch.full((2, 2), 2.0), torch.full((2, 2), 8.0)])
    images[:, 0, 0] = 1.0
    assert to_unit(images, (0.0, inf))[:, 0, 0].tolist() == [0.5, 0.125]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("float32", torch.float32),
        (np.float64, torch.float64),
        (np.dtype("uint8"), torch.uint8),
        ("bfloat16", torch.bfloat16),
        (torch.float16, torch.float16),
        (float, torch.float64),
    ],
)
def test_resolve_dtype(asked, expected):
    assert resolve_dtype("me", asked) is expected


@pytest.mark.parametrize("asked", ["int8", np.int64, torch.bool, "nothing", 3, object()])
def test_other_dtypes_are_refused(asked):
    with pytest.raises(
        ParameterError, match="me: expected dtype to be one of float64, float32, float16, bfloat16, uint8, got"
    ):
        resolve_dtype("me", asked)


VALUES = torch.linspace(-1.0, 1.0, 700 * 36, dtype=torch.float64).reshape(700, 6, 6)


def fill(rows: slice, out: Tensor | None) -> Tensor:
    return VALUES[rows].to(torch.float32) if out is None else out.copy_(VALUES[rows])


def rendered(**keywords):
    default = {
        "caller": "me",
        "shape": (700, 6, 6),
        "value_range": (-1.0, 1.0),
        "kind": "torch",
        "default": torch.float32,
        "device": torch.device("cpu"),
    }
    return render(fill, **(default | keywords))


@pytest.mark.parametrize("functional", [False, True])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_render_returns_the_requested_dtype(dtype, functional):
    images = rendered(dtype=dtype, functional=functional)
    assert images.dtype == dtype
    torch.testing.assert_close(images.double(), VALUES, atol=4 * torch.finfo(dtype).eps + 1e-6 * functional, rtol=0)


@pytest.mark.parametrize("functional", [False, True])
def test_render_spreads_uint8_over_the_range(functional):
    images = rendered(dtype="uint8", functional=functional)
    expected = ((VALUES + 1.0) / 2.0 * 255.0).round()
    assert images.dtype == torch.uint8
    assert (images.double() - expected).abs().max() <= 1
    assert images[0, 0, 0] == 0
    assert images[-1, -1, -1] == 255


def test_render_works_in_pieces_that_join_up(monkeypatch):
    seen = []

    def watch(rows: slice, out: Tensor | None) -> Tensor:
        seen.append((rows.start, rows.stop))
        return fill(rows, out)

    monkeypatch.setattr("img_repr.core.image._CHUNK_BYTES", 4 * 36 * 64)
    images = render(watch, caller="me", shape=(700, 6, 6), value_range=(-1.0, 1.0), kind="numpy", default=torch.float64,
                    device=torch.device("cpu"))  # fmt: skip
    np.testing.assert_array_equal(images, VALUES.numpy())
    assert len(seen) == 11
    assert all(stop == start for (_, stop), (start, _) in pairwise(seen))


@pytest.mark.parametrize("shape", [(700, 6, 6), (700, 1, 6, 6), (100, 7, 6, 6)])
def test_render_keeps_the_leading_axes(shape):
    assert rendered(shape=shape).shape == shape
    buffer = np.empty(shape, np.float32)
    assert rendered(shape=shape, out=buffer, kind="numpy") is buffer


def test_out_may_have_the_contract_shape():
    buffer = torch.empty(700, 1, 6, 6)
    assert rendered(out=buffer) is buffer
    torch.testing.assert_close(buffer[:, 0].double(), VALUES)


@pytest.mark.parametrize(
    ("out", "dtype", "word"),
    [
        (torch.empty(700, 6, 5), None, "of shape"),
        (torch.empty(6, 6, 700).permute(2, 0, 1), None, "contiguous"),
        (torch.empty(700, 6, 6, dtype=torch.int32), None, "dtype"),
        (np.empty((700, 6, 6), np.float32), "float64", "out of dtype float64"),
        ("somewhere", None, "expected out to be"),
        (np.empty((700, 6, 6), ">f4"), None, "writable NumPy array or torch tensor"),
        (np.empty((700, 6, 6), np.float32)[::-1], None, "writable NumPy array or torch tensor"),
        (np.broadcast_to(np.float32(0), (700, 6, 6)), None, "writable NumPy array or torch tensor"),
    ],
)
def test_wrong_buffers(out, dtype, word):
    with pytest.raises(ParameterError, match=word) as error:
        rendered(out=out, dtype=dtype)
    assert str(error.value).startswith("me: expected")


def test_numpy_has_no_bfloat16():
    with pytest.raises(ParameterError, match="which numpy lacks"):
        rendered(kind="numpy", dtype="bfloat16")


def test_with_channel_axis():
    assert with_channel_axis(torch.empty(4, 4)).shape == (1, 1, 4, 4)
    assert with_channel_axis(torch.empty(3, 4, 4)).shape == (3, 1, 4, 4)
    assert with_channel_axis(torch.empty(3, 2, 4, 4)).shape == (3, 2, 4, 4)


def test_leaves_range():
    assert not leaves_range(torch.ones(1, 2, 2))
    assert leaves_range(torch.full((1, 2, 2), inf))
    assert leaves_range(torch.full((1, 2, 2), 1e-40))
    assert not leaves_range(torch.full((1, 2, 2), 1e-40, dtype=torch.float64))
    assert leaves_range(torch.full((1, 2, 2), 70000.0).half())
