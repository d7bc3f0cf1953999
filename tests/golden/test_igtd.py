"""IGTD's matrices and search, by hand, and against trying every order."""

import itertools

import numpy as np
import pytest

from img_repr.domains.tabular.igtd import cell_distances, match_ranks, rank_error, rank_matrix
from img_repr.domains.tabular.likeness import column_distances


def error_by_hand(source, target, order):
    """The published sum, one pair of cells after the other."""
    return sum(
        abs(source[order[one]][order[other]] - target[one][other]) for one in range(len(order)) for other in range(one)
    )


def test_ranks_of_a_square_of_cells_by_hand():
    """Cells 0 1 / 2 3: four sides of length 1 share ranks 1 to 4, two diagonals share 5 and 6."""
    ranks = rank_matrix(cell_distances(4, 2, "euclidean", caller="it"))
    side, diagonal = 2.5, 5.5
    np.testing.assert_array_equal(
        ranks,
        [
            [0.0, side, side, diagonal],
            [side, 0.0, diagonal, side],
            [side, diagonal, 0.0, side],
            [diagonal, side, side, 0.0],
        ],
    )


def test_distances_of_cells_by_hand():
    """Cells 0 1 2 / 3 4: the last of the grid is empty."""
    np.testing.assert_array_equal(
        cell_distances(5, 3, "manhattan", caller="it"),
        [[0, 1, 2, 1, 2], [1, 0, 1, 2, 1], [2, 1, 0, 3, 2], [1, 2, 3, 0, 1], [2, 1, 2, 1, 0]],
    )
    assert cell_distances(5, 3, "euclidean", caller="it")[2, 3] == pytest.approx(5**0.5)


def test_distances_of_columns_by_hand():
    """Over three rows: b is twice a, c runs against a, d is constant."""
    a = np.array([0.0, 1.0, 2.0])
    rows = np.stack([a, 2 * a + 5, -a, np.ones(3)], axis=1)
    wanted = [[0, 0, 2, 1], [0, 0, 2, 1], [2, 2, 0, 1], [1, 1, 1, 0]]
    np.testing.assert_array_equal(column_distances(rows, "pearson", caller="it"), wanted)
    np.testing.assert_array_equal(column_distances(rows, "spearman", caller="it"), wanted)
    np.testing.assert_array_equal(column_distances(rows**3, "spearman", caller="it"), wanted)  # ranks see no bend
    scaled = column_distances(rows, "euclidean", caller="it")  # a and b are (0, 1/2, 1), c (1, 1/2, 0), d 0
    assert scaled[0, 1] == 0.0
    assert scaled[0, 2] == pytest.approx(2**0.5)
    assert scaled[0, 3] == pytest.approx(1.25**0.5)


def test_correlations_are_numpys(random):
    rows = random.normal(size=(40, 6)) @ random.normal(size=(6, 6))
    np.testing.assert_allclose(column_distances(rows, "pearson", caller="it"), 1.0 - np.corrcoef(rows.T), atol=1e-10)


def test_ranks_of_columns_by_hand():
    """Six pairs; the two of distance 0.5 share ranks 2 and 3."""
    distances = np.array([[0.0, 0.1, 0.5, 0.9], [0.1, 0.0, 0.7, 0.5], [0.5, 0.7, 0.0, 1.5], [0.9, 0.5, 1.5, 0.0]])
    np.testing.assert_array_equal(
        rank_matrix(distances), [[0, 1, 2.5, 5], [1, 0, 4, 2.5], [2.5, 4, 0, 6], [5, 2.5, 6, 0]]
    )


@pytest.mark.parametrize(("count", "width"), [(2, 2), (4, 2), (5, 3), (6, 3), (6, 6)])
def test_order_is_a_local_optimum_and_few_orders_are_better(count, width):
    target = rank_matrix(cell_distances(count, width, "euclidean", caller="it"))
    for seed in range(6):
        rows = np.random.default_rng(seed).normal(size=(5, count))
        source = rank_matrix(column_distances(rows, "pearson", caller="it"))
        order = match_ranks(source, target, seed=seed, sweeps=100)
        assert sorted(order) == list(range(count))
        error = error_by_hand(source, target, order)
        assert rank_error(source, target, order) == pytest.approx(error)
        for one, other in itertools.combinations(range(count), 2):
            swapped = order.copy()
            swapped[[one, other]] = order[[other, one]]
            assert error_by_hand(source, target, swapped) >= error
        orders = np.array(list(itertools.permutations(range(count))))
        errors = np.array([error_by_hand(source, target, other) for other in orders])
        assert (errors < error).mean() <= 0.04


def test_a_shuffled_grid_is_found_again():
    target = rank_matrix(cell_distances(12, 4, "euclidean", caller="it"))
    found = 0
    for seed in range(5):
        mixed = np.random.default_rng(seed).permutation(12)
        order = match_ranks(target[np.ix_(mixed, mixed)], target, seed=seed, sweeps=100)
        found += rank_error(target, target, mixed[order]) == 0.0
    assert found >= 3


def test_the_search_never_ends_worse_than_it_began_and_repeats(random):
    source, target = (
        rank_matrix(column_distances(random.normal(size=(9, 20)), "pearson", caller="it")) for _ in range(2)
    )
    began = rank_error(source, target, np.arange(20))
    errors = [rank_error(source, target, match_ranks(source, target, seed=0, sweeps=count)) for count in (1, 2, 5, 50)]
    assert errors[0] < began
    assert errors == sorted(errors, reverse=True)
    np.testing.assert_array_equal(*(match_ranks(source, target, seed=3, sweeps=50) for _ in range(2)))
