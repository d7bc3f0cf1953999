"""The synthetic sounds."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from img_repr.core.card import find_card
from img_repr.core.loader import load_dataset
from img_repr.core.splits.cuts import group_splits
from img_repr.domains.audio.melspectrogram import encode_melspectrogram
from img_repr.domains.audio.synthetic import load_synthetic_sounds


def test_notes_and_names_say_synthetic():
    data = load_dataset("synthetic_sounds")
    assert data.name == "SyntheticSounds"
    assert data.domain.name == "audio"
    assert data.notes == ("synthetic: made by code from seed 0; scores say nothing of real sounds",)
    card = find_card("SyntheticSounds")
    assert (card.classes, card.domain) == (len(data.classes), "audio")
    assert "synthetic" in card.title.lower()


def test_every_source_has_every_class():
    data = load_synthetic_sounds()
    cells, counts = np.unique(np.stack([data.groups, data.labels]), axis=1, return_counts=True)
    assert cells.shape == (2, 8 * 6)
    assert set(counts) == {3}
    assert len(list(group_splits(data))) == 8


def test_waves_are_sounds_of_about_a_second():
    for one in load_synthetic_sounds().samples:
        assert one.waveform.dtype == np.float32
        assert one.sample_rate_hz == 16000
        assert 0.6 <= one.duration_s <= 1.4
        assert 0.01 < np.abs(one.waveform).max() <= 1.0


def test_the_seed_decides():
    first, second, other = load_synthetic_sounds(seed=3), load_synthetic_sounds(seed=3), load_synthetic_sounds(seed=4)
    assert first.fingerprint() == second.fingerprint() != other.fingerprint()
    assert other.notes[0].startswith("synthetic: made by code from seed 4")


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_table_scores_between_chance_and_one(seed: int):
    data = load_synthetic_sounds(seed=seed)
    levels = [encode_melspectrogram(one.waveform, sample_rate_hz=one.sample_rate_hz) for one in data.samples]
    table = np.stack([np.concatenate([one.mean(axis=1), one.std(axis=1)]) for one in levels])
    right = []
    for split in group_splits(data):
        learner = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
        learner.fit(table[split.train], data.labels[split.train])
        right.append(learner.score(table[split.test], data.labels[split.test]))
    assert 0.35 < np.mean(right) < 0.9  # by chance 0.17
