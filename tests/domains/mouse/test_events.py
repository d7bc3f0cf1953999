"""Sums and quantiles of ragged groups, against numpy on each group."""

import numpy as np
import pytest

from img_repr.domains.mouse.events import ByTrace

COUNTS = np.array([3, 0, 1, 200, 0, 2, 0])


@pytest.fixture
def values(random):
    return random.normal(size=COUNTS.sum()).round(1)


def groups(values):
    return np.split(values, np.cumsum(COUNTS)[:-1])


@pytest.mark.parametrize(
    ("mine", "numpys"),
    [("sum", np.sum), ("mean", np.mean), ("max", np.max), ("min", np.min), ("std", np.std)],
)
def test_reductions_are_numpys_of_each_group(values, mine, numpys):
    expected = [numpys(group) if len(group) else 0.0 for group in groups(values)]
    np.testing.assert_allclose(getattr(ByTrace(COUNTS), mine)(values), expected, rtol=1e-13, atol=1e-13)


def test_quantiles_are_numpys_of_each_group(values):
    fractions = (0.0, 0.1, 0.5, 0.77, 1.0)
    expected = [np.quantile(group, fractions) if len(group) else np.zeros(5) for group in groups(values)]
    np.testing.assert_allclose(np.transpose(ByTrace(COUNTS).quantiles(values, fractions)), expected, atol=1e-13)


def test_ends_and_differences(values):
    by = ByTrace(COUNTS)
    assert by.first(values).tolist() == [group[0] if len(group) else 0.0 for group in groups(values)]
    assert by.last(values).tolist() == [group[-1] if len(group) else 0.0 for group in groups(values)]
    np.testing.assert_array_equal(by.differences(values), np.concatenate([np.diff(group) for group in groups(values)]))
    assert by.fewer().counts.tolist() == [2, 0, 0, 199, 0, 1, 0]
    assert by.rows.tolist() == np.repeat(np.arange(7), COUNTS).tolist()
    np.testing.assert_array_equal(by.of(values > 0).counts, [(group > 0).sum() for group in groups(values)])


def test_a_group_does_not_see_the_others(values):
    alone = [ByTrace(np.array([len(group)])) for group in groups(values)]
    by = ByTrace(COUNTS)
    for name in ("sum", "mean", "std"):
        each = [getattr(one, name)(group)[0] for one, group in zip(alone, groups(values), strict=True)]
        assert getattr(by, name)(values).tolist() == each


def test_no_values_at_all():
    by = ByTrace(np.zeros(2, dtype=np.int64))
    none = np.zeros(0)
    assert by.sum(none).tolist() == by.max(none).tolist() == by.quantiles(none, (0.5,))[0].tolist() == [0.0, 0.0]
    assert by.differences(none).tolist() == []
