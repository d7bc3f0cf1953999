"""Limits and medians: learned of the training rows, by hand."""

import numpy as np
import pytest
import torch

from img_repr import get_encoder
from img_repr.core.errors import NotFittedError, ParameterError, SampleError
from img_repr.domains.tabular.columns import check_columns, fit_columns

NAN = np.nan
ROWS = np.array([[0.0, 5.0, 7.0], [4.0, 5.0, NAN], [2.0, 5.0, 3.0]])
FIT = {"limits": "fit", "quantiles": (0.0, 1.0), "missing": "fit"}


def scaled(rows, **parameters):
    return check_columns(
        rows, caller="it", **({"limits": None, "quantiles": (0.0, 1.0), "missing": "raise"} | parameters)
    )


def test_limits_and_medians_by_hand():
    learned, rows = fit_columns(ROWS, FIT, caller="it")
    assert learned == {"missing": (2.0, 5.0, 5.0), "limits": ((0.0, 4.0), (5.0, 5.0), (3.0, 7.0))}
    np.testing.assert_array_equal(rows, [[0.0, 5.0, 7.0], [4.0, 5.0, 5.0], [2.0, 5.0, 3.0]])
    values = scaled([[1.0, 9.0, NAN], [-3.0, 5.0, 99.0]], **learned).values
    assert values.tolist() == [[0.25, 0.0, 0.5], [0.0, 0.0, 1.0]]  # a constant column is 0, what lies beyond is cut


def test_fits_only_parameters_set_to_fit():
    learned, _ = fit_columns(ROWS, {**FIT, "missing": 1.0}, caller="it")
    assert learned == {"limits": ((0.0, 4.0), (5.0, 5.0), (1.0, 7.0))}
    assert fit_columns(ROWS[:1], {**FIT, "limits": None, "missing": "raise"}, caller="it")[0] == {}
    with pytest.raises(SampleError, match="got NaN in row 1, column 2"):
        fit_columns(ROWS, {**FIT, "missing": "raise"}, caller="it")


def test_quantiles_by_hand():
    rows = np.arange(11.0)[:, None]
    learned, _ = fit_columns(rows, {**FIT, "quantiles": (0.1, 0.9)}, caller="it")
    assert learned["limits"] == ((1.0, 9.0),)
    assert scaled([[0.0], [1.0], [5.0], [10.0]], limits=learned["limits"]).values.ravel().tolist() == [
        0.0,
        0.0,
        0.5,
        1.0,
    ]


def test_a_column_without_any_value_has_an_answer():
    learned, _ = fit_columns([[NAN, 1.0], [NAN, 2.0]], FIT, caller="it")
    assert learned == {"missing": (0.0, 1.5), "limits": ((0.0, 0.0), (1.0, 2.0))}


@pytest.mark.parametrize("factor", [1e-300, 1e-7, 1e7, 1.7e308])
def test_scaled_values_do_not_depend_on_unit(factor):
    rows = np.array([[-1.0], [0.5], [1.0]])
    learned, _ = fit_columns(rows * factor, FIT, caller="it")
    np.testing.assert_allclose(scaled(rows * factor, **learned).values.ravel(), [0.0, 0.75, 1.0], atol=1e-12)


def test_rows_out_of_the_unit_are_refused_without_limits():
    with pytest.raises(SampleError, match=r"^it: expected numbers from 0 to 1 where limits is None, got 2 in row 1, c"):
        scaled([[0.0, 1.0], [0.5, 2.0]])
    assert scaled([0.0, 1.0]).values.tolist() == [[0.0, 1.0]]


def test_rows_of_another_width_are_refused():
    learned, _ = fit_columns(ROWS, FIT, caller="it")
    with pytest.raises(SampleError, match="it: expected rows of 3 columns, as limits was fitted or set for, got 2 c"):
        scaled([[1.0, 2.0]], limits=learned["limits"])
    with pytest.raises(SampleError, match="as missing was fitted"):
        scaled([[1.0, 2.0]], missing=learned["missing"])


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"limits": (1.0, 1.0)}, "limits"),
        ({"limits": (2.0, 1.0)}, "limits"),
        ({"limits": ((0.0, 1.0), (3.0, 2.0))}, "limits"),
        ({"limits": "all"}, "limits"),
        ({"limits": (0.0, np.inf)}, "limits"),
        ({"limits": ((0.0, 1.0), (0.0,))}, "limits"),
        ({"quantiles": (0.5, 0.5)}, "quantiles"),
        ({"quantiles": (-0.1, 0.5)}, "quantiles"),
        ({"quantiles": "all"}, "quantiles"),
        ({"missing": "median"}, "missing"),
        ({"missing": NAN}, "missing"),
        ({"missing": ((1.0,),)}, "missing"),
        ({"missing": None}, "missing"),
    ],
)
def test_wrong_parameters(parameters, said):
    with pytest.raises(ParameterError, match=f"^it: expected {said} to be ") as error:
        scaled([0.5, 0.5], **parameters)
    assert "\n" not in str(error.value)


def test_unfitted_parameters_raise():
    for word in ("limits", "missing"):
        with pytest.raises(NotFittedError, match=rf"^it: {word}='fit' is fitted by"):
            scaled([0.5, 0.5], **{word: "fit"})


def test_medians_stay_on_the_rows_device_and_give_the_same_images():
    encoder = get_encoder("rowmajor", limits="fit", missing="fit").fit(ROWS)
    from_torch = encoder(torch.from_numpy(ROWS))
    assert isinstance(from_torch, torch.Tensor)
    np.testing.assert_array_equal(from_torch.numpy(), encoder(ROWS))
