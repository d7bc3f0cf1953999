"""Damaged files of every format: only the ImgReprError family leaves the library, and nothing is lost without a note.

``IMG_REPR_FUZZ`` sets the number of damaged files (300 by default; ``make fuzz``: 20,000). Each test names the seed of
the damage that failed.
"""

import os
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from img_repr import get_encoder, load_dataset
from img_repr.core.dataset import Dataset
from img_repr.core.errors import ImgReprError
from img_repr.core.naming import parameters_known_to
from tests.fuzz.mutations import mutate, mutate_cells
from tests.fuzz.seeds import FILES, FOLDERS

COUNT = int(os.environ.get("IMG_REPR_FUZZ", "300"))
EACH = max(1, COUNT // (len(FILES) + len(FOLDERS)))
SLOWEST_S = 20


@contextmanager
def at_most(seconds: int, what: str) -> Iterator[None]:
    """Fail where a file hangs its reader; 0: no limit, for the first use, which imports and compiles."""

    def stop(*_) -> None:
        pytest.fail(f"{what}: took more than {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def encode(data: Dataset) -> None:
    """Encode what was read, as a user would next, and check the image contract."""
    name = "rowmajor" if data.domain.name == "tabular" else data.domain.encoder  # its default learns for seconds
    encoder = get_encoder(name, **({"size": 16} | parameters_known_to(name, data.infer_parameters())))
    if encoder.needs_fit:
        encoder = encoder.fit(data.samples)
    images = np.asarray(encoder(data.take(range(min(4, len(data))))))
    assert np.isfinite(images).all()
    assert images.min() >= 0.0
    assert images.max() <= 1.0


def use(path: Path, what: str, seconds: int = SLOWEST_S, **options) -> Dataset | None:
    """Read and encode; None where the library refused in its own words."""
    with at_most(seconds, what), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            data = load_dataset(path, **options)
            encode(data)
            return data
        except ImgReprError as error:
            message = str(error)
        except Exception as error:  # whatever else leaves the library is the fault that this test looks for
            pytest.fail(f"{what}: {type(error).__name__}: {error}")
    assert "\n" not in message.strip(), f"{what}: {message!r} is more than one sentence"
    assert len(message) < 2000, f"{what}: {message[:200]!r}... is too long"
    return None


@pytest.mark.parametrize("kind", FILES)
def test_a_damaged_file_is_read_or_refused_in_one_sentence(kind: str, tmp_path: Path):
    name, make, format_name = FILES[kind]
    whole = make()
    (tmp_path / name).write_bytes(whole)
    assert use(tmp_path / name, f"{kind} undamaged", 0, format=format_name) is not None
    for seed in range(EACH):
        content = mutate(whole, np.random.default_rng([seed, len(whole)]))
        (tmp_path / name).write_bytes(content)
        use(tmp_path / name, f"{kind} seed {seed}")
        if format_name is not None:
            use(tmp_path / name, f"{kind} seed {seed} as {format_name}", format=format_name)


@pytest.mark.parametrize("kind", FOLDERS)
def test_one_damaged_file_of_three_is_read_or_skipped_with_a_note(kind: str, tmp_path: Path):
    lay_out, make, format_name = FOLDERS[kind]
    whole = make()
    lay_out(tmp_path / "whole", whole)
    options = {"format": format_name} | ({} if kind.startswith("cpu_rec") else {"skip_unreadable": True})
    data = use(tmp_path / "whole", f"{kind} undamaged", 0, **options)
    assert data is not None
    every = len(data)
    for seed in range(EACH):
        root = tmp_path / str(seed)
        lay_out(root, mutate(whole, np.random.default_rng([seed, len(whole)])))
        data = use(root, f"{kind} seed {seed}", **options)
        if data is not None and not kind.startswith(("cpu_rec", "trace")) and len(data) < every:
            assert any("1" in note for note in data.notes), f"{kind} seed {seed}: {len(data)} of {every}, {data.notes}"


@pytest.mark.parametrize("kind", ["tabular_csv", "csv_wide", "csv_semicolons", "ucr"])
def test_a_damaged_cell_loses_no_row_without_a_note(kind: str, tmp_path: Path):
    name, make, format_name = FILES[kind]
    whole = make()
    (tmp_path / name).write_bytes(whole)
    assert use(tmp_path / name, f"{kind} undamaged", 0, format=format_name) is not None
    for seed in range(EACH):
        content = mutate_cells(whole, np.random.default_rng([seed, 5]))
        (tmp_path / name).write_bytes(content)
        data = use(tmp_path / name, f"{kind} cell seed {seed}", format=format_name)
        rows = len(whole.splitlines()) - (kind != "ucr")
        if data is not None and len(data) != rows:
            assert any("left out" in note for note in data.notes), f"{kind} seed {seed}: {len(data)} of {rows}"
