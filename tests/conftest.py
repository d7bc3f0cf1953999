"""What every test may ask for."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Folder of the public data sets, laid out as their publishers lay them out; skips where there is none."""
    folder = os.environ.get("IMG_REPR_DATA")
    if not folder:
        pytest.skip("IMG_REPR_DATA names no folder of public data sets")
    return Path(folder)


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def walks(random: np.random.Generator) -> np.ndarray:
    """Forty random walks of 97 steps."""
    return random.normal(size=(40, 97)).cumsum(axis=1)
