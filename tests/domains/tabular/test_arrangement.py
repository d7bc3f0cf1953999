"""From cells to pixels and back, by hand."""

import numpy as np
import pytest
import torch

from img_repr import get_encoder
from img_repr.core.errors import NotFittedError, ParameterError, SampleError
from img_repr.core.module import EncoderModule
from img_repr.domains.tabular.arrangement import Arrangement, area_weights, smallest_grid
from img_repr.domains.tabular.sample import check_rows, make_rows

NAMES = ("rowmajor", "permuted", "deepinsight", "igtd")
LEARN = {"rowmajor": {}, "permuted": {}, "deepinsight": {"places": "fit"}, "igtd": {"places": "fit"}}


def by_force(grid, sides):
    """Each pixel as the mean of a fine sampling of its area."""
    fine = 60
    rows, columns = (
        ((np.arange(side * fine) + 0.5) / (side * fine) * cells).astype(int)
        for side, cells in zip(sides, grid.shape, strict=True)
    )
    return grid[np.ix_(rows, columns)].reshape(sides[0], fine, sides[1], fine).mean(axis=(1, 3))


@pytest.mark.parametrize("columns", [*range(1, 40), 784])
def test_the_smallest_grid_holds_all_columns_and_wastes_less_than_a_row(columns):
    height, width = smallest_grid(columns)
    assert height * width >= columns > height * width - width
    assert width - 1 <= height <= width


@pytest.mark.parametrize("sides", [(3, 4), (6, 8), (5, 5), (2, 3), (1, 1), (9, 2), (10, 12)])
def test_pixels_are_the_means_of_their_areas(random, sides):
    values = random.random(12)
    image = get_encoder("rowmajor", size=sides, grid=(3, 4))(values)
    np.testing.assert_allclose(image[0, 0], by_force(values.reshape(3, 4), sides), atol=1e-6)


def test_a_cell_is_a_block_of_pixels_to_the_last_bit(random):
    values = random.random(6)
    image = get_encoder("rowmajor", size=(10, 15), grid=(2, 3))(values, dtype="float64")[0, 0]
    np.testing.assert_array_equal(image, np.kron(values.reshape(2, 3), np.ones((5, 5))))


@pytest.mark.parametrize(("cells", "pixels"), [(1, 1), (3, 7), (7, 3), (5, 10), (100, 64)])
def test_area_weights_sum_to_one(cells, pixels):
    weights = area_weights(cells, pixels)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, rtol=1e-12)
    np.testing.assert_allclose(weights.sum(axis=0), pixels / cells, rtol=1e-12)


def test_columns_in_one_cell_show_mean_and_divide_heat():
    shared = get_encoder("deepinsight", grid=(1, 2), places=((0, 0), (0, 0), (0, 1)))
    np.testing.assert_allclose(shared([0.2, 0.6, 1.0])[0, 0], [[0.4, 1.0]], atol=1e-7)
    assert shared.back_project([[3.0, 5.0]], [0.2, 0.6, 1.0]).tolist() == [1.5, 1.5, 5.0]


def test_heat_on_empty_cells_is_divided_among_all():
    encoder = get_encoder("rowmajor", grid=(2, 2))
    assert encoder.back_project([[1.0, 2.0], [3.0, 6.0]], [0.1, 0.2, 0.3]).tolist() == [3.0, 4.0, 5.0]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [None, 16, (5, 9)])
def test_heat_comes_back_by_the_adjoint_of_the_drawing(random, name, size):
    """The heat of a column is the heat of all pixels, each by how much of it the column makes."""
    rows = make_rows(30)
    parameters = {} if size is None else {"size": size}
    encoder = get_encoder(name, **parameters, **LEARN[name]).fit(rows)
    shape = encoder(rows[0]).shape[2:]
    heat = random.random(shape)
    drawn = encoder(np.eye(12), dtype="float64")[:, 0]  # what each column alone lights
    wanted = (drawn * heat).sum(axis=(1, 2))
    lit = drawn.sum(axis=0)
    wanted += (heat * (1.0 - lit)).sum() / 12
    back = encoder.back_project(heat, rows[0])
    np.testing.assert_allclose(back, wanted, rtol=1e-9)
    assert back.sum() == pytest.approx(heat.sum())
    np.testing.assert_allclose(encoder.back_project(heat[None], rows[0]), back)


@pytest.mark.parametrize("name", NAMES)
def test_wrong_heat_and_rows_are_refused(name):
    encoder = get_encoder(name, size=8)
    with pytest.raises(ParameterError, match=rf"^{name}: expected heat of shape \(8, 8\), got \(7, 8\)"):
        encoder.back_project(np.ones((7, 8)), make_rows(1)[0])
    with pytest.raises(SampleError, match=f"^{name}: expected one row, got 2"):
        encoder.back_project(np.ones((8, 8)), make_rows(2))
    allow_missing = make_rows(1)[0]
    allow_missing[3] = np.nan  # where heat goes does not depend on the values
    assert encoder.back_project(np.ones((8, 8)), allow_missing).sum() == pytest.approx(64)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("grid", [0, True, (3,), "big", (2, 2.5), 5000])
def test_wrong_grid(name, grid):
    with pytest.raises(ParameterError, match=f"^{name}: expected grid to be cells"):
        get_encoder(name, grid=grid)(make_rows(1))


@pytest.mark.parametrize("name", ["rowmajor", "permuted", "igtd"])
def test_more_columns_than_cells_is_said(name):
    with pytest.raises(
        ParameterError, match=f"^{name}: expected grid to hold 12 columns, one in a cell, got 3 x 3 cel"
    ):
        get_encoder(name, grid=3)(make_rows(1))
    if "places" in LEARN[name]:
        with pytest.raises(ParameterError, match="expected grid to hold 12 columns"):
            get_encoder(name, grid=3, places="fit").fit(make_rows(9))


@pytest.mark.parametrize("name", ["deepinsight", "igtd"])
@pytest.mark.parametrize(
    ("places", "error", "said"),
    [
        ("everywhere", ParameterError, "expected places to be None"),
        (((0, 0), (0,)), ParameterError, "expected places to be None"),
        (((0, 0), (0, -1)), ParameterError, "expected places to be None"),
        (((0.0, 0.5), (1.0, 1.0)), ParameterError, "expected places to be None"),
        (((0, 0), (0, 9)), ParameterError, r"expected places in a grid of \d x \d cells, got \[0, 9\]"),
        (((0, 0), (0, 1), (1, 0)), SampleError, "expected rows of 3 columns, as places was fitted"),
        ("fit", NotFittedError, "places='fit' is fitted by"),
    ],
)
def test_wrong_places(name, places, error, said):
    function = get_encoder(name).metadata.function
    with pytest.raises(error, match=f"^{name}: {said}"):
        function([0.1, 0.2], places=places)


def test_a_large_grid_in_a_small_image_is_drawn_in_pieces(random):
    """More rows than fit at once into cells: the same as row by row."""
    places = np.stack(np.divmod(np.arange(4) * 40_000 + 5, 512), axis=1)
    wide = Arrangement("it", (512, 512), places, 2)
    rows = random.random((9, 4))
    together = wide.draw(check_rows(rows, caller="it"), None, None)
    assert together.shape == (9, 2, 2)
    for row, image in zip(rows, together, strict=True):
        np.testing.assert_array_equal(wide.draw(check_rows(row, caller="it"), None, None), image)
    np.testing.assert_allclose(together.sum(axis=(1, 2)) * 256**2, rows.sum(axis=1))


@pytest.mark.parametrize("name", NAMES)
def test_gradient_reaches_the_row(name):
    rows = torch.from_numpy(make_rows(2)).requires_grad_()
    get_encoder(name, size=8)(rows).sum().backward()
    assert rows.grad is not None
    assert bool((rows.grad > 0).all())


@pytest.mark.parametrize("name", NAMES)
def test_exported_program_is_the_encoder(name):
    rows = torch.from_numpy(make_rows(40)).float()
    encoder = get_encoder(name, size=9, limits="fit", **LEARN[name]).fit(rows)
    batch = torch.export.Dim("batch", min=1, max=4096)
    exported = torch.export.export(EncoderModule(encoder), (rows[:4],), dynamic_shapes=({0: batch},)).module()
    for count in (2, 7):
        torch.testing.assert_close(exported(rows[:count]), encoder(rows[:count]), atol=2e-6, rtol=0)
