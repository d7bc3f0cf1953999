"""Samples with what is known of them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from img_repr.core.dataset import Dataset, take
from img_repr.core.errors import DataError
from img_repr.core.loader import load_dataset
from img_repr.domains.timeseries.sample import TIMESERIES


@dataclass(frozen=True)
class Recording:
    waveform: np.ndarray
    sample_rate_hz: int


def make_dataset(**columns) -> Dataset:
    known = {"samples": np.arange(12.0).reshape(6, 2), "labels": np.array(["b", "a", "b", "c", "a", "b"])}
    return Dataset("toy", TIMESERIES, **(known | columns))


def test_classes_and_targets():
    data = make_dataset()
    assert len(data) == 6
    assert data.classes == ("a", "b", "c")
    np.testing.assert_array_equal(data.targets, [1, 0, 1, 2, 0, 1])
    assert data.targets.dtype == np.int64


def test_part_keeps_all_that_is_known():
    data = make_dataset(
        groups=np.arange(6),
        times=np.arange(6.0),
        split=np.array(["train"] * 3 + ["test"] * 3),
        names=np.array(list("uvwxyz")),
        genuine=np.arange(6) != 4,
        elapsed_s=np.arange(6.0),
        notes=("odd",),
    )
    part = data.subset([4, 1])
    np.testing.assert_array_equal(part.samples, [[8.0, 9.0], [2.0, 3.0]])
    assert part.labels.tolist() == ["a", "a"]
    assert part.groups.tolist() == [4, 1]
    assert part.times.tolist() == [4.0, 1.0]
    assert part.split.tolist() == ["test", "train"]
    assert part.names.tolist() == ["y", "v"]
    assert part.elapsed_s.tolist() == [4.0, 1.0]
    assert part.genuine.tolist() == [False, True]
    assert part.notes == ("odd",)
    assert len(data) == 6


@pytest.mark.parametrize(
    "samples", [list(np.arange(12.0).reshape(6, 2)), torch.arange(12.0).reshape(6, 2), tuple("abcdef")], ids=type
)
def test_take_keeps_the_order(samples):
    taken = take(samples, np.array([5, 0]))
    assert len(taken) == 2
    assert np.array_equal(np.asarray(taken[0]), np.asarray(samples[5]))
    assert np.array_equal(np.asarray(taken[1]), np.asarray(samples[0]))


@pytest.mark.parametrize("word", ["labels", "groups", "times", "split", "names", "genuine", "elapsed_s"])
def test_columns_must_fit(word):
    with pytest.raises(DataError, match=f"toy: expected 6 {word}, one per sample, got 5"):
        make_dataset(**{word: np.array(["a"] * 5)})


def test_an_empty_data_set_is_refused():
    with pytest.raises(DataError, match="toy: expected at least one sample"):
        make_dataset(samples=[], labels=None)


def test_labels_that_are_not_there():
    with pytest.raises(DataError, match="toy: expected labeled samples"):
        _ = make_dataset(labels=None).classes


def test_fingerprint_is_that_of_the_content():
    data = make_dataset()
    assert data.fingerprint() == make_dataset().fingerprint()
    assert data.fingerprint() == make_dataset(samples=list(data.samples)).fingerprint()
    assert data.fingerprint() == make_dataset(samples=torch.from_numpy(data.samples)).fingerprint()
    different = [
        make_dataset(samples=data.samples + 1e-12),
        make_dataset(samples=data.samples.astype(np.float32)),
        make_dataset(samples=data.samples[::-1].copy()),
        make_dataset(labels=None),
        make_dataset(labels=np.array(["b", "a", "b", "c", "a", "a"])),
        make_dataset(groups=np.arange(6)),
        make_dataset(times=np.arange(6)),
        make_dataset(samples=[*data.samples[:5], np.arange(3.0)]),
    ]
    assert len({one.fingerprint() for one in [data, *different]}) == len(different) + 1


def test_fingerprint_reads_files_bytes_and_small_classes(tmp_path: Path):
    for name, content in (("a", b"one"), ("b", b"two")):
        (tmp_path / name).write_bytes(content)

    def fingerprint(*samples):
        return Dataset("toy", TIMESERIES, list(samples)).fingerprint()

    assert fingerprint(tmp_path / "a") == fingerprint(b"one")  # where the bytes lie is no part of them
    assert fingerprint(tmp_path / "a") != fingerprint(tmp_path / "b")
    sound = np.arange(4.0)
    assert fingerprint(Recording(sound, 8000)) == fingerprint(Recording(sound.copy(), 8000))
    assert fingerprint(Recording(sound, 8000)) != fingerprint(Recording(sound, 16000))


def test_fingerprint_depends_on_boundaries_of_samples():
    def fingerprint(*samples):
        return Dataset("toy", TIMESERIES, list(samples)).fingerprint()

    assert fingerprint(b"ab", b"c") != fingerprint(b"a", b"bc")


def test_the_summary_has_domain_shape_classes_split_and_groups_and_no_samples():
    data = make_dataset(split=np.array(["train"] * 4 + ["test"] * 2), groups=np.arange(6) // 2)
    assert data.summary() == (
        "timeseries, 6 samples of shape (2,), 3 classes (a: 2, b: 3, c: 1), split test: 2, train: 4, 3 groups"
    )
    assert repr(data) == f"Dataset('toy': {data.summary()})"
    lists = make_dataset(samples=[np.zeros((2, length)) for length in (3, 4, 5, 6, 7, 8)], labels=None)
    assert lists.summary() == "timeseries, 6 samples of lengths 3 to 8, no labels"


@pytest.mark.parametrize("name", ["synthetic_traces", "synthetic_sounds", "iris", "gunpoint"])
def test_the_repr_of_every_kind_of_data_set_is_short(name):
    assert len(repr(load_dataset(name))) < 300


@pytest.mark.parametrize("stacked", [True, False])
def test_columns_of_a_model_are_put_in_its_order_and_others_are_left_out_with_a_note(stacked: bool):
    samples = np.arange(12.0).reshape(2, 3, 2)
    data = Dataset("toy", TIMESERIES, samples if stacked else list(samples), columns=("a", "b", "c"))
    ordered = data.with_columns(["c", "a"])
    np.testing.assert_array_equal(np.stack(list(ordered.samples)), samples[:, [2, 0]])
    assert ordered.columns == ("c", "a")
    assert ordered.notes == (
        "left out 1 columns that the model does not know: b",
        "the columns were put in the order of the model: c, a",
    )
    assert data.with_columns(("a", "b", "c")) is data
    assert data.with_columns(None) is data
    assert data.subset([1]).columns == data.columns


def test_a_missing_column_of_a_model_is_an_error():
    data = Dataset("toy", TIMESERIES, np.zeros((1, 2, 3)), columns=("a", "b"))
    with pytest.raises(
        DataError, match="toy: expected the columns of the model, got none called d, e; the data have a, b"
    ):
        data.with_columns(("a", "d", "e"))
