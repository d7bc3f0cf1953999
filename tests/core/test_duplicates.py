"""Copies of samples: those that are planted are found, in every domain, and nothing else is."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from img_repr.core import duplicates
from img_repr.core.dataset import Dataset
from img_repr.core.domain import Domain
from img_repr.core.duplicates import Duplicates, find_duplicates, near_pairs, pairs_across
from img_repr.core.loader import load_dataset
from img_repr.core.splits.split import Split
from img_repr.domains.audio.recording import Recording
from img_repr.domains.audio.sample import AUDIO
from img_repr.domains.binary.binary import Binary
from img_repr.domains.binary.sample import BINARY
from img_repr.domains.mouse.sample import MOUSE
from img_repr.domains.mouse.trace import Trace
from img_repr.domains.tabular.sample import TABULAR
from img_repr.domains.timeseries.sample import TIMESERIES

DOMAINS = [TIMESERIES, AUDIO, MOUSE, BINARY, TABULAR]
COUNT = 60


def of_numbers(change: Callable[[np.ndarray, np.random.Generator], np.ndarray]) -> Callable[..., Any]:
    """Change the numbers of a series, a sound or a path alike."""

    def changed(sample: Any, random: np.random.Generator) -> Any:
        if isinstance(sample, Recording):
            return dataclasses.replace(sample, waveform=change(np.asarray(sample.waveform, np.float64), random))
        if isinstance(sample, Trace):
            return dataclasses.replace(sample, x_px=change(sample.x_px, random), y_px=change(sample.y_px, random))
        return change(sample, random)

    return changed


def a_byte(sample: Binary, random: np.random.Generator) -> Binary:
    content = sample.read().copy()
    content[len(content) // 2] ^= 255
    return Binary(content)


CHANGES: dict[str, Callable[..., Any]] = {
    "noise": of_numbers(lambda values, random: values + 0.01 * values.std() * random.normal(size=values.shape)),
    "scale": of_numbers(lambda values, random: 3.0 * values + 7.0),
    "shift": of_numbers(lambda values, random: np.concatenate([values[2:], values[-2:]])),
    "byte": a_byte,
    "insertion": lambda sample, random: Binary(np.concatenate([sample.read()[:99], sample.read()[96:]])),
}
PLANTS = [
    *[(TIMESERIES, change) for change in ("noise", "scale", "shift")],
    *[(AUDIO, change) for change in ("noise", "scale", "shift")],
    *[(MOUSE, change) for change in ("noise", "scale")],
    *[(BINARY, change) for change in ("byte", "insertion")],
    (TABULAR, "noise"),
]


def sets_of(numbers: np.ndarray) -> list[list[int]]:
    """Positions of each set of more than one, in the order of their first."""
    return sorted(np.flatnonzero(numbers == one).tolist() for one in np.flatnonzero(np.bincount(numbers) > 1))


def found_among(samples: Any, domain: Domain) -> Duplicates:
    samples = np.stack(samples) if isinstance(samples[0], np.ndarray) else samples
    return find_duplicates(Dataset("toy", domain, samples))


@pytest.mark.parametrize("domain", DOMAINS, ids=lambda domain: domain.name)
def test_independent_samples_are_not_copies(domain):
    found = found_among(list(domain.make_samples(COUNT, 0)), domain)
    assert sets_of(found.exact) == sets_of(found.near) == []
    assert found.searched == COUNT


@pytest.mark.parametrize("domain", DOMAINS, ids=lambda domain: domain.name)
def test_a_copy_is_found_wherever_it_lies(domain):
    samples = list(domain.make_samples(COUNT, 0))
    samples[40] = samples[3]
    samples.append(samples[3])
    found = found_among(samples, domain)
    assert sets_of(found.exact) == sets_of(found.near) == [[3, 40, COUNT]]


@pytest.mark.parametrize(("domain", "change"), PLANTS, ids=lambda value: getattr(value, "name", value))
def test_finds_slightly_changed_copies(domain, change, random):
    samples = list(domain.make_samples(COUNT, 0))
    for place in range(5):
        samples[50 + place] = CHANGES[change](samples[place], random)
    found = found_among(samples, domain)
    assert sets_of(found.exact) == []
    assert sets_of(found.near) == [[place, 50 + place] for place in range(5)]


def test_every_sample_may_have_a_near_copy(random):
    series = TIMESERIES.make_samples(COUNT, 0)
    noisy = series + 0.01 * series.std(axis=1, keepdims=True) * random.normal(size=series.shape)
    found = found_among(np.concatenate([series, noisy]), TIMESERIES)
    assert sets_of(found.near) == [[place, COUNT + place] for place in range(COUNT)]


def test_a_file_is_a_copy_of_its_bytes(tmp_path: Path):
    content = np.random.default_rng(0).integers(0, 256, 5000, dtype=np.uint8)
    (tmp_path / "one").write_bytes(content.tobytes())
    samples = [*BINARY.make_samples(20, 0), tmp_path / "one", Binary(tmp_path / "one", 0, 4990), Binary(content[:4990])]
    found = found_among(samples, BINARY)
    assert sets_of(found.exact) == [[21, 22]]
    assert sets_of(found.near) == [[20, 21, 22]]


def test_long_files_are_read_in_blocks(random):
    content = random.integers(0, 256, 3 << 20, dtype=np.uint8)
    changed = content.copy()
    changed[2_000_000:2_000_100] = 0
    found = found_among([Binary(content), Binary(changed), *BINARY.make_samples(20, 0)], BINARY)
    assert sets_of(found.near) == [[0, 1]]


def test_unequal_lengths_missing_values_and_channels(random):
    lists = [random.normal(size=(2, length)).cumsum(axis=1) for length in random.integers(50, 80, 40)]
    lists[30] = lists[2][:, :-1] * 5.0
    lists[31] = np.where(np.arange(lists[3].shape[1]) == 17, np.nan, lists[3])
    found = find_duplicates(Dataset("toy", TIMESERIES, lists))
    assert sets_of(found.near) == [[3, 31]]  # one step less of seventy is another series when both are stretched
    assert sets_of(find_duplicates(Dataset("toy", TIMESERIES, torch.ones(4, 50))).exact) == [[0, 1, 2, 3]]


def test_uninformative_samples_have_no_copies(random):
    series = random.normal(size=(30, 40)).cumsum(axis=1)
    series[[4, 5]] = [[1.0], [2.0]]  # constant, at two levels
    series[[6, 7]] = 0.0
    series[[6, 7], [0, -1]] = 1.0  # nothing but a peak, that a shift would cut away
    assert sets_of(found_among(series, TIMESERIES).near) == []
    traces = [Trace(np.arange(4.0), place + np.arange(4.0), np.zeros(4)) for place in range(9)]
    assert sets_of(found_among(traces, MOUSE).near) == []  # too short
    empty = [Binary(np.full(5000, value, np.uint8)) for value in range(9)]
    assert sets_of(found_among(empty, BINARY).near) == []


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_small_waves_on_a_large_offset(offset, random):
    series = 1e-3 * random.normal(size=(50, 60)).cumsum(axis=1) + offset
    series[40] = series[1] + 1e-5
    assert sets_of(found_among(series, TIMESERIES).near) == [[1, 40]]


def test_similar_series_are_not_copies(random):
    common = 100.0 * random.normal(size=60).cumsum()
    series = common + random.normal(size=(80, 60))
    correlation = np.corrcoef(series)
    assert correlation.min() > 0.99
    assert sets_of(found_among(series, TIMESERIES).near) == []


def test_huge_sets_are_sampled_but_exact_copies_are_all_found(monkeypatch, random):
    monkeypatch.setattr(duplicates, "MOST", 50)
    series = random.normal(size=(200, 30))
    series[101] = series[7]
    found = found_among(series, TIMESERIES)
    assert found.searched == 50
    assert sets_of(found.exact) == [[7, 101]]


def test_without_a_signature_only_exact_copies_are_found(random):
    series = random.normal(size=(20, 30))
    series[10], series[11] = series[1], series[2] * 2.0
    found = found_among(series, dataclasses.replace(TIMESERIES, near_duplicate_signature=None))
    assert (found.searched, sets_of(found.near)) == (0, [[1, 10]])


def test_pairs_across_a_split():
    sets = np.array([0, 1, 0, 2, 1, 1, 3])
    split = Split("published", "0", np.array([1, 0, 5, 6]), np.array([4, 3, 2]))
    assert pairs_across(sets, split).tolist() == [[2, 0], [4, 1]]


def test_near_pairs_are_those_of_all_distances(random):
    """The tree against every distance written out, at every shift."""
    rows = random.normal(size=(80, 1, 80)).cumsum(axis=2)
    rows[60:70] = rows[:10] + 0.02 * random.normal(size=(10, 1, 80))
    rows[70:75, :, 3:] = rows[10:15, :, :-3]
    most = duplicates._threshold(rows, np.arange(80))
    found = set()
    for step in range(4):
        early, late = (rows[:, 0, : 80 - step], rows[:, 0, step:])
        one, two = (part - part.mean(axis=1, keepdims=True) for part in (early, late))
        one, two = (part / np.linalg.norm(part, axis=1, keepdims=True) for part in (one, two))
        near = np.linalg.norm(one[:, None] - two, axis=2) < most
        found |= {(min(i, j), max(i, j)) for i, j in np.argwhere(near).tolist() if i != j}
    left, right = near_pairs(rows)
    assert {(min(i, j), max(i, j)) for i, j in zip(left.tolist(), right.tolist(), strict=True)} == found
    assert len(found) >= 15


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("ucr/GunPoint", []),
        ("ucr/OliveOil", []),  # spectra that correlate to 0.9999
        ("ucr/ECGFiveDays", []),
        ("ucr/ItalyPowerDemand", []),
        ("ucr/FaceAll", [[227, 1223], [566, 630], [1177, 1311]]),  # as published
        ("cpu_rec", []),
    ],
)
def test_public_data_raise_no_false_alarm(data_folder, name, known):
    assert sets_of(find_duplicates(load_dataset(data_folder / name)).near) == known


@pytest.mark.data
def test_copies_planted_in_public_sounds(data_folder, random):
    data = load_dataset(data_folder / "fsdd")
    samples = list(data.samples[::10])
    planted = ["noise", "scale", "shift"]
    for place, change in enumerate(planted):
        samples.append(CHANGES[change](samples[10 * place], random))
    assert sets_of(found_among(samples, AUDIO).near) == [[10 * place, 200 + place] for place in range(3)]
