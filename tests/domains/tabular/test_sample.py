"""Rows are checked in one place, and what is wrong is said in one sentence."""

import numpy as np
import pytest
import torch

from img_repr.core.domain import DOMAINS
from img_repr.core.errors import SampleError
from img_repr.domains.tabular.sample import check_rows, infer_rows_parameters, make_rows


@pytest.mark.parametrize(
    "rows",
    [
        np.array([[1, 2, 3], [4, 5, 6]]),
        np.array([[1, 2, 3], [4, 5, 6]], np.int8),
        np.array([[1, 2, 3], [4, 5, 6]], ">f4"),
        np.asfortranarray([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]),
        np.array([[3.0, 2.0, 1.0], [6.0, 5.0, 4.0]])[:, ::-1],
        [[1, 2, 3], [4, 5, 6]],
        [np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 6.0])],
        torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]),
        [torch.tensor([1.0, 2.0, 3.0]), torch.tensor([4.0, 5.0, 6.0])],
        np.array([[1, 2.0, 3], [4, 5, 6]], dtype=object),
    ],
)
def test_rows_of_any_kind_are_the_same_numbers(rows):
    batch = check_rows(rows, caller="it")
    assert batch.values.dtype == torch.float64
    assert batch.values.tolist() == [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    assert batch.leading == (2,)
    assert batch.columns == 3
    assert batch.kind == ("torch" if isinstance(rows, torch.Tensor) or torch.is_tensor(rows[0]) else "numpy")


def test_float32_rows_return_float32_images():
    assert check_rows(np.ones(3, np.float32), caller="it").default == torch.float32
    assert check_rows(np.ones(3), caller="it").default == torch.float64
    assert check_rows(np.ones(3), caller="it").leading == ()


def test_missing_values_pass_where_they_may():
    allow_missing = [[1.0, None], [np.nan, 2.0]]
    assert check_rows(allow_missing, caller="it", allow_missing=True).values.isnan().tolist() == [
        [False, True],
        [True, False],
    ]
    with pytest.raises(SampleError, match=r"^it: expected finite numbers, got NaN in row 0, column 1; missing='fit'"):
        check_rows(allow_missing, caller="it")
    with pytest.raises(SampleError, match=r"got infinity in row 1, column 0$"):
        check_rows([[1.0, np.nan], [np.inf, 2.0]], caller="it", allow_missing=True)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ([[1.0, 2.0], [3.0]], "rows of as many numbers each"),
        ([torch.ones(2), torch.ones(3)], "rows of as many numbers each"),
        ([["a", "b"]], "rows of numbers, got values of type"),
        ([object()], "rows of numbers"),
        (np.ones((2, 2, 2)), r"got shape \(2, 2, 2\)"),
        (np.ones((0, 3)), r"got shape \(0, 3\)"),
        (np.ones((3, 0)), r"got shape \(3, 0\)"),
        (5.0, r"got shape \(\)"),
        (np.array([1j, 2.0]), "real numbers"),
        (torch.tensor([1j, 2.0]), "real numbers"),
        (None, "expected"),
    ],
)
def test_rejects_invalid_rows(bad, said):
    with pytest.raises(SampleError, match=said) as error:
        check_rows(bad, caller="it")
    assert str(error.value).startswith("it: ")
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 200


def test_a_data_frame_is_rows():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1, 2], "b": [0.5, None]})
    assert check_rows(frame, caller="it", allow_missing=True).values[:, 0].tolist() == [1.0, 2.0]


def test_infers_parameters():
    assert infer_rows_parameters(make_rows(3)) == {"limits": "fit", "places": "fit"}
    allow_missing = make_rows(3)
    allow_missing[1, 2] = np.nan
    assert infer_rows_parameters(allow_missing)["missing"] == "fit"
    assert DOMAINS["tabular"].augment is None
    assert DOMAINS["tabular"].augment_images is None


def test_made_rows_repeat_and_lie_in_the_unit():
    np.testing.assert_array_equal(make_rows(4, 3), make_rows(4, 3))
    assert make_rows(50).min() >= 0.0
    assert make_rows(50).max() <= 1.0
