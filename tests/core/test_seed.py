"""Seeds: one range for users, a wider one inside of the trainer."""

import numpy as np
import pytest

from img_repr.core.errors import ParameterError
from img_repr.core.seed import MOST_SEED, check_seed


@pytest.mark.parametrize("seed", [-1, 2**32, 1.0, "0", True, None, [1]])
def test_a_seed_that_no_generator_takes_is_refused(seed):
    with pytest.raises(ParameterError, match=r"doc: expected seed to be an integer from 0 to 4294967295, got"):
        check_seed("doc", seed)


@pytest.mark.parametrize("seed", [0, MOST_SEED, np.int64(5)])
def test_a_seed_is_a_plain_number(seed):
    assert type(check_seed("doc", seed)) is int


def test_networks_of_one_model_have_seeds_beyond_those_of_users():
    assert check_seed("doc", 1000 * MOST_SEED, most=2**63 - 1) == 1000 * MOST_SEED
