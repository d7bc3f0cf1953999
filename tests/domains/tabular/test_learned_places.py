"""What igtd and deepinsight learn: from the training part only, saved with the encoder, and the same again."""

import json
import pickle

import numpy as np
import pytest

from img_repr import get_encoder
from img_repr.core.dataset import Dataset
from img_repr.core.errors import ParameterError, SampleError
from img_repr.core.naming import encoder_from_spec
from img_repr.domains.tabular.deepinsight import assign_cells, embed_columns, turn_upright
from img_repr.domains.tabular.sample import TABULAR, make_rows

LEARNERS = ("deepinsight", "igtd")
ALL = {"limits": "fit", "missing": "fit", "places": "fit"}
every_learner = pytest.mark.parametrize("name", LEARNERS)


def surface(count, side, seed=0):
    """Rows whose columns are the places of a smooth random surface, in an order by chance, and that order."""
    random = np.random.default_rng(seed)
    at = np.stack(np.divmod(np.arange(side * side), side), axis=1)
    near = np.exp(-((at[:, None] - at[None]) ** 2).sum(axis=2) / 4.0)
    smooth = random.normal(size=(count, side * side)) @ np.linalg.cholesky(near + 1e-6 * np.eye(side * side)).T
    order = random.permutation(side * side)
    return smooth[:, order], at[order]


def mean_distance_of_neighbors(places, truth):
    """How far columns that are side by side in truth stand from each other."""
    apart = np.abs(truth[:, None] - truth[None]).sum(axis=2)
    first, second = np.nonzero(np.triu(apart == 1))
    return np.linalg.norm(places[first] - places[second], axis=1).mean()


def places_of(encoder):
    return np.array(dict(encoder.parameters)["places"])


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("igtd", {}),
        ("igtd", {"distance": "spearman"}),
        ("igtd", {"distance": "euclidean", "pixel_distance": "manhattan"}),
        ("deepinsight", {"grid": 5}),
        ("deepinsight", {"grid": 5, "embedding": "pca"}),
        ("deepinsight", {"grid": 5, "embedding": "kernel_pca"}),
    ],
)
def test_neighbors_of_a_surface_are_closer_than_random(name, parameters):
    rows, truth = surface(300, 5)
    found = places_of(get_encoder(name, **parameters, places="fit").fit(rows))
    assert len({tuple(place) for place in found.tolist()}) == 25  # each has a cell of its own
    grid = np.stack(np.divmod(np.arange(25), 5), axis=1)
    random = np.random.default_rng(1)
    by_chance = [mean_distance_of_neighbors(random.permutation(grid), truth) for _ in range(200)]
    assert mean_distance_of_neighbors(found, truth) < 0.75 * min(by_chance)


def test_a_line_is_found_exactly():
    """A chain of columns, each like the next: IGTD lays it out in order, from one end or the other."""
    angle = np.arange(64)[:, None] * 2.0 * np.pi / 64
    chain = np.cos(angle - np.arange(7) * 0.4)  # the correlation of two is the cosine of what lies between them
    order = np.random.default_rng(0).permutation(7)
    found = places_of(get_encoder("igtd", grid=(1, 7), places="fit").fit(chain[:, order]))
    along = order[np.argsort(found[:, 1])]
    assert along.tolist() in ([*range(7)], [*range(7)][::-1])


@every_learner
def test_rows_of_the_test_part_change_nothing(name):
    rows = make_rows(60) * 9.0 - 4.0
    train, test = np.arange(40), np.arange(40, 60)
    others = rows.copy()
    others[test] = np.random.default_rng(5).normal(size=(20, 12)) * 1000.0
    learned = []
    for table in (rows, others):
        data = Dataset("toy", TABULAR, table, np.array(["a", "b"] * 30))
        learned.append(get_encoder(name, size=16, **ALL).fit(data.take(train)))
    assert learned[0] == learned[1]
    np.testing.assert_array_equal(learned[0](rows[test]), learned[1](rows[test]))
    assert get_encoder(name, size=16, **ALL).fit(rows[test]) != learned[0]


@every_learner
def test_fitted_places_can_be_saved(name):
    rows = make_rows(40)
    rows[3, 2] = np.nan
    encoder = get_encoder(name, size=16, **ALL).fit(rows)
    assert not encoder.needs_fit
    again = encoder_from_spec(json.loads(json.dumps(encoder.spec())))
    assert again == encoder == pickle.loads(pickle.dumps(encoder))
    assert hash(again) == hash(encoder)
    np.testing.assert_array_equal(again(rows), encoder(rows))
    assert get_encoder(name, size=16, **ALL).fit(rows) == encoder  # and learned again it is the same
    assert eval(repr(encoder), {"get_encoder": get_encoder}) == encoder
    assert dict(encoder.fit(make_rows(9)).parameters) == dict(encoder.parameters)


@every_learner
def test_places_do_not_depend_on_units(name):
    rows = make_rows(40)
    units = np.array([1e-6, 1.0, 1e6, 3.0, 1e9, 1e-3, 5.0, 7.0, 1e2, 1e4, 2.0, 0.5])
    one, other = (
        get_encoder(name, places="fit", limits="fit").fit(table) for table in (rows, rows * units + 17 * units)
    )
    np.testing.assert_array_equal(places_of(one), places_of(other))


@every_learner
@pytest.mark.parametrize(
    ("case", "rows"),
    [
        ("one column", np.arange(5.0)[:, None]),
        ("two columns", np.arange(10.0).reshape(5, 2) ** 2),
        ("three columns on a line", np.outer(np.arange(5.0), [1.0, 2.0, 3.0])),
        ("all constant", np.ones((5, 7))),
        ("one row", np.arange(7.0)[None]),
        ("two rows", np.arange(14.0).reshape(2, 7) ** 2),
        ("one constant column", np.c_[np.random.default_rng(0).normal(size=(9, 6)), np.full(9, 3.0)]),
        ("twins", np.random.default_rng(0).normal(size=(9, 3))[:, [0, 0, 1, 1, 2, 2]]),
        ("a column without values", np.c_[np.random.default_rng(0).normal(size=(9, 6)), np.full(9, np.nan)]),
        ("huge", np.random.default_rng(0).uniform(-1.0, 1.0, (9, 6)) * 1.7e308),
        ("tiny", np.random.default_rng(0).normal(size=(9, 6)) * 1e-300),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_degenerate_tables_get_places(name, case, rows):
    encoder = get_encoder(name, size=12, **ALL).fit(rows)
    found = places_of(encoder)
    assert found.shape == (rows.shape[1], 2)
    assert len(np.unique(found, axis=0)) == rows.shape[1]
    images = encoder(rows)
    assert images.shape == (len(rows), 1, 12, 12)
    assert np.isfinite(images).all()
    assert images.max() <= 1.0


def test_duplicate_columns_are_adjacent():
    rows = np.random.default_rng(0).normal(size=(50, 3))[:, [0, 1, 2, 0, 1, 2]]
    for name, parameters in (("igtd", {"grid": (1, 6)}), ("deepinsight", {"embedding": "pca"})):
        found = places_of(get_encoder(name, places="fit", **parameters).fit(rows))
        twins = np.abs(found[:3] - found[3:]).sum(axis=1)
        others = [np.abs(found[a] - found[b]).sum() for a in range(6) for b in range(a) if (a - b) % 3]
        assert twins.max() <= 2
        assert twins.mean() < np.mean(others)


def test_columns_in_one_cell_show_their_mean():
    rows = make_rows(40)
    encoder = get_encoder("deepinsight", grid=2, places="fit", embedding="pca").fit(rows)
    found = places_of(encoder)
    assert found.max() <= 1
    image = encoder(rows[:1], dtype="float64")[0, 0]
    for row, column in np.unique(found, axis=0):
        together = rows[0, (found == (row, column)).all(axis=1)]
        assert image[row, column] == pytest.approx(together.mean())


def test_least_rectangle_is_upright_after_any_rotation():
    box = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 1.0], [0.0, 1.0], [2.0, 0.5]])
    for angle in np.linspace(0.0, np.pi, 13):
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        extents = np.ptp(turn_upright(box @ turn.T), axis=0)
        np.testing.assert_allclose(np.sort(extents), [1.0, 4.0], atol=1e-9)
    flat = turn_upright(np.outer(np.arange(5.0), [3.0, 4.0]))  # a line lies along one axis
    np.testing.assert_allclose(np.sort(np.ptp(flat, axis=0)), [0.0, 20.0], atol=1e-9)
    np.testing.assert_allclose(np.sort(np.ptp(turn_upright(flat[:2]), axis=0)), [0.0, 5.0], atol=1e-9)


def test_cells_are_assigned_with_the_least_moves_by_hand():
    """Four points in the upper left of two by two cells: one of each stays, and the sum of squares is the least."""
    points = np.array([[0.0, 0.0], [0.2, 0.05], [0.05, 0.2], [1.0, 1.0]])
    assert assign_cells(points, (2, 2)).tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert assign_cells(points, (1, 1)).tolist() == [[0, 0]] * 4
    assert assign_cells(np.zeros((1, 2)), (3, 5)).tolist() == [[1, 2]]  # one point stands in the middle


def test_pca_of_columns_by_hand():
    """Columns are unit vectors over the rows: two that run against each other lie at 1 and -1 of the first axis."""
    rows = np.array([[1.0, -5.0], [-1.0, 5.0]])
    np.testing.assert_allclose(
        np.abs(embed_columns(rows, "pca", seed=0, caller="it")), [[1.0, 0.0], [1.0, 0.0]], atol=1e-9
    )


@pytest.mark.parametrize(
    ("name", "parameters", "said"),
    [
        ("igtd", {"distance": "cosine"}, "distance to be one of pearson"),
        ("igtd", {"pixel_distance": "cosine"}, "pixel_distance to be one of euclidean"),
        ("igtd", {"sweeps": 0}, "sweeps to be an integer"),
        ("igtd", {"seed": -1}, "seed to be an integer"),
        ("deepinsight", {"embedding": "umap"}, "embedding to be one of tsne"),
        ("deepinsight", {"seed": 1.5}, "seed to be an integer"),
    ],
)
def test_rejects_invalid_fit_parameters(name, parameters, said):
    with pytest.raises(ParameterError, match=f"^{name}: expected {said}"):
        get_encoder(name, places="fit", **parameters).fit(make_rows(9))


def test_igtd_refuses_more_columns_than_it_can_swap():
    with pytest.raises(ParameterError, match=r"^igtd: expected at most 2048 columns to fit places for, got 2049"):
        get_encoder("igtd", places="fit").fit(np.zeros((2, 2049)))


@every_learner
def test_rows_of_another_width_than_in_training_are_refused(name):
    encoder = get_encoder(name, **ALL).fit(make_rows(20))
    with pytest.raises(SampleError, match=f"^{name}: expected rows of 12 columns, .* got 11 columns$"):
        encoder(make_rows(2)[:, :11])


def test_seeds_of_permuted_differ_and_repeat():
    row = make_rows(1)
    images = [get_encoder("permuted", seed=seed)(row) for seed in (0, 1, 0)]
    np.testing.assert_array_equal(images[0], images[2])
    assert np.abs(images[0] - images[1]).max() > 0.01
    np.testing.assert_array_equal(np.sort(images[0].ravel()), np.sort(images[1].ravel()))
